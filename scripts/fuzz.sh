#!/usr/bin/env bash
# Fuzzes every place where bytes come in that anybody may have made; see Fuzzing/Targets.
#
#     scripts/fuzz.sh build               build the fuzzer, with AddressSanitizer in all code, C included
#     scripts/fuzz.sh run [TARGET ...]    fuzz for FUZZ_SECONDS (60) in all, from FUZZ_SEED (0: any), and stop at the first finding
#     scripts/fuzz.sh merge [TARGET ...]  add to Fuzzing/Corpus what the runs found that reaches more code
#     scripts/fuzz.sh replay TARGET FILE  run one input
set -euo pipefail
cd "$(dirname "$0")/.."

scratch=.build/fuzz
fuzzer=$scratch/release/Fuzzer
grown=$scratch/corpus

# Swift's own backtraces would hide the sanitizer's.
export SWIFT_BACKTRACE=enable=no
export ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1:${ASAN_OPTIONS:-}

build() {
    # libFuzzer without its main: the one that Swift's driver links brings a main, and so does the program.
    local runtime
    runtime=$(dirname "$(command -v swiftc)")/../lib/clang
    runtime=$(find -L "$runtime" -name 'libclang_rt.fuzzer_no_main*.a' | grep "$(uname -m)" | head -n 1)
    [ -n "$runtime" ] || {
        echo "fuzz: this Swift toolchain has no libclang_rt.fuzzer_no_main; a toolchain from swift.org has" >&2
        exit 1
    }
    swift build --package-path Fuzzing --scratch-path "$scratch" -c release --product Fuzzer -j "${JOBS:-$(nproc)}" \
        --sanitize address -Xswiftc -Xfrontend -Xswiftc -sanitize=fuzzer,address -Xcc -fsanitize=fuzzer-no-link \
        -Xswiftc -use-ld=lld -Xlinker "$runtime" -Xlinker -lstdc++
}

targets() { if [ $# -gt 0 ]; then printf '%s\n' "$@"; else "$fuzzer" || true; fi; }

run() {
    local names seconds name
    mapfile -t names < <(targets "$@")
    seconds=$(((${FUZZ_SECONDS:-60} + ${#names[@]} - 1) / ${#names[@]}))
    mkdir -p Fuzzing/Findings
    for name in "${names[@]}"; do
        mkdir -p "$grown/$name" "Fuzzing/Corpus/$name"
        echo "== $name, $seconds s"
        "$fuzzer" "$name" -max_total_time="$seconds" -seed="${FUZZ_SEED:-0}" -timeout=20 -rss_limit_mb=4096 -print_final_stats=1 \
            -verbosity=${VERBOSITY:-0} -artifact_prefix="Fuzzing/Findings/$name-" "$grown/$name" "Fuzzing/Corpus/$name"
    done
}

merge() {
    local name
    while read -r name; do
        mkdir -p "$grown/$name" "Fuzzing/Corpus/$name"
        "$fuzzer" "$name" -set_cover_merge=1 "Fuzzing/Corpus/$name" "$grown/$name"
    done < <(targets "$@")
}

command=${1:-run}
shift || true
case $command in
build) build ;;
run) run "$@" ;;
merge) merge "$@" ;;
replay) "$fuzzer" "$@" ;;
*) sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 64 ;;
esac
