#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Fails when an object file exports a symbol that does not begin with the name of
# its source file, or one that a library we link already exports.
# usage: check_names.sh OBJECT... -- LIBRARY...
set -eu
ours=$(mktemp)
theirs=$(mktemp)
trap 'rm -f "$ours" "$theirs"' EXIT
bad=0

while [ $# -gt 0 ] && [ "$1" != -- ]; do
    stem=$(basename "$1" | sed 's/\..*//')
    # Symbols that begin with __ are the compiler's (sanitizers, coverage).
    for symbol in $(nm -g --defined-only "$1" | awk '$3 !~ /^__/ { print $3 }'); do
        echo "$symbol" >>"$ours"
        case $symbol in
        "$stem" | "$stem"_* | main) ;;
        *)
            echo "$1: $symbol does not begin with ${stem}_"
            bad=1
            ;;
        esac
    done
    shift
done
[ $# -eq 0 ] || shift

for library; do
    nm -D --defined-only "$library" | awk '{ sub(/@.*/, "", $3); print $3 }' >>"$theirs"
done
sort -u -o "$ours" "$ours"
sort -u -o "$theirs" "$theirs"
for symbol in $(comm -12 "$ours" "$theirs"); do
    echo "$symbol: a linked library exports it too"
    bad=1
done
exit $bad
