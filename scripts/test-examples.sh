#!/usr/bin/env bash
# The example programs of all languages: each one's output, and every publisher with every subscriber, against embedded
# nodes. They are built here, quickly (AMOP_PROFILE=release: optimised); a language that can't be built is left out and named.
set -euo pipefail
cd "$(dirname "$0")/.."

export AMOP_PROFILE=${AMOP_PROFILE:-dev}
built=(rust) # along with the tests
left_out=()

build() { # LANGUAGE COMMAND
    local code=0
    "${@:2}" || code=$?
    case $code in
        0) built+=("$1") ;;
        77) left_out+=("$1") ;;
        *) exit "$code" ;;
    esac
}
build c scripts/examples-c.sh
build cpp scripts/examples-cpp.sh
build go scripts/examples-go.sh
build python scripts/develop-python.sh

echo "with programs in ${built[*]}"
AMOP_EXAMPLES="${built[*]}" cargo test --locked --package amop-tests --test examples
if [ ${#left_out[@]} -gt 0 ]; then
    echo "programs in ${left_out[*]} were left out: see above for what that lacks"
    exit 77
fi
