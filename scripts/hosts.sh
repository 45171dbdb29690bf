# Hosts that boot systemd, for checks that install packages: source it. Needs root, debootstrap and systemd-nspawn.
#
# A root file system of Debian 12 is made once, in HOSTS_BASE (.build/hosts/base); a host is an overlay on it with a network of
# its own, without a way out of it. `host_remove_all` ends and removes every host that was started; call it from an exit trap.

hosts_directory=${HOSTS_DIRECTORY:-$PWD/.build/hosts}
hosts_base=${HOSTS_BASE:-$hosts_directory/base}
declare -A host_leader=() host_nspawn=()

# Control groups of version 1 beside version 2: a host needs one of its own in each hierarchy, or hosts disturb each other.
host_groups() {
    local name=$1 controller
    for controller in cpu memory pids systemd unified; do
        [ ! -d "/sys/fs/cgroup/$controller" ] || echo "/sys/fs/cgroup/$controller/tessera-$name"
    done
}

hosts_make_base() {
    [ ! -e "$hosts_base/etc/debian_version" ] || return 0
    mkdir -p "$hosts_base"
    debootstrap --variant=minbase --include=systemd,systemd-sysv,dbus,iproute2,procps bookworm "$hosts_base" \
        "${DEBIAN_MIRROR:-$(apt-get indextargets --format '$(REPO_URI)' 'RELEASE: bookworm' | head -1)}" >"$hosts_directory/debootstrap.log" 2>&1 || {
        rm -rf "$hosts_base"
        echo "hosts: debootstrap failed; its output is in $hosts_directory/debootstrap.log" >&2
        return 1
    }
}

# Makes the root of a host, which is not running yet, and prints its path: host_create NAME
host_create() {
    local directory=$hosts_directory/$1
    mkdir -p "$directory/upper" "$directory/work" "$directory/root"
    mount -t overlay overlay -o "lowerdir=$hosts_base,upperdir=$directory/upper,workdir=$directory/work" "$directory/root"
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
    ) >"$hosts_directory/$name/console" 2>&1 </dev/null &
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

host_remove() {
    local name=$1 group
    if [ -n "${host_nspawn[$name]:-}" ]; then
        [ -z "${host_leader[$name]}" ] || kill -s RTMIN+4 "${host_leader[$name]}" 2>/dev/null || true
        for _ in $(seq 200); do
            kill -0 "${host_nspawn[$name]}" 2>/dev/null || break
            sleep 0.1
        done
        kill -KILL "${host_nspawn[$name]}" 2>/dev/null || true
        wait "${host_nspawn[$name]}" 2>/dev/null || true
        unset "host_nspawn[$name]" "host_leader[$name]"
    fi
    umount "$(host_root "$name")" 2>/dev/null || true
    for group in $(host_groups "$name"); do
        [ ! -d "$group" ] || find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || true
    done
    rm -rf "${hosts_directory:?}/$name"
}
