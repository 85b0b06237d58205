#!/usr/bin/env bash
# Runs one door's script of each language that has one: scripts/each-language.sh DOOR
#
# A script that lacks an optional tool says so and exits with 77: its part counts as skipped, and is named at the end.
# All parts run, also after one has failed.
set -euo pipefail
cd "$(dirname "$0")/.."

# In the order in which they run; a script for a language that isn't here is an error.
languages=(rust c cpp go python examples sdk shell)
skipped_code=77

if [ "${1:-}" = --list ]; then
    echo "${languages[*]}"
    exit
fi
door=${1:?"which door? test, lint ..."}

shopt -s nullglob
for script in scripts/"$door"-*.sh; do
    language=${script#"scripts/$door-"}
    language=${language%.sh}
    case " ${languages[*]} " in
        *" $language "*) ;;
        *" ${language#deep-} "*) ;; # of the door test-deep
        *)
            echo "$script belongs to no language: add it to the list in scripts/each-language.sh" >&2
            exit 1
            ;;
    esac
done

summary=()
failed=0
for language in "${languages[@]}"; do
    script=scripts/$door-$language.sh
    [ -e "$script" ] || continue
    printf '\n== %s: %s\n' "$door" "$language"
    started=$SECONDS
    code=0
    "$script" || code=$?
    took=$((SECONDS - started))
    case $code in
        0) summary+=("$language: done in $took s") ;;
        "$skipped_code") summary+=("$language: SKIPPED, see above for what it lacks") ;;
        *)
            summary+=("$language: FAILED after $took s (exit code $code)")
            failed=1
            ;;
    esac
done

printf '\n== %s\n' "$door"
printf '   %s\n' "${summary[@]}"
exit "$failed"
