#!/usr/bin/env bash
# Installs the generator of the documentation site into build/docs-tools.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lock.sh

tools=build/docs-tools
if ! cmp --silent scripts/requirements-docs.txt "$tools/requirements-docs.txt"; then
    python3 -m venv "$tools"
    "$tools/bin/pip" install --quiet --disable-pip-version-check --requirement scripts/requirements-docs.txt
    cp scripts/requirements-docs.txt "$tools/requirements-docs.txt"
fi
