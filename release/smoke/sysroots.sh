#!/usr/bin/env bash
# What a Debian machine with x64 needs to run the executables of other Linux platforms, into dist/smoke. musl and its C++
# library are those of Debian and of a package of PyPI that brings them; they are older than Alpine's, so that two functions
# of the C++ library, which only end the program, are added.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
roots=$PWD/dist/smoke
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
rm -rf "$roots"

apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -yqq --no-install-recommends \
  qemu-user-static musl libc6-arm64-cross gcc libc6-dev gcc-aarch64-linux-gnu python3-pip unzip

cat >"$work/newer.c" <<'C'
extern void abort(void) __attribute__((noreturn));
void _ZSt28__throw_bad_array_new_lengthv(void) { abort(); }
void _ZSt21__glibcxx_assert_failPKciS0_S0_(void) { abort(); }
C

# library ARCH MACHINE COMPILER: the C++ library of the platform
library() {
  local lib=$roots/musl-$1/lib
  mkdir -p "$lib"
  pip download -q --no-deps --only-binary=:all: --python-version 3.12 --platform "musllinux_1_1_$2" -d "$work/$1" greenlet==3.0.3
  unzip -qoj "$work/$1"/*.whl 'greenlet.libs/*' -d "$lib"
  cp "$lib"/libstdc++-* "$lib/libstdc++.so.6"
  "$3" -shared -nostdlib -fPIC -o "$lib/libnewer.so" "$work/newer.c"
}
library x64 x86_64 gcc
library arm64 aarch64 aarch64-linux-gnu-gcc

# musl itself for ARM, with lists of its own so that this machine does not get a second architecture
lists=(-o APT::Architecture=arm64 -o APT::Architectures::=arm64 -o "Dir::State::lists=$work/lists" -o "Dir::Cache=$work/cache" -o Dir::State::status=/dev/null)
mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
apt-get "${lists[@]}" update -qq
(cd "$work" && apt-get "${lists[@]}" download -qq musl:arm64)
dpkg -x "$work"/musl_*_arm64.deb "$roots/musl-arm64"
echo "The sysroots are in dist/smoke."
