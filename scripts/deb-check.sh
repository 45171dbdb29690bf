#!/usr/bin/env bash
# Checks the Debian packages as a user meets them: on a bare Debian 12 that boots systemd (as root).
#
#     scripts/deb-check.sh PACKAGES
#
# The master runs as soon as its package is installed, worker and gateway as soon as they have a secret; they do a job under
# their hardened units, by the command line and by the HTTP API; they start again after being killed; a person starts a private
# cluster of the same programs; an installation over itself in mid-job loses nothing, and the upgrade of a worker
# that had no directory makes it one; removing and purging leave no file; the commands of docs/operating.md lead from a bare host to a
# first result within a minute. Leaves no process, mount or control group behind.
set -euo pipefail
cd "$(dirname "$0")/.."
packages=$(realpath "$1")
source scripts/hosts.sh
source scripts/gateway-api.sh
[ "$(id -u)" = 0 ] || { echo "deb-check: must run as root, to boot hosts" >&2; exit 1; }

name=tessera-deb-$$
fail() {
    echo "deb-check: FAILED: $*" >&2
    host $name journalctl -b -n 40 --no-pager -u tessera-master -u tessera-worker -u tessera-worker.path -u tessera-web -u tessera-web.path >&2 || true
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

# The host of worker and gateway has no secret yet.
install_packages '/packages/tessera-common_*.deb /packages/tessera-worker_*.deb /packages/tessera-web_*.deb'
for unit in worker web; do
    active tessera-$unit && fail "tessera-$unit runs without a secret"
done
[ -z "$(host $name systemctl list-units --failed --no-legend --plain 'tessera*')" ] || fail "a unit failed without a secret"
pass "worker and gateway without a secret wait, and have not failed"

start=$SECONDS
install_packages '/packages/tessera*.deb'
active tessera-master || fail "the master does not run after its installation"
for unit in worker web; do within 10 "tessera-$unit has started by itself" active tessera-$unit; done
within 20 "the worker is listed" worker_is_listed
[ "$(host $name stat -c '%a %U' /etc/tessera/secret)" = "600 root" ] || fail "the secret is open to others"
pass "master, worker and gateway run $((SECONDS - start)) s after the beginning of the installation"

pipeline='gaussian-blur sigma=3 | canny low=50 high=150'
host $name tessera run "$pipeline" /packages/coffee.png -o /root/first.png >/dev/null || fail "the first job failed"
known=$(digest 'sha256sum /root/first.png')
host $name tessera verify "$pipeline" /packages/coffee.png >/dev/null || fail "the cluster's result is not what is computed alone"
pass "the first result is as computed alone, with no file edited"

# The page and the API, as docs/gateway.md describes them.
gateway_use $name
[[ $(web $gateway/) == *"<title>Tessera"* ]] || fail "the page does not answer"
api_submit "$pipeline" examples/coffee.png
upload_part 0 '?1' <examples/coffee.png >/dev/null || fail "the upload was refused"
within 30 "job $api_job is done" api_job_is_done
[ "$(api_result_digest)" = "$known" ] || fail "the API has another result than the command line"
host $name tessera-web link | grep -q "^$gateway/sign-in#code=" || fail "tessera-web link prints no link"
pass "the page answers, and an upload by the API has the same result"

for unit in master worker web; do
    exposure=$(host $name systemd-analyze security --no-pager tessera-$unit.service | tail -n 1 | grep -oE '[0-9]+\.[0-9]+')
    awk -v e="$exposure" 'BEGIN { exit e > 1.2 }' || fail "the exposure of tessera-$unit is $exposure, above 1.2"
    pass "the exposure of the running tessera-$unit is $exposure"
done
host $name journalctl -b --no-pager | grep -i 'thread priority' && fail "threads complain about their priority"
pass "no thread complains about its priority"

for unit in master worker web; do
    host $name systemctl kill -s KILL tessera-$unit
    within 20 "tessera-$unit is active after kill -9" active tessera-$unit
    within 20 "the worker is listed" worker_is_listed
    host $name tessera run --no-cache "$pipeline" /packages/coffee.png -o /root/$unit.png >/dev/null || fail "no job after kill -9"
    [ "$(digest "sha256sum /root/$unit.png")" = "$known" ] || fail "another result after kill -9 of the $unit"
    pass "kill -9 of the $unit: it starts again, with the same result"
done

# As it was packaged before it remembered anything: neither its unit nor its removal knew a directory.
former_worker() {
    local tree=$root/packages/former/tree
    dpkg-deb -R "$packages"/tessera-worker_*.deb "$tree"
    sed -i 's/^Version: .*/Version: 0.0.1/; s/tessera-common ([^)]*)/tessera-common/' "$tree/DEBIAN/control"
    sed -i '/^StateDirectory/d' "$tree"/lib/systemd/system/tessera-worker.service
    sed -i 's|rm -rf /var/lib/tessera-worker|:|' "$tree/DEBIAN/postrm"
    ! grep -rq 'StateDirectory\|/var/lib/tessera-worker' "$tree/DEBIAN" "$tree/lib" || fail "the worker's former package knows the directory"
    dpkg-deb --build -Znone "$tree" "$root/packages/former/tessera-worker.deb" >/dev/null
    rm -r "$tree"
}
mkdir "$root/packages/former"
former_worker
host $name apt-get purge -y tessera-worker >"$hosts_directory/apt.log" 2>&1 || fail "apt-get purge failed; see $hosts_directory/apt.log"
[ ! -e "$root/var/lib/tessera-worker" ] || fail "the worker's directory is left after its purge"
install_packages /packages/former/tessera-worker.deb
within 20 "the former worker is listed" worker_is_listed
[ ! -e "$root/var/lib/tessera-worker" ] || fail "the former worker has a directory: the upgrade shows nothing"
install_packages '/packages/tessera-worker_*.deb'
remembers() { host $name grep -q . /var/lib/tessera-worker/generations; }
within 20 "the worker remembers its master" remembers
[ "$(host $name stat -c '%a %U' /var/lib/tessera-worker)" = "700 tessera" ] || fail "the worker's directory is open to others"
within 20 "the worker is listed" worker_is_listed
host $name tessera run --no-cache "$pipeline" /packages/coffee.png -o /root/upgraded.png >/dev/null || fail "no job after the upgrade"
[ "$(digest 'sha256sum /root/upgraded.png')" = "$known" ] || fail "another result after the upgrade"
pass "a worker of before it had a directory is upgraded: it has one, and remembers its master there"

host $name systemctl stop tessera-worker
active tessera-worker && fail "the worker does not stay stopped"
host $name systemctl start tessera-worker
pass "a worker that was stopped stays stopped until it is started"

host $name sh -c 'for i in $(seq 40); do cp /packages/coffee.png /root/in-$i.png; done'
# A private cluster of a person who has no rights, beside the services.
host $name useradd --create-home ada
as_ada() { host $name runuser -u ada -- env HOME=/home/ada "$@"; }
as_ada tessera up >"$hosts_directory/up.log" 2>&1 || fail "tessera up failed: $(cat "$hosts_directory/up.log")"
link=$(grep -o 'http://127.0.0.1:[0-9]*/sign-in#code=.*' "$hosts_directory/up.log") || fail "tessera up has no page: $(cat "$hosts_directory/up.log")"
[[ $(web "${link%%/sign-in*}/") == *"<title>Tessera"* ]] || fail "the page of tessera up does not answer"
as_ada tessera run "$pipeline" /packages/coffee.png -o /home/ada/up.png >/dev/null || fail "no job on the private cluster"
[ "$(digest 'sha256sum /home/ada/up.png')" = "$known" ] || fail "the private cluster has another result"
as_ada tessera down --purge --yes >/dev/null || fail "tessera down failed"
[ -z "$(host $name pgrep -u ada || true)" ] || fail "tessera down has left a process"
host $name userdel --remove ada 2>/dev/null
pass "tessera up, by a person without rights: the same programs, the page, the same result"

job=$(host $name sh -c "tessera submit --detach --no-cache '$pipeline' /root/in-*.png" | cut -d' ' -f1)
install_packages --reinstall '/packages/tessera*.deb'
host $name timeout 120 tessera wait "$job" >/dev/null || fail "the job $job did not end well"
host $name tessera fetch "$job" -o /root/out/ >/dev/null || fail "the results of job $job cannot be fetched"
[ "$(host $name sh -c 'sha256sum /root/out/*' | grep -c "^$known ")" = 40 ] || fail "not 40 results are as known"
pass "packages replaced in mid-job: 40 of 40 results as before"

host $name apt-get remove -y tessera tessera-web tessera-master tessera-worker tessera-common >"$hosts_directory/apt.log" 2>&1 ||
    fail "apt-get remove failed; see $hosts_directory/apt.log"
[ "$(host $name pgrep -c tessera || true)" = 0 ] || fail "a process is left after removal"
# Those of which settings are left.
host $name apt-get purge -y tessera-web tessera-master tessera-worker tessera-common >"$hosts_directory/apt.log" 2>&1 ||
    fail "apt-get purge failed; see $hosts_directory/apt.log"
left=$(host $name find / -xdev -name '*tessera*' ! -path '/packages/*')
[ -z "$left" ] || fail "left after purge: $left"
pass "removal leaves no process, purge no file"

host $name apt-get autoremove --purge -y >"$hosts_directory/apt.log" 2>&1 ||
    fail "apt-get autoremove failed; see $hosts_directory/apt.log"
# From a machine with nothing on it to the first result, by the commands of docs/operating.md, word for word.
commands=$(sed -n '/^### From packages/,/^### /p' docs/operating.md | awk '/^```sh/ { inside = 1; next } /^```/ { exit } inside')
[ "$(wc -l <<<"$commands")" -ge 2 ] || fail "docs/operating.md has no commands under 'From packages'"
mkdir "$root/root/new"
cp "$packages"/tessera*.deb "$root/root/new"
cp examples/coffee.png "$root/root/new/photo.png"
printf 'set -e\ncd /root/new\n%s\n' "$commands" >"$root/root/first.sh"
begin=$EPOCHREALTIME
host $name sh /root/first.sh >"$hosts_directory/first.log" 2>&1 || fail "docs/operating.md does not lead to a result: $(tail -n 5 "$hosts_directory/first.log")"
took=$(awk -v a="$begin" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }')
awk -v took="$took" 'BEGIN { exit took >= 60 }' || fail "from packages to the first result took $took s"
host $name tessera verify 'gaussian-blur sigma=3' /root/new/photo.png >/dev/null || fail "the first result is not what is computed alone"
[ -s "$root/root/new/blurred.png" ] || fail "the commands of docs/operating.md left no blurred.png"
pass "docs/operating.md, word for word: from nothing to the first result in $took s, what Debian's mirror sends not counted"

echo "deb-check: $passed passed, 0 failed"
