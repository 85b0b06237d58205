#!/usr/bin/env bash
# Builds the Go examples, linked to the static library, as build/examples/go/NAME.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lock.sh
. scripts/go-toolchain.sh

profile=${AMOP_PROFILE:-release}
use_library "$profile" build/library
[ "$profile" != dev ] || profile=debug
export CGO_LDFLAGS=-L${CARGO_TARGET_DIR:-$PWD/target}/$profile
for name in subscriber unicast_publisher multicast_publisher; do
    go build -tags amop_static -o "build/examples/go/$name" "./examples/go/$name"
    echo "build/examples/go/$name"
done
