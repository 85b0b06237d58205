#!/usr/bin/env bash
# Formats the Go code.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lock.sh
. scripts/go-toolchain.sh

gofmt -w bindings/go benches/programs examples/go
