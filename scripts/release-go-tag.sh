#!/usr/bin/env bash
# Makes the commit with the library in the Go module and its tag bindings/go/vVERSION, and pushes the tag:
# release-go-tag.sh VERSION [local]. With `local` nothing is pushed.
#
# The commit is on no branch, so that main doesn't carry the libraries of all releases. Needs the module that
# scripts/release-go-module.sh left in build/release. The commit follows from that module and the commit of the release, so a second
# run finds the tag of the first.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lock.sh
. scripts/release-settings.sh

wanted=${1:?"which version?"}
mode=${2:-push}
if [[ $# -gt 2 || ! $mode =~ ^(push|local)$ ]]; then
    echo "usage: scripts/release-go-tag.sh VERSION [local]" >&2
    exit 2
fi
tag=bindings/go/v$wanted
module=$(sed -n 's/^module //p' bindings/go/go.mod)
storage=$(git rev-parse --absolute-git-dir)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

python3 -m zipfile -e "$release/go-proxy/$module/@v/v$wanted.zip" "$work"
mkdir "$work/bindings"
mv "$work/$module@v$wanted" "$work/bindings/go"
# In an index of its own: neither the files nor the index of the checkout change.
export GIT_INDEX_FILE=$work/index
git read-tree HEAD
git rm -r --cached --quiet bindings/go
git -C "$work" --git-dir="$storage" --work-tree="$work" add --force bindings/go
name=$(git log -1 --format=%cn)
email=$(git log -1 --format=%ce)
export GIT_AUTHOR_NAME=$name GIT_COMMITTER_NAME=$name GIT_AUTHOR_EMAIL=$email GIT_COMMITTER_EMAIL=$email
export GIT_AUTHOR_DATE="$SOURCE_DATE_EPOCH +0000" GIT_COMMITTER_DATE="$SOURCE_DATE_EPOCH +0000"
commit=$(git commit-tree -p HEAD -m "Bundle the library of version $wanted with the Go module" "$(git write-tree)")
existing=$(git rev-parse --quiet --verify "refs/tags/$tag" || true)
if [ "${existing:-$commit}" != "$commit" ]; then
    echo "the tag $tag is there already, for another commit: $existing" >&2
    exit 1
fi
git update-ref "refs/tags/$tag" "$commit"
[ "$mode" = local ] || git push --quiet origin "refs/tags/$tag"
echo "tag $tag: $commit"
