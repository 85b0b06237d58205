#!/usr/bin/env bash
# Formats the programs of the interoperability tests in Go.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lock.sh

. scripts/go-toolchain.sh
gofmt -w tests/interop/go
