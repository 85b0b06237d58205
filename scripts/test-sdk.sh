#!/usr/bin/env bash
# Tests this client with go-sdk on embedded nodes; `make interop` also tests it with java-sdk.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lock.sh

exec scripts/interop.sh go
