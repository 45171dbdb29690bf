#!/usr/bin/env bash
# Checks of the page and of its API, each a program in Tests/Web/checks that exits with 0 when it holds.
#
#     scripts/web-check.sh               lists them
#     scripts/web-check.sh NAME...       runs some, or all
set -euo pipefail
cd "$(dirname "$0")/.."
checks=Tests/Web/checks

if [ $# = 0 ]; then
    for check in "$checks"/*; do printf '%-14s %s\n' "$(basename "$check")" "$(sed -n '2s/^# *//p' "$check")"; done
    exit 0
fi
[ "$1" = all ] && set -- $(ls "$checks")
for name in "$@"; do
    [ -x "$checks/$name" ] || { echo "web-check: there is no check '$name'; scripts/web-check.sh lists them" >&2; exit 64; }
    echo "== $name"
    SECONDS=0
    "$checks/$name"
    echo "   $name holds ($SECONDS s)"
done
