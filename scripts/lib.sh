# For scripts that run a cluster of real processes on this machine: source it from the root of the repository.
#
# Sets `directory`, a temporary directory for state and logs, which is removed after success and kept after a failure. Every
# process is in `pid`, by name, and is stopped by its own number at the end, also after an error or Ctrl-C.
# A script that has more to clean up defines `clean_up`.

script=$(basename "$0" .sh)
directory=$(mktemp -d "${TMPDIR:-/tmp}/tessera-$script.XXXXXX")
declare -A pid=()
# The terminal, also for a command whose own output is discarded.
exec 3>&2

end() {
    local status=$?
    trap - EXIT INT TERM
    for name in "${!pid[@]}"; do kill -TERM "${pid[$name]}" 2>/dev/null || true; done
    for name in "${!pid[@]}"; do wait "${pid[$name]}" 2>/dev/null || true; done
    if declare -F clean_up >/dev/null; then clean_up; fi
    if [ $status -ne 0 ]; then
        echo "$script: failed with status $status; the logs are in $directory" >&3
    else
        rm -rf "$directory"
    fi
    exit $status
}
trap end EXIT
trap 'exit 130' INT TERM

fail() { echo "$script: $*" >&3; exit 1; }
say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
now() { date +%s.%N; }
seconds() { awk -v from="$1" -v to="$2" 'BEGIN { printf "%.1f s", to - from }'; }

# Waits until a command succeeds: within SECONDS WHAT COMMAND...
within() {
    local deadline=$((SECONDS + $1)) what=$2 limit=$1
    shift 2
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt "$deadline" ] || fail "not within $limit s: $what"
        sleep 0.05
    done
}

make_secret() {
    (umask 077 && head -c 32 /dev/urandom | base64 >"$directory/secret")
    export TESSERA_SECRET_FILE="$directory/secret"
}

# Starts a master and sets TESSERA_MASTER to its address: start_master PROGRAMS STATE [ADDRESS]
start_master() {
    rm -f "$directory/address"
    "$1/tessera-master" --listen "${3:-127.0.0.1:0}" --state-dir "$directory/$2" --address-file "$directory/address" \
        >>"$directory/$2-master.log" 2>&1 &
    pid[master]=$!
    within 30 "the master is up or has ended" is_up_or_over master "$directory/address"
    [ -s "$directory/address" ] || { cat "$directory/$2-master.log" >&3; fail "the master ended; this is its log"; }
    TESSERA_MASTER=$(cat "$directory/address")
    export TESSERA_MASTER
}
is_up_or_over() { [ -s "$2" ] || ! kill -0 "${pid[$1]}"; }

# Starts a worker of one slot: start_worker PROGRAMS NAME RANKS
start_worker() {
    "$1/tessera-worker" --name "$2" --slots 1 --ranks "$3" >>"$directory/$2.log" 2>&1 &
    pid[$2]=$!
}

# Ends a process in an orderly way: stop NAME
stop() {
    kill -TERM "${pid[$1]}"
    wait "${pid[$1]}" || true
    unset "pid[$1]"
}

# count_alive PROGRAMS; has_alive PROGRAMS COUNT
count_alive() { "$1/tessera" workers --json | grep -c '"state":"alive"' || true; }
has_alive() { [ "$(count_alive "$1")" = "$2" ]; }

# The number of a job's member in its status: job_number PROGRAMS JOB KEY
job_number() { "$1/tessera" status "$2" --json 2>/dev/null | grep -o "\"$3\":[0-9]*" | head -1 | cut -d: -f2; }
