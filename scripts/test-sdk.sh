#!/usr/bin/env bash
# go-sdk and this client with each other, over embedded nodes; java-sdk too: make interop.
set -euo pipefail
cd "$(dirname "$0")/.."

exec scripts/interop.sh go
