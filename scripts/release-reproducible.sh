#!/usr/bin/env bash
# Shows that two builds of the library and the command give the same bytes: builds this commit in two clones at different
# places, and compares. If they differ, both results stay in build/reproducible.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lock.sh

kept=$PWD/build/reproducible
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
rm -rf "$kept"
for place in one two/deeper; do
    git clone --quiet . "$work/$place"
    (cd "$work/$place" && env -u AMOP_LOCKED scripts/release-build.sh)
    mkdir -p "$kept/$place"
    mv "$work/$place/target/release-build/"{command,library,with-devnet} "$kept/$place/"
    rm -rf "${work:?}/$place"
done
sums() {
    (cd "$kept/$1" && sha256sum command/* library/* with-devnet/*)
}
sums one
if ! diff <(sums one) <(sums two/deeper) >&2; then
    echo "the second build differs: compare the folders one and two/deeper in $kept" >&2
    exit 1
fi
rm -rf "$kept"
echo "both builds gave the same bytes"
