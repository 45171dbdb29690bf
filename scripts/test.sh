#!/usr/bin/env bash
# Runs all tests of a finished build (`make test` builds before), in four groups. Three of them run at the same time:
#
#   computing   tests that start no process and measure no time, in parallel and at the lowest priority: they get the
#               processor while the others wait
#   faults      about half of those that start processes: clusters whose processes are killed and stopped
#   others      everything else that starts processes
#
# and, when they have ended,
#
#   measuring   tests whose result is a time or a throughput, which need the machine for themselves
#
# A new target belongs to `others` until it is named here.
#
#     scripts/test.sh [OPTION...]     options for `swift test`, given to each group
set -euo pipefail
cd "$(dirname "$0")/.."

computing='^(BlobStore|Checksums|Cryptography|Fuzz|ImageCodecs|Imaging|JobModel|Journal|Protocol|Rank|Retrying|Scheduler|Settings|Simulation|(Master|Worker)Machine)Tests\.'
faults='^IntegrationTests\.(Integration/.(Faults in mid-job|Workers come and go)|Campaigns/(FaultMatrix|KillStorm))'
measuring='^IntegrationTests\.Campaigns/(FaultMeasurement|Overload|PoisonMeasurement)'

logs=$(mktemp -d "${TMPDIR:-/tmp}/tessera-tests.XXXXXX")
declare -A beside=()
stop() {
    [ ${#beside[@]} = 0 ] || kill "${beside[@]}" 2>/dev/null || true
    rm -rf "$logs"
}
trap stop EXIT
trap 'exit 130' INT TERM

test=(swift test --skip-build --disable-xctest --ignore-lock)
options=("$@")
# Starts a group beside the others, and returns when its tests run: `swift test` locks the build directory until then.
start() { # start GROUP COMMAND...
    local group=$1
    shift
    "$@" "${options[@]}" >"$logs/$group" 2>&1 &
    beside[$group]=$!
    while kill -0 "${beside[$group]}" 2>/dev/null && ! grep -q 'Test run started' "$logs/$group"; do sleep 0.1; done
}
start computing nice -n 19 "${test[@]}" --parallel --filter "$computing"
start faults "${test[@]}" --no-parallel --filter "$faults"

status=0
"${test[@]}" --no-parallel --skip "$computing" --skip "$faults" --skip "$measuring" "${options[@]}" || status=1
for group in faults computing; do
    echo "The group '$group':"
    if wait "${beside[$group]}"; then
        grep '^. Suite .* passed\|^. Test run with' "$logs/$group"
    else
        status=1
        cat "$logs/$group"
    fi
    unset "beside[$group]"
done
echo "The group 'measuring':"
"${test[@]}" --no-parallel --filter "$measuring" "${options[@]}" || status=1
exit "$status"
