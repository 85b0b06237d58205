#!/bin/sh
# Tries what was installed as a user would: release-try.sh AMOP PROGRAM [ARGUMENT...]
#
# AMOP is the path of a command `amop`. It runs its demo, starts two embedded nodes and broadcasts at the first one. PROGRAM is
# an example subscriber, by an absolute path: it gets the second node, a topic and `--count 1`, and has to print the message.
# Only needs a POSIX shell, because it also runs in roots with nothing but a base system.
set -eu
amop=$1
shift
work=$(mktemp -d)
devnet=
trap '[ -z "$devnet" ] || kill "$devnet" 2>/dev/null || true; rm -rf "$work"' EXIT
cd "$work"

"$amop" demo >demo.txt
grep -q "Subscriber success" demo.txt

"$amop" devnet --port 0 --json >ready 2>devnet.log &
devnet=$!
endpoints=
while [ -z "$endpoints" ]; do
    kill -0 "$devnet" || { cat devnet.log >&2; exit 1; }
    sleep 0.1
    endpoints=$(sed -nE 's/.*"event":"ready".*"endpoints":\["([^"]*)","([^"]*)"\].*/\1 \2/p' ready)
done

"$@" "${endpoints#* }" release --count 1 >received &
subscriber=$!
# Waits until the subscriber is known at the first node.
"$amop" broadcast --wait --timeout 60 "${endpoints% *}" release "from amop" 2>broadcast.log >&2 || { cat broadcast.log >&2; exit 1; }
wait "$subscriber"
grep -q "from amop" received
kill "$devnet"
wait "$devnet" || true
devnet=
echo "received through embedded nodes: $*"
