#!/usr/bin/env bash
# `swift build` as the Makefile and the scripts call it: on all processors, and without debug information, which would cost a
# seventh of the compiler's time. Reports of failures name file and line without it; a debugger needs it.
#
#     scripts/build.sh [OPTION...]                  options of `swift build`
#     DEBUG_INFO=dwarf scripts/build.sh [OPTION...] for a debugger; what was built without is built again
set -euo pipefail
exec swift build -j "${JOBS:-$(nproc)}" -debug-info-format "${DEBUG_INFO:-none}" "$@"
