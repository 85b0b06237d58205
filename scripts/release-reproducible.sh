#!/usr/bin/env bash
# Shows that two builds of the library and the command give the same bytes: builds this commit in clones at different places, with the
# crates at different places, and compares: release-reproducible.sh [BUILT]
#
# BUILT is a folder that scripts/release-build.sh filled from this commit, which then takes the place of the first build. If the builds
# differ, both stay in build/reproducible.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lock.sh

built=${1:-}
kept=$PWD/build/reproducible
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
rm -rf "$kept"
mkdir -p "$kept"

build() { # PLACE
    git clone --quiet . "$work/$1"
    (cd "$work/$1" && env -u AMOP_LOCKED scripts/release-build.sh)
    mkdir -p "$kept/$1"
    mv "$work/$1/target/release-build/"{command,library,with-devnet} "$kept/$1/"
    rm -rf "${work:?}/$1"
}
if [ -n "$built" ]; then
    mkdir "$kept/one"
    cp -r "$built/"{command,library,with-devnet} "$kept/one/"
else
    build one
fi
# The same downloads, unpacked below another folder.
crates=${CARGO_HOME:-$HOME/.cargo}
mkdir -p "$work/crates/registry"
for entry in "$crates"/* "$crates"/registry/{cache,index}; do
    place=$work/crates/${entry#"$crates/"}
    [ -e "$place" ] || ln -s "$entry" "$place"
done
export CARGO_HOME=$work/crates
build two/deeper

sums() { # PLACE
    (cd "$kept/$1" && sha256sum command/* library/* with-devnet/*)
}
sums one
if ! diff <(sums one) <(sums two/deeper) >&2; then
    echo "the second build differs: compare the folders one and two/deeper in $kept" >&2
    exit 1
fi
rm -rf "$kept"
echo "both builds gave the same bytes"
