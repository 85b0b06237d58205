#!/usr/bin/env bash
# Writes the recipes of Conan and vcpkg for the archive in build/release, and tests that of Conan with it, both libraries:
# build/release/recipes. vcpkg is not tried, because it can't be installed without its repository; its manifest is checked as JSON.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lock.sh
. scripts/release-settings.sh

name=amop-$version-$(uname -m)-linux.tar.gz
url=$repository/releases/download/v$version/$name
recipes=$release/recipes
rm -rf "$recipes"
mkdir -p "$recipes"
cp -r packaging/conan packaging/vcpkg "$recipes/"

sha512=$(sha512sum "$release/$name" | cut -d ' ' -f 1)
sed -i "s|@SHA512@|$sha512|" "$recipes/vcpkg/portfile.cmake"
sed -i "s|\"version-semver\": \".*\"|\"version-semver\": \"$version\"|" "$recipes/vcpkg/vcpkg.json"
python3 -m json.tool "$recipes/vcpkg/vcpkg.json" >/dev/null

sha256=$(sha256sum "$release/$name" | cut -d ' ' -f 1)
sources() { # URL
    printf 'sources:\n  "%s":\n    url: "%s"\n    sha256: "%s"\n' "$version" "$1" "$sha256" >"$recipes/conan/conandata.yml"
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet conan==2.34.0
export CONAN_HOME=$work/conan
"$work/venv/bin/conan" profile detect >"$work/log" 2>&1
sources "file://$release/$name"
for shared in False True; do
    "$work/venv/bin/conan" create "$recipes/conan" --version "$version" --options "amop/*:shared=$shared" --build "amop/*" \
        >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
    grep --max-count 1 "^amop $version" "$work/log"
done
sources "$url"
