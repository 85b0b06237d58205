#!/usr/bin/env bash
# Makes the archives of the C and C++ library and of the command, and builds programs with each as a user would, in an empty
# folder: build/release/amop-VERSION-SYSTEM.tar.gz and amop-command-VERSION-SYSTEM.tar.gz. Needs scripts/release-build.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lock.sh
. scripts/release-settings.sh

system=$(uname -m)-linux
try=$PWD/scripts/release-try.sh
name=amop-$version-$system
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export AMOP_BUILT=$PWD/target/release-build

# The library, with embedded nodes in a library of their own place, so that a program chooses which of both it links.
PREFIX=$work/$name scripts/install-c.sh >/dev/null
PREFIX=$work/$name LIBDIR=lib/with-devnet AMOP_FEATURES=devnet scripts/install-c.sh >/dev/null
cp packaging/library/CMakeLists.txt packaging/library/README.md "$work/$name/"
install -m644 "$AMOP_BUILT/BUILD" "$work/$name/share/doc/amop/BUILD"
archive "$release/$name.tar.gz" "$work" "$name"
rm -rf "${work:?}/$name"

command=amop-command-$version-$system
PREFIX=$work/$command AMOP_PARTS=command scripts/install.sh >/dev/null
install -Dm644 -t "$work/$command/share/doc/amop" LICENSE "$AMOP_BUILT/BUILD"
scripts/third-party.py amop-cli >"$work/$command/share/doc/amop/THIRD-PARTY"
archive "$release/$command.tar.gz" "$work" "$command"
rm -rf "${work:?}/$command"

# From here on, a user who has the archives, a compiler and the examples alone.
cp -r examples/c examples/cpp "$work/"
mkdir "$work/tests"
cp bindings/c/tests/fixture.[ch] bindings/c/tests/test_thread_ends.c "$work/tests/"
cd "$work"
export PATH=/usr/local/bin:/usr/bin:/bin
unset PKG_CONFIG_PATH LD_LIBRARY_PATH AMOP_BUILT RUSTFLAGS
tar -xzf "$release/$name.tar.gz"
tar -xzf "$release/$command.tar.gz"

# pkg-config: shared, static, and C++.
export PKG_CONFIG_PATH=$work/$name/lib/pkgconfig
read -ra shared <<<"$(pkg-config --cflags --libs amop)"
read -ra static <<<"$(pkg-config --cflags --libs amop-static)"
cc c/subscriber.c c/program.c -o by-pkg-config "${shared[@]}"
cc c/subscriber.c c/program.c -o by-pkg-config-static "${static[@]}"
c++ -std=c++17 cpp/subscriber.cpp cpp/program.cpp -o by-pkg-config-cpp "${shared[@]}"

# CMake: find_package, and FetchContent of the archive.
mkdir find fetch
cat >find/CMakeLists.txt <<END
cmake_minimum_required(VERSION 3.20)
project(program C CXX)
find_package(amop $version REQUIRED)
add_executable(found ../c/subscriber.c ../c/program.c)
target_link_libraries(found PRIVATE amop::amop)
add_executable(found_static ../cpp/subscriber.cpp ../cpp/program.cpp)
target_link_libraries(found_static PRIVATE amop::static)
END
cat >fetch/CMakeLists.txt <<END
cmake_minimum_required(VERSION 3.20)
project(program C)
include(FetchContent)
FetchContent_Declare(amop URL file://$release/$name.tar.gz
    URL_HASH SHA256=$(sha256sum "$release/$name.tar.gz" | cut -d ' ' -f 1))
FetchContent_MakeAvailable(amop)
add_executable(fetched ../c/subscriber.c ../c/program.c)
target_link_libraries(fetched PRIVATE amop::static)
END
cmake -S find -B find/build -DCMAKE_PREFIX_PATH="$work/$name" >/dev/null
cmake --build find/build >/dev/null
cmake -S fetch -B fetch/build >/dev/null
cmake --build fetch/build >/dev/null

for program in by-pkg-config by-pkg-config-static by-pkg-config-cpp find/build/found find/build/found_static fetch/build/fetched; do
    LD_LIBRARY_PATH=$work/$name/lib "$try" "$work/$command/bin/amop" "$work/$program"
done

# How threads are unwound depends on the linker: what happens to those that end inside of the library.
read -ra with_devnet <<<"$(PKG_CONFIG_PATH=$work/$name/lib/with-devnet/pkgconfig pkg-config --cflags --libs amop)"
cc -std=c11 tests/test_thread_ends.c tests/fixture.c -o thread-ends "${with_devnet[@]}" -lcmocka -pthread
LD_LIBRARY_PATH=$work/$name/lib/with-devnet ./thread-ends
