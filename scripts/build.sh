#!/usr/bin/env bash
# `swift build` as the Makefile and the scripts call it: on all processors, and without debug information, which would cost an
# eighth of the time. Failures of tests name file and line without it; a debugger and the lines of a backtrace need it.
#
#     scripts/build.sh [OPTION...]                  options of `swift build`
#     DEBUG_INFO=dwarf scripts/build.sh [OPTION...] for a debugger; what was built without is built again
set -euo pipefail
cd "$(dirname "$0")/.."
# What the compiler chooses depends on the addresses of its own data: where these are not random, a file compiles to the same
# bytes each time.
steady=()
if setarch -R true 2>/dev/null; then steady=(setarch -R); fi
# A C file's `assert` names the file: below the root, wherever that is.
paths=(-Xcc "-fmacro-prefix-map=$PWD/=")
exec "${steady[@]}" swift build "${paths[@]}" -j "${JOBS:-$(nproc)}" -debug-info-format "${DEBUG_INFO:-none}" "$@"
