#!/usr/bin/env bash
# Publishes what is released elsewhere than at PyPI and as a tag: release-publish.sh crates|page VERSION [try]
#
#   crates  uploads the crates that crates.io lacks, in the order in which they need each other; scripts/release-crates.sh has built
#           each from its package
#   page    makes the page of the release at GitHub, with the archives and Debian packages in build/release (needs gh)
#
# A second run continues where the first one failed. With `try` nothing is uploaded.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lock.sh
. scripts/release-settings.sh

what=${1:?"crates or page?"}
wanted=${2:?"which version?"}
really=${3:-}
if [[ $# -gt 3 || ${really:-try} != try ]]; then
    echo "usage: scripts/release-publish.sh crates|page VERSION [try]" >&2
    exit 2
fi
if [ "$version" != "$wanted" ]; then
    echo "Cargo.toml has version $version, not $wanted" >&2
    exit 1
fi
case $what in
    crates)
        if [ "$really" = try ]; then
            selected=()
            for crate in "${crates[@]}"; do selected+=(--package "$crate"); done
            cargo publish --quiet --locked --no-verify --dry-run --allow-dirty "${selected[@]}"
            exit
        fi
        for crate in "${crates[@]}"; do
            # Asked outside of the workspace, where cargo looks into the registry.
            if (cd / && cargo info --quiet "$crate@$version" >/dev/null 2>&1); then
                echo "$crate $version is there already"
            else
                # Waits until the next crate can find this one.
                cargo publish --locked --no-verify --package "$crate"
            fi
        done
        ;;
    page)
        mapfile -t files < <(cut --characters 67- "$release/SHA256SUMS" | sed "s|^|$release/|")
        files+=("$release/SHA256SUMS")
        for file in "${files[@]}" "$release/NOTES.md"; do
            if ! [ -s "$file" ]; then
                echo "$file is missing or empty" >&2
                exit 1
            fi
        done
        if [ "$really" = try ]; then
            printf 'on the page: %s\n' "${files[@]##*/}"
        elif gh release view "v$version" >/dev/null 2>&1; then
            gh release upload "v$version" --clobber "${files[@]}"
        else
            gh release create "v$version" --verify-tag --title "amop $version" --notes-file "$release/NOTES.md" "${files[@]}"
        fi
        ;;
    *)
        echo "usage: scripts/release-publish.sh crates|page VERSION [try]" >&2
        exit 2
        ;;
esac
