#!/bin/sh
# Prints what the header declares: header.sh names|program|stub HEADER
#
#   names      the functions, sorted, one per line
#   program    a C program that takes the address of each, and fails unless all exist and differ
#   stub       empty C definitions of all functions: the interface as a compiler sees it, without the library
set -eu
what=$1
header=$2

# Prints one declaration per line, without comments, macros and C++.
declarations() {
    printf '#include "%s"\n' "$(realpath "$header")" | "${CC:-cc}" -std=c99 -DAMOP_API= -DAMOP_MUST_USE= -E -P - | tr '\n' ' ' | tr -s ' ' \
        | sed 's/[;{}]/&\n/g' | grep -E '^ ?[a-z_].* \*?amop_[a-z0-9_]+\(.*\);$'
}
names() {
    declarations | sed -E 's/^[^(]* \*?(amop_[a-z0-9_]+)\(.*/\1/' | sort
}

case $what in
    names) names ;;
    program)
        echo '#include <stdio.h>'
        echo '#include "amop.h"'
        echo 'typedef void (*function)(void);'
        echo 'static const struct { const char *name; function function; } all[] = {'
        names | sed 's/.*/    {"&", (function)&},/'
        echo '};'
        cat <<'END'
int main(void)
{
    const size_t count = sizeof all / sizeof *all;
    for (size_t n = 0; n < count; n++) {
        for (size_t other = 0; other < n; other++) {
            if (all[n].function == NULL || all[n].function == all[other].function) {
                fprintf(stderr, "%s does not exist, or is %s\n", all[n].name, all[other].name);
                return 1;
            }
        }
    }
    printf("%zu functions of amop %s\n", count, amop_version());
    return count > 100 ? 0 : 1;
}
END
        ;;
    stub)
        echo '#include "amop.h"'
        declarations | sed 's/;$/ { for (;;) {} }/'
        ;;
    *)
        echo "$0: invalid command $what: use names, program or stub" >&2
        exit 2
        ;;
esac
