#!/usr/bin/env bash
# Tests of the Go binding that take longer: under AddressSanitizer, which also finds what C was given and never freed; with
# cgo's thorough checks; many times, on few and many processors; and programs that end without closing, 100 times.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/go-toolchain.sh

use_library dev build/stage-go
go test -asan -count=1 ./bindings/go/...
GOEXPERIMENT=cgocheck2 go test -count=1 ./bindings/go/...
go test -race -count=3 -cpu 1,8 ./bindings/go/...
AMOP_TEST_RUNS=100 go test -count=1 -run TestPrograms ./bindings/go
