#!/usr/bin/env bash
# Longer Python tests: EXITS (200) interpreters that exit in difficult states, MESSAGES (1,000,000) messages after which no
# memory is held, and an optimised wheel for all systems.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lock.sh

scripts/develop-python.sh
AMOP_EXITS=${EXITS:-200} .venv/bin/pytest --quiet python/tests/test_exit.py --timeout 1800
AMOP_MESSAGES=${MESSAGES:-1000000} .venv/bin/pytest --quiet python/tests/test_leaks.py --timeout 1800
scripts/wheel-python.sh release
