#!/usr/bin/env bash
# Longer tests of the Go binding: under AddressSanitizer, which also finds C memory that is never freed; with all checks of
# cgo; repeatedly, on few and many processors; and 100 runs of programs that exit without closing.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lock.sh
. scripts/go-toolchain.sh

use_library dev build/stage-go
go test -timeout 1h -asan -count=1 ./bindings/go/...
GOEXPERIMENT=cgocheck2 go test -timeout 1h -count=1 ./bindings/go/...
go test -timeout 3h -race -count=3 -cpu 1,8 ./bindings/go/...
AMOP_TEST_RUNS=100 go test -timeout 1h -count=1 -run TestPrograms ./bindings/go
