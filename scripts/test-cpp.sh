#!/usr/bin/env bash
# Tests the C++ interface: programs on an installed library, plain and with AddressSanitizer and
# UndefinedBehaviorSanitizer; and the example in README.md.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lock.sh

compiler=${CXX:-c++}
if ! command -v cmake >/dev/null || ! command -v pkg-config >/dev/null \
    || ! "$compiler" -fsyntax-only -x c++ - <<<'#include <doctest/doctest.h>' 2>/dev/null; then
    echo "the C++ tests need a C++ compiler, cmake, pkg-config and doctest (make setup installs them)"
    exit 77
fi

stage=$PWD/build/stage-cpp
AMOP_FEATURES=devnet PREFIX=$stage scripts/install-c.sh dev

run() { # NAME SETTING...: builds the tests in build/NAME and runs them
    local name=$1
    shift
    cmake -S bindings/cpp -B "build/$name" -DCMAKE_PREFIX_PATH="$stage" "$@" >"build/$name.log"
    cmake --build "build/$name" --parallel "$(nproc)" >>"build/$name.log" || { cat "build/$name.log" && exit 1; }
    ctest --test-dir "build/$name" --output-on-failure
}
run cpp -DAMOP_SANITIZE=
run cpp-sanitized -DAMOP_SANITIZE=address,undefined
# Another compiler, if it is installed, and the static library.
if command -v clang++ >/dev/null; then
    run cpp-clang -DCMAKE_CXX_COMPILER=clang++ -DAMOP_TARGET=amop::static
fi

# The C++ headers refuse a C header of another ABI.
rm -rf build/other-abi
cp -R "$stage/include" build/other-abi
sed -i 's/^#define AMOP_ABI .*/#define AMOP_ABI 999/' build/other-abi/amop.h
printf '#include <amop.hpp>\n' >build/header.cpp
if "$compiler" -std=c++17 -Ibuild/other-abi -fsyntax-only build/header.cpp 2>build/other-abi.log \
    || ! grep -q 'are of different releases' build/other-abi.log; then
    cat build/other-abi.log >&2
    echo "the C++ headers accept a C header of another ABI" >&2
    exit 1
fi

# Mistakes that the compiler reports in terms of these headers.
refuses() { # STANDARD TEXT PROGRAM
    if printf '%s\n' "$3" | "$compiler" "-std=$1" "-I$stage/include" -fsyntax-only -x c++ - 2>build/mistake.log \
        || ! grep -qF "$2" build/mistake.log; then
        cat build/mistake.log >&2
        echo "the C++ headers don't refuse this as $1 with \"$2\": $3" >&2
        exit 1
    fi
}
refuses c++14 'need C++17' '#include <amop.hpp>'
refuses c++17 'needs C++20' '#include <amop/awaitable.hpp>'
refuses c++17 'a handler of messages takes (const amop::Message&)' '#include <amop.hpp>
void wrong(const amop::Client& client) { auto made = client.subscribe("t", [](std::string) {}); }'
refuses c++17 'a handler of requests returns nothing, or the reply' '#include <amop.hpp>
void wrong(const amop::Client& client) { auto made = client.serve("t", [](const amop::Request&) { return 5; }); }'
refuses c++20 'an executor takes (std::coroutine_handle<>)' '#include <amop.hpp>
#include <amop/awaitable.hpp>
void wrong(const amop::Client& client) { (void)amop::awaitable::broadcast(client, "t", "", {}, 5); }'

# The example in README.md, built with pkg-config, linked to the shared and to the static library.
# shellcheck disable=SC2016 # the backquotes are those of README.md
sed -n '/^```cpp$/,/^```$/{/^```/d;p}' README.md >build/readme.cpp
grep -q 'int main' build/readme.cpp
for package in amop amop-static; do
    flags=$(PKG_CONFIG_PATH=$stage/lib/pkgconfig pkg-config --cflags --libs "$package")
    # shellcheck disable=SC2086 # flags are words
    "$compiler" -std=c++17 -Wall -Wextra -Wpedantic -Werror build/readme.cpp $flags -o "build/readme-cpp-$package"
    echo "README's example compiles and links with $package"
done
