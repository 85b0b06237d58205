#!/usr/bin/env bash
# Installs the C library alone: headers, libraries, pkg-config and CMake files, licences. scripts/install-c.sh [PROFILE];
# PROFILE is a cargo profile (release; dev is quicker to build).
#
#   PREFIX         /usr/local
#   LIBDIR         the folder of the libraries, below PREFIX unless it is absolute (lib)
#   DESTDIR        put before every path, for packages
#   AMOP_FEATURES  `devnet` adds the embedded nodes, for tests and trials; by default the library has none
#   AMOP_BUILT     a folder that scripts/release-build.sh filled; by default cargo builds the libraries
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lock.sh

profile=${1:-release}
prefix=$(realpath --canonicalize-missing "${PREFIX:-/usr/local}")
libdir=${LIBDIR:-lib}
[[ $libdir = /* ]] || libdir=$prefix/$libdir
into=${DESTDIR:-}$prefix
libraries=${DESTDIR:-}$libdir

if [ -n "${AMOP_BUILT:-}" ]; then
    built=$AMOP_BUILT/library
    [ -z "${AMOP_FEATURES:-}" ] || built=$AMOP_BUILT/with-devnet
else
    cargo build --locked --profile "$profile" --package amop-capi --features "${AMOP_FEATURES:-}"
    built=${CARGO_TARGET_DIR:-target}/$profile
    [ "$profile" != dev ] || built=${CARGO_TARGET_DIR:-target}/debug
fi

version=$(sed -nE 's/^#define AMOP_VERSION "(.*)"/\1/p' include/amop.h)
abi=$(sed -nE 's/^#define AMOP_ABI ([0-9]+)/\1/p' include/amop.h)
minor=${version#*.}
# The system libraries that Rust's standard library needs (`--print native-static-libs`). If one is missing here, the
# program that scripts/test-c.sh builds on the installed library fails to link.
native_libs="-lgcc_s -lutil -lrt -lpthread -lm -ldl -lc"

install -Dm644 -t "$into/include" include/amop.h include/amop.hpp
install -Dm644 -t "$into/include/amop" include/amop/*.hpp
install -Dm755 "$built/libamop.so" "$libraries/libamop.so.$version"
ln -sf "libamop.so.$version" "$libraries/libamop.so.$abi"
ln -sf "libamop.so.$abi" "$libraries/libamop.so"
strip=
[ "$profile" != release ] || strip="strip"
scripts/prelink.sh "$built/libamop.a" include/amop.h "$libraries/libamop.a" $strip

from_template() { # TEMPLATE FILE
    mkdir -p "$(dirname "$2")"
    sed -e "s/@VERSION@/$version/g" -e "s/@MAJOR@/${version%%.*}/g" -e "s/@MINOR@/${minor%%.*}/g" -e "s/@ABI@/$abi/g" \
        -e "s|@LIBDIR@|$(realpath --canonicalize-missing --relative-to="$prefix" "$libdir")|g" \
        -e "s|@PREFIX@|$(realpath --canonicalize-missing --relative-to="$libdir/$3" "$prefix")|g" \
        -e "s/@NATIVE_LIBS@/$native_libs/g" "bindings/c/install/$1.in" >"$2"
}
for file in amop.pc amop-static.pc; do
    from_template "$file" "$libraries/pkgconfig/$file" pkgconfig
done
for file in amopConfig.cmake amopConfigVersion.cmake; do
    from_template "$file" "$libraries/cmake/amop/$file" cmake/amop
done

install -Dm644 bindings/c/tests/valgrind.supp "$into/share/amop/valgrind.supp"
install -Dm644 -t "$into/share/doc/amop" LICENSE
scripts/third-party.py amop-capi "${AMOP_FEATURES:-}" >"$into/share/doc/amop/THIRD-PARTY"
echo "$libraries/libamop.so.$version"
