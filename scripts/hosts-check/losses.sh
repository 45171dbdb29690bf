# The time from the loss of a worker to the lease of its task to another, across hosts. A part of scripts/hosts-check.sh.

# The master's journal, of which the grants are taken with their times.
follow_grants() {
    stop_following
    host $master journalctl -f -n 0 -o short-unix -u tessera-master >>"$log/grants" 2>/dev/null &
    grants_follower=$!
}
stop_following() {
    [ -z "${grants_follower:-}" ] || kill "$grants_follower" 2>/dev/null || true
    grants_follower=
}
# The time of a lease in seconds, and its worker: grant ATTEMPT
grant() {
    awk -v lease="lease.id=$job.0/whole#$1" '$4 " " $5 == "lease granted" && $6 == lease { print $1, substr($7, 11); found = 1; exit }
        END { exit !found }' "$log/grants"
}
host_of_worker() { tessera workers --json | tr '{' '\n' | grep -F "\"worker\":\"$1\"" | sed -nE 's/.*"name":"([^"]*)".*/\1/p'; }

# A pipeline of five seconds and more, so that a loss meets it however slow the commands before it are.
lasting=$(printf 'median size=255 | %.0s' {1..11})'median size=253'

# Loses the worker that computes a task, and appends the milliseconds until another has it to FILE: lose FILE FAULT HEAL
lose() {
    local file=$1 fault=$2 heal=$3 first second victim begin granted
    job=$(tessera submit --detach --no-cache --audit 0 "$lasting" /root/in/1.png | cut -d' ' -f1)
    within 20 "job $job is leased" grant 1
    first=$(grant 1 | cut -d' ' -f2)
    victim=$(host_of_worker "$first")
    [ -n "$victim" ] || fail "job $job is leased to $first, which is not listed"
    still_runs
    $fault "$victim"
    within 20 "the task of job $job is leased again after $fault of $victim" grant 2
    read -r granted second < <(grant 2)
    [ "$second" != "$first" ] || fail "the task of job $job went back to the lost worker"
    milliseconds "$begin" "$granted" >>"$file"
    tessera cancel "$job" >/dev/null 2>&1
    $heal "$victim"
}
milliseconds() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.1f\n", (b - a) * 1000 }'; }
# Faults set `begin`, the time of the loss.
kill_worker() {
    local process
    process=$(process_of "$1" tessera-worker)
    begin=$EPOCHREALTIME
    kill -KILL "$process"
}
nothing() { :; }
pull_cable() {
    begin=$EPOCHREALTIME
    host_cable "$1" down
}
put_cable_back() { host_cable "$1" up; }
suspend() {
    begin=$EPOCHREALTIME
    host_freeze "$1" 1
}
continue_host() { host_freeze "$1" 0; }

percentile() { sort -n "$1" | awk -v p="$2" '{ v[NR] = $1 } END { i = int((NR * p + 99) / 100); print v[i] }'; }
figures() { echo "p50 $(percentile "$1" 50) ms, p99 $(percentile "$1" 99) ms, worst $(percentile "$1" 100) ms of $(wc -l <"$1")"; }
# Keeps a row of the table: figure WHAT SETTINGS FILE, of milliseconds
kept=()
figure() {
    kept+=("$1"$'\t'"$2"$'\t'"$(wc -l <"$3")"$'\t'"$(percentile "$3" 50)"$'\t'"$(percentile "$3" 99)"$'\t'"$(percentile "$3" 100)")
}
at_most() { # FILE PERCENT MILLISECONDS WHAT
    awk -v v="$(percentile "$1" "$2")" -v limit="$3" 'BEGIN { exit v > limit }' || fail "$4: $(figures "$1"), above $3 ms"
}

case_lost_workers() {
    follow_grants
    local _
    for _ in $(seq "${SAMPLES:-100}"); do
        within 30 "two workers are alive" has_at_least 2
        lose "$log/killed" kill_worker nothing
    done
    all_alive
    at_most "$log/killed" 99 1000 "from the death of a worker to the new lease"
    stop_following
    figure "kill -9 of a worker to the new lease" "as built in" "$log/killed"
    pass "from kill -9 of a worker to the new lease: $(figures "$log/killed")"
}

case_silent_hosts() {
    local _ beat
    for beat in 500ms 150ms; do
        restart_master "heartbeat: $beat"
        follow_grants
        for _ in $(seq "${SILENT:-5}"); do
            lose "$log/cable-$beat" pull_cable put_cable_back
            all_alive
            lose "$log/suspended-$beat" suspend continue_host
            all_alive
        done
        local limit=4000
        [ $beat = 500ms ] || limit=1000
        at_most "$log/cable-$beat" 99 $limit "from a pulled cable to the new lease, heartbeat $beat"
        at_most "$log/suspended-$beat" 99 $limit "from a suspended host to the new lease, heartbeat $beat"
        figure "a cable pulled to the new lease" "heartbeat: $beat" "$log/cable-$beat"
        figure "a host suspended to the new lease" "heartbeat: $beat" "$log/suspended-$beat"
        pass "heartbeat $beat: from a pulled cable to the new lease: $(figures "$log/cable-$beat")"
        pass "heartbeat $beat: from a suspended host to the new lease: $(figures "$log/suspended-$beat")"
    done
    stop_following
    restart_master
}

# Writes the figures to RECORD, and from there the table of docs/guarantees.md.
keep_figures() {
    [ -n "${RECORD:-}" ] || return 0
    local page=docs/guarantees.md
    printf '%s\n' "${kept[@]}" >"$RECORD"
    awk -F'\t' -v figures="$RECORD" '
        /^<!-- table by scripts\/hosts-check.sh/ {
            print; print ""
            print "| from | settings | times | p50, ms | p99, ms | worst, ms |"
            print "| --- | --- | --- | --- | --- | --- |"
            while ((getline line < figures) > 0) {
                split(line, f, "\t")
                printf "| %s | %s | %s | %s | %s | %s |\n", f[1], f[2], f[3], f[4], f[5], f[6]
            }
            print ""; inside = 1; next
        }
        /^<!-- end of the table -->/ { inside = 0 }
        !inside' $page >"$log/page"
    cat "$log/page" >$page
    echo "the figures are in $RECORD and $page"
}
