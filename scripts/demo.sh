#!/usr/bin/env bash
# A cluster on this machine: one master, three workers, a real photo, and a worker that is killed half-way.
# Everything lives in a temporary folder and is stopped by its own process id, also after an error or Ctrl-C.
set -euo pipefail
cd "$(dirname "$0")/.."

bin=$(swift build -c release --static-swift-stdlib --show-bin-path)
size=${DEMO_SIZE:-12000x9000}
pictures=${DEMO_OUTPUT:-$PWD/demo-output}
folder=$(mktemp -d "${TMPDIR:-/tmp}/tessera-demo.XXXXXX")
declare -A pid=()

stop_all() {
    local status=$?
    trap - EXIT INT TERM
    for name in "${!pid[@]}"; do kill -TERM "${pid[$name]}" 2>/dev/null || true; done
    for name in "${!pid[@]}"; do wait "${pid[$name]}" 2>/dev/null || true; done
    if [ $status -ne 0 ]; then
        echo "demo: failed with status $status; the logs are in $folder" >&2
    else
        rm -rf "$folder"
    fi
    exit $status
}
trap stop_all EXIT
trap 'exit 130' INT TERM

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
seconds() { awk -v from="$1" -v to="$2" 'BEGIN { printf "%.1f s", to - from }'; }
now() { date +%s.%N; }
wait_for_file() {
    local deadline=$((SECONDS + 30))
    until [ -s "$1" ]; do
        kill -0 "$2" 2>/dev/null || { echo "demo: $3 ended; its log:" >&2; cat "$folder/$3.log" >&2; exit 1; }
        [ $SECONDS -lt $deadline ] || { echo "demo: $3 did not come up within 30 s" >&2; exit 1; }
        sleep 0.05
    done
}

(umask 077 && head -c 32 /dev/urandom | base64 >"$folder/secret")
export TESSERA_SECRET_FILE="$folder/secret"

say "A master and three workers"
"$bin/tessera-master" --listen 127.0.0.1:0 --state-dir "$folder/state" --address-file "$folder/address" \
    >"$folder/master.log" 2>&1 &
pid[master]=$!
wait_for_file "$folder/address" "${pid[master]}" master
TESSERA_MASTER=$(cat "$folder/address")
export TESSERA_MASTER
for worker in one two three; do
    "$bin/tessera-worker" --name "$worker" --slots 1 --ranks 2 >"$folder/$worker.log" 2>&1 &
    pid[$worker]=$!
done
deadline=$((SECONDS + 60))
until [ "$("$bin/tessera" workers --json | grep -c '"state":"alive"')" = 3 ]; do
    [ $SECONDS -lt $deadline ] || { echo "demo: the workers did not register within 60 s" >&2; exit 1; }
    sleep 0.1
done
"$bin/tessera" workers

mkdir -p "$pictures"
say "A photo: gaussian-blur sigma=2 | sobel"
"$bin/tessera" run "gaussian-blur sigma=2 | sobel" examples/astronaut.png -o "$pictures/astronaut-edges.png"
echo "examples/astronaut.png -> $pictures/astronaut-edges.png"

say "A large image, $size, made from examples/coffee.png"
"$bin/enlarge" "$size" examples/coffee.png "$folder/large.png"
echo "$(du -h "$folder/large.png" | cut -f1) of PNG"

say "Undisturbed: gaussian-blur sigma=3"
start=$(now)
"$bin/tessera" run "gaussian-blur sigma=3" "$folder/large.png" -o "$folder/undisturbed.png" --progress plain
echo "took $(seconds "$start" "$(now)")"

say "Again, and worker 'two' is killed with SIGKILL half-way"
job=$((1 + $("$bin/tessera" jobs --json | grep -o '"job":[0-9]*' | cut -d: -f2 | sort -n | tail -1)))
start=$(now)
"$bin/tessera" run "gaussian-blur sigma=3" "$folder/large.png" -o "$pictures/large-blurred.png" --no-cache \
    --progress plain &
pid[run]=$!
deadline=$((SECONDS + 120))
until [ "$("$bin/tessera" status "$job" --json 2>/dev/null |
    awk -F'"tasks_done":|"tasks_total":' '/tasks_done/ { split($0, a, /"tasks_done":/); split(a[2], d, /[,}]/);
        split($0, b, /"tasks_total":/); split(b[2], t, /[,}]/); print (t[1] > 2 && d[1] * 3 >= t[1]) }')" = 1 ]; do
    kill -0 "${pid[run]}" 2>/dev/null || { echo "demo: the job was over before the worker could be killed" >&2; exit 1; }
    [ $SECONDS -lt $deadline ] || { echo "demo: no progress within 120 s" >&2; exit 1; }
    sleep 0.02
done
disown "${pid[two]}"
kill -KILL "${pid[two]}"
echo "worker two (process ${pid[two]}) killed"
wait "${pid[run]}"
unset 'pid[run]'
echo "took $(seconds "$start" "$(now)")"
"$bin/tessera" status "$job"

say "The same bytes?"
if cmp "$folder/undisturbed.png" "$pictures/large-blurred.png"; then
    sha256sum "$folder/undisturbed.png" "$pictures/large-blurred.png" | awk '{ print substr($1, 1, 16), $2 }'
    echo "identical, although a worker died"
else
    echo "demo: THE RESULTS DIFFER" >&2
    exit 1
fi
echo
echo "Master memory: $(awk '/VmHWM/ { printf "%.0f MB at its peak", $2 / 1024 }' "/proc/${pid[master]}/status")"
echo "The pictures are in $pictures"
