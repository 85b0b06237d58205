#!/usr/bin/env bash
# Checks the workflows, and that all parts agree about where the project is hosted. `make release-dry-run` checks the packages themselves.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lock.sh

scripts/set-repository.sh --check
if ! [ -x build/tools/actionlint ]; then
    echo "actionlint isn't installed (make setup installs it; it needs Go)"
    exit 77
fi
build/tools/actionlint
