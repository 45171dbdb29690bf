# A cluster of Slurm on one machine: nodes with a file system, a network, a name and processes of their own. A part of
# scripts/slurm-check.sh, which runs it in namespaces that end with it; nothing here has to be removed.

source "$here/slurm-check/root.sh"
nodes=(front one two)
declare -A node_address=([front]=192.0.2.1 [one]=192.0.2.2 [two]=192.0.2.3) node_process=()

# A layer on this machine's root with Slurm installed: make_layer ARCHIVES
make_layer() {
    local root=$world/layer/root
    mkdir -p "$world"/layer/{upper,work,root}
    mount -t overlay overlay -o "lowerdir=/,upperdir=$world/layer/upper,workdir=$world/layer/work" "$root"
    enter_root "$root"
    mount --bind -o ro "$1" "$root/mnt"
    # Services of an installation are not started.
    printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
    chmod 755 "$root/usr/sbin/policy-rc.d"
    if [ -n "$(ls "$1"/*.deb 2>/dev/null)" ]; then
        chroot "$root" sh -c 'DEBIAN_FRONTEND=noninteractive dpkg -i /mnt/*.deb' >"$log/install.log" 2>&1 </dev/null ||
            fail "Slurm cannot be installed; see $log/install.log"
    fi
    [ -s "$root/etc/munge/munge.key" ] || chroot "$root" runuser -u munge -- mungekey --create
    chroot "$root" useradd --create-home --shell /bin/bash ada
    printf '127.0.0.1 localhost\n' >"$root/etc/hosts"
    for name in "${nodes[@]}"; do printf '%s %s\n' "${node_address[$name]}" "$name" >>"$root/etc/hosts"; done
    slurm_settings >"$root/etc/slurm/slurm.conf"
    umount --recursive "$root"
}

# As a site has it: a job's task is bound to its processors. Two processors per node, whatever this machine has.
slurm_settings() {
    cat <<END
ClusterName=check
SlurmctldHost=front(${node_address[front]})
SlurmUser=slurm
AuthType=auth/munge
CredType=cred/munge
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/affinity
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=1,sched_interval=1
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
StateSaveLocation=/var/lib/slurm/slurmctld
SlurmdSpoolDir=/var/lib/slurm/slurmd
SlurmctldPidFile=/run/slurmctld.pid
SlurmdPidFile=/run/slurmd.pid
SlurmdParameters=config_overrides
KillWait=30
ReturnToService=2
NodeName=one NodeAddr=${node_address[one]} CPUs=2 State=UNKNOWN
NodeName=two NodeAddr=${node_address[two]} CPUs=2 State=UNKNOWN
PartitionName=all Nodes=one,two Default=YES MaxTime=INFINITE State=UP
END
}

# Starts a node, with a network on the bridge and the daemon that proves who calls: start_node NAME
start_node() {
    local name=$1
    mkdir -p "$world/$name"/{upper,work,root} "$log/$name"
    unshare --net --uts --ipc --mount --pid --fork --kill-child --propagation private \
        bash "$here/slurm-check/node.sh" "$name" "$world" "$programs" &
    node_process[$name]=$!
    within 10 "$name has its root" test -e "$world/$name/ready"
    ip link add "port-$name" type veth peer name eth0 netns "$(node_init "$name")"
    ip link set "port-$name" master bridge up
    on "$name" ip link set lo up
    on "$name" ip addr add "${node_address[$name]}/24" dev eth0
    on "$name" ip link set eth0 up
    daemon "$name" munged runuser -u munge -- munged --foreground
    within 10 "munged of $name answers" on "$name" munge --no-input
}
node_init() { pgrep -P "${node_process[$1]}"; }

# Runs a command on a node as root: on NAME COMMAND...
on() {
    local name=$1 init
    init=$(node_init "$name") || return 1
    shift
    nsenter -t "$init" --mount --net --uts --ipc --pid -- chroot "$world/$name/root" env -i \
        PATH=/opt/tessera:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 "$@"
}
# The same as the user whose jobs these are, at home, with what he has exported: as_ada COMMAND... He logs in to the node `front`.
as_ada() { on front runuser -u ada -- env HOME=/home/ada "${exported[@]}" sh -c 'cd /srv/ada && exec "$@"' sh "$@"; }
exported=()

# Starts a daemon of a node: daemon NODE LOG COMMAND...
daemon() {
    local name=$1 daemon_log=$log/$1/$2
    shift 2
    on "$name" "$@" >>"$daemon_log" 2>&1 </dev/null &
}

start_slurm() {
    ip link set lo up
    ip link add bridge type bridge
    ip link set bridge up
    mkdir -p "$world/shared"
    for name in "${nodes[@]}"; do start_node "$name"; done
    daemon front slurmctld slurmctld -D
    for name in one two; do daemon $name slurmd slurmd -D -N $name; done
    within 60 "both nodes are idle" both_are_idle
}
both_are_idle() { [ "$(on front sinfo --noheader --Node --format=%t | sort | uniq -c | xargs)" = "2 idle" ]; }

# The state of a job, such as RUNNING, and its exit status: job_state JOB; job_is JOB STATE; job_ended JOB STATE STATUS
job_field() { on front scontrol show job "$1" | grep -oE "\b$2=[^ ]*" | head -n 1 | cut -d= -f2; }
job_is() { [ "$(job_field "$1" JobState)" = "$2" ]; }
job_ended() {
    within "${4:-60}" "job $1 is $2" job_is "$1" "$2"
    [ "$(job_field "$1" ExitCode)" = "$3" ] || fail "job $1 ended with $(job_field "$1" ExitCode), not $3"
}
