#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The unit file parses and keeps its hardening: exposure of at most 2.0. Reads files only,
# no running systemd is needed. Exits 77 (skipped) where systemd-analyze is missing.
# usage: check_systemd.sh ROOT
set -eu
if ! command -v systemd-analyze >/dev/null; then
    echo "SKIP: systemd-analyze is missing (./deploy/packages test)"
    exit 77
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cp "$1/deploy/systemd/presenced@.service" "$folder/presenced@n1.service"
systemd-analyze security --no-pager --offline=true --threshold=20 "$folder/presenced@n1.service"
# verify also asks whether the programs exist: look at what it says about the file alone.
said=$(systemd-analyze verify --man=no "$folder/presenced@n1.service" 2>&1 |
    grep -E "Unknown|Invalid|Failed to parse|ignoring" || [ $? -eq 1 ])
[ -z "$said" ] || { echo "$said"; exit 1; }
mkdir "$folder/etc"
systemd-sysusers --root="$folder" "$1/deploy/systemd/presenced.sysusers"
grep -q '^presenced:' "$folder/etc/passwd"
if [ "$(id -u)" -eq 0 ]; then # it changes owners
    systemd-tmpfiles --root="$folder" --create "$1/deploy/systemd/presenced.tmpfiles"
    [ -d "$folder/var/lib/presenced" ]
fi
