#!/usr/bin/env bash
# Builds the pages of the documentation site; a broken link or anchor, or a missing snippet, is an error.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lock.sh

if ! python3 -c 'import venv, ensurepip' 2>/dev/null; then
    echo "the documentation needs python3-venv (make setup installs it)"
    exit 77
fi
scripts/docs.sh --fast

# Both READMEs show the same programs.
# shellcheck disable=SC2016 # the backquotes are those of the files
programs='/^```(rust|cpp|python)/,/^```$/p'
diff <(sed -nE "$programs" README.md) <(sed -nE "$programs" README.zh.md)
