#!/usr/bin/env bash
# Builds the source distribution and the wheel of the Python package, tests them in fresh environments, and copies them to
# build/release.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lock.sh
. scripts/release-tools.sh

scripts/wheel-python.sh release
cp build/python/*.whl build/python/*.tar.gz "$release/"
