#!/bin/bash
# One worker of Tessera as a job of Slurm, for a master that runs elsewhere.
#
#     export TESSERA_MASTER=192.0.2.10:7400           # and the secret where every node finds it, as in your home directory
#     sbatch examples/slurm-worker.sh                 # one worker
#     sbatch --array=1-8 --cpus-per-task=16 --time=04:00:00 examples/slurm-worker.sh
#
# `tessera autoscale` starts and stops such jobs by itself (docs/operating.md, "A fleet that follows its work"). The worker has a
# slot for each processor of the job, leaves a minute before the job's time is over, and hands back what it has not done by then.
# Every setting of tessera-worker can be given in the environment, as TESSERA_IDLE_TIMEOUT=10m.
#SBATCH --job-name=tessera-worker
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=2
#SBATCH --time=01:00:00
# The worker's own time of leaving is earlier; the signal is for a shorter limit that somebody has set since. It goes to the batch
# script, which the worker replaces.
#SBATCH --signal=B:TERM@30
set -euo pipefail

cpus=${SLURM_CPUS_PER_TASK:?this script is for sbatch}
# What the environment says of slots or ranks is kept. Not every cluster binds a job to its processors, or limits its memory.
if [ -z "${TESSERA_SLOTS:-}${TESSERA_RANKS:-}" ]; then export TESSERA_SLOTS=$cpus TESSERA_RANKS=1; fi
if [ -n "${SLURM_MEM_PER_NODE:-}" ]; then export TESSERA_MEMORY=${TESSERA_MEMORY:-$((SLURM_MEM_PER_NODE * 3 / 4))M}; fi
export TESSERA_NAME=${TESSERA_NAME:-slurm-$SLURM_JOB_ID}

# The seconds that are left, less one minute: squeue prints [DAYS-][[HOURS:]MINUTES:]SECONDS, or UNLIMITED.
left=$(squeue --noheader --job="$SLURM_JOB_ID" --format=%L)
seconds=$(awk -v left="$left" 'BEGIN {
    days = split(left, part, "-") == 2 ? part[1] : 0
    count = split(part[days != 0 || left ~ /-/ ? 2 : 1], time, ":")
    for (i = 1; i <= count; i++) total = total * 60 + time[i]
    if (left ~ /[0-9]/) print days * 86400 + total - 60
}')
if [ -n "$seconds" ]; then
    [ "$seconds" -gt 0 ] || { echo "slurm-worker: $left are left, and a worker needs more than a minute; ask sbatch for --time=10" >&2; exit 64; }
    export TESSERA_LIFETIME=${TESSERA_LIFETIME:-${seconds}s}
fi
exec tessera-worker
