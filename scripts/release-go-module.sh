#!/usr/bin/env bash
# Makes the Go module of a release, in a module proxy that is a folder: build/release/go-proxy. AMOP_BUILT names the folder that
# scripts/release-build.sh filled (target/release-build).
#
# The module of a release has the header and the static library for linux/amd64 in it, so that `go get` and `go build` need
# nothing else. The checkout has neither: there, and on other systems, the library is found by pkg-config or, with the build tag
# amop_static, in the source tree. scripts/release-go-tag.sh makes the commit and the tag of a release from the proxy.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lock.sh
. scripts/release-settings.sh

built=${AMOP_BUILT:-$PWD/target/release-build}
module=$(sed -n 's/^module //p' bindings/go/go.mod)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The module: the files of the binding, and the library.
tree=$work/module
mkdir -p "$tree"
git ls-files -z bindings/go | while IFS= read -r -d '' file; do
    install -Dm644 "$file" "$tree/${file#bindings/go/}"
done
capi=$tree/internal/capi
install -Dm644 include/amop.h "$capi/bundled/amop.h"
for kind in library with-devnet; do
    scripts/prelink.sh "$built/$kind/libamop.a" include/amop.h "$capi/bundled/linux_amd64/$kind/libamop.a" strip
done
install -m644 LICENSE "$tree/LICENSE"
scripts/third-party.py amop-capi devnet >"$tree/THIRD-PARTY"
link() { # FILE CONSTRAINT KIND
    cat >"$capi/$1" <<END
//go:build linux && amd64 && $2 && !amop_static && !amop_installed

package capi

// The library of this release: with embedded nodes if the build tag amop_devnet is set. The build tag amop_installed links
// the library that pkg-config finds.

// #cgo CFLAGS: -I\${SRCDIR}/bundled
// #cgo LDFLAGS: \${SRCDIR}/bundled/linux_amd64/$3/libamop.a -lgcc_s -lutil -lrt -lpthread -lm -ldl -lc
import "C"
END
}
link link_bundled.go '!amop_devnet' library
link link_bundled_devnet.go amop_devnet with-devnet
sed -i 's|^//go:build !amop_static$|//go:build !amop_static \&\& (amop_installed \|\| !linux \|\| !amd64)|' "$capi/link_installed.go"
grep --quiet amop_installed "$capi/link_installed.go"

# The proxy, as https://go.dev/ref/mod#goproxy-protocol describes it.
proxy=$release/go-proxy
rm -rf "$proxy"
mkdir -p "$proxy/$module/@v"
echo "v$version" >"$proxy/$module/@v/list"
echo "{\"Version\":\"v$version\",\"Time\":\"$(date --utc --date="@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)\"}" >"$proxy/$module/@v/v$version.info"
cp bindings/go/go.mod "$proxy/$module/@v/v$version.mod"
python3 scripts/release-zip.py "$tree" "$module@v$version" "$proxy/$module/@v/v$version.zip"
