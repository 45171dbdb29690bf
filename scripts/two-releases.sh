#!/usr/bin/env bash
# An upgrade in mid-job: a cluster of this checkout's programs becomes one of a release whose results have other bytes, first
# the master, then the workers, while a large image is half done. That release is made for the purpose: this commit with one
# kernel changed and the revision of results raised. Builds both; takes about ten minutes.
#
# It must hold: the image that was done before is the old release's, the one that was half done is wholly the new one's; the
# old workers were refused meanwhile; and the job ended without anybody's help.
set -euo pipefail
cd "$(dirname "$0")/.."

pipeline="gaussian-blur sigma=3 | invert"
size=${SIZE:-12000x9000}
folder=$(mktemp -d "${TMPDIR:-/tmp}/tessera-releases.XXXXXX")
declare -A pid=()

stop_all() {
    local status=$?
    trap - EXIT INT TERM
    for name in "${!pid[@]}"; do kill -KILL "${pid[$name]}" 2>/dev/null || true; done
    for name in "${!pid[@]}"; do wait "${pid[$name]}" 2>/dev/null || true; done
    git worktree remove --force "$folder/next" 2>/dev/null || true
    if [ $status -ne 0 ]; then
        echo "two-releases: failed with status $status; the logs are in $folder" >&2
    else
        rm -rf "$folder"
    fi
    exit $status
}
trap stop_all EXIT
trap 'exit 130' INT TERM

fail() { echo "two-releases: $*" >&2; exit 1; }
say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
# Waits until a command succeeds: `within SECONDS WHAT COMMAND...`
within() {
    local deadline=$((SECONDS + $1)) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt "$deadline" ] || fail "not within the time allowed: $what"
        sleep 0.05
    done
}

say "Two releases"
make build >"$folder/build.log" 2>&1 || { tail "$folder/build.log" >&2; fail "the build failed"; }
old=$(swift build -c release --static-swift-stdlib --show-bin-path)
git worktree add --quiet --detach "$folder/next" HEAD
(
    cd "$folder/next"
    revision=$(sed -n 's/.*currentResultRevision: UInt32 = \([0-9]*\)$/\1/p' Sources/JobModel/Job.swift)
    sed -i "s/currentResultRevision: UInt32 = $revision\$/currentResultRevision: UInt32 = $((revision + 1))/" \
        Sources/JobModel/Job.swift
    sed -i 's/target\[index\] = ~source\[index\]/target[index] = ~source[index] ^ 1/' \
        Sources/Imaging/Operations/Colour/Invert.swift
    [ "$(git diff --numstat | wc -l)" = 2 ] || fail "the next release could not be made: its places have moved"
    make build >"$folder/build-next.log" 2>&1
) || { tail "$folder/build-next.log" >&2; fail "the build of the next release failed"; }
new=$(cd "$folder/next" && swift build -c release --static-swift-stdlib --show-bin-path)

(umask 077 && head -c 32 /dev/urandom | base64 >"$folder/secret")
export TESSERA_SECRET_FILE="$folder/secret"

start_master() { # PROGRAMS STATE [ADDRESS]
    rm -f "$folder/address"
    "$1/tessera-master" --listen "${3:-127.0.0.1:0}" --state-dir "$folder/$2" --address-file "$folder/address" \
        >>"$folder/$2-master.log" 2>&1 &
    pid[master]=$!
    within 30 "the master is up" test -s "$folder/address"
    TESSERA_MASTER=$(cat "$folder/address")
    export TESSERA_MASTER
}
start_worker() { # PROGRAMS NAME
    "$1/tessera-worker" --name "$2" --slots 1 --ranks 1 >>"$folder/$2.log" 2>&1 &
    pid[$2]=$!
}
stop() {
    kill -TERM "${pid[$1]}"
    wait "${pid[$1]}" || true
    unset "pid[$1]"
}
count_alive() { "$new/tessera" workers --json | grep -c '"state":"alive"' || true; }
alive() { [ "$(count_alive)" = "$1" ]; }
state_of() { "$new/tessera" status "$1" --json | grep -o '"state":"[a-z-]*"' | head -1 | cut -d'"' -f4; }
has_ended() { [ "$(state_of "$1")" = done ] || [ "$(state_of "$1")" = failed ]; }
tasks_done() { "$new/tessera" status "$1" --json | grep -o '"tasks_done":[0-9]*' | head -1 | cut -d: -f2; }
is_half_done() { [ "$(tasks_done "$1")" -ge 8 ]; }

say "What each makes of two images, undisturbed: $pipeline"
"$new/enlarge" 1500x1000 examples/astronaut.png "$folder/small.png"
"$new/enlarge" "$size" examples/coffee.png "$folder/large.png"
for release in old new; do
    start_master "${!release}" "$release-state"
    start_worker "${!release}" "$release-undisturbed"
    mkdir "$folder/$release"
    "$new/tessera" run "$pipeline" "$folder/small.png" "$folder/large.png" -o "$folder/$release/"
    stop "$release-undisturbed"
    stop master
done
for image in small large; do
    ! cmp -s "$folder/old/$image.png" "$folder/new/$image.png" || fail "both releases make the same of $image.png"
done

say "The old release begins"
start_master "$old" state
for worker in one two; do start_worker "$old" $worker; done
within 60 "two workers" alive 2
job=$("$old/tessera" submit --detach "$pipeline" "$folder/small.png" "$folder/large.png" | awk 'NR == 1 { print $1 }')
within 120 "the large image is half done" is_half_done "$job"
[ "$(state_of "$job")" = running ] || fail "job $job is $(state_of "$job") already; give a larger SIZE"
echo "job $job: $(tasks_done "$job") tasks are done"

say "The master becomes the new release"
stop master
start_master "$new" state "$TESSERA_MASTER"
echo "job $job: $(tasks_done "$job") tasks are done"
for worker in one two; do within 30 "worker $worker is told" grep -q release-differs "$folder/$worker.log"; done
[ "$(count_alive)" = 0 ] || fail "the new master takes workers of the old release"
grep -h release-differs "$folder/one.log" | head -1

say "The workers become the new release, one by one"
for worker in one two; do
    stop $worker
    start_worker "$new" $worker
done
within 300 "job $job ends" has_ended "$job"
mkdir "$folder/result"
"$new/tessera" fetch "$job" -o "$folder/result/"
"$new/tessera" status "$job"
cmp "$folder/result/small.png" "$folder/old/small.png" || fail "the image that was done is not the old release's"
cmp "$folder/result/large.png" "$folder/new/large.png" || fail "THE IMAGE IN PROGRESS IS NOT WHOLLY THE NEW RELEASE'S"
say "small.png, done before, is the old release's; large.png, half done, is wholly the new one's"
