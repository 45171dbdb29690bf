#!/usr/bin/env bash
# Checks Tessera in a batch system (as root): Debian's Slurm on three nodes, a front one and two with processors, in namespaces of
# this machine, and the scripts of examples/ as a user without rights calls them there.
#
#     scripts/slurm-check.sh [PROGRAMS] [CASE...]
#
# PROGRAMS is a directory with tessera, tessera-master, tessera-worker and tessera-rank. CASEs are the functions case_... ; without,
# all of them. A worker has a slot for each processor of its job; one that leaves before its time or for want of work ends with
# status 0 and loses nothing; an allocation cancelled half-way is continued by the next one, with the bytes that one machine computes
# alone; `tessera autoscale` starts and stops jobs by the line of docs/operating.md.
#
# This machine's files, networks and processes stay as they are: Slurm is installed in a layer on its root that only the check's
# processes see, and everything ends with the check's first process, also after a failure or Ctrl-C; after kill -9 the directory of
# logs stays. Slurm's packages are kept in .build/slurm.
set -euo pipefail
here=$(realpath "$(dirname "$0")")
cd "$here/.."

# ---- Outside: fetches the packages, starts the rest in namespaces, and removes the directory

if [ -z "${SLURM_CHECK_LOG:-}" ]; then
    programs=$(realpath "${1:-.build/release}")
    shift $(($# > 0 ? 1 : 0))
    refuse() { echo "slurm-check: $*" >&2; exit 1; }
    [ "$(id -u)" = 0 ] || refuse "must run as root, to make namespaces"
    for program in tessera{,-master,-worker,-rank}; do
        [ -x "$programs/$program" ] || refuse "$programs/$program is missing; run 'make build', or give the directory of another build"
    done
    archives=.build/slurm/archives
    if [ ! -e "$archives/complete" ]; then
        mkdir -p "$archives/partial"
        { apt-get update && apt-get install -y --no-install-recommends --download-only \
            -o Dir::Cache::archives="$PWD/$archives" slurmctld slurmd slurm-client munge; } \
            >.build/slurm/download.log 2>&1 || refuse "Slurm's packages cannot be had; see .build/slurm/download.log"
        touch "$archives/complete"
    fi
    SLURM_CHECK_LOG=$(mktemp -d "${TMPDIR:-/tmp}/tessera-slurm.XXXXXX")
    export SLURM_CHECK_LOG
    end() {
        local status=$?
        trap - EXIT
        trap '' HUP INT TERM
        # The end of the first process is the end of all others, of their networks and mounts.
        if [ -n "${inside:-}" ] && kill -0 "$inside" 2>/dev/null; then
            disown "$inside"
            kill -KILL "$inside"
            while kill -0 "$inside" 2>/dev/null; do sleep 0.05; done
        fi
        case $status in
        0) rm -rf "$SLURM_CHECK_LOG" ;;
        129 | 130 | 143)
            rm -rf "$SLURM_CHECK_LOG"
            echo "slurm-check: interrupted; nothing is left" >&2
            ;;
        *) echo "slurm-check: the logs are in $SLURM_CHECK_LOG" >&2 ;;
        esac
        exit $status
    }
    trap end EXIT
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM
    setpriv --pdeathsig KILL unshare --mount --net --pid --fork --kill-child --mount-proc --propagation private \
        bash "$here/slurm-check.sh" "$programs" "$PWD/$archives" "$@" </dev/null &
    inside=$!
    wait "$inside"
    exit
fi

# ---- Inside

programs=$1 archives=$2
shift 2
log=$SLURM_CHECK_LOG
world=$log/world
started=$SECONDS
passed=0
pass() { passed=$((passed + 1)); echo "passed: $*"; }
fail() { echo "slurm-check: FAILED: $*" >&2; exit 1; }
within() {
    local deadline=$((SECONDS + $1)) what=$2 limit=$1
    shift 2
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $deadline ] || fail "not within $limit s: $what"
        sleep 0.1
    done
}
finish() {
    local status=$?
    trap - EXIT
    # What users' programs wrote is among the logs; the rest of the world ends here.
    if [ $status != 0 ]; then
        mkdir -p "$log/shared" && cp -r "$world"/shared/. "$log/shared" 2>/dev/null || true
        rm -rf "$log"/shared/*/state
        echo "slurm-check: $passed passed, 1 failed" >&2
    fi
    exit $status
}
trap finish EXIT
trap 'echo "slurm-check: ${BASH_SOURCE[0]} line $LINENO failed: $BASH_COMMAND" >&2' ERR
source "$here/slurm-check/cluster.sh"
source "$here/slurm-check/cases.sh"
cases=("$@")
[ $# != 0 ] || cases=("${all[@]}")
for name in "${cases[@]}"; do
    declare -F "case_$name" >/dev/null || fail "there is no case '$name'; cases are ${all[*]}"
done

mkdir -p "$world"
mount -t tmpfs tmpfs "$world"
make_layer "$archives"
start_slurm
start_user
echo "three nodes with Slurm $(on front sinfo --version | cut -d' ' -f2) are up in $((SECONDS - started)) s"
for name in "${cases[@]}"; do
    case_started=$SECONDS
    "case_$name"
    echo "$name took $((SECONDS - case_started)) s"
done
echo "slurm-check: $passed passed, 0 failed, in $((SECONDS - started)) s"
