#!/usr/bin/env bash
# A root with nothing but a base system of Debian, made by debootstrap: to install and run things as on a new machine.
#
#   release-root.sh make ROOT SUITE     makes one; a base system that was made before is reused from build/
#   release-root.sh run ROOT [--mount=HERE:THERE]... COMMAND...
#                                       runs a command in it, with folders of this machine mounted
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lock.sh

verb=$1
root=$2
case $verb in
    make)
        suite=$3
        base=$PWD/build/roots/$suite.tar
        if ! [ -e "$base" ]; then
            mkdir -p build/roots
            # The mirror of this system, if it has one.
            mirror=$(sed -nE 's/^URIs: *(\S+).*/\1/p; s/^deb +(\[[^]]*\] +)?(\S+).*/\2/p' /etc/apt/sources.list.d/*.sources \
                /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null | grep -m 1 '/debian/*$' || true)
            rm -rf "build/roots/$suite"
            debootstrap --variant=minbase "$suite" "build/roots/$suite" "${mirror:-http://deb.debian.org/debian}" >/dev/null
            tar -C "build/roots/$suite" -cf "$base.new" .
            mv "$base.new" "$base"
            rm -rf "build/roots/$suite"
        fi
        mkdir -p "$root"
        tar -C "$root" -xf "$base"
        # How this machine reaches the network.
        for file in /etc/resolv.conf /etc/hosts /etc/apt/apt.conf.d/*proxy*; do
            [ -e "$file" ] && cp -L "$file" "$root$file"
        done
        cp -rL /etc/ssl/certs "$root/etc/ssl/" 2>/dev/null || true
        chroot "$root" apt-get update --quiet --quiet
        ;;
    run)
        shift 2
        mounts=()
        while [[ ${1:-} = --mount=* ]]; do
            mounts+=("${1#--mount=}")
            shift
        done
        # Mounted in a namespace of its own, so that it ends with the command.
        # shellcheck disable=SC2016 # the inner shell expands it
        env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
            ${http_proxy:+http_proxy=$http_proxy} ${https_proxy:+https_proxy=$https_proxy} \
            unshare --mount --propagation private bash -eu -c '
                root=$1
                mounts=$2
                shift 2
                mount -t proc proc "$root/proc"
                mount --rbind /dev "$root/dev"
                for pair in $mounts; do
                    mkdir -p "$root${pair#*:}"
                    mount --bind "${pair%:*}" "$root${pair#*:}"
                done
                exec chroot "$root" "$@"' bash "$root" "${mounts[*]}" "$@"
        ;;
    *)
        echo "usage: release-root.sh make|run ROOT ..." >&2
        exit 2
        ;;
esac
