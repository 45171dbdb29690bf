# Four hosts as one cluster: their services, settings and secret, and jobs whose results are known. A part of scripts/hosts-check.sh.

# ---- Hosts and services

# Boots a host that was created, and connects it: boot NAME
boot() {
    host_boot "$1" || fail "$1 did not boot: $(tail -n 3 "$hosts_directory/$1/console")"
    host_plug "$1" "${address[$1]}"
}
# The seconds since a time of EPOCHREALTIME, with one place.
since() { awk -v a="$1" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }'; }

active() { host "$1" systemctl is-active --quiet "$2"; }
tessera() { host $master tessera "$@"; }
alive() { tessera workers --json | grep -o '"state":"alive"' | wc -l; }
has_alive() { [ "$(alive)" = "$1" ]; }
has_at_least() { [ "$(alive)" -ge "$1" ]; }
all_alive() { within 30 "${1:-3} workers are alive" has_alive "${1:-3}"; }

# Writes a file of a host as a person would: host_file NAME FILE TEXT
host_file() { printf '%s\n' "$3" >"$(host_root "$1")$2"; }

# By patterns of names: install_packages HOST PATTERN...
install_packages() {
    local name=$1
    shift
    host "$name" sh -c "apt-get install -y --no-install-recommends $*" >"$log/$name.apt" 2>&1 ||
        fail "apt-get install failed on $name: $(tail -n 3 "$log/$name.apt")"
}
# Runs a function for several hosts at once: on_all FUNCTION HOST...
on_all() {
    local function=$1 name running=()
    shift
    for name in "$@"; do
        $function "$name" &
        running+=($!)
    done
    for name in "${running[@]}"; do wait "$name" || fail "$function failed on a host"; done
}

# As a person copies it: the whole file, by another name first.
copy_secret() {
    host $master cat /etc/tessera/secret >"$(host_root "$1")/etc/tessera/secret.new"
    chmod 600 "$(host_root "$1")/etc/tessera/secret.new"
    host "$1" mv /etc/tessera/secret.new /etc/tessera/secret
}

# Settings that hosts need to reach one another, and more: master_settings LEVEL [LINE], worker_settings HOST [LINE]
master_settings() { host_file $master /etc/tessera/master.yaml "listen: 0.0.0.0:7400"$'\n'"log-level: $1"$'\n'"${2:-}"; }
worker_settings() { host_file "$1" /etc/tessera/worker.yaml "master: $masters"$'\n'"${2:-}"; }
restart_master() { # with this line in its settings
    master_settings debug "${1:-}"
    host $master systemctl restart tessera-master
    all_alive
}

# What a unit has logged since a moment: journal_end HOST prints the moment; journal_since HOST MOMENT UNIT [OPTION...]
journal_end() { host "$1" journalctl -n 0 --show-cursor | sed -n 's/^-- cursor: //p'; }
journal_since() {
    local name=$1 moment=$2 unit=$3
    shift 3
    host "$name" journalctl --after-cursor "$moment" -u "$unit" --no-pager -o cat "$@"
}

# The number of a host's process outside: process_of HOST PROGRAM
process_of() { pgrep --ns "${host_leader[$1]}" --nslist pid -x "$2"; }

# ---- Jobs

# What is done to a photograph of 3.8 megapixels, and the digest of what becomes of it, as computed alone.
slow='median size=41 | canny low=50 high=150'
known=
# Images that the three workers have computed per second, at their quickest so far. At first a guess, which is low.
rate=1

# Sets `job` and `images`, and returns when some of it is done. The job takes SECONDS or longer, so that a fault within half of
# that time meets it: submit_batch SECONDS
submit_batch() {
    images=$((rate * $1 > 12 ? rate * $1 : 12))
    [ $images -le 999 ] || images=999
    submitted=$EPOCHREALTIME
    job=$(tessera submit --detach --no-cache "$slow" $(seq -f "/root/in/%g.png" $images) 2>/dev/null | cut -d' ' -f1)
    within 60 "some of job $job is done" has_done 4
}
tasks_done() { tessera status "$job" --json | grep -o '"tasks_done":[0-9]*' | head -n 1 | cut -d: -f2; }
has_done() { [ "$(tasks_done)" -ge "$1" ]; }
state() { tessera status "$job" --json | grep -o '"state":"[a-z-]*"' | head -n 1 | cut -d'"' -f4; }
# The fault has to have happened in mid-job, or the case has shown nothing.
still_runs() { [ "$(state)" = running ] || fail "job $job was over before the fault: $(state)"; }
# The job ends well, and every result is as computed alone.
finish_batch() {
    within 30 "the master answers" tessera workers
    tessera wait "$job" >"$log/wait" 2>&1 || fail "job $job did not end well: $(tail -n 3 "$log/wait")"
    rate=$(awk -v a="$submitted" -v b="$EPOCHREALTIME" -v n=$images -v rate="$rate" 'BEGIN { r = n / (b - a); print int(r > rate ? r + 0.99 : rate) }')
    host $master rm -rf /root/out
    tessera fetch "$job" -o /root/out/ >/dev/null 2>&1 || fail "the results of job $job cannot be fetched"
    local right
    right=$(host $master sh -c 'sha256sum /root/out/*' | grep -c "^$known ") || true
    [ "$right" = "$images" ] || fail "$right of $images results of job $job are as computed alone"
    tessera forget "$job" >/dev/null 2>&1 || fail "job $job cannot be forgotten"
}
