#!/usr/bin/env bash
# Runs the unit tests under a sanitizer. The tests of whole clusters are left out, whose programs are not instrumented, and the
# simulation, which is one thread of checked Swift and takes very long then.
#
#     scripts/sanitize.sh address     memory errors, in C and in the kernels that do not check their bounds
#     scripts/sanitize.sh thread      data races
#
# What the first run builds stays in .build/asan and .build/tsan.
set -euo pipefail
cd "$(dirname "$0")/.."

sanitizer=${1:-}
case $sanitizer in
address) scratch=.build/asan ;;
thread) scratch=.build/tsan ;;
*)
    sed -n '2,8s/^# \{0,1\}//p' "$0" >&2
    exit 64
    ;;
esac

# Swift's own backtraces would hide the sanitizer's. Open MPI and the test runner leave memory to the system at their end.
export SWIFT_BACKTRACE=enable=no
export ASAN_OPTIONS=detect_leaks=0:${ASAN_OPTIONS:-}

options=(--scratch-path "$scratch" --sanitize "$sanitizer" -Xswiftc -use-ld=lld)
swift build --build-tests -j "${JOBS:-$(nproc)}" "${options[@]}"
if [ "$sanitizer" = thread ]; then
    # Without it, what contended locks protect is reported in eighteen places; with it, now and then. In what is left, look
    # whether both accesses are under the same lock.
    clang -shared -fPIC -O1 Tests/ThreadSanitizer/futex.c -o "$scratch/futex.so"
    export LD_PRELOAD=$PWD/$scratch/futex.so
fi
swift test --skip-build --no-parallel "${options[@]}" --skip '^(IntegrationTests|WorldTests|DurabilityTests|SimulationTests)\.' "${@:2}"
