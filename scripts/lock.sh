#!/usr/bin/env bash
# Sourced by the other scripts at the root of the checkout: runs in one checkout wait for each other, because they build
# into the same folders.
#
# Restarts the script under a lock on build/lock, which lasts until the script ends. Programs that it leaves running don't
# hold it. A script that another one runs is under its lock already. Without flock (util-linux) nothing is locked.
checkout=$(pwd -P)
if [ "${AMOP_LOCKED:-}" != "$checkout" ] && command -v flock >/dev/null; then
    export AMOP_LOCKED=$checkout
    mkdir -p build
    flock --nonblock build/lock true || echo "waiting for another run in this checkout" >&2
    exec flock --close build/lock "$checkout/scripts/$(basename "$0")" "$@"
fi
