#!/usr/bin/env bash
# The first process of a node: makes its root and collects what ends. scripts/slurm-check/cluster.sh starts it in namespaces of
# its own, which end with it.
#
#     node.sh NAME WORLD PROGRAMS
set -euo pipefail
name=$1 world=$2 programs=$3
source "$(dirname "$0")/root.sh"

hostname "$name"
root=$world/$name/root
mount -t overlay overlay -o "lowerdir=$world/layer/upper:/,upperdir=$world/$name/upper,workdir=$world/$name/work" "$root"
enter_root "$root"
mkdir -p "$root/opt/tessera" "$root/run/munge" "$root/var/lib/slurm"/{slurmctld,slurmd}
mount --bind -o ro "$programs" "$root/opt/tessera"
mount --bind "$world/shared" "$root/srv"
chroot "$root" chown munge:munge /run/munge
chroot "$root" chown slurm:slurm /var/lib/slurm/slurmctld
touch "$world/$name/ready"
sleep infinity &
wait
