#!/usr/bin/env bash
# The tests of the Go binding, against embedded nodes: on the installed library with the race detector, and linked with
# the static one while the collector runs at every chance and cgo checks what is passed.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/go-toolchain.sh

use_library dev build/stage-go
# Without -count=1, Go would give old results: it doesn't see that the library has changed.
go test -race -count=1 ./bindings/go/...
GOGC=1 GODEBUG=cgocheck=1 CGO_LDFLAGS=-L${CARGO_TARGET_DIR:-$PWD/target}/debug \
    go test -tags amop_static -count=1 ./bindings/go/...
# The examples, as a program outside of the workspace would be built.
(cd examples/go && GOWORK=off go build -o ../../build/go/ ./...)
