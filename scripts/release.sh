#!/usr/bin/env bash
# Builds all pieces of a release into build/release, installs each in a clean place, and runs the demo or a program from it:
# release.sh VERSION [PART...]
#
# Parts: crates, build, library, python, go, debian, recipes, container; all by default. Takes about 40 minutes on 2 idle cores. Needs root for the
# fresh roots of debian and container (scripts/release-root.sh). Publishes nothing.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lock.sh
. scripts/release-settings.sh

scripts/release-check.sh "${1:?"which version?"}"
shift
parts=("$@")
[ ${#parts[@]} -gt 0 ] || parts=(build library go python debian recipes container crates)
for part in "${parts[@]}"; do
    printf '\n== release: %s\n' "$part"
    "scripts/release-$part.sh"
done

# The section of the changelog.
awk -v version="[$version]" '/^## /{on = ($2 == version || $2 == "[Unreleased]") && !done; if (on) {done = 1; next}} on' CHANGELOG.md >"$release/NOTES.md"
(
    cd "$release"
    # The files of the release's page. The others are published by registries, which have checksums of their own.
    find . -maxdepth 1 \( -name 'amop-*-linux.tar.gz' -o -name '*.deb' \) -printf '%f\n' | sort | xargs --no-run-if-empty sha256sum >SHA256SUMS
    find . -type f \( -name '*.tar.gz' -o -name '*.whl' -o -name '*.deb' -o -name '*.crate' -o -name '*.zip' \) -printf '%P\n' | sort >.files
    printf '\n%-58s %12s  %s\n' file bytes sha256
    while read -r file; do
        printf '%-58s %12s  %.16s...\n' "$file" "$(stat -c %s "$file")" "$(sha256sum "$file")"
    done <.files
    rm .files
)
[ ! -s "$release/SHA256SUMS" ] || scripts/release-publish.sh page "$version" try
