#!/usr/bin/env bash
# Measures what audits cost on a real cluster: the same batch with several shares of its tasks computed twice, in turns.
#
#     scripts/audit-cost.sh [IMAGES [ROUNDS]]     60 images of 4 megapixels and 3 rounds by default
#
# For each share: the time from submission to the end, the processor time of the workers and their ranks, and both as
# ratios to the same round without audits (the median of the rounds). Needs nothing else that uses the cores.
#
# PROGRAMS names a directory of programs to take instead of building them.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

images=${1:-60} rounds=${2:-3}
pipeline="gaussian-blur sigma=3 | sobel"
shares=(0 0.5% 5% 1)

bin=${PROGRAMS:-}
if [ -z "$bin" ]; then
    for product in tessera tessera-master tessera-worker tessera-rank enlarge; do
        scripts/build.sh -c release --product "$product" >&2
    done
    bin=$PWD/.build/release
fi

make_secret
start_master "$bin" state
for worker in one two three; do start_worker "$bin" "$worker" 1; done
within 60 "the workers are registered" has_alive "$bin" 3
mkdir "$directory/in"
for ((n = 0; n < images; n++)); do
    # Pictures of different sizes, so that no result is another's.
    "$bin/enlarge" "$((2400 + n))x1700" examples/coffee.png "$directory/in/$n.png"
done

# Milliseconds of processor time that the workers and all their descendants took.
processor_time() {
    local ticks=0 process
    for process in $(descendants "${pid[one]}" "${pid[two]}" "${pid[three]}"); do
        ticks=$((ticks + $(awk '{ print $14 + $15 + $16 + $17 }' "/proc/$process/stat" 2>/dev/null || echo 0)))
    done
    echo $((ticks * 1000 / $(getconf CLK_TCK)))
}
descendants() {
    local process
    for process in "$@"; do
        echo "$process"
        # shellcheck disable=SC2046
        descendants $(cat "/proc/$process/task/"*/children 2>/dev/null)
    done
}

# Prints milliseconds from submission to the end, and of processor time: measure SHARE
measure() {
    local from to before after
    before=$(processor_time) from=$(date +%s%N)
    "$bin/tessera" run "$pipeline" "$directory"/in/*.png -o "$directory/out/" --no-cache --audit "$1" --progress none \
        >"$directory/run.log" 2>&1 || fail "the batch failed: $(tail -1 "$directory/run.log")"
    to=$(date +%s%N)
    # Audits of the last images may still be under way.
    within 120 "the workers have no lease left" is_idle
    after=$(processor_time)
    echo "$(((to - from) / 1000000)) $((after - before))"
}
is_idle() { ! "$bin/tessera" workers --json | grep -q '"leases":[1-9]'; }

measure 0 >/dev/null
for ((round = 1; round <= rounds; round++)); do
    for share in "${shares[@]}"; do
        echo "$round $share $(measure "$share")" | tee -a "$directory/figures" >&2
        rm -rf "$directory/out"
    done
done

awk '
    function median(list, count,    i, j, t) {
        for (i = 1; i < count; i++) for (j = i + 1; j <= count; j++)
            if (list[j] < list[i]) { t = list[i]; list[i] = list[j]; list[j] = t }
        return count % 2 ? list[(count + 1) / 2] : (list[count / 2] + list[count / 2 + 1]) / 2
    }
    { if (!($2 in seen)) { seen[$2] = 1; order[++shares] = $2 }
      elapsed[$1, $2] = $3; work[$1, $2] = $4; if ($1 > rounds) rounds = $1 }
    END {
        print "| share audited | time | processor time |"
        print "| --- | --- | --- |"
        for (k = 1; k <= shares; k++) {
            for (r = 1; r <= rounds; r++) {
                e[r] = elapsed[r, order[k]] / elapsed[r, order[1]]
                w[r] = work[r, order[k]] / work[r, order[1]]
            }
            printf "| %s | %.3f | %.3f |\n", order[k] == "1" ? "100%" : order[k], median(e, rounds), median(w, rounds)
        }
    }' "$directory/figures"
