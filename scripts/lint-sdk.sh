#!/usr/bin/env bash
# Lints the interoperability tests, which the lints of the other languages don't cover.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lock.sh

cargo clippy --locked --package amop-tests --test interop -- -D warnings
. scripts/go-toolchain.sh
unformatted=$(gofmt -l tests/interop/go)
if [ -n "$unformatted" ]; then
    echo "not formatted (make fmt): $unformatted" >&2
    exit 1
fi
GOWORK=off go -C tests/interop/go vet ./...
