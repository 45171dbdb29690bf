#!/usr/bin/env bash
# Measures the first minutes of a newcomer: how long `make demo` and `make test` take from an empty clone of the present
# commit, and how large the installed programs are. On a quiet machine; docs/decisions/0021 has the figures of ours.
#
#     scripts/build-times.sh             both commands
#     scripts/build-times.sh demo|test   one of them
set -euo pipefail
cd "$(dirname "$0")/.."

commands=("$@")
[ $# -gt 0 ] || commands=(demo test)
directory=$(mktemp -d "${TMPDIR:-/tmp}/tessera-build-times.XXXXXX")
trap 'rm -rf "$directory"' EXIT
# Packages come from the network or from SwiftPM's cache, as they do for a newcomer and for anybody after that.
TIMEFORMAT='%R s, of them %U s user and %S s system time of all processors'

for command in "${commands[@]}"; do
    git clone --quiet --no-hardlinks . "$directory/$command"
    log=$directory/$command.log
    echo "== make $command"
    time (cd "$directory/$command" && DEMO_OUTPUT=$directory/pictures make "$command" >"$log" 2>&1) || {
        tail -n 40 "$log" >&2
        echo "build-times: make $command failed; the end of its log is above" >&2
        exit 1
    }
    grep -E '^\[[0-9]/[0-9]\]|Build complete|Test run with' "$log" || true
    if [ "$command" = demo ]; then
        echo "== stripped programs, with Swift's library in them"
        for program in tessera tessera-master tessera-worker tessera-rank; do
            strip -o "$directory/$program" "$directory/demo/.build/release/$program"
            printf '%6.1f MB  %s\n' "$(stat -c %s "$directory/$program" | awk '{ print $1 / 1e6 }')" "$program"
        done
    fi
    rm -rf "${directory:?}/$command"
done
