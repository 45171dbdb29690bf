# What the scripts of examples/ have to do in Slurm. A part of scripts/slurm-check.sh.

all=(processors idle lifetime cancelled_allocation autoscale)

# A user, with a directory that all nodes see, and a master of hers on the front node.
start_user() {
    local home=$world/shared/ada
    mkdir -p "$home"/{images,many,known}
    cp -r examples "$home"
    # Forty images of which no two are alike, so that kept results of one are not those of another.
    python3 - "$home/images" "$home/many" <<'END'
import struct, sys, zlib

def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

for number in range(40):
    rows = b"".join(b"\0" + bytes((x * y // 40 + x * number) & 255 for x in range(1200)) for y in range(600))
    data = zlib.compress(rows, 1)
    # In `many` each image is eight times, every time cut elsewhere into two chunks: other files with the same result, so that
    # their work lasts longer than it takes to look at it, on a slow machine, too.
    places = [(f"{sys.argv[1]}/{number:02}.png", 0)] + [(f"{sys.argv[2]}/{number:02}-{copy}.png", copy) for copy in range(1, 9)]
    for path, cut in places:
        with open(path, "wb") as file:
            file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 1200, 600, 8, 0, 0, 0, 0)))
            file.write(chunk(b"IDAT", data[:cut]) + chunk(b"IDAT", data[cut:]) + chunk(b"IEND", b""))
END
    (umask 077 && head -c 32 /dev/urandom | base64 >"$home/secret")
    on front chown -R ada:ada /srv/ada
    exported=(TESSERA_MASTER="${node_address[front]}:7400" TESSERA_SECRET_FILE=/srv/ada/secret)
    daemon front master runuser -u ada -- env "${exported[@]}" \
        tessera-master --listen "${node_address[front]}:7400" --state-dir /home/ada/state
    within 30 "the master answers" as_ada tessera workers
}
pipeline='median size=31 | gaussian-blur sigma=3'

# A member of the workers that are alive, or of a job: worker_numbers KEY; job_number JOB KEY
worker_numbers() {
    as_ada tessera workers --json | grep '"state":"alive"' | grep -o "\"$1\":[0-9]*" | cut -d: -f2 | xargs
}
alive() { [ "$(worker_numbers slot_count | wc -w)" = "$1" ]; }
job_number() { as_ada tessera status "$1" --json 2>/dev/null | grep -o "\"$2\":[0-9]*" | head -n 1 | cut -d: -f2; }
done_at_least() { [ "$(job_number "$1" images_done)" -ge "$2" ]; }
# The number of a job that sbatch was given: submit_batch [OPTION...] SCRIPT [ARGUMENT...]
submit_batch() { as_ada sbatch --parsable --output=/srv/ada/slurm-%j.log "$@"; }
cancel() { as_ada scancel "$1" && within 60 "job $1 is over" job_is "$1" CANCELLED; }
digests() { (cd "$world/shared/ada/$1" && sha256sum -- *.png); }

# The results without any disturbance; two of them are compared with what the pipeline does on one machine, without a cluster.
know_results() {
    local job
    [ ! -e "$world/known" ] || return 0
    job=$(submit_batch examples/slurm-worker.sh)
    within 60 "the worker of job $job is alive" alive 1
    as_ada sh -c "tessera run --no-cache '$pipeline' images/*.png -o known/" >/dev/null 2>"$log/known.log" ||
        fail "the undisturbed job failed; see $log/known.log"
    as_ada tessera verify "$pipeline" images/00.png images/39.png >/dev/null 2>>"$log/known.log" ||
        fail "the results are not what is computed alone; see $log/known.log"
    digests known >"$world/known"
    [ "$(wc -l <"$world/known")" = 40 ] || fail "$(wc -l <"$world/known") of 40 results"
    cancel "$job"
    within 20 "its worker is gone" alive 0
}

case_processors() {
    local count job node worker
    for count in 1 2; do
        job=$(submit_batch --cpus-per-task=$count examples/slurm-worker.sh)
        within 60 "the worker of job $job is alive" alive 1
        [ "$(worker_numbers slot_count) $(worker_numbers ranks_per_slot)" = "$count 1" ] ||
            fail "a worker of $count processors has $(worker_numbers slot_count) slots of $(worker_numbers ranks_per_slot) ranks"
        node=$(job_field "$job" BatchHost)
        worker=$(on "$node" pgrep -x tessera-worker)
        [ "$(on "$node" pgrep -c -x 'tessera-rank(-v3)?')" = "$count" ] || fail "not $count ranks run on node $node"
        [ "$(on "$node" taskset -pc "$worker" | sed 's/.*: //' | awk -F'[,-]' '{ print /-/ ? $2 - $1 + 1 : NF }')" = "$count" ] ||
            fail "the worker of $count processors is bound to others: $(on "$node" taskset -pc "$worker")"
        cancel "$job"
        within 20 "its worker is gone" alive 0
        [ -z "$(on "$node" pgrep -u ada || true)" ] || fail "a process of the job is left on node $node"
    done
    pass "a worker has a slot of one rank for each processor of its job, 1 and 2, and is bound to them"
}

case_idle() {
    local job
    job=$(submit_batch --export=ALL,TESSERA_IDLE_TIMEOUT=2s examples/slurm-worker.sh)
    job_ended "$job" COMPLETED 0:0
    pass "a worker without work ends by itself, and its job is COMPLETED, 0:0"
}

case_lifetime() {
    local job work='' second id
    know_results
    job=$(submit_batch --time=1 examples/slurm-worker.sh)
    job_ended "$job" FAILED 64:0
    grep -q 'ask sbatch for --time' "$world/shared/ada/slurm-$job.log" || fail "job $job does not say what time it needs"

    job=$(submit_batch --time=2 examples/slurm-worker.sh)
    within 60 "the worker of job $job is alive" alive 1
    # Three jobs are open until it leaves.
    while job_is "$job" RUNNING; do
        if [ "$(as_ada tessera status --json | grep -o '"jobs_open":[0-9]*' | cut -d: -f2)" -lt 3 ]; then
            work+=" $(as_ada sh -c "tessera submit --detach --no-cache '$pipeline' images/*.png" | cut -d' ' -f1)"
        else
            sleep 0.2
        fi
    done
    job_ended "$job" COMPLETED 0:0
    within 10 "the master has seen it leave" alive 0
    [ "$(job_number "${work##* }" images_done)" -lt 40 ] || fail "all work was done before the worker left: nothing is shown"
    second=$(submit_batch examples/slurm-worker.sh)
    for id in $work; do
        within 120 "job $id is done" done_at_least "$id" 40
        [ "$(job_number "$id" attempts_lost) $(job_number "$id" attempts_failed)" = "0 0" ] || fail "job $id lost attempts"
    done
    as_ada tessera fetch "${work##* }" -o after-lifetime/ >/dev/null 2>&1 || fail "the results of job ${work##* } cannot be fetched"
    digests after-lifetime | cmp - "$world/known" || fail "other results after a worker left"
    cancel "$second"
    within 20 "its worker is gone" alive 0
    pass "a worker leaves before its job's time is over, COMPLETED, 0:0, and the next one does the rest of $(wc -w <<<"$work") jobs: no attempt lost, 40 of 40 results of the last as known"
}

case_cancelled_allocation() {
    local job directory=/srv/ada/allocation host options saved=("${exported[@]}")
    know_results
    while read -r digest name; do
        for copy in 1 2 3 4 5 6 7 8; do echo "$digest  ${name%.png}-$copy.png"; done
    done <"$world/known" >"$world/known-many"
    # What is run is what docs/operating.md shows, with a name for the directory, as the page of the script says.
    options=(--nodes=2 --cpus-per-task=2 --export="ALL,TESSERA_JOB_DIR=$directory" examples/slurm.sh run "$pipeline")
    exported=()
    job=$(as_ada sh -c 'sbatch --parsable --output=/srv/ada/slurm-%j.log "$@" many/*.png -o cleaned/' sh "${options[@]}")
    within 60 "job $job has a master" test -s "$world/shared/ada/allocation/address"
    host=$(job_field "$job" BatchHost)
    exported=(TESSERA_MASTER="${node_address[$host]}:$(sed 's/.*://' "$world/shared/ada/allocation/address")"
        TESSERA_SECRET_FILE=$directory/secret)
    within 60 "both nodes have a worker" alive 2
    [ "$(worker_numbers slot_count)" = "2 2" ] || fail "the workers have $(worker_numbers slot_count) slots, not 2 2"
    within 60 "some of the images are done" done_at_least 1 60
    as_ada scancel "$job"
    within 60 "job $job is over" job_is "$job" CANCELLED
    for host in one two; do
        [ -z "$(on $host pgrep -u ada || true)" ] || fail "a process of job $job is left on node $host"
    done
    [ "$(find "$world/shared/ada/cleaned" -name '*.png' 2>/dev/null | wc -l)" -lt 320 ] || fail "all was done before the cancellation: nothing is shown"

    exported=()
    job=$(as_ada sh -c 'sbatch --parsable --output=/srv/ada/slurm-%j.log "$@" many/*.png -o cleaned/' sh "${options[@]}")
    job_ended "$job" COMPLETED 0:0 120
    digests cleaned | cmp - "$world/known-many" || fail "other results after an allocation was cancelled"
    for host in one two; do
        [ -z "$(on $host pgrep -u ada || true)" ] || fail "a process of job $job is left on node $host"
    done
    exported=("${saved[@]}")
    pass "an allocation on both nodes, cancelled half-way, is continued by the next one: 320 of 320 results as known"
}

case_autoscale() {
    local line work id autoscale
    know_results
    line=$(sed -n '/^## A fleet that follows its work/,/^## /p' docs/operating.md | grep '^    tessera autoscale .*sbatch') ||
        fail "docs/operating.md has no line for Slurm"
    work=$(as_ada sh -c "for round in \$(seq 12); do tessera submit --detach --no-cache '$pipeline' images/*.png | cut -d' ' -f1; done")
    # Times for a check rather than for a site.
    as_ada sh -c "exec ${line#    } --target 2s --interval 1s --shrink-after 3s" >"$log/autoscale" 2>&1 </dev/null &
    autoscale=$!
    within 60 "two workers are started by two jobs" alive 2
    [ "$(on front squeue --noheader --format=%j | sort -u)" = tessera-worker ] || fail "jobs: $(on front squeue)"
    for id in $work; do
        within 120 "job $id is done" done_at_least "$id" 40
        [ "$(job_number "$id" attempts_lost) $(job_number "$id" attempts_failed)" = "0 0" ] || fail "job $id lost attempts"
    done
    within 60 "the jobs of the fleet are ended" queue_is_empty
    within 20 "their workers are gone" alive 0
    as_ada tessera fetch "${work##*$'\n'}" -o scaled/ >/dev/null 2>&1 || fail "the results cannot be fetched"
    digests scaled | cmp - "$world/known" || fail "other results of the fleet"
    on front pkill -TERM -x -u ada tessera
    wait "$autoscale" || fail "autoscale ended with status $?; see $log/autoscale"
    pass "tessera autoscale, by the line of docs/operating.md: jobs are started for the work and ended after it, none lost an attempt"
}
queue_is_empty() { [ -z "$(on front squeue --noheader)" ]; }
