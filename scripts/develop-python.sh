#!/usr/bin/env bash
# Builds the Python package and installs it into .venv for the tests and examples; its Python code is used in place.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lock.sh

if [ ! -x .venv/bin/maturin ]; then
    echo "the Python package needs the tools in .venv (make setup installs them)"
    exit 77
fi
# Use a separate target folder: maturin builds pyo3 with other settings than cargo, so that in one folder each would
# rebuild what the other has built.
VIRTUAL_ENV=$PWD/.venv .venv/bin/maturin develop --quiet --locked --target-dir target/python
