#!/usr/bin/env bash
# Runs all tests of a finished build (`make test` builds before). Those that start processes or measure time run one after the
# other, as they need the machine. Those that only compute run beside them at the lowest priority: they get the processor
# while the others wait.
#
#     scripts/test.sh [OPTION...]     options for `swift test`, given to both runs
set -euo pipefail
cd "$(dirname "$0")/.."

# Test targets without processes, sockets and clocks. Any other belongs to the first kind.
computing='^(Autoscaling|BlobStore|Checksums|Cryptography|Fuzz|ImageCodecs|Imaging|JobModel|Journal|PrivateCluster|Protocol|Rank|Retrying|Scheduler|Settings|Simulation|(Master|Worker)Machine)Tests\.'

log=$(mktemp "${TMPDIR:-/tmp}/tessera-tests.XXXXXX")
beside=
stop() {
    [ -z "$beside" ] || kill "$beside" 2>/dev/null || true
    rm -f "$log"
}
trap stop EXIT
trap 'exit 130' INT TERM

test=(swift test --skip-build --disable-xctest --ignore-lock "$@")
nice -n 19 "${test[@]}" --parallel --filter "$computing" >"$log" 2>&1 &
beside=$!
# Of two that start at the same moment, one may find the build's database locked, and no tests.
until grep -q 'Test run started' "$log" || ! kill -0 "$beside" 2>/dev/null; do sleep 0.2; done
status=0
"${test[@]}" --no-parallel --skip "$computing" || status=$?
echo "The tests that only compute:"
if wait "$beside"; then
    grep '^. Suite .* passed\|^. Test run with' "$log"
else
    status=1
    cat "$log"
fi
beside=
exit "$status"
