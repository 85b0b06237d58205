#!/usr/bin/env bash
# Shows that two builds of the library and the command give the same bytes: builds this commit in two clones at different
# places, and compares.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lock.sh

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for place in one two/deeper; do
    git clone --quiet . "$work/$place"
    (cd "$work/$place" && env -u AMOP_LOCKED scripts/release-build.sh >/dev/null)
    (cd "$work/$place/target/release-build" && sha256sum command/amop library/* with-devnet/*) >"$work/$(basename "$place").sums"
    rm -rf "${work:?}/$place/target"
done
cat "$work/one.sums"
if ! cmp --silent "$work/one.sums" "$work/deeper.sums"; then
    echo "the second build differs:" >&2
    diff "$work/one.sums" "$work/deeper.sums" >&2
    exit 1
fi
echo "both builds gave the same bytes"
