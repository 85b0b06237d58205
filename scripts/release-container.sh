#!/usr/bin/env bash
# Carries out the Dockerfile in fresh roots and runs the services of compose.yaml there: release-container.sh [source]
#
# The command is that of scripts/release-build.sh; with `source` it is compiled in a fresh root too, as the Dockerfile says. Needs root,
# debootstrap and iproute2.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lock.sh
. scripts/release-tools.sh

command=(target/release-build/command/amop)
[ "${1:-}" != source ] || command=()
"$tools/python" scripts/release-container.py "${command[@]}"
