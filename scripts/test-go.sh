#!/usr/bin/env bash
# Tests the Go binding on embedded nodes: with the installed library and the race detector, and with the static library
# while the garbage collector runs as often as possible and cgo checks the pointers that are passed.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lock.sh
. scripts/go-toolchain.sh

use_library dev build/stage-go
target=${CARGO_TARGET_DIR:-$PWD/target}
# -count=1 disables cached results, because Go doesn't notice changes of the library. The timeout is a last guard.
go test -timeout 1h -race -count=1 ./bindings/go/...
GOGC=1 GODEBUG=cgocheck=1 CGO_LDFLAGS=-L$target/debug go test -timeout 1h -tags amop_static -count=1 ./bindings/go/...

# The program of bindings/go/README.md, outside of the workspace, built as described there.
mkdir -p build/go-program
# shellcheck disable=SC2016 # nothing is to be expanded
sed -n '/^```go$/,/^```$/{/^```/d;p}' bindings/go/README.md >build/go-program/main.go
cat >build/go-program/go.mod <<END
module program

go 1.24

require example.org/amop/bindings/go v0.0.0

replace example.org/amop/bindings/go => $PWD/bindings/go
END
(
    cd build/go-program
    export GOWORK=off
    go build -o installed .
    # A program that was compiled with a header of another ABI does not start the library.
    mkdir -p other-abi
    sed 's/^#define AMOP_ABI .*/#define AMOP_ABI 999/' ../../include/amop.h >other-abi/amop.h
    CGO_CPPFLAGS=-I$PWD/other-abi go build -o other-abi/program .
    said=$(other-abi/program 2>&1 || true)
    if [[ $said != *"with ABI 999"* ]]; then
        echo "a program with a header of another ABI says \"$said\"" >&2
        exit 1
    fi
    CGO_LDFLAGS=-L$target/debug go build -tags amop_static -o static .
)
(cd examples/go && GOWORK=off go build -o ../../build/go-program/ ./...)
