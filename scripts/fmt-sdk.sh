#!/usr/bin/env bash
# Formats the programs of the interoperability tests in Go.
set -euo pipefail
cd "$(dirname "$0")/.."

PATH=$PATH:/usr/local/go/bin
if ! command -v gofmt >/dev/null; then
    echo "the programs in Go need gofmt"
    exit 77
fi
gofmt -w tests/interop/go
