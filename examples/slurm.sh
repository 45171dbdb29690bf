#!/bin/bash
# Tessera in a batch system: a master and a worker on each node of an allocation, for one command.
#
#     sbatch --nodes=4 examples/slurm.sh run 'median size=5' scans/*.png -o cleaned/
#
# Everything is in a directory of this job, which all nodes must see; TESSERA_JOB_DIR names another one. A worker leaves before
# the allocation ends, so that nothing it computes is lost; what is not done by then is continued by the next job that has the
# same TESSERA_JOB_DIR. Results are written by the command, here.
#SBATCH --job-name=tessera
#SBATCH --ntasks-per-node=1
#SBATCH --exclusive
#SBATCH --time=01:00:00
# The worker's own time of leaving is earlier; the signal is for a shorter limit that somebody has set since.
#SBATCH --signal=TERM@60
set -euo pipefail

directory=${TESSERA_JOB_DIR:-$PWD/tessera-${SLURM_JOB_ID:?this script is for sbatch}}
mkdir -p -m 700 "$directory"
export TESSERA_SECRET_FILE=$directory/secret
[ -e "$TESSERA_SECRET_FILE" ] || (umask 077 && head -c 32 /dev/urandom | base64 > "$TESSERA_SECRET_FILE")

# The minutes that are left, less two for the end of what was begun.
left=$(squeue --noheader --job="$SLURM_JOB_ID" --format=%L)
minutes=$(awk -v left="$left" 'BEGIN {
    days = split(left, part, "-") == 2 ? part[1] : 0
    count = split(part[days ? 2 : 1], time, ":")
    print days * 1440 + (count == 3 ? time[1] * 60 + time[2] : time[1]) - 2
}')

rm -f "$directory/address"
tessera-master --listen '*:0' --state-dir "$directory/state" --address-file "$directory/address" 2>> "$directory/master.log" &
master=$!
trap 'kill "$master" 2> /dev/null; wait' EXIT
while [ ! -s "$directory/address" ]; do kill -0 "$master"; sleep 0.2; done
port=$(sed 's/.*://' "$directory/address")
export TESSERA_MASTER=$(hostname):$port

# With --cpus-per-task, a slot for each of these processors: srun does not take the number from sbatch. Without, a node is all ours.
cpus=${SLURM_CPUS_PER_TASK:-}
if [ -n "$cpus" ] && [ -z "${TESSERA_SLOTS:-}${TESSERA_RANKS:-}" ]; then export TESSERA_SLOTS=$cpus TESSERA_RANKS=1; fi
srun --nodes="$SLURM_JOB_NUM_NODES" --ntasks="$SLURM_JOB_NUM_NODES" --overlap ${cpus:+--cpus-per-task="$cpus"} \
    tessera-worker --lifetime "${minutes}m" 2>> "$directory/workers.log" &

tessera "$@"
scancel --signal=TERM "$SLURM_JOB_ID.0" 2> /dev/null || true
