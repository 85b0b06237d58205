#!/bin/sh
# Runs a program many times and stops at the first failure: repeat.sh TIMES PROGRAM
set -eu
run=0
while [ "$run" -lt "$1" ]; do
    run=$((run + 1))
    "$2" || {
        echo "$2: run $run of $1 ended with $?" >&2
        exit 1
    }
done
