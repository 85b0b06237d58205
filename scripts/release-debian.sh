#!/usr/bin/env bash
# Builds the Debian packages libamop0, libamop-dev and amop, and installs them in a fresh root, where the command runs and an example
# is compiled: build/release/*.deb. Needs root, debootstrap, debhelper, lintian, and scripts/release-build.sh.
#
# The packages hold what release-build.sh built, so they install on every Debian and Ubuntu with glibc 2.17 or newer. AMOP_SUITE
# (bookworm) names the release of Debian in the fresh root.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lock.sh
. scripts/release-settings.sh

for tool in debootstrap dpkg-buildpackage dh lintian; do
    if ! command -v "$tool" >/dev/null; then
        echo "the Debian packages need $tool: apt-get install debootstrap debhelper dpkg-dev lintian" >&2
        exit 77
    fi
done
work=$(mktemp -d)
root=$work/root
trap 'rm -rf --one-file-system "$work"' EXIT

# The source, with the packaging where dpkg wants it.
source=$work/amop-$version
mkdir "$source"
git ls-files -z | xargs -0 cp --parents --no-dereference --target-directory "$source"
cp -r packaging/debian "$source/debian"
cat >"$source/debian/changelog" <<END
amop ($version) unstable; urgency=medium

  * See $repository/blob/v$version/CHANGELOG.md

 -- The amop developers <amop@${repository#https://}  $(date --utc --date="@$SOURCE_DATE_EPOCH" --rfc-email)
END
sed -i -E 's|<amop@([^/ ]*)[^ ]*  |<amop@\1>  |' "$source/debian/changelog"
(
    cd "$source"
    unset AMOP_LOCKED
    AMOP_BUILT=$OLDPWD/target/release-build dpkg-buildpackage --build=binary --no-sign --no-check-builddeps >"$work/log" 2>&1 \
        || { cat "$work/log" >&2; exit 1; }
)
rm -f "$release"/*.deb
cp "$work"/{libamop0,libamop-dev,amop}_*.deb "$release/"
lintian --fail-on error,warning "$release"/*.deb
for package in amop libamop0; do
    depends=$(dpkg-deb --field "$release/${package}_${version}_"*.deb Depends)
    if [ "$depends" != "libc6 (>= 2.17), libgcc-s1 (>= 4.2) | libgcc1" ]; then
        echo "$package depends on other versions than those for which it was linked: $depends" >&2
        exit 1
    fi
done

# A fresh root, in which the packages are installed.
scripts/release-root.sh make "$root" "${AMOP_SUITE:-bookworm}"
cp "$release"/*.deb "$root/tmp/"
cp -r examples/c "$root/tmp/examples"
install scripts/release-try.sh "$root/tmp/try"
cat >"$root/tmp/steps" <<'END'
set -eu
export DEBIAN_FRONTEND=noninteractive
cd /tmp
apt-get install --quiet --quiet --yes --no-install-recommends ./amop_*.deb >/dev/null
amop --version
man=$(dpkg --listfiles amop | grep -c '/man1/')
echo "$man pages of the manual"
apt-get install --quiet --quiet --yes --no-install-recommends ./libamop*.deb gcc libc6-dev pkg-config >/dev/null
cc examples/subscriber.c examples/program.c -o subscriber $(pkg-config --cflags --libs amop)
cc examples/subscriber.c examples/program.c -o subscriber-static $(pkg-config --cflags --libs amop-static)
ldd subscriber | grep libamop.so
./try /usr/bin/amop /tmp/subscriber
./try /usr/bin/amop /tmp/subscriber-static
apt-get remove --quiet --quiet --yes amop libamop0 libamop-dev >/dev/null
! test -e /usr/bin/amop
END
scripts/release-root.sh run "$root" sh /tmp/steps
