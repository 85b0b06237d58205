#!/usr/bin/env bash
# Tests the C interface with other builds of the library, which takes longer: linked statically; without the embedded
# nodes; and with AddressSanitizer also in the library.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lock.sh

if ! command -v cmake >/dev/null || ! pkg-config --exists cmocka; then
    echo "the C tests need cmake, pkg-config and cmocka (make setup installs them)"
    exit 77
fi
target=${CARGO_TARGET_DIR:-$PWD/target}

run() { # NAME PREFIX SETTING...: builds the tests in build/NAME on the library in PREFIX, and runs them
    local name=$1 prefix=$2
    shift 2
    cmake -S bindings/c -B "build/$name" -DCMAKE_PREFIX_PATH="$PWD/$prefix" "$@" >"build/$name.log"
    cmake --build "build/$name" --parallel >>"build/$name.log" || { cat "build/$name.log" && exit 1; }
    ctest --test-dir "build/$name" --label-exclude memcheck --output-on-failure --parallel "$(nproc)"
}

# The static library.
AMOP_FEATURES=devnet PREFIX=build/stage scripts/install-c.sh dev
run c-static build/stage -DAMOP_TARGET=amop::static

# Without embedded nodes: the same symbols.
stage=build/stage-without-devnet
CARGO_TARGET_DIR=$target/without-devnet PREFIX=$stage scripts/install-c.sh dev
code=0
scripts/abi-c.sh "$stage/lib/libamop.so" || code=$?
[ "$code" -eq 0 ] || [ "$code" -eq 77 ] || exit "$code"
"${CC:-cc}" -std=c99 -Wall -Wextra -Wpedantic -Werror -I"$stage/include" bindings/c/tests/without_devnet.c \
    -L"$stage/lib" -lamop -Wl,-rpath,"$PWD/$stage/lib" -o build/without_devnet
build/without_devnet

# With AddressSanitizer in the library itself: in all Rust code except the standard library. Only nightly versions of
# rustc accept the option, or a stable version that is set to behave as one.
triple=$(rustc -vV | sed -n 's/^host: //p')
runtime=$(rustc --print sysroot)/lib/rustlib/$triple/lib/librustc-stable_rt.asan.a
if [ ! -e "$runtime" ]; then
    echo "passed, except for the build with AddressSanitizer: this toolchain has no runtime for it"
    exit 77
fi
RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Zsanitizer=address CARGO_TARGET_DIR=$target/sanitized \
    cargo rustc --locked --package amop-capi --features devnet --lib --crate-type staticlib --target "$triple"
rm -rf build/stage-sanitized
cp -R build/stage build/stage-sanitized
cp "$target/sanitized/$triple/debug/libamop.a" build/stage-sanitized/lib/
run c-sanitized-library build/stage-sanitized -DAMOP_TARGET=amop::static -DAMOP_SANITIZE=address \
    -DAMOP_SANITIZER_RUNTIME="$runtime"
