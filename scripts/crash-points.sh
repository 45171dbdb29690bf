#!/usr/bin/env bash
# Tries the real master at every single call that changes its files: killed before it, in the middle of it, after it, and
# with the call failing by EIO and ENOSPC. Each trial is followed by an undisturbed master on what is left, which must have
# all that was acknowledged. Takes an hour or two; `make test` tries a sample of the same points.
#
#     scripts/crash-points.sh           every point
#     scripts/crash-points.sh N         N points of each kind, drawn from TESSERA_SEED if it is set
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/build.sh --build-tests
TESSERA_CRASH_POINTS=${1:-all} swift test --skip-build --no-parallel --filter CrashPointTests
