#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Holds the tree to floors.txt: fails on an include of a higher, a neighbouring or a
# forbidden folder, on an include that is not a path from the root, and on two files of
# one name.
# usage: check_layers.sh ROOT
set -eu
floors=$(cd "$(dirname "$0")" && pwd)/floors.txt
cd "${1:-.}"

sed '/^#/d; / never /d; s/ /\n/g' "$floors" | cut -d/ -f1 | sort -u | while read -r folder; do
    [ ! -d "$folder" ] || find "$folder" -name '*.[ch]'
done | sort | awk -v floors="$floors" '
BEGIN {
    while ((getline line < floors) > 0)
        if (line !~ /^#/) {
            n = split(line, names, " ")
            if (names[2] == "never") {
                for (i = 3; i <= n; i++) never[names[1], names[i]] = 1
                continue
            }
            level++
            for (i = 1; i <= n; i++) floor[names[i]] = level
        }
}
{
    file = $0; home = folder_of(file); name = file; sub(/.*\//, "", name)
    if (home == "") fail(file ": its folder stands on no floor")
    if (name in seen) fail(file ": " seen[name] " has the same name")
    seen[name] = file
    while ((getline line < file) > 0) {
        if (line !~ /^[ \t]*#[ \t]*include[ \t]*"/) continue
        path = line; sub(/^[^"]*"/, "", path); sub(/".*/, "", path); to = folder_of(path)
        if (index(path, "presenced/") == 1) continue # generated from proto/rpc
        if (to == "") fail(file ": \"" path "\" is not a path from the root")
        else if (floor[to] > floor[home]) fail(file ": " path " is on a higher floor")
        else if (floor[to] == floor[home] && to != home) fail(file ": " path " is next door")
        else if ((home, to) in never) fail(file ": " home " must not know " to)
    }
    close(file)
}
function folder_of(path,   best, f) {
    for (f in floor)
        if (index(path, f "/") == 1 && length(f) > length(best)) best = f
    return best
}
function fail(text) { print text; bad = 1 }
END { if (NR == 0) fail("no source file found"); exit bad }'
