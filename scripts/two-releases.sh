#!/usr/bin/env bash
# An upgrade during a job: a cluster of this checkout's programs becomes one of a release whose results have other bytes, first
# the master, then the workers, while a large image is half done. That release is made for the purpose: this commit with one
# kernel changed and the revision of results raised. Builds both; takes about ten minutes.
#
# Checked: the image that was done before is the old release's, the one that was half done is wholly the new one's, the old
# workers were rejected, and the job ended without help.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

pipeline="gaussian-blur sigma=3 | invert"
size=${SIZE:-12000x9000}
clean_up() { git worktree remove --force "$directory/next" 2>/dev/null || true; }

say "Two releases"
make build >"$directory/build.log" 2>&1 || { tail "$directory/build.log" >&2; fail "the build failed"; }
old=$(swift build -c release --static-swift-stdlib --show-bin-path)
git worktree add --quiet --detach "$directory/next" HEAD
(
    cd "$directory/next"
    revision=$(sed -n 's/.*currentResultRevision: UInt32 = \([0-9]*\)$/\1/p' Sources/JobModel/Job.swift)
    sed -i "s/currentResultRevision: UInt32 = $revision\$/currentResultRevision: UInt32 = $((revision + 1))/" \
        Sources/JobModel/Job.swift
    sed -i 's/target\[index\] = ~source\[index\]/target[index] = ~source[index] ^ 1/' \
        Sources/Kernels/Operations/Color/Invert.swift
    [ "$(git diff --numstat | wc -l)" = 2 ] || fail "the next release could not be made: its places have moved"
    make build >"$directory/build-next.log" 2>&1
) || { tail "$directory/build-next.log" >&2; fail "the build of the next release failed"; }
new=$(cd "$directory/next" && swift build -c release --static-swift-stdlib --show-bin-path)

make_secret
state_of() { "$new/tessera" status "$1" --json | grep -o '"state":"[a-z-]*"' | head -1 | cut -d'"' -f4; }
has_ended() { [ "$(state_of "$1")" = done ] || [ "$(state_of "$1")" = failed ]; }
tasks_done() { job_number "$new" "$1" tasks_done; }
is_half_done() { [ "$(tasks_done "$1")" -ge 8 ]; }

say "What each makes of two images, undisturbed: $pipeline"
"$new/enlarge" 1500x1000 examples/astronaut.png "$directory/small.png"
"$new/enlarge" "$size" examples/coffee.png "$directory/large.png"
for release in old new; do
    start_master "${!release}" "$release-state"
    start_worker "${!release}" "$release-undisturbed" 1
    mkdir "$directory/$release"
    "$new/tessera" run "$pipeline" "$directory/small.png" "$directory/large.png" -o "$directory/$release/"
    stop "$release-undisturbed"
    stop master
done
for image in small large; do
    ! cmp -s "$directory/old/$image.png" "$directory/new/$image.png" || fail "both releases make the same of $image.png"
done

say "The old release begins"
start_master "$old" state
for worker in one two; do start_worker "$old" $worker 1; done
within 60 "two workers" has_alive "$new" 2
job=$("$old/tessera" submit --detach "$pipeline" "$directory/small.png" "$directory/large.png" | awk 'NR == 1 { print $1 }')
within 120 "the large image is half done" is_half_done "$job"
[ "$(state_of "$job")" = running ] || fail "job $job is $(state_of "$job") already; give a larger SIZE"
echo "job $job: $(tasks_done "$job") tasks are done"

say "The master becomes the new release"
stop master
start_master "$new" state "$TESSERA_MASTER"
echo "job $job: $(tasks_done "$job") tasks are done"
for worker in one two; do within 30 "worker $worker is told" grep -q release-differs "$directory/$worker.log"; done
has_alive "$new" 0 || fail "the new master takes workers of the old release"
grep -h release-differs "$directory/one.log" | head -1

say "The workers become the new release, one by one"
for worker in one two; do
    stop $worker
    start_worker "$new" $worker 1
done
within 300 "job $job ends" has_ended "$job"
mkdir "$directory/result"
"$new/tessera" fetch "$job" -o "$directory/result/"
"$new/tessera" status "$job"
cmp "$directory/result/small.png" "$directory/old/small.png" || fail "the image that was done is not the old release's"
cmp "$directory/result/large.png" "$directory/new/large.png" || fail "THE IMAGE IN PROGRESS IS NOT WHOLLY THE NEW RELEASE'S"
say "small.png, done before, is the old release's; large.png, half done, is wholly the new one's"
