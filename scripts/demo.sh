#!/usr/bin/env bash
# A cluster on this machine: one master, three workers, a real photo, and a worker that is killed half-way.
# Everything is in a temporary directory and is stopped by its own process number, also after an error or Ctrl-C.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

bin=$PWD/.build/release
size=${DEMO_SIZE:-12000x9000}
pictures=${DEMO_OUTPUT:-$PWD/demo-output}
make_secret

say "A master and three workers"
start_master "$bin" state
for worker in one two three; do start_worker "$bin" "$worker" 2; done
within 60 "the workers are registered" has_alive "$bin" 3
"$bin/tessera" workers

mkdir -p "$pictures"
say "A photo: gaussian-blur sigma=2 | sobel"
"$bin/tessera" run "gaussian-blur sigma=2 | sobel" examples/astronaut.png -o "$pictures/astronaut-edges.png"
echo "examples/astronaut.png -> $pictures/astronaut-edges.png"

say "A large image, $size, made from examples/coffee.png"
"$bin/enlarge" "$size" examples/coffee.png "$directory/large.png"
echo "$(du -h "$directory/large.png" | cut -f1) of PNG"

say "Undisturbed: gaussian-blur sigma=3"
start=$(now)
"$bin/tessera" run "gaussian-blur sigma=3" "$directory/large.png" -o "$directory/undisturbed.png" --progress plain
echo "took $(seconds "$start" "$(now)")"

say "Again, and worker 'two' is killed with SIGKILL half-way"
job=$((1 + $("$bin/tessera" jobs --json | grep -o '"job":[0-9]*' | cut -d: -f2 | sort -n | tail -1)))
start=$(now)
"$bin/tessera" run "gaussian-blur sigma=3" "$directory/large.png" -o "$pictures/large-blurred.png" --no-cache \
    --progress plain &
pid[run]=$!
is_a_third_done() {
    local finished total
    kill -0 "${pid[run]}" 2>/dev/null || fail "the job was over before the worker could be killed"
    finished=$(job_number "$bin" "$job" tasks_done) total=$(job_number "$bin" "$job" tasks_total)
    [ "${total:-0}" -gt 2 ] && [ $((finished * 3)) -ge "$total" ]
}
within 120 "a third of the tasks is done" is_a_third_done
disown "${pid[two]}"
kill -KILL "${pid[two]}"
echo "worker two (process ${pid[two]}) killed"
wait "${pid[run]}"
unset 'pid[run]'
echo "took $(seconds "$start" "$(now)")"
"$bin/tessera" status "$job"

say "The same bytes?"
cmp "$directory/undisturbed.png" "$pictures/large-blurred.png" || fail "THE RESULTS DIFFER"
sha256sum "$directory/undisturbed.png" "$pictures/large-blurred.png" | awk '{ print substr($1, 1, 16), $2 }'
echo "identical, although a worker died"
echo
echo "Master memory: $(awk '/VmHWM/ { printf "%.0f MB at its peak", $2 / 1024 }' "/proc/${pid[master]}/status")"
echo "The pictures are in $pictures"
echo
echo "A cluster of your own: .build/release/tessera up (make web adds a page to it), then .build/release/tessera run"
