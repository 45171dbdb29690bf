# A release is replaced by the next by apt, on all hosts, during a job and an upload. A part of scripts/hosts-check.sh.

case_upgrade() {
    local before name after gateway_process total=0
    local -A batches=()
    before=$(host $master dpkg-query -W -f '${Version}' tessera-master)
    all_encrypt
    gateway_use $master
    another_batch
    upload_start "$(host_root $master)/root/in/1.png"
    gateway_process=$(process_of $master tessera-web)
    still_runs
    install_packages $master '/next/tessera-common_*.deb /next/tessera-master_*.deb /next/tessera-web_*.deb /next/tessera_*.deb'
    for name in "${workers[@]}"; do
        another_batch
        still_runs
        install_packages "$name" '/next/tessera-common_*.deb /next/tessera-worker_*.deb'
    done
    after=$(host $master dpkg-query -W -f '${Version}' tessera-master)
    [ "$before" != "$after" ] || fail "the version is $after as before"
    [ "$(host $master dpkg-query -W -f '${Version} ${db:Status-Status}' tessera-web)" = "$after installed" ] || fail "tessera-web is not $after"
    for name in "${workers[@]}"; do
        [ "$(host "$name" dpkg-query -W -f '${Version}' tessera-worker)" = "$after" ] || fail "the worker of $name is not $after"
    done
    within 10 "the gateway runs after the upgrade" active $master tessera-web
    [ "$(process_of $master tessera-web)" != "$gateway_process" ] || fail "the gateway is the process that it was before the upgrade"
    upload_finish
    for job in "${!batches[@]}"; do
        read -r images submitted <<<"${batches[$job]}"
        finish_batch
        total=$((total + images))
    done
    all_alive
    # Counted since the master's start, which was the beginning of the upgrade.
    [ -z "$(tessera workers --json | grep -oE '"attempts_failed":[1-9][0-9]*')" ] || fail "attempts failed during the upgrade"
    pass "$before replaced by $after on all hosts under load, with tls: on: $total of $total results, no attempt failed"
    within 60 "the job of the upload is done" api_job_is_done
    [ "$(api_result_digest)" = "$known" ] || fail "the result of the upload is not as computed alone"
    pass "an upload to the gateway began before the upgrade and ended after it: its result is as computed alone"
    all_encrypt_no_more
}

# One more job, so that each host is upgraded during one, however long the upgrades of the others took. `batches` has them all.
another_batch() {
    submit_batch 6
    batches[$job]="$images $submitted"
}

# Connections are encrypted also where both ends are on the master's host, those of command line and gateway.
all_encrypt() {
    local name
    host $master mkdir -p /root/.config/tessera
    host_file $master /root/.config/tessera/client.yaml 'tls: on'
    host_file $master /etc/tessera/web.yaml 'tls: on'
    for name in "${workers[@]}"; do
        worker_settings "$name" 'tls: on'
        host "$name" systemctl restart tessera-worker
    done
    restart_master 'tls: on'
    host $master systemctl restart tessera-web
}
all_encrypt_no_more() {
    host $master rm -r /root/.config/tessera
    host_file $master /etc/tessera/web.yaml '{}'
    restart_master
    host $master systemctl restart tessera-web
}

# Begins to send a picture to the gateway as a page does, in parts, of which the last ones wait for `upload_finish`. Returns when the
# gateway has some of it: upload_start PICTURE
upload_start() {
    api_submit "$slow" "$1"
    send_parts "$1" &
    uploader=$!
    within 20 "the gateway has a part of the upload" test -s "$log/sent"
}
upload_finish() {
    ! kill -0 "$uploader" 2>/dev/null || touch "$log/send-all"
    wait "$uploader" || fail "the upload did not end: $(tail -n 3 "$log/parts")"
    [ -e "$log/send-all" ] || fail "the upload was over before the gateway was replaced"
    uploader=
}
upload_stop() {
    [ -z "${uploader:-}" ] || kill "$uploader" 2>/dev/null || true
    uploader=
}
# After a failure it continues from where the gateway has the upload.
send_parts() {
    local picture=$1 part=65536 offset=0 size deadline=$((SECONDS + 240)) complete
    size=$(stat -c %s "$picture")
    while [ "$offset" -lt "$size" ]; do
        [ $SECONDS -lt $deadline ] || return 1
        if [ $((size - offset)) -le $((2 * part)) ] && [ ! -e "$log/send-all" ]; then
            sleep 0.05
            continue
        fi
        complete=?0
        [ $((offset + part)) -lt "$size" ] || complete=?1
        if dd if="$picture" iflag=skip_bytes,count_bytes skip="$offset" count=$part status=none |
            upload_part "$offset" $complete >>"$log/parts" 2>&1; then
            offset=$((offset + part < size ? offset + part : size))
            echo "$offset" >"$log/sent"
        else
            offset=$(upload_offset 2>>"$log/parts") || offset=$(cat "$log/sent" 2>/dev/null || echo 0)
        fi
    done
}
