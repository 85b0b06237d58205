#!/usr/bin/env bash
# Tests the Python package on embedded nodes, and its wheel in a fresh environment.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lock.sh

scripts/develop-python.sh
.venv/bin/pytest --quiet "$@"
scripts/wheel-python.sh dev
