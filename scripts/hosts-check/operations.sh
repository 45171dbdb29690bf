# What operators do: install, encrypt, change the secret and the log, purge. A part of scripts/hosts-check.sh.

case_installation() {
    install_packages $master '/packages/tessera*.deb'
    within 20 "the worker beside the master is listed" has_alive 1
    host $master mkdir /root/in
    tessera run 'resize width=2400 height=1600' /packages/coffee.png -o /root/in/1.png >/dev/null 2>&1 || fail "the first job failed"
    host $master sh -c 'for number in $(seq 2 999); do ln /root/in/1.png /root/in/$number.png; done'
    tessera run "$slow" /root/in/1.png -o /root/known.png >/dev/null 2>&1 || fail "a job of one image failed"
    tessera verify "$slow" /root/in/1.png >/dev/null 2>&1 || fail "the result is not what is computed alone"
    known=$(host $master sha256sum /root/known.png | cut -d' ' -f1)
    pass "one host, no file edited: the result is as computed alone, ${known:0:16}"
    host $master apt-get purge -y tessera-worker >"$log/apt" 2>&1 || fail "apt-get purge tessera-worker failed"
    master_settings debug
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
    submit_batch 1
    finish_batch
    pass "three hosts with workers: $images of $images results are as computed alone"
}
install_worker() {
    install_packages "$1" '/packages/tessera-common_*.deb /packages/tessera-worker_*.deb'
    worker_settings "$1"
}

# A copy of all bytes that pass the cable of the master's host, so of all that it and the workers say: capture_start FILE
capture_start() {
    ip netns exec "$hosts_network" tcpdump -i "${host_port[$master]}" -w "$1" -s 0 -B 65536 -U >"$log/tcpdump" 2>&1 &
    capture=$!
    within 10 "tcpdump listens on the master's cable" grep -q 'listening on' "$log/tcpdump"
}
capture_stop() {
    [ -n "${capture:-}" ] || return 0
    kill -TERM "$capture"
    wait "$capture" || true
    capture=
}
# The words of messages and of PNG files that are in a copy, with the bytes beside them: among ten million random bytes four are
# those of a word in one of two hundred copies.
words_in() {
    LC_ALL=C grep -aoP 'TESSERA|\x00\x00\x00\rIHDR|IDAT\x78' "$1" | grep -aoE 'TESSERA|IHDR|IDAT' | sort -u | tr '\n' ' ' || true
}
capture_batch() { # FILE
    capture_start "$1"
    submit_batch 1
    finish_batch
    capture_stop
    grep -q '^0 packets dropped by kernel' "$log/tcpdump" || fail "tcpdump lost packets: $(tail -n 3 "$log/tcpdump")"
}

case_encryption() {
    local name bytes input
    input=$(host $master stat -c %s /root/in/1.png)
    capture_batch "$log/encrypted"
    bytes=$(stat -c %s "$log/encrypted")
    [ "$bytes" -gt $((input * images)) ] || fail "the copy has $bytes bytes, less than the inputs of the job"
    [ -z "$(words_in "$log/encrypted")" ] || fail "in clear on the bridge: $(words_in "$log/encrypted")"
    # What is looked for is there when it is not hidden.
    restart_master 'tls: off'
    for name in "${workers[@]}"; do
        worker_settings "$name" 'tls: off'
        host "$name" systemctl restart tessera-worker
    done
    all_alive
    capture_batch "$log/clear"
    [ "$(words_in "$log/clear")" = "IDAT IHDR TESSERA " ] || fail "with tls: off the copy has only these words: $(words_in "$log/clear")"
    for name in "${workers[@]}"; do
        worker_settings "$name"
        host "$name" systemctl restart tessera-worker
    done
    restart_master
    rm "$log/encrypted" "$log/clear"
    pass "none of the words of messages and files is in the $((bytes / 1000000)) MB that pass the master's cable; with tls: off all are"
}

# The numbers of the workers that are alive: a worker that was gone has another one.
numbers() { tessera workers --json | tr '{' '\n' | grep '"state":"alive"' | grep -o '"worker":"[^"]*"' | sort; }

case_secret() {
    local name before
    before=$(numbers)
    host $master cp -p /etc/tessera/secret /root/former
    submit_batch 12
    tessera secret new >"$log/secret" || fail "tessera secret new failed"
    host $master systemctl reload tessera-master
    within 10 "workers are known to use the former secret" former_is_used
    ! tessera secret retire >>"$log/secret" 2>&1 || fail "the former secret was retired while workers used it"
    host $master systemctl reload tessera-web
    for name in "${workers[@]}"; do
        copy_secret "$name"
        host "$name" systemctl reload tessera-worker
    done
    within 20 "nobody is connected by the former secret" former_is_unused
    tessera secret retire >>"$log/secret" || fail "tessera secret retire failed"
    host $master systemctl reload tessera-master
    within 10 "the former secret is refused" former_is_refused
    still_runs
    finish_batch
    [ "$(numbers)" = "$before" ] || fail "a worker was gone in between: $before, then $(numbers)"
    host $master rm /root/former
    pass "the secret changed under load by reloads alone: $images of $images results, no worker was gone, the former secret is refused"
    # What systemd hands over at a start is the new one, too.
    host $master systemctl restart tessera-master
    for name in "${workers[@]}"; do host "$name" systemctl restart tessera-worker; done
    all_alive
    pass "master and workers start with the new secret"
}
former_is_unused() { tessera secret status >"$log/status" 2>&1; }
former_is_used() { [ "$(tessera secret status --json | grep -c '"former_connections":[1-9]')" = 1 ]; }
former_is_refused() {
    local said
    said=$(tessera workers --json --secret-file /root/former --reconnect-timeout 0s 2>&1) && return 1
    [[ $said == *bad-secret* ]]
}

case_log_level() {
    local moment
    master_settings info
    host $master systemctl reload tessera-master
    moment=$(journal_end $master)
    submit_batch 1
    finish_batch
    ! journal_since $master "$moment" tessera-master -p debug..debug | grep -q . || fail "there are messages of level debug at log level info"
    master_settings debug
    host $master systemctl reload tessera-master
    submit_batch 1
    finish_batch
    journal_since $master "$moment" tessera-master | grep -q 'lease granted' || fail "no lease is in the log at log level debug"
    pass "systemctl reload changes the log level of a running master, both ways"
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
