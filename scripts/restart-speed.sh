#!/usr/bin/env bash
# Measures how soon a master serves again with a journal of many tasks that are half done, and many blobs in its store, and how
# long it takes to answer for its metrics then.
#
#     scripts/restart-speed.sh [TASKS [BLOBS]]     a million tasks and no blobs by default
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/build.sh -c release --product tessera-master
scripts/build.sh -c release --product journal-writer
bin=$(swift build -c release --show-bin-path)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
(umask 077 && head -c 32 /dev/urandom | base64 >"$folder/secret")
"$bin/journal-writer" "$folder/state" "${1:-1000000}"
# Empty files with names of blobs: a master lists its store before it serves.
perl -e '
    my ($store, $count) = @ARGV;
    mkdir $store, 0700;
    mkdir sprintf("%s/%02x", $store, $_), 0700 for 0 .. 255;
    for my $number (1 .. $count) {
        my $name = join "", map { sprintf "%08x", int rand 2**32 } 1 .. 8;
        substr($name, 2, 0, "/");
        open my $file, ">", "$store/$name" or die "$store/$name: $!\n";
    }' "$folder/state/blobs" "${2:-0}"

for run in 1 2 3; do
    rm -f "$folder/address"
    begin=$(date +%s%N)
    "$bin/tessera-master" --listen 127.0.0.1:0 --state-dir "$folder/state" --secret-file "$folder/secret" \
        --address-file "$folder/address" --metrics-listen 127.0.0.1:0 >"$folder/log" 2>&1 &
    master=$!
    while [ ! -e "$folder/address" ]; do
        kill -0 "$master" || { cat "$folder/log"; exit 1; }
        sleep 0.005
    done
    end=$(date +%s%N)
    ticks=$(awk '{ print $14 + $15 }' "/proc/$master/stat")
    memory=$(awk '/VmHWM/ { print $2 }' "/proc/$master/status")
    metrics=$(grep -o 'metrics are answered.*' "$folder/log" | grep -o '127.0.0.1:[0-9]*' | head -1)
    scrape=$(curl -s -o "$folder/metrics" -w '%{size_download} bytes of metrics in %{time_total} s' "http://$metrics/metrics")
    grep -q '^tessera_tasks{state="ready"} [1-9]' "$folder/metrics" || { echo "the metrics have no tasks"; exit 1; }
    kill -9 "$master"
    wait "$master" 2>/dev/null || true
    echo "run $run: serving after $(((end - begin) / 1000000)) ms, $((ticks * 1000 / $(getconf CLK_TCK))) ms of processor time, $((memory / 1024)) MiB; $scrape"
done
