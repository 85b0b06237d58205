#!/usr/bin/env bash
# Checks format, lints and types of the Python package, compares its stubs with the native extension, and runs clippy on
# the extension.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lock.sh

code=(python benches/programs examples/python scripts tests/peers)
scripts/develop-python.sh
.venv/bin/ruff format --check "${code[@]}"
.venv/bin/ruff check "${code[@]}"
.venv/bin/mypy
.venv/bin/pyright --warnings
.venv/bin/stubtest amop --mypy-config-file pyproject.toml --allowlist python/stubtest-allowlist.txt \
    --ignore-unused-allowlist
cargo clippy --locked --package amop-python --no-deps -- -D warnings
