#!/usr/bin/env bash
# Runs within the empty machine: the README's blocks as they stand there, and then the package for npm.
set -uo pipefail
with=$1
cd /clone || exit 1
failures=0

# block LANGUAGE NUMBER: one of the README's blocks
block() {
  awk -v language="$1" -v wanted="$2" '
    $0 == "```" && inside { inside = 0; next }
    $0 == "```" language { count++; inside = count == wanted; next }
    inside' README.md | sed "s/127\.0\.0\.1:8000/127.0.0.1:$PORT/g"
}

check() {
  if [[ $2 == *"$3"* ]]; then echo "ok: $with: $1"; else
    echo "FAILED: $with: $1: $2"
    failures=$((failures + 1))
  fi
}

# serve COMMAND: starts a server, waits until it answers, and leaves its process group in `server`
serve() {
  setsid bash -c "$1" >/tmp/output 2>&1 &
  server=$!
  for _ in $(seq 600); do
    curl -sf "http://127.0.0.1:$PORT/health" >/dev/null && return
    kill -0 "$server" 2>/dev/null || break
    sleep 0.2
  done
  check "$1" "$(tail -n 20 /tmp/output)" 'an address'
}

# as Ctrl-C does: the signal is for the whole group
stop() {
  kill -INT -- "-$server"
  wait "$server"
  check "$1 ends at Ctrl-C" "$(curl -s "http://127.0.0.1:$PORT/health" || echo gone)" gone
}

[ "$with" = node ] && commands=$(block sh 1) || commands=$(block sh 2)
start=$(head -1 <<<"$commands")
tests=$(sed -n 2p <<<"$commands")
hello=$(block sh 3)

serve "$start"
check "the first command serves, and curl gets an answer" "$(bash -c "$hello")" 'You said: Hello!'
check 'the chat server streams' "$(bash -c "$(block sh 5)")" '"type":"done"'
# all tests are the step of CI beside this one; here it is shown that the command needs nothing but what is here
check "$tests (those of src/chat)" "$(bash -c "$tests src/chat" 2>&1 | tail -n 4)" ' 0 fail'
# the SDK is one of the packages that the tests installed
block ts 1 >example.mjs
check "the example of the SDK, in $with" "$("$with" example.mjs 2>&1)" 'You said: Hello!'
stop "$start"

# the README says it for Bun; where only Node is, Bun is run as for the start
demo=$(block sh 4)
[ "$with" = node ] && demo=${start/run start/${demo#bun }}
serve "$demo"
check "$demo" "$(curl -s "http://127.0.0.1:$PORT/v1/models")" '"smithery/claude-haiku-4.5"'
stop "$demo"

mkdir -p /user && cd /user || exit 1
cp /tributary.tgz tributary-0.1.0.tgz
[ "$with" = node ] && package='npx -y ./tributary-0.1.0.tgz' || package='bunx -p /user/tributary-0.1.0.tgz tributary'
check "$package version" "$($package version 2>&1)" "$(sed -n 's/.*"version": "\(.*\)".*/\1/p' /clone/package.json | head -1)"
serve "$package"
check "$package serves" "$(bash -c "$hello")" 'You said: Hello!'
stop "$package"
exit "$failures"
