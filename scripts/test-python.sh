#!/usr/bin/env bash
# The tests of the Python package, against embedded nodes, and a wheel of it in a fresh environment.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/develop-python.sh
.venv/bin/pytest --quiet "$@"
scripts/wheel-python.sh dev
