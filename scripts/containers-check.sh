#!/usr/bin/env bash
# Builds the images of contrib/Containerfile from the Debian packages, and runs them (as root): a master, a worker and a gateway
# in three containers, each in a network of its own on one bridge, as on three hosts.
#
#     scripts/containers-check.sh PACKAGES
#
# No secret is in an image; the master makes it, the others have it by a volume; the result has the bytes that one machine
# computes alone; a worker with too little shared memory does not start and names the flag; SIGTERM drains. The base image is a
# Debian 12 by debootstrap, so no image registry is needed. Images and containers are below .build/hosts, and are removed,
# also after a failure or Ctrl-C.
set -euo pipefail
cd "$(dirname "$0")/.."
packages=$(realpath "$1")
source scripts/hosts.sh
[ "$(id -u)" = 0 ] || { echo "containers-check: must run as root, to make networks" >&2; exit 1; }

name=tessera-containers-$$
directory=$hosts_directory/$name
# Podman takes at most 50 characters.
run_directory=/run/$name
networks=()
fail() {
    echo "containers-check: FAILED: $*" >&2
    exit 1
}
# Storage of its own (STORAGE_DRIVER=vfs where overlays cannot be mounted): nothing of this machine's images and containers is seen or changed. runc, as crun refuses machines with
# control groups of both versions.
engine() {
    local program=$1
    shift
    "$program" --root "$directory/images" --runroot "$run_directory" --storage-driver "${STORAGE_DRIVER:-overlay}" "$@"
}
containers() { engine podman --runtime runc --cgroup-manager cgroupfs "$@"; }
finish() {
    local status=$?
    trap - EXIT
    trap '' HUP INT TERM
    set +e
    if [ -d "$directory" ]; then
        if [ $status != 0 ] && [ $status -lt 129 ]; then
            for container in $(containers ps -a --format '{{.Names}}' 2>/dev/null); do
                echo "-- $container" >&2
                containers logs --tail 20 "$container" >&2
            done
        fi
        containers rm --all --force --time 2 >/dev/null 2>&1 || status=1
        containers volume rm --all --force >/dev/null 2>&1
        engine buildah rm --all >/dev/null 2>&1
        # What a container had mounted is unmounted a moment later.
        for _ in $(seq 50); do
            awk -v below="$directory/" 'index($2, below) == 1 || index($2, run "/") == 1 { print $2 }' \
                run="$run_directory" /proc/mounts | sort -r | xargs -r umount 2>/dev/null
            rm -rf --one-file-system "$directory" "$run_directory" 2>/dev/null && break
            sleep 0.1
        done
        remove_groups /sys/fs/cgroup/"$name" /sys/fs/cgroup/*/"$name"
        [ ! -e "$directory" ] || { echo "containers-check: $directory could not be removed" >&2; status=1; }
    fi
    for network in "${networks[@]}"; do ip netns del "$network"; done
    hosts_network_remove
    case $status in
    0) ;;
    129 | 130 | 143) echo "containers-check: interrupted; containers and images are removed" >&2 ;;
    *) echo "containers-check: $passed passed, 1 failed" >&2 ;;
    esac
    exit $status
}
trap finish EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# A network on the bridge, as a host of its own: network NAME ADDRESS
network() {
    local network=$hosts_network-$1
    ip netns add "$network"
    networks+=("$network")
    ip -n "$network" link set lo up
    ip -n "$hosts_network" link add "port-$1" type veth peer name eth0 netns "$network"
    ip -n "$hosts_network" link set "port-$1" master bridge up
    ip -n "$network" addr add "$2/24" dev eth0
    ip -n "$network" link set eth0 up
}
# Runs an image in a network, as contrib/compose.yaml says: run NAME IMAGE [OPTION...]
run() {
    local container=$1 image=$2
    shift 2
    containers run --name "$container" --cgroup-parent "/$name" --network "ns:/run/netns/$hosts_network-$container" --init --ulimit nofile=1024:1024 \
        --ulimit nproc=1000:1000 --volume "secret:/home/tessera/.config/tessera" "$@" "$image"
}
tessera() { containers exec master tessera "$@"; }
alive() { [ "$(tessera workers --json | grep -c '"state":"alive"')" = "$1" ]; }

hosts_make_base
mkdir -p "$directory"
started=$SECONDS
base=$(engine buildah from scratch)
engine buildah add --quiet "$base" "$hosts_base" / >/dev/null
engine buildah commit --quiet "$base" localhost/debian:bookworm >/dev/null
for target in master worker web; do
    engine buildah build --isolation chroot --build-arg BASE=localhost/debian:bookworm --layers --target $target \
        --tag localhost/tessera-$target -f contrib/Containerfile "$packages" >"$directory/build-$target.log" 2>&1 ||
        fail "the image of the $target is not built: $(tail -n 5 "$directory/build-$target.log")"
done
pass "three images are built in $((SECONDS - started)) s"

for target in master worker web; do
    found=$(containers run --rm --cgroup-parent "/$name" --network none --ulimit nofile=1024:1024 --ulimit nproc=1000:1000 --user 0:0 --entrypoint find \
        localhost/tessera-$target / -xdev -path /proc -prune -o -type f -name 'secret*' -path '*tessera*' -print)
    [ -z "$found" ] || fail "the image of the $target has a secret: $found"
    [ "$(containers image inspect --format '{{.Config.User}}' localhost/tessera-$target)" = 7400:7400 ] ||
        fail "the image of the $target runs as another user than 7400"
done
pass "no secret is in an image, and none runs as root"

hosts_network_make
network master 192.0.2.10
network worker 192.0.2.11
network web 192.0.2.12
network narrow 192.0.2.13
run master localhost/tessera-master --detach --volume state:/var/lib/tessera >/dev/null
within 20 "the master answers" tessera workers
run worker localhost/tessera-worker --detach --shm-size 1g --env TESSERA_MASTER=192.0.2.10:7400 >/dev/null
within 30 "the worker is listed" alive 1
pass "master and worker in two containers find each other by the secret that the master has made"

pipeline='gaussian-blur sigma=3 | canny low=50 high=150'
containers cp examples/coffee.png master:/tmp/coffee.png
tessera run "$pipeline" /tmp/coffee.png -o /tmp/result.png >/dev/null 2>&1 || fail "the job failed"
tessera verify "$pipeline" /tmp/coffee.png >/dev/null 2>&1 || fail "the result is not what is computed alone"
known=$(containers exec master sha256sum /tmp/result.png | cut -d' ' -f1)
pass "the result is as computed alone, SHA-256 ${known:0:16}"

# A container that is not told otherwise has 64 MB of shared memory.
status=0
said=$(run narrow localhost/tessera-worker --rm --env TESSERA_MASTER=192.0.2.10:7400 --env TESSERA_SLOTS=4 --env TESSERA_RANKS=1 2>&1) ||
    status=$?
# Status 125 and above would be podman's own.
[ $status -gt 0 ] && [ $status -lt 125 ] || fail "a worker of four slots with 64 MB of shared memory ended with status $status: $said"
[[ $said == *"4 slots need at least"*--shm-size* ]] || fail "the worker does not name --shm-size: $said"
pass "a worker of four slots with 64 MB of shared memory does not start, and names --shm-size"

run web localhost/tessera-web --detach --env TESSERA_MASTER=192.0.2.10:7400 --env TESSERA_LISTEN=0.0.0.0:7480 \
    --env TESSERA_BEHIND_PROXY=192.0.2.0/24 --env TESSERA_PUBLIC_HOST=192.0.2.12:7480 >/dev/null
page() { ip netns exec "$hosts_network-worker" curl -sS --fail --max-time 5 http://192.0.2.12:7480/ | grep -q '<title>Tessera'; }
within 20 "the page answers in the network of another container" page
pass "the page answers"

containers exec master sh -c 'for number in $(seq 40); do cp /tmp/coffee.png /tmp/in-$number.png; done'
job=$(containers exec master sh -c "tessera submit --detach --no-cache 'median size=31 | $pipeline' /tmp/in-*.png" | cut -d' ' -f1)
containers stop --time 30 worker >/dev/null
[ "$(containers inspect --format '{{.State.ExitCode}}' worker)" = 0 ] || fail "the worker did not drain: exit status \
$(containers inspect --format '{{.State.ExitCode}}' worker)"
[ "$(tessera status "$job" --json | grep -o '"state":"[a-z-]*"' | head -n 1)" = '"state":"running"' ] ||
    fail "the job was over before its worker stopped: nothing is shown"
[ -z "$(tessera workers --json | grep -oE '"attempts_failed":[1-9][0-9]*')" ] || fail "a drained worker lost attempts"
containers restart --time 15 master >/dev/null
containers start worker >/dev/null
within 20 "the master answers" tessera workers
tessera wait "$job" >/dev/null 2>&1 || fail "job $job did not end well after a restart of both"
pass "a worker that is stopped drains; a job survives the restart of both containers"

for container in worker web master; do containers stop --time 30 $container >/dev/null; done
echo "containers-check: $passed passed, 0 failed, in $((SECONDS - started)) s"
