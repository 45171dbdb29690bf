#!/usr/bin/env bash
# Checks the Debian packages as a user meets them: on a bare Debian 12 that boots systemd (as root).
#
#     scripts/deb-check.sh PACKAGES
#
# The master runs as soon as its package is installed, the worker as soon as it has a secret; both do a
# job under their hardened units; they start again after being killed; an installation over itself in mid-job loses nothing;
# removing and purging leave no file. Leaves no process, mount or control group behind.
set -euo pipefail
cd "$(dirname "$0")/.."
packages=$(realpath "$1")
source scripts/hosts.sh
[ "$(id -u)" = 0 ] || { echo "deb-check: must run as root, to boot hosts" >&2; exit 1; }

name=tessera-deb-$$
fail() {
    echo "deb-check: FAILED: $*" >&2
    host $name journalctl -b -n 40 --no-pager -u tessera-master -u tessera-worker -u tessera-worker.path >&2 || true
    exit 1
}
finish() {
    local status=$?
    trap - EXIT
    host_remove $name
    [ $status = 0 ] || echo "deb-check: $passed passed, 1 failed" >&2
    exit $status
}
trap finish EXIT
trap 'exit 130' INT TERM

active() { host $name systemctl is-active --quiet "$1"; }
worker_is_listed() { host $name tessera workers | grep -q alive; }
digest() { host $name sh -c "$1" | cut -d' ' -f1; }

hosts_make_base
host_create $name
root=$(host_root $name)
mkdir -p "$root/packages"
cp "$packages"/tessera*.deb examples/coffee.png "$root/packages"

# What the packages depend on is fetched before the host boots, which has no way out.
cp /etc/resolv.conf "$root/etc/resolv.conf"
chroot "$root" sh -c 'apt-get update && apt-get install -y --no-install-recommends --download-only /packages/*.deb' \
    >"$hosts_directory/download.log" 2>&1 || fail "the dependencies are not to be had; see $hosts_directory/download.log"
host_boot $name
host $name ip link set lo up
# By patterns of names: install_packages [OPTION] PATTERN...
install_packages() {
    host $name sh -c "apt-get install -y --no-install-recommends $*" >"$hosts_directory/apt.log" 2>&1 ||
        fail "apt-get install failed; see $hosts_directory/apt.log"
}

# The worker's host has no secret yet.
install_packages '/packages/tessera-common_*.deb /packages/tessera-worker_*.deb'
active tessera-worker && fail "the worker runs without a secret"
[ -z "$(host $name systemctl list-units --failed --no-legend --plain 'tessera*')" ] || fail "a unit failed without a secret"
pass "a worker without a secret waits, and is not failed"

start=$SECONDS
install_packages '/packages/tessera*.deb'
active tessera-master || fail "the master does not run after its installation"
within 10 "the worker has started by itself" active tessera-worker
within 20 "the worker is listed" worker_is_listed
[ "$(host $name stat -c '%a %U' /etc/tessera/secret)" = "600 root" ] || fail "the secret is open to others"
pass "master and worker run $((SECONDS - start)) s after the beginning of the installation"

pipeline='gaussian-blur sigma=3 | canny low=50 high=150'
host $name tessera run "$pipeline" /packages/coffee.png -o /root/first.png >/dev/null || fail "the first job failed"
known=$(digest 'sha256sum /root/first.png')
host $name tessera verify "$pipeline" /packages/coffee.png >/dev/null || fail "the cluster's result is not what is computed alone"
pass "the first result is as computed alone, with no file edited"

for unit in master worker; do
    exposure=$(host $name systemd-analyze security --no-pager tessera-$unit.service | tail -n 1 | grep -oE '[0-9]+\.[0-9]+')
    awk -v e="$exposure" 'BEGIN { exit e > 1.2 }' || fail "the exposure of tessera-$unit is $exposure, above 1.2"
    pass "the exposure of the running tessera-$unit is $exposure"
done
host $name journalctl -b --no-pager | grep -i 'thread priority' && fail "threads complain about their priority"
pass "no thread complains about its priority"

for unit in master worker; do
    host $name systemctl kill -s KILL tessera-$unit
    within 20 "tessera-$unit is active after kill -9" active tessera-$unit
    within 20 "the worker is listed" worker_is_listed
    host $name tessera run --no-cache "$pipeline" /packages/coffee.png -o /root/$unit.png >/dev/null || fail "no job after kill -9"
    [ "$(digest "sha256sum /root/$unit.png")" = "$known" ] || fail "another result after kill -9 of the $unit"
    pass "kill -9 of the $unit: it starts again, with the same result"
done

host $name systemctl stop tessera-worker
active tessera-worker && fail "the worker does not stay stopped"
host $name systemctl start tessera-worker
pass "a worker that was stopped stays stopped until it is started"

host $name sh -c 'for i in $(seq 40); do cp /packages/coffee.png /root/in-$i.png; done'
job=$(host $name sh -c "tessera submit --detach --no-cache '$pipeline' /root/in-*.png" | cut -d' ' -f1)
install_packages --reinstall '/packages/tessera*.deb'
host $name timeout 120 tessera wait "$job" >/dev/null || fail "the job $job did not end well"
host $name tessera fetch "$job" -o /root/out/ >/dev/null || fail "the results of job $job cannot be fetched"
[ "$(host $name sh -c 'sha256sum /root/out/*' | grep -c "^$known ")" = 40 ] || fail "not 40 results are as known"
pass "packages replaced in mid-job: 40 of 40 results as before"

host $name apt-get remove -y tessera tessera-master tessera-worker tessera-common >"$hosts_directory/apt.log" 2>&1 ||
    fail "apt-get remove failed; see $hosts_directory/apt.log"
[ "$(host $name pgrep -c tessera || true)" = 0 ] || fail "a process is left after removal"
# Those of which settings are left.
host $name apt-get purge -y tessera-master tessera-worker tessera-common >"$hosts_directory/apt.log" 2>&1 ||
    fail "apt-get purge failed; see $hosts_directory/apt.log"
left=$(host $name find / -xdev -name '*tessera*' ! -path '/packages/*')
[ -z "$left" ] || fail "left after purge: $left"
pass "removal leaves no process, purge no file"

echo "deb-check: $passed passed, 0 failed"
