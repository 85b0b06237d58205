#!/usr/bin/env bash
# Makes the commit with the library in the Go module and its tag bindings/go/vVERSION, and pushes the tag: release-go-tag.sh VERSION
#
# The commit is on no branch, so that main doesn't carry the libraries of all releases. Needs the proxy that scripts/release-go.sh
# left in build/release.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lock.sh

version=${1:?"which version?"}
module=$(sed -n 's/^module //p' bindings/go/go.mod)
tree=$(mktemp -d)
trap 'git worktree remove --force "$tree"' EXIT
git worktree add --quiet --detach "$tree"
unpacked=$(mktemp -d)
python3 -m zipfile -e "build/release/go-proxy/$module/@v/v$version.zip" "$unpacked"
rm -rf "$tree/bindings/go"
mv "$unpacked/$module@v$version" "$tree/bindings/go"
cd "$tree"
git add --force bindings/go
git -c user.name="amop release" -c user.email="release@users.noreply.github.com" commit --quiet --message "Bundle the library of version $version with the Go module"
git tag "bindings/go/v$version"
[ "${2:-push}" = local ] || git push origin "bindings/go/v$version"
