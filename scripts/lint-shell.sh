#!/usr/bin/env bash
# Checks the scripts with shellcheck.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lock.sh

if ! command -v shellcheck >/dev/null; then
    echo "shellcheck isn't installed (make setup installs it)"
    exit 77
fi
shellcheck scripts/*.sh .ci/run bindings/c/tests/*.sh
