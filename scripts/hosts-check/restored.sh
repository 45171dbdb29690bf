# The master's host is lost, and a backup of its state is restored on another one, which workers find by the second of their
# addresses (docs/operating.md, "A standby"). A part of scripts/hosts-check.sh.

case_restored_master() {
    # One of the workers' hosts takes the place of the master's.
    local name first=$master standby=${workers[2]}
    install_packages "$standby" '/packages/tessera-master_*.deb /packages/tessera_*.deb'
    # What its installation has begun, and nobody has used.
    host "$standby" systemctl disable --now tessera-master 2>/dev/null
    host "$standby" rm -r /var/lib/tessera
    masters=${address[$first]}:7400,${address[$standby]}:7400
    for name in "${workers[@]}"; do
        worker_settings "$name"
        host "$name" systemctl restart tessera-worker
    done
    all_alive

    submit_batch 12
    carry_backup "$first" "$standby"
    still_runs
    host_cut_power "$first"
    local begin=$EPOCHREALTIME
    # From here on jobs and workers are looked at where the master is now.
    local master=$standby
    master_settings debug
    restore_backup "$standby"
    all_alive
    milliseconds "$begin" "$EPOCHREALTIME" >"$log/restored"
    finish_batch
    figure "the master's host lost to all workers at the master restored on another" "two addresses" "$log/restored"
    pass "the master's host lost in mid-job, its backup restored on another: all workers are there after \
$(cat "$log/restored") ms, $images of $images results"

    # The former master comes back, and for a while is the only one.
    local -A moment=()
    boot "$first"
    within 10 "the former master runs" active "$first" tessera-master
    for name in "${workers[@]}"; do moment[$name]=$(journal_end "$name"); done
    host "$standby" systemctl stop tessera-master
    for name in "${workers[@]}"; do within 20 "$name refuses the former master" refuses_former "$name" "${moment[$name]}"; done
    moment[${workers[0]}]=$(journal_end "${workers[0]}")
    host "${workers[0]}" systemctl restart tessera-worker
    within 20 "${workers[0]} refuses it also after its restart" refuses_former "${workers[0]}" "${moment[${workers[0]}]}"
    within 10 "the former master is told so" is_told "$first"
    [ "$(master=$first alive)" = 0 ] || fail "the former master has workers"
    host "$standby" systemctl start tessera-master
    all_alive
    pass "the former master comes back alone: every worker refuses it, also after a restart, and it is told to stop"

    # Back to the first host, whose former state is moved away as a whole.
    host "$first" systemctl stop tessera-master
    host "$first" mv /var/lib/tessera /root/former
    carry_backup "$standby" "$first"
    host "$standby" systemctl disable --now tessera-master 2>/dev/null
    restore_backup "$first"
    local master=$first
    masters=${address[$master]}:7400
    for name in "${workers[@]}"; do
        worker_settings "$name"
        host "$name" systemctl restart tessera-worker
    done
    all_alive
    submit_batch 1
    finish_batch
    host "$standby" apt-get purge -y tessera-master tessera >"$log/apt" 2>&1 || fail "apt-get purge tessera-master failed"
    active "$standby" tessera-worker || fail "the worker does not run after the purge of the master beside it"
    host "$first" rm -r /root/former
    pass "a backup of the restored master leads back to the first host: $images of $images results"
}

# Makes a backup on a host whose master runs, and copies it to another: carry_backup FROM TO
carry_backup() {
    host "$1" rm -rf /root/backup
    host "$1" tessera-master backup /root/backup --config /etc/tessera/master.yaml >"$log/backup" 2>&1 ||
        fail "no backup on $1: $(tail -n 3 "$log/backup")"
    rm -rf "$(host_root "$2")/root/backup"
    cp -r "$(host_root "$1")/root/backup" "$(host_root "$2")/root/backup"
}
# Restores it on a host, and starts the master there: restore_backup HOST
restore_backup() {
    host "$1" tessera-master restore /root/backup --config /etc/tessera/master.yaml >"$log/restore" 2>&1 ||
        fail "no restore on $1: $(tail -n 3 "$log/restore")"
    host "$1" systemctl enable --now tessera-master 2>/dev/null
}
refuses_former() { journal_since "$1" "$2" tessera-worker | grep -c replaced-master; }
is_told() { host "$1" journalctl -b --no-pager -o cat -u tessera-master | grep -c 'a peer has met a master that was restored'; }
