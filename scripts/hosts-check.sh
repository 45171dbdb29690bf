#!/usr/bin/env bash
# Accepts a release on hosts as they are in the field (as root): four machines that boot systemd, one with the master and three
# with workers, on a network of their own, with the Debian packages installed.
#
#     scripts/hosts-check.sh PACKAGES NEXT [CASE...]
#
# NEXT has packages of a higher version. Services are killed, cables pulled, hosts suspended and switched off, a disk filled, a
# release replaced by the next, all during jobs, whose results have to be the bytes that one machine computes alone. From each
# loss of a worker the time is measured until the master has leased its task again. SAMPLES=100 says how often a worker is
# killed, SILENT=5 how often each kind of silence is measured. CASEs are the functions case_... below; without, all of them.
# Leaves no process, mount, network, control group or file behind, also after a failure or Ctrl-C.
set -euo pipefail
cd "$(dirname "$0")/.."
packages=$(realpath "$1") next=$(realpath "$2")
shift 2
source scripts/hosts.sh
[ "$(id -u)" = 0 ] || { echo "hosts-check: must run as root, to boot hosts" >&2; exit 1; }

master=tessera-$$-master
workers=(tessera-$$-one tessera-$$-two tessera-$$-three)
declare -A address=([$master]=192.0.2.10 [${workers[0]}]=192.0.2.11 [${workers[1]}]=192.0.2.12 [${workers[2]}]=192.0.2.13)
log=$(mktemp -d "${TMPDIR:-/tmp}/tessera-hosts.XXXXXX")
started=$SECONDS

fail() {
    echo "hosts-check: FAILED: $*" >&2
    exit 1
}
# What the hosts say of themselves goes into the directory of logs, which is kept.
keep_logs() {
    local name
    for name in $master "${workers[@]}"; do
        cp "$hosts_directory/$name/console" "$log/$name.console" 2>/dev/null || true
        [ -z "${host_leader[$name]:-}" ] || host_freeze "$name" 0 || true
        timeout 10 nsenter -t "${host_leader[$name]:-0}" -m -p journalctl -b --no-pager -o short-precise >"$log/$name.journal" 2>/dev/null ||
            true
    done
    echo "hosts-check: $passed passed, 1 failed; consoles and journals are in $log" >&2
}
finish() {
    local status=$? name
    trap - EXIT
    trap '' INT TERM
    if [ $status = 0 ]; then rm -rf "$log"; else keep_logs; fi
    for name in $master "${workers[@]}"; do
        host_cut_power "$name" || true
        host_remove "$name" || status=1
    done
    hosts_network_remove || status=1
    hosts_abandon_layer || status=1
    exit $status
}
trap finish EXIT
trap 'echo "hosts-check: line $LINENO failed: $BASH_COMMAND" >&2' ERR
trap 'exit 130' INT TERM

# ---- Hosts and services

active() { host "$1" systemctl is-active --quiet "$2"; }
tessera() { host $master tessera "$@"; }
alive() { tessera workers --json | grep -o '"state":"alive"' | wc -l; }
has_alive() { [ "$(alive)" = "$1" ]; }
has_at_least() { [ "$(alive)" -ge "$1" ]; }
all_alive() { within 30 "${1:-3} workers are alive" has_alive "${1:-3}"; }

# Writes a file of a host as a person would: host_file NAME FILE TEXT
host_file() { printf '%s\n' "$3" >"$(host_root "$1")$2"; }

# By patterns of names: install HOST PATTERN...
install() {
    local name=$1
    shift
    host "$name" sh -c "apt-get install -y --no-install-recommends $*" >"$log/$name.apt" 2>&1 ||
        fail "apt-get install failed on $name: $(tail -n 3 "$log/$name.apt")"
}
# Runs a function for several hosts at once: on_all FUNCTION HOST...
on_all() {
    local function=$1 name running=()
    shift
    for name in "$@"; do
        $function "$name" &
        running+=($!)
    done
    for name in "${running[@]}"; do wait "$name" || fail "$function failed on a host"; done
}

copy_secret() {
    host $master cat /etc/tessera/secret >"$(host_root "$1")/etc/tessera/secret.new"
    chmod 600 "$(host_root "$1")/etc/tessera/secret.new"
    host "$1" mv /etc/tessera/secret.new /etc/tessera/secret
}
restart_master() { # with these settings besides those of the network
    host_file $master /etc/tessera/master.yaml "listen: 0.0.0.0:7400
log-level: debug
${1:-}"
    host $master systemctl restart tessera-master
    all_alive
}

# The number of a host's process outside: process_of HOST PROGRAM
process_of() { pgrep --ns "${host_leader[$1]}" --nslist pid -x "$2"; }

# ---- Jobs

# What is done to photographs of two sizes, 0.24 and 3.8 megapixels, and the digests of what becomes of them.
declare -A known=()
slow='median size=41 | canny low=50 high=150'
# Sets `job`, and returns when some of it is done: submit_batch IMAGES [small|large]
submit_batch() {
    size=${2:-small}
    job=$(tessera submit --detach --no-cache "$slow" $(seq -f "/root/$size/%g.png" "$1") 2>/dev/null | cut -d' ' -f1)
    within 60 "some of job $job is done" has_done 4
}
tasks_done() { tessera status "$job" --json | grep -o '"tasks_done":[0-9]*' | head -n 1 | cut -d: -f2; }
has_done() { [ "$(tasks_done)" -ge "$1" ]; }
state() { tessera status "$job" --json | grep -o '"state":"[a-z-]*"' | head -n 1 | cut -d'"' -f4; }
# The fault has to have happened in mid-job, or the case has shown nothing.
still_runs() { [ "$(state)" = running ] || fail "job $job was over before the fault: $(state)"; }
# The job ends well, and every result is as computed alone: finish_batch IMAGES
finish_batch() {
    within 30 "the master answers" tessera workers
    tessera wait "$job" >"$log/wait" 2>&1 || fail "job $job did not end well: $(tail -n 3 "$log/wait")"
    host $master rm -rf /root/out
    tessera fetch "$job" -o /root/out/ >/dev/null 2>&1 || fail "the results of job $job cannot be fetched"
    local right
    right=$(host $master sh -c 'sha256sum /root/out/*' | grep -c "^${known[$size]} ") || true
    [ "$right" = "$1" ] || fail "$right of $1 results of job $job are as computed alone"
}

# ---- The time from a loss to the new lease

# The master's journal, of which the grants are taken with their times.
follow_grants() {
    host $master journalctl -f -n 0 -o short-unix -u tessera-master >>"$log/grants" 2>/dev/null &
}
# The time of a lease in seconds, and its worker: grant ATTEMPT
grant() {
    awk -v lease="lease.id=$job.0/whole#$1" '$4 " " $5 == "lease granted" && $6 == lease { print $1, substr($7, 11); found = 1; exit }
        END { exit !found }' "$log/grants"
}
host_of_worker() { tessera workers --json | tr '{' '\n' | grep -F "\"worker\":\"$1\"" | sed -nE 's/.*"name":"([^"]*)".*/\1/p'; }

# Loses the worker that computes a task, and appends the milliseconds until another has it to FILE: lose FILE FAULT HEAL
lose() {
    local file=$1 fault=$2 heal=$3 first second victim begin granted
    job=$(tessera submit --detach --no-cache --audit 0 'median size=255 | median size=253' /root/large/1.png | cut -d' ' -f1)
    within 20 "job $job is leased" grant 1
    first=$(grant 1 | cut -d' ' -f2)
    victim=$(host_of_worker "$first")
    [ -n "$victim" ] || fail "job $job is leased to $first, which is not listed"
    $fault "$victim"
    within 20 "the task of job $job is leased again after $fault of $victim" grant 2
    read -r granted second < <(grant 2)
    [ "$second" != "$first" ] || fail "the task of job $job went back to the lost worker"
    echo "$begin $granted" | awk '{ printf "%.1f\n", ($2 - $1) * 1000 }' >>"$file"
    tessera cancel "$job" >/dev/null 2>&1
    $heal "$victim"
}
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
at_most() { # FILE PERCENT MILLISECONDS WHAT
    awk -v v="$(percentile "$1" "$2")" -v limit="$3" 'BEGIN { exit v > limit }' || fail "$4: $(figures "$1"), above $3 ms"
}

# ---- The cases, in this order

case_installation() {
    install $master '/packages/tessera*.deb'
    within 20 "the worker beside the master is listed" has_alive 1
    tessera run 'resize width=2400 height=1600' /root/small/1.png -o /root/large/1.png >/dev/null 2>&1 || fail "the first job failed"
    for size in small large; do
        host $master sh -c "for number in \$(seq 2 160); do ln /root/$size/1.png /root/$size/\$number.png; done"
        tessera run "$slow" /root/$size/1.png -o /root/known.png >/dev/null 2>&1 || fail "a job of one $size image failed"
        tessera verify "$slow" /root/$size/1.png >/dev/null 2>&1 || fail "the $size result is not what is computed alone"
        known[$size]=$(host $master sha256sum /root/known.png | cut -d' ' -f1)
    done
    pass "one host, no file edited: the result is as computed alone, ${known[small]:0:16}"
    host $master apt-get purge -y tessera-worker >"$log/apt" 2>&1 || fail "apt-get purge tessera-worker failed"
    host_file $master /etc/tessera/master.yaml 'listen: 0.0.0.0:7400
log-level: debug'
    host $master systemctl restart tessera-master

    on_all install_worker "${workers[@]}"
    copy_secret "${workers[0]}"
    copy_secret "${workers[1]}"
    all_alive 2
    local waiting=${workers[2]}
    ! active "$waiting" tessera-worker || fail "the worker runs without a secret"
    [ -z "$(host "$waiting" systemctl list-units --failed --no-legend --plain 'tessera*')" ] || fail "a unit failed without a secret"
    local said
    said=$(host "$waiting" systemctl status --no-pager tessera-worker 2>&1) || true
    [[ $said == *"ConditionFileNotEmpty=/etc/tessera/secret was not met"* ]] ||
        fail "systemctl status does not say that the secret is missing: $said"
    copy_secret "$waiting"
    all_alive 3
    pass "a worker without a secret waits, says so, and starts by itself once it has it"
    submit_batch 24
    finish_batch 24
    pass "three hosts with workers: 24 of 24 results are as computed alone"
}
install_worker() {
    install "$1" '/packages/tessera-common_*.deb /packages/tessera-worker_*.deb'
    host_file "$1" /etc/tessera/worker.yaml "master: ${address[$master]}:7400"
}

case_killed_services() {
    submit_batch 120
    local name
    for name in "${workers[@]}"; do
        still_runs
        kill_worker "$name"
    done
    still_runs
    kill -KILL "$(process_of $master tessera-master)"
    finish_batch 120
    all_alive
    pass "kill -9 of every worker, then of the master: 120 of 120 results, and all are back"
}

case_cable() {
    submit_batch 120
    host_cable "${workers[0]}" down
    within 10 "a host without a cable is given up" has_alive 2
    still_runs
    host_cable "${workers[0]}" up
    all_alive
    finish_batch 120
    pass "a cable out until the worker is given up, and in again: 120 of 120 results, and the worker is back"
    submit_batch 120
    host_cable $master down
    # As the workers and the master see it, everybody else is gone.
    sleep 5
    still_runs
    host_cable $master up
    finish_batch 120
    all_alive
    pass "the master's cable out for 5 s: 120 of 120 results, and all workers are back"
}

case_suspended_host() {
    submit_batch 120
    host_freeze "${workers[1]}" 1
    within 10 "a suspended host is given up" has_alive 2
    still_runs
    host_freeze "${workers[1]}" 0
    all_alive
    finish_batch 120
    pass "a host suspended until it is given up, and continued: 120 of 120 results, and the worker is back"
    submit_batch 120
    host_freeze $master 1
    sleep 5
    host_freeze $master 0
    still_runs
    finish_batch 120
    all_alive
    pass "the master's host suspended for 5 s: 120 of 120 results, and all workers are back"
}

case_full_disk() {
    # A disk of its own for the master's state, for this case only.
    host $master systemctl stop tessera-master
    host $master mount -t tmpfs -o size=256M,mode=700 tmpfs /var/lib/tessera
    host $master chown tessera:tessera /var/lib/tessera
    restart_master 'min-free-bytes: 64M'
    submit_batch 120
    host $master sh -c 'head -c 1G /dev/zero >/var/lib/tessera/ballast' 2>/dev/null || true
    [ "$(host $master df --output=avail /var/lib/tessera | tail -n 1)" -lt 1024 ] || fail "the disk is not full"
    still_runs
    within 20 "tessera status says that the disk is full" disk_is_full
    local stalled
    stalled=$(tasks_done)
    host $master rm /var/lib/tessera/ballast
    finish_batch 120
    [ -z "$(tessera dead list --json | grep -o '"image"')" ] || fail "a full disk cost attempts"
    pass "the master's disk full after $stalled of 120 tasks: the job waits, and continues once there is room; 120 of 120 results"
    host $master systemctl stop tessera-master
    host $master umount /var/lib/tessera
    restart_master
}
disk_is_full() { tessera status | grep -q '^disk *FULL'; }

case_reboot() {
    submit_batch 60
    still_runs
    host_cut_power $master
    local begin=$EPOCHREALTIME
    host_boot $master || fail "the master's host did not boot after a power cut: $(tail -n 3 "$hosts_directory/$master/console")"
    host_plug $master "${address[$master]}"
    all_alive
    echo "the master's host is back with all workers $(awk -v a="$begin" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }') s after its power was cut"
    finish_batch 60
    pass "the master's host loses its power in mid-job and boots again: 60 of 60 results"

    submit_batch 60
    still_runs
    host_power_off $master
    host_boot $master || fail "the master's host did not boot again: $(tail -n 3 "$hosts_directory/$master/console")"
    host_plug $master "${address[$master]}"
    all_alive
    finish_batch 60
    pass "the master's host reboots in mid-job: 60 of 60 results"

    submit_batch 60
    still_runs
    host_cut_power "${workers[2]}"
    within 10 "the host without power is given up" has_alive 2
    host_boot "${workers[2]}" || fail "a worker's host did not boot again"
    host_plug "${workers[2]}" "${address[${workers[2]}]}"
    finish_batch 60
    all_alive
    pass "a worker's host loses its power and boots again: 60 of 60 results, and the worker is back"
}

case_upgrade() {
    local before name
    before=$(host $master dpkg-query -W -f '${Version}' tessera-master)
    submit_batch 160 large
    install $master '/next/tessera-common_*.deb /next/tessera-master_*.deb /next/tessera_*.deb'
    for name in "${workers[@]}"; do
        still_runs
        install "$name" '/next/tessera-common_*.deb /next/tessera-worker_*.deb'
    done
    finish_batch 160
    all_alive
    local after
    after=$(host $master dpkg-query -W -f '${Version}' tessera-master)
    [ "$before" != "$after" ] || fail "the version is $after as before"
    for name in "${workers[@]}"; do
        [ "$(host "$name" dpkg-query -W -f '${Version}' tessera-worker)" = "$after" ] || fail "the worker of $name is not $after"
    done
    # Counted since the master's start, which was the beginning of the upgrade.
    [ -z "$(tessera workers --json | grep -oE '"attempts_failed":[1-9][0-9]*')" ] || fail "attempts failed during the upgrade"
    pass "$before replaced by $after on all hosts under load: 160 of 160 results"
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
        pass "heartbeat $beat: from a pulled cable to the new lease: $(figures "$log/cable-$beat")"
        pass "heartbeat $beat: from a suspended host to the new lease: $(figures "$log/suspended-$beat")"
    done
    restart_master
}

case_purge() {
    on_all purge $master "${workers[@]}"
    pass "purged on four hosts: no process and no file is left"
}
purge() {
    host "$1" sh -c 'apt-get purge -y $(dpkg-query -W -f "\${Package} " "tessera*")' >"$log/$1.apt" 2>&1 ||
        fail "apt-get purge failed on $1: $(tail -n 3 "$log/$1.apt")"
    [ -z "$(process_of "$1" 'tessera.*')" ] || fail "a process is left on $1"
    local left
    left=$(host "$1" find / -xdev -name '*tessera*' ! -path '/packages/*' ! -path '/next/*')
    [ -z "$left" ] || fail "left on $1 after purge: $left"
}

cases=(installation "$@")
[ $# != 0 ] || cases=(installation killed_services cable suspended_host full_disk reboot upgrade lost_workers silent_hosts purge)

hosts_make_base
hosts_add_dependencies "$packages"
hosts_network_make
begin=$EPOCHREALTIME
boot() {
    host_boot "$1" || fail "$1 did not boot: $(tail -n 3 "$hosts_directory/$1/console")"
    host_plug "$1" "${address[$1]}"
}
for name in $master "${workers[@]}"; do
    host_create "$name"
    mkdir "$(host_root "$name")"/{packages,next}
    cp "$packages"/tessera*.deb "$(host_root "$name")/packages"
    cp "$next"/tessera*.deb "$(host_root "$name")/next"
    boot "$name"
done
mkdir "$(host_root $master)"/root/{small,large}
cp examples/coffee.png "$(host_root $master)/root/small/1.png"
echo "four hosts are up in $(awk -v a="$begin" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }') s"
for name in "${cases[@]}"; do "case_$name"; done
echo "hosts-check: $passed passed, 0 failed, in $((SECONDS - started)) s"
