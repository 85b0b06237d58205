#!/usr/bin/env bash
# Checks the Go binding and examples with gofmt, vet and staticcheck; any finding fails.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lock.sh
. scripts/go-toolchain.sh

unformatted=$(gofmt -l bindings/go benches/programs examples/go)
if [ -n "$unformatted" ]; then
    echo "not formatted (make fmt does it): $unformatted" >&2
    exit 1
fi
use_library dev build/stage-go
go vet ./bindings/go/... ./benches/programs/go/... ./examples/go/...
if [ ! -x build/tools/staticcheck ]; then
    echo "staticcheck isn't installed (make setup installs it)"
    exit 77
fi
build/tools/staticcheck ./bindings/go/... ./benches/programs/go/... ./examples/go/...
