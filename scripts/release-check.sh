#!/usr/bin/env bash
# Checks that this commit can become version VERSION: release-check.sh VERSION [final]
#
# All parts have this version. With `final`, the changelog has a section for it, the repository is a real one, and nothing differs from the
# commit.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lock.sh
. scripts/release-settings.sh

wanted=${1:?"which version?"}
fail() {
    echo "$*" >&2
    exit 1
}
[ "$version" = "$wanted" ] || fail "Cargo.toml has version $version, not $wanted"
header=$(sed -nE 's/^#define AMOP_VERSION "(.*)"/\1/p' include/amop.h)
[ "$header" = "$wanted" ] || fail "include/amop.h has version $header, not $wanted: AMOP_WRITE_HEADER=1 cargo test -p amop-capi --test header"
scripts/set-repository.sh --check
if [ "${2:-}" = final ]; then
    grep --quiet "^## \[$wanted\]" CHANGELOG.md || fail "CHANGELOG.md has no section [$wanted]"
    [[ $repository != *//example.org/* ]] || fail "the repository is still example.org: scripts/set-repository.sh https://..."
    [ -z "$(git status --porcelain)" ] || fail "there are changes that are not committed"
fi
echo "version $wanted of $repository"
