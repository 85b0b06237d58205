#!/usr/bin/env bash
# Formats the Python code; cargo formats the native extension with the other crates.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lock.sh

if [ ! -x .venv/bin/ruff ]; then
    echo "formatting Python needs ruff in .venv (make setup installs it)"
    exit 77
fi
code=(python benches/programs examples/python scripts tests/peers)
.venv/bin/ruff check --quiet --select I --fix "${code[@]}"
.venv/bin/ruff format --quiet "${code[@]}"
