#!/usr/bin/env bash
# Accepts a release on hosts as they are in the field (as root): four machines that boot systemd, one with the master and three
# with workers, on a network of their own, with the Debian packages installed.
#
#     scripts/hosts-check.sh PACKAGES NEXT [CASE...]
#
# NEXT has packages of a higher version. Services are killed, cables pulled, hosts suspended and switched off, a disk filled, the
# secret changed, the master's state restored on another host, a release replaced by the next, all during jobs, whose results have
# to be the bytes that one machine computes alone. From each loss of a worker the time is measured until the master has leased its
# task again. SAMPLES=100 says how often a worker is killed, SILENT=5 how often each kind of silence is measured, RECORD=FILE where
# the times are written (docs/measured/hosts.tsv). CASEs are the functions case_... of scripts/hosts-check; without, all of them.
# Leaves no process, mount, network, control group or file behind, also after a failure or Ctrl-C.
set -euo pipefail
cd "$(dirname "$0")/.."
packages=$(realpath "$1") next=$(realpath "$2")
shift 2
[ "$(id -u)" = 0 ] || { echo "hosts-check: must run as root, to boot hosts" >&2; exit 1; }
source scripts/hosts.sh
source scripts/gateway-api.sh
for part in cluster faults losses restored upgrade operations; do source scripts/hosts-check/$part.sh; done

master=tessera-$$-master
workers=(tessera-$$-one tessera-$$-two tessera-$$-three)
declare -A address=([$master]=192.0.2.10 [${workers[0]}]=192.0.2.11 [${workers[1]}]=192.0.2.12 [${workers[2]}]=192.0.2.13)
# Where workers look for the master.
masters=${address[$master]}:7400
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
        [ -n "${host_leader[$name]:-}" ] || continue
        host_freeze "$name" 0 || true
        timeout 10 nsenter -t "${host_leader[$name]}" -m -p journalctl -b --no-pager -o short-precise >"$log/$name.journal" 2>/dev/null ||
            true
    done
    echo "hosts-check: $passed passed, 1 failed; consoles and journals are in $log" >&2
}
finish() {
    local status=$? name
    trap - EXIT ERR
    trap '' HUP INT TERM
    set +e
    case $status in
    0) rm -rf "$log" ;;
    129 | 130 | 143)
        echo "hosts-check: interrupted; the hosts are being removed" >&2
        rm -rf "$log"
        ;;
    *) keep_logs ;;
    esac
    capture_stop
    upload_stop
    for name in $master "${workers[@]}"; do
        host_cut_power "$name"
        host_remove "$name" || status=1
    done
    hosts_network_remove || status=1
    hosts_abandon_layer || status=1
    exit $status
}
trap finish EXIT
trap 'echo "hosts-check: ${BASH_SOURCE[0]} line $LINENO failed: $BASH_COMMAND" >&2' ERR
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

all=(installation encryption secret log_level killed_services cable suspended_host full_disk reboot restored_master lost_workers silent_hosts upgrade purge)
cases=("$@")
[ $# != 0 ] || cases=("${all[@]}")
# The others need what it installs.
[ "${cases[0]}" = installation ] || cases=(installation "${cases[@]}")
for name in "${cases[@]}"; do
    declare -F "case_$name" >/dev/null || fail "there is no case '$name'; cases are ${all[*]}"
done

hosts_make_base
hosts_add_dependencies "$packages"
hosts_network_make
begin=$EPOCHREALTIME
for name in $master "${workers[@]}"; do
    host_create "$name"
    mkdir "$(host_root "$name")"/{packages,next}
    cp "$packages"/tessera*.deb "$(host_root "$name")/packages"
    cp "$next"/tessera*.deb "$(host_root "$name")/next"
    boot "$name"
done
cp examples/coffee.png "$(host_root $master)/packages"
echo "four hosts are up in $(since "$begin") s"
finished=0
for name in "${cases[@]}"; do
    case_started=$SECONDS
    "case_$name"
    echo "$name took $((SECONDS - case_started)) s"
    finished=$((finished + 1))
done
[ $finished = ${#cases[@]} ] || fail "only $finished of ${#cases[@]} cases came to their end"
keep_figures
echo "hosts-check: $passed passed, 0 failed, in $((SECONDS - started)) s"
