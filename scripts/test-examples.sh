#!/usr/bin/env bash
# Tests the example programs of all languages on embedded nodes: the output of each, every publisher with every subscriber,
# and every program of the documentation. Builds them without optimisation (AMOP_PROFILE=release: with); skips and lists languages that can't be built.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lock.sh

export AMOP_PROFILE=${AMOP_PROFILE:-dev}
built=(rust) # built with the tests
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
export AMOP_EXAMPLES="${built[*]}"
cargo test --locked --package amop-tests --test examples
# Without those that choose their nodes themselves, or that pairings cover.
others=(--skip=documentation:: --skip=requests:: --skip=fan_out:: --skip=loops:: --skip=private:: --skip=several_nodes:: --skip=shutdown::)
for tls in static-rsa gm; do
    echo "over $tls"
    AMOP_TEST_TLS=$tls cargo test --locked --package amop-tests --test examples -- "${others[@]}"
done
echo "at nodes of 3.x"
AMOP_TEST_GENERATION=3 cargo test --locked --package amop-tests --test examples -- "${others[@]}"
if [ ${#left_out[@]} -gt 0 ]; then
    echo "programs in ${left_out[*]} were skipped: the missing tools are listed above"
    exit 77
fi
