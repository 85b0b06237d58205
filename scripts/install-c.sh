#!/usr/bin/env bash
# Installs the C library below PREFIX (/usr/local), prefixed with DESTDIR: headers, libraries, pkg-config and CMake
# files. scripts/install-c.sh [PROFILE]; PROFILE is a cargo profile (release; dev is quicker to build).
set -euo pipefail
cd "$(dirname "$0")/.."

profile=${1:-release}
prefix=$(realpath --canonicalize-missing "${PREFIX:-/usr/local}")
into=${DESTDIR:-}$prefix
features=()
[ -z "${AMOP_FEATURES+set}" ] || features=(--no-default-features --features "$AMOP_FEATURES")

cargo build --locked --profile "$profile" --package amop-capi "${features[@]}"
built=${CARGO_TARGET_DIR:-target}/$profile
[ "$profile" != dev ] || built=${CARGO_TARGET_DIR:-target}/debug

version=$(sed -nE 's/^#define AMOP_VERSION "(.*)"/\1/p' include/amop.h)
# The number of the ABI, as in build.rs.
abi=$(sed -nE 's/.*-soname,libamop\.so\.([0-9]+)".*/\1/p' bindings/c/build.rs)
# The system libraries that Rust's standard library needs (`--print native-static-libs`). If one is missing here, the
# program that scripts/test-c.sh builds on the installed library fails to link.
native_libs="-lgcc_s -lutil -lrt -lpthread -lm -ldl -lc"

install -Dm644 -t "$into/include" include/amop.h include/amop.hpp
install -Dm644 -t "$into/include/amop" include/amop/*.hpp
install -Dm755 "$built/libamop.so" "$into/lib/libamop.so.$version"
ln -sf "libamop.so.$version" "$into/lib/libamop.so.$abi"
ln -sf "libamop.so.$abi" "$into/lib/libamop.so"
install -Dm644 "$built/libamop.a" "$into/lib/libamop.a"

from_template() { # TEMPLATE FILE
    mkdir -p "$(dirname "$2")"
    sed -e "s/@VERSION@/$version/g" -e "s/@MAJOR@/${version%%.*}/g" -e "s/@ABI@/$abi/g" \
        -e "s/@NATIVE_LIBS@/$native_libs/g" "bindings/c/install/$1.in" >"$2"
}
for file in amop.pc amop-static.pc; do
    from_template "$file" "$into/lib/pkgconfig/$file"
done
for file in amopConfig.cmake amopConfigVersion.cmake; do
    from_template "$file" "$into/lib/cmake/amop/$file"
done
echo "$into/lib/libamop.so.$version"
