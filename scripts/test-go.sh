#!/usr/bin/env bash
# The tests of the Go binding, against embedded nodes: on the installed library with the race detector, and linked with
# the static one while the collector runs at every chance and cgo checks what is passed.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/go-toolchain.sh

use_library dev build/stage-go
target=${CARGO_TARGET_DIR:-$PWD/target}
# Without -count=1, Go would give old results: it doesn't see that the library has changed.
go test -race -count=1 ./bindings/go/...
GOGC=1 GODEBUG=cgocheck=1 CGO_LDFLAGS=-L$target/debug go test -tags amop_static -count=1 ./bindings/go/...

# A program outside of the workspace, as bindings/go/README.md tells to build one: the one that it shows.
mkdir -p build/go-program
# shellcheck disable=SC2016 # nothing is to be expanded
sed -n '/^```go$/,/^```$/{/^```/d;p}' bindings/go/README.md >build/go-program/main.go
cat >build/go-program/go.mod <<END
module program

go 1.24

require amop v0.0.0

replace amop => $PWD/bindings/go
END
(
    cd build/go-program
    export GOWORK=off
    go build -o installed .
    CGO_LDFLAGS=-L$target/debug go build -tags amop_static -o static .
)
(cd examples/go && GOWORK=off go build -o ../../build/go-program/ ./...)
