# Hosts that boot systemd, for checks that install packages: source it. Needs root, debootstrap and systemd-nspawn.
#
# A root file system of Debian 12 is made once, in HOSTS_BASE (.build/hosts/base); a host is an overlay on it with a network of
# its own, without a way out of it, until `host_plug` connects it to the bridge of `hosts_network_make`. A script calls
# `host_remove` for every host, then `hosts_network_remove`, from its exit trap.

hosts_directory=${HOSTS_DIRECTORY:-$PWD/.build/hosts}
hosts_base=${HOSTS_BASE:-$hosts_directory/base}
# The directories that hosts are overlays on, the upper ones first.
hosts_layers=$hosts_base
declare -A host_leader=() host_nspawn=()

# What a check counts; the script defines `fail`, which ends it.
passed=0
pass() { passed=$((passed + 1)); echo "passed: $*"; }

# Waits until a command succeeds: within SECONDS WHAT COMMAND...
within() {
    local deadline=$((SECONDS + $1)) what=$2 limit=$1
    shift 2
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $deadline ] || fail "not within $limit s: $what"
        sleep 0.05
    done
}

# Control groups of version 1 beside version 2: a host needs one of its own in each hierarchy, or hosts disturb each other.
host_groups() {
    local name=$1 controller
    for controller in cpu memory pids systemd unified; do
        [ ! -d "/sys/fs/cgroup/$controller" ] || echo "/sys/fs/cgroup/$controller/tessera-$name"
    done
}

# Where Debian's packages come from: DEBIAN_MIRROR, or what this machine uses.
hosts_mirror() { echo "${DEBIAN_MIRROR:-$(apt-get indextargets --format '$(REPO_URI)' 'RELEASE: bookworm' | head -1)}"; }

# Under another name first, so that one that was interrupted is not taken for a whole one.
hosts_make_base() {
    [ ! -e "$hosts_base/etc/debian_version" ] || return 0
    rm -rf --one-file-system "$hosts_base.new"
    mkdir -p "$hosts_base.new"
    debootstrap --variant=minbase --include=systemd,systemd-sysv,dbus,iproute2,procps bookworm "$hosts_base.new" \
        "$(hosts_mirror)" >"$hosts_directory/debootstrap.log" 2>&1 || {
        rm -rf "$hosts_base.new"
        echo "hosts: debootstrap failed; its output is in $hosts_directory/debootstrap.log" >&2
        return 1
    }
    mv "$hosts_base.new" "$hosts_base"
}

# Adds a layer, made once, with what the packages in a directory depend on, so that hosts install them without a way out:
# hosts_add_dependencies PACKAGES
hosts_add_dependencies() {
    local packages=$1 dependencies layer root status=0
    dependencies=$(for package in "$packages"/tessera*.deb; do dpkg-deb -f "$package" Depends; done |
        tr ',' '\n' | sed 's/[|(].*//; s/ //g' | grep -v '^tessera' | sort -u | tr '\n' ' ')
    layer=$hosts_directory/dependencies-$(echo "$dependencies" | sha256sum | cut -c 1-12)
    hosts_layers=$layer:$hosts_base
    [ ! -d "$layer" ] || return 0
    hosts_new_layer=$layer.new-$$
    root=$hosts_new_layer/root
    mkdir -p "$hosts_new_layer/upper" "$hosts_new_layer/work" "$root"
    mount -t overlay overlay -o "lowerdir=$hosts_base,upperdir=$hosts_new_layer/upper,workdir=$hosts_new_layer/work" "$root"
    cp /etc/resolv.conf "$root/etc/resolv.conf"
    chroot "$root" sh -c "apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        $dependencies && apt-get clean" >"$hosts_directory/dependencies.log" 2>&1 </dev/null || status=$?
    umount "$root"
    [ $status != 0 ] || mv "$hosts_new_layer/upper" "$layer"
    hosts_abandon_layer
    [ $status = 0 ] || echo "hosts: apt-get failed; its output is in $hosts_directory/dependencies.log" >&2
    return $status
}
# Removes a layer that is not ready, also from an exit trap.
hosts_abandon_layer() {
    [ -n "${hosts_new_layer:-}" ] || return 0
    ! mountpoint -q "$hosts_new_layer/root" || umount "$hosts_new_layer/root"
    rm -rf "$hosts_new_layer"
}

# Makes the root of a host, which is not running yet, and prints its path: host_create NAME
host_create() {
    local directory=$hosts_directory/$1
    mkdir -p "$directory/upper" "$directory/work" "$directory/root"
    mount -t overlay overlay -o "lowerdir=$hosts_layers,upperdir=$directory/upper,workdir=$directory/work" "$directory/root"
    echo "$1" >"$directory/root/etc/hostname"
}
host_root() { echo "$hosts_directory/$1/root"; }

# Boots a host that was created, and returns when systemd has started everything: host_boot NAME
host_boot() {
    local name=$1 root group
    root=$(host_root "$name")
    (
        for group in $(host_groups "$name"); do
            mkdir -p "$group"
            echo "$BASHPID" >"$group/cgroup.procs"
        done
        exec systemd-nspawn -q -D "$root" -M "$name" --private-network --register=no --keep-unit --console=passive -b
    ) >>"$hosts_directory/$name/console" 2>&1 </dev/null &
    host_nspawn[$name]=$!
    for _ in $(seq 300); do
        host_leader[$name]=$(pgrep -P "${host_nspawn[$name]}" | head -n 1 || true)
        case $(host "$name" systemctl is-system-running 2>/dev/null) in running | degraded) return 0 ;; esac
        sleep 0.1
    done
    echo "hosts: $name did not boot within 30 s; its console is in $hosts_directory/$name/console" >&2
    return 1
}

# Runs a command in a host: host NAME COMMAND...
host() {
    local leader=${host_leader[$1]:-}
    [ -n "$leader" ] || return 1
    shift
    nsenter -t "$leader" -m -u -i -n -p -C -- env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
        DEBIAN_FRONTEND=noninteractive "$@"
}

# Runs a program of this machine in a host's network: in_network_of NAME COMMAND...
in_network_of() {
    local leader=${host_leader[$1]}
    shift
    nsenter -t "$leader" -n -- "$@"
}

# A bridge between the hosts, in a network namespace, which takes all of it along when it is removed.
hosts_network_make() {
    hosts_network=tessera-$$
    ip netns add $hosts_network
    ip -n $hosts_network link add bridge type bridge
    ip -n $hosts_network link set bridge up
}
hosts_network_remove() { [ -z "${hosts_network:-}" ] || ip netns del "$hosts_network"; }

# Connects a host that has booted to the bridge: host_plug NAME ADDRESS. Its hardware's address follows from ADDRESS, as that of
# a real machine stays: the others would look for it at the old one for a while.
declare -A host_port=()
host_plug() {
    host_port[$1]=port${2##*.}
    # The port of a host that was switched off is gone with its network, a moment later.
    until ip -n "$hosts_network" link add "${host_port[$1]}" type veth \
        peer name host0 address "$(printf '02:00:%02x:%02x:%02x:%02x' ${2//./ })" netns "${host_leader[$1]}" 2>/dev/null; do
        ip -n "$hosts_network" link del "${host_port[$1]}" 2>/dev/null || sleep 0.05
    done
    ip -n "$hosts_network" link set "${host_port[$1]}" master bridge up
    host "$1" ip addr add "$2/24" dev host0
    host "$1" ip link set host0 up
}
# Pulls a host's cable, or puts it back: host_cable NAME down|up
host_cable() { ip -n "$hosts_network" link set "${host_port[$1]}" "$2"; }

# Suspends every process of a host, or lets them continue: host_freeze NAME 1|0
host_freeze() {
    local group=/sys/fs/cgroup/unified/tessera-$1
    echo "$2" >"$group/cgroup.freeze"
    until grep -q "^frozen $2\$" "$group/cgroup.events"; do sleep 0.005; done
}

# Ends a host at once, as when its power fails; what its disk has stays: host_cut_power NAME
host_cut_power() {
    [ -n "${host_nspawn[$1]:-}" ] || return 0
    host_freeze "$1" 0
    [ -z "${host_leader[$1]:-}" ] || kill -KILL "${host_leader[$1]}" 2>/dev/null || true
    host_is_over "$1"
}

# Has a host shut down in an orderly way: host_power_off NAME
host_power_off() {
    [ -n "${host_nspawn[$1]:-}" ] || return 0
    [ -z "${host_leader[$1]:-}" ] || kill -s RTMIN+4 "${host_leader[$1]}" 2>/dev/null || true
    host_is_over "$1"
}

# Waits until a host's last process is gone, for at most 40 s, more than a service may take to stop.
host_is_over() {
    local name=$1
    for _ in $(seq 800); do
        kill -0 "${host_nspawn[$name]}" 2>/dev/null || break
        sleep 0.05
    done
    kill -KILL "${host_nspawn[$name]}" 2>/dev/null || true
    wait "${host_nspawn[$name]}" 2>/dev/null || true
    unset "host_nspawn[$name]" "host_leader[$name]"
    remove_groups $(host_groups "$name")
}

# Removes control groups, which are busy until the last of their processes has been collected: remove_groups DIRECTORY...
remove_groups() {
    local group
    for group in "$@"; do
        for _ in $(seq 100); do
            [ -d "$group" ] || break
            find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || sleep 0.05
        done
    done
}

host_remove() {
    local name=$1
    host_power_off "$name"
    for _ in $(seq 100); do
        mountpoint -q "$(host_root "$name")" || break
        umount "$(host_root "$name")" 2>/dev/null || sleep 0.05
    done
    for _ in $(seq 100); do
        rm -rf "${hosts_directory:?}/$name" 2>/dev/null && return 0
        sleep 0.05
    done
    echo "hosts: $hosts_directory/$name could not be removed" >&2
    return 1
}
