#!/usr/bin/env bash
# Runs the script of a make target for each language that has one: scripts/each-language.sh TARGET
#
# A script that lacks an optional tool names it and exits with 77: its part counts as skipped, and is listed at the end.
# All parts run, even after one has failed.
set -euo pipefail
cd "$(dirname "$0")/.."

# The languages in the order in which they run; a script for any other language is an error.
languages=(rust c cpp go python examples sdk docs shell packages)
skipped_code=77

if [ "${1:-}" = --list ]; then
    echo "${languages[*]}"
    exit
fi
. scripts/lock.sh

target=${1:?"which target? test, lint ..."}

shopt -s nullglob
for script in scripts/"$target"-*.sh; do
    language=${script#"scripts/$target-"}
    language=${language%.sh}
    case " ${languages[*]} " in
        *" $language "*) ;;
        *" ${language#deep-} "*) ;; # of the target test-deep
        *)
            echo "$script belongs to no known language: add it to the list in scripts/each-language.sh" >&2
            exit 1
            ;;
    esac
done

summary=()
failed=0
for language in "${languages[@]}"; do
    script=scripts/$target-$language.sh
    [ -e "$script" ] || continue
    printf '\n== %s: %s\n' "$target" "$language"
    started=$SECONDS
    code=0
    "$script" || code=$?
    took=$((SECONDS - started))
    case $code in
        0) summary+=("$language: done in $took s") ;;
        "$skipped_code") summary+=("$language: SKIPPED, the missing tools are named above") ;;
        *)
            summary+=("$language: FAILED after $took s (exit code $code)")
            failed=1
            ;;
    esac
done

printf '\n== %s\n' "$target"
printf '   %s\n' "${summary[@]}"
exit "$failed"
