#!/usr/bin/env bash
# Runs one stage of a longer task, and says which of how many it is, what it does and how long it took.
#
#     scripts/stage.sh NUMBER COUNT TITLE COMMAND [ARGUMENT ...]
#
# On a terminal the command draws its own progress. Elsewhere every line of its output gets the seconds since the start of the
# stage, so that a log shows where the time went.
set -euo pipefail

number=$1 count=$2 title=$3
shift 3
say() { printf '\n\033[1m[%s/%s] %s\033[0m\n' "$number" "$count" "$1"; }
[ -t 1 ] || say() { printf '[%s/%s] %s\n' "$number" "$count" "$1"; }

say "$title"
SECONDS=0
status=0
if [ -t 1 ]; then
    "$@" || status=$?
else
    "$@" 2>&1 | while IFS= read -r line; do printf '%5d s  %s\n' $SECONDS "$line"; done || status=$?
fi
if [ $status -ne 0 ]; then
    say "$title: failed with status $status after $SECONDS s" >&2
    exit $status
fi
say "$title: done in $SECONDS s"
