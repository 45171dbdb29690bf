# Services, cables, hosts, the power and the disk are taken away in mid-job: every result has to be right, and everything has to be
# back without help. A part of scripts/hosts-check.sh.

case_killed_services() {
    submit_batch 12
    local name
    for name in "${workers[@]}"; do
        still_runs
        kill_worker "$name"
    done
    still_runs
    kill -KILL "$(process_of $master tessera-master)"
    finish_batch
    all_alive
    pass "kill -9 of every worker, then of the master: $images of $images results, and all are back"
}

case_cable() {
    submit_batch 12
    host_cable "${workers[0]}" down
    within 10 "a host without a cable is given up" has_alive 2
    still_runs
    host_cable "${workers[0]}" up
    all_alive
    finish_batch
    pass "a cable out until the worker is given up, and in again: $images of $images results, and the worker is back"
    submit_batch 12
    host_cable $master down
    # As the workers and the master see it, everybody else is gone.
    sleep 5
    still_runs
    host_cable $master up
    finish_batch
    all_alive
    pass "the master's cable out for 5 s: $images of $images results, and all workers are back"
}

case_suspended_host() {
    submit_batch 12
    host_freeze "${workers[1]}" 1
    within 10 "a suspended host is given up" has_alive 2
    still_runs
    host_freeze "${workers[1]}" 0
    all_alive
    finish_batch
    pass "a host suspended until it is given up, and continued: $images of $images results, and the worker is back"
    submit_batch 12
    host_freeze $master 1
    sleep 5
    host_freeze $master 0
    still_runs
    finish_batch
    all_alive
    pass "the master's host suspended for 5 s: $images of $images results, and all workers are back"
}

case_full_disk() {
    # A disk of its own for the master's state, for this case only.
    host $master systemctl stop tessera-master
    host $master mount -t tmpfs -o size=256M,mode=700 tmpfs /var/lib/tessera
    host $master chown tessera:tessera /var/lib/tessera
    restart_master 'min-free-bytes: 64M'
    submit_batch 12
    host $master sh -c 'head -c 1G /dev/zero >/var/lib/tessera/ballast' 2>/dev/null || true
    [ "$(host $master df --output=avail /var/lib/tessera | tail -n 1)" -lt 1024 ] || fail "the disk is not full"
    still_runs
    within 20 "tessera status says that the disk is full" disk_is_full
    local stalled
    stalled=$(tasks_done)
    host $master rm /var/lib/tessera/ballast
    finish_batch
    [ -z "$(tessera dead list --json | grep -o '"image"')" ] || fail "a full disk cost attempts"
    pass "the master's disk full after $stalled of $images images: the job waits, and continues once there is room; $images of $images results"
    host $master systemctl stop tessera-master
    host $master umount /var/lib/tessera
    restart_master
}
disk_is_full() { tessera status | grep -q '^disk *FULL'; }

case_reboot() {
    submit_batch 12
    still_runs
    host_cut_power $master
    local begin=$EPOCHREALTIME
    boot $master
    all_alive
    milliseconds "$begin" "$EPOCHREALTIME" >"$log/power"
    finish_batch
    figure "the power cut of the master's host to all workers back" "as built in" "$log/power"
    pass "the master's host loses its power in mid-job: all workers are back after $(cat "$log/power") ms, $images of $images results"

    submit_batch 12
    still_runs
    host_power_off $master
    boot $master
    all_alive
    finish_batch
    pass "the master's host reboots in mid-job: $images of $images results"

    submit_batch 12
    still_runs
    host_cut_power "${workers[2]}"
    within 10 "the host without power is given up" has_alive 2
    boot "${workers[2]}"
    finish_batch
    all_alive
    pass "a worker's host loses its power and boots again: $images of $images results, and the worker is back"
}
