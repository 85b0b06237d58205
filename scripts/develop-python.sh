#!/usr/bin/env bash
# Builds the Python package and installs it into .venv, from where the tests and examples use it; its own code is used
# where it stands.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ ! -x .venv/bin/maturin ]; then
    echo "the Python package needs the tools in .venv (make setup installs them)"
    exit 77
fi
# A target folder of its own: maturin builds pyo3 otherwise than cargo does, so in one folder each would undo what the
# other has built.
VIRTUAL_ENV=$PWD/.venv .venv/bin/maturin develop --quiet --locked --target-dir target/python
