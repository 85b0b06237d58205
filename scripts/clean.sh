#!/usr/bin/env bash
# Removes all build output, and .venv.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lock.sh

cargo clean
rm -rf fuzz/target fuzz/corpus fuzz/artifacts .venv
# The lock stays: a run that waits for it would not see one that starts with a new file.
find build -mindepth 1 -maxdepth 1 ! -name lock -exec rm -rf {} +
