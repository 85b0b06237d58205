#!/bin/sh
# Builds and runs a program outside of this tree against an installed library, with pkg-config and with CMake, shared and
# static. The library is moved first, to check that no file contains its location: consume.sh PREFIX [LIBDIR]
set -eu
libdir=${2:-lib}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cp -R "$1" "$folder/amop"
cp "$(dirname "$0")"/consumer/* "$folder"
cd "$folder"

version=$(sed -nE 's/^#define AMOP_VERSION "(.*)"/\1/p' amop/include/amop.h)
expected="hello from amop $version"
try() { # HOW PROGRAM
    said=$("$2")
    if [ "$said" != "$expected" ]; then
        echo "the program built by $1 says \"$said\" and not \"$expected\"" >&2
        exit 1
    fi
    echo "a program outside of the tree, by $1: $said"
}
# Prints how often a program names the shared library.
named_in() { # PROGRAM
    readelf --dynamic "$1" | grep -c 'NEEDED.*libamop\.so\.0' || true
}

export PKG_CONFIG_PATH="$folder/amop/$libdir/pkgconfig"
[ "$(pkg-config --modversion amop amop-static | uniq)" = "$version" ]
# shellcheck disable=SC2046 # split into words
"${CC:-cc}" main.c $(pkg-config --cflags --libs amop) -o by-pkg-config
# shellcheck disable=SC2046
"${CC:-cc}" main.c $(pkg-config --cflags --libs amop-static) -o by-pkg-config-static
[ "$(named_in by-pkg-config) $(named_in by-pkg-config-static)" = "1 0" ]
LD_LIBRARY_PATH="$folder/amop/$libdir" try "pkg-config, shared" ./by-pkg-config
try "pkg-config, static" ./by-pkg-config-static

# The static library defines its functions and nothing else, so that another library of Rust can be linked beside it.
foreign=$(nm --defined-only --extern-only --format=just-symbols "amop/$libdir/libamop.a" | grep -v -e '^amop_' -e ':$' -e '^$' || true)
if [ -n "$foreign" ]; then
    printf 'libamop.a defines global symbols of other names:\n%s\n' "$foreign" >&2
    exit 1
fi
if command -v rustc >/dev/null; then
    rustc --edition 2024 -O --crate-type staticlib other.rs -o libother.a
    # shellcheck disable=SC2046
    "${CC:-cc}" beside.c libother.a $(pkg-config --cflags --libs amop-static) -o beside
    said=$(./beside 2>/dev/null)
    if [ "$said" != "42 of the other library, AMOP_ERROR_CREDENTIALS_NOT_FOUND" ]; then
        echo "the program with two libraries of Rust says \"$said\"" >&2
        exit 1
    fi
    echo "a program with another library of Rust: $said"
fi

# What is linked into the library is named with its licence.
grep -q '^tokio [0-9.]*: MIT$' amop/share/doc/amop/THIRD-PARTY
[ -s amop/share/amop/valgrind.supp ]

major=${version%%.*}
rest=${version#*.}
sed -i -e "s/@VERSION@/$version/g" -e "s/@OTHER_VERSIONS@/$((major + 1)).0 $major.$((${rest%%.*} + 1))/" CMakeLists.txt
cmake -S . -B build -DCMAKE_PREFIX_PATH="$folder/amop" >cmake.log
cmake --build build >>cmake.log || { cat cmake.log && exit 1; }
[ "$(named_in build/shared) $(named_in build/static)" = "1 0" ]
try "CMake, shared" build/shared
try "CMake, static" build/static

# A header of another ABI is not taken for that of the library.
header=amop/include/amop.h
abi=$(sed -nE 's/^#define AMOP_ABI ([0-9]+)$/\1/p' "$header")
sed -i "s/^#define AMOP_ABI .*/#define AMOP_ABI $((abi + 1))/" "$header"
if cmake -S . -B build-other -DCMAKE_PREFIX_PATH="$folder/amop" >cmake.log 2>&1 || ! grep -q 'has another ABI than the library' cmake.log; then
    cat cmake.log >&2
    echo "CMake accepts a header of another ABI" >&2
    exit 1
fi
