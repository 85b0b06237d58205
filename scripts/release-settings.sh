# shellcheck shell=bash disable=SC2034 # others use the variables
# Sourced by the scripts of a release, at the root of the checkout: sets `version`, `repository`, `crates` (the published ones),
# `release` (build/release, which it makes) and SOURCE_DATE_EPOCH, the time of the commit.

version=$(sed -nE '/^\[workspace.package\]/,/^\[workspace.lints/s/^version = "(.*)"/\1/p' Cargo.toml)
repository=$(sed -nE 's/^repository = "(.*)"/\1/p' Cargo.toml)
# Each needs only those before it.
crates=(amop-fork amop amop-devnet amop-cli)
release=$PWD/build/release
mkdir -p "$release"
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct 2>/dev/null || echo 0)
export SOURCE_DATE_EPOCH

# Archives FOLDER (below PARENT) as FILE, with the same bytes each time: archive FILE PARENT FOLDER
archive() {
    tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" -C "$2" -cf - "$3" | gzip -n9 >"$1"
}
