#!/usr/bin/env bash
# Sets where the project is hosted: scripts/set-repository.sh https://HOST/OWNER/amop
#
# Cargo.toml's `repository` is the setting. What follows from it is written here: the path of the Go module with all its
# imports, the addresses of the Python package, the links of pages that are read outside of the repository, and the files of packaging/.
# `scripts/set-repository.sh --check` fails if one of them differs.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lock.sh

before=$(sed -nE 's/^repository = "(.*)"/\1/p' Cargo.toml)
if [ "${1:-}" = --check ]; then
    module=$(sed -n 's/^module //p' bindings/go/go.mod)
    if [ "$module" != "${before#https://}/bindings/go" ]; then
        echo "bindings/go/go.mod has the module $module, but Cargo.toml the repository $before: run scripts/set-repository.sh" >&2
        exit 1
    fi
    if ! grep --quiet "^Repository = \"$before\"" pyproject.toml; then
        echo "pyproject.toml has another repository than Cargo.toml, $before: run scripts/set-repository.sh" >&2
        exit 1
    fi
    exit
fi
if ! [[ ${1:-} =~ ^https://[a-z0-9.-]+\.[a-z]+/[A-Za-z0-9._/-]*[A-Za-z0-9]$ ]]; then
    echo "usage: scripts/set-repository.sh https://HOST/OWNER/amop (or --check)" >&2
    exit 2
fi
git grep -lzF -e "${before#https://}" -- ':!scripts/set-repository.sh' | xargs -0 sed -i "s|${before#https://}|${1#https://}|g"
if command -v gofmt >/dev/null; then
    # Imports are sorted by their paths.
    gofmt -w bindings/go examples/go benches/programs/go
fi
echo "the repository is $1 now; look at git diff"
