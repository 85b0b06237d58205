#!/usr/bin/env bash
# Builds the Go examples, linked to the static library, as build/examples/go/NAME.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lock.sh
. scripts/go-toolchain.sh

profile=${AMOP_PROFILE:-release}
use_library "$profile" build/library
[ "$profile" != dev ] || profile=debug
export CGO_LDFLAGS=-L${CARGO_TARGET_DIR:-$PWD/target}/$profile
for folder in examples/go/*/main.go; do
    folder=$(dirname "$folder")
    name=$(basename "$folder")
    go build -tags amop_static -o "build/examples/go/$name" "./$folder"
    echo "build/examples/go/$name"
done
