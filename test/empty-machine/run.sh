#!/usr/bin/env bash
# Follows the README on a machine that has Node only, then on one that has Bun only: a root folder with that program, a shell,
# curl and what every system has, and nothing else. It needs root, because a root folder is made (`bun run empty-machine`).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
bun=$(bun -p process.execPath)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The programs that README and script use; each is copied with its libraries.
tools=(bash sh env cat cp ls mkdir rm mv ln ps sleep grep sed awk head tail tr date dirname basename readlink uname id setsid seq curl tar)

# copy_program ROOT PATH: a program, under its own name, and the libraries that it is linked with
copy_program() {
  local file
  install -D "$(readlink -f "$2")" "$1/usr/bin/$(basename "$2")"
  for file in $(ldd "$2" 2>/dev/null | grep -o '/[^ ]*'); do
    [ -e "$1$file" ] || install -D "$(readlink -f "$file")" "$1$file"
  done
}

make_root() {
  local root=$1 tool
  mkdir -p "$root"/{usr/bin,usr/lib,etc,proc,dev,tmp,root,clone}
  ln -s usr/bin "$root/bin"
  for tool in "${tools[@]}"; do copy_program "$root" "$(command -v "$tool")"; done
  # names of hosts are looked up by libraries that no program is linked with
  for tool in /lib/*-linux-gnu/libnss_{dns,files}.so.2 /lib/*-linux-gnu/libresolv.so.2; do
    [ -e "$root$tool" ] || install -D "$tool" "$root$tool"
  done
  cp -rL /etc/{passwd,group,hosts,resolv.conf,nsswitch.conf,ssl} "$root/etc/" 2>/dev/null || true
  # the packages come from the registry of this machine, whichever that is
  echo "registry=$(npm config get registry)" >"$root/root/.npmrc"
  git ls-files -z | tar --null -T - -c | tar -x -C "$root/clone"
  cp "$work/tributary.tgz" test/empty-machine/follow.sh "$root/"
}

# follow ROOT WITH: in a space of its own for processes, so that nothing stays when it ends
follow() {
  mount --bind /dev "$1/dev" 2>/dev/null || true
  unshare --mount --pid --fork --kill-child --mount-proc="$1/proc" \
    chroot "$1" /usr/bin/env -i PATH=/usr/bin HOME=/root TMPDIR=/tmp PORT="$port" \
    ${SSL_CERT_FILE:+NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt} \
    bash /follow.sh "$2"
}

# 8000 as in the README, if it is free here
port=8000
(exec 3<>/dev/tcp/127.0.0.1/8000) 2>/dev/null && port=$((20000 + RANDOM % 10000))
bun release/pack.ts "$work/tributary.tgz"

make_root "$work/node"
copy_program "$work/node" "$(type -ap node | grep -v bun-node | head -1)"
npm_folder=$(dirname "$(dirname "$(readlink -f "$(command -v npm)")")")
mkdir -p "$work/node/usr/lib/node_modules"
cp -r "$npm_folder" "$work/node/usr/lib/node_modules/npm"
for name in npm npx; do ln -s "../lib/node_modules/npm/bin/$name-cli.js" "$work/node/usr/bin/$name"; done

make_root "$work/bun"
copy_program "$work/bun" "$bun"
# the package for npm has it under another name
[ -e "$work/bun/usr/bin/bun" ] || mv "$work/bun/usr/bin/$(basename "$bun")" "$work/bun/usr/bin/bun"
ln -s bun "$work/bun/usr/bin/bunx"

unshare --mount bash -c "$(declare -f follow); port=$port; follow '$work/node' node && follow '$work/bun' bun"
echo "The README was followed on both machines."
