#!/usr/bin/env bash
# Checks metrics, alerts and dashboard with Prometheus itself: a cluster under load on this machine, and Debian's prometheus.
#
#     scripts/metrics-check.sh [PROGRAMS]     a directory with tessera, tessera-master, tessera-worker, tessera-rank and enlarge
#
# - `promtool check metrics` finds nothing in what master and worker answer under load.
# - `promtool check rules` and `promtool test rules` pass (Tests/Prometheus).
# - A Prometheus that scrapes both has samples for every expression of the dashboard and every series of the alerts.
# Where prometheus is not installed, Debian's package is unpacked into .build/prometheus: installing it would start a service.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

bin=$(realpath "${1:-.build/release}")
alerts=share/tessera/prometheus/alerts.yml
dashboard=share/tessera/grafana/tessera.json
for tool in curl python3; do
    command -v $tool >/dev/null || fail "$tool is missing; install it from Debian"
done
tools=
if ! command -v prometheus promtool >/dev/null; then
    tools=$PWD/.build/prometheus/usr/bin/
    if [ ! -x "${tools}promtool" ]; then
        (cd "$directory" && apt-get download -q prometheus && dpkg-deb -x prometheus_*.deb "$OLDPWD/.build/prometheus") \
            >"$directory/download.log" 2>&1 || fail "Debian's prometheus cannot be had; see $directory/download.log"
    fi
fi

say "Rules"
"${tools}promtool" check rules "$alerts"
"${tools}promtool" test rules Tests/Prometheus/alerts-test.yml

say "A master and two workers"
# Audits are attempts beside those of the tasks: without them the counters can be compared.
export TESSERA_METRICS_LISTEN=127.0.0.1:0 TESSERA_AUDIT=0
make_secret
start_master "$bin" state
for worker in one two; do start_worker "$bin" "$worker" 2; done
within 60 "the workers are registered" has_alive "$bin" 2

# The address at which a daemon says that it answers: address_of LOG
address_of() { grep -oE 'metrics are answered.*address=[0-9.]+:[0-9]+' "$1" | tail -1 | grep -oE '[0-9.]+:[0-9]+$'; }
master=$(address_of "$directory/state-master.log")
workers=("$(address_of "$directory/one.log")" "$(address_of "$directory/two.log")")

# What curl sees of a path: status PATH ADDRESS
status() { curl -s -o /dev/null -w '%{http_code}' "http://$2$1"; }
is_ready() { [ "$(status /readyz "$1")" = 200 ]; }
for address in "$master" "${workers[@]}"; do
    within 10 "$address is ready" is_ready "$address"
    for path in /metrics /healthz /readyz; do
        [ "$(status $path "$address")" = 200 ] || fail "$path of $address answers $(status $path "$address")"
    done
    [ "$(status /else "$address")" = 404 ] || fail "$address answers what there is not"
    [ "$(curl -s -o /dev/null -w '%{http_code}' -d x "http://$address/metrics")" != 200 ] || fail "$address answers a POST"
done
echo "master at $master, workers at ${workers[*]}: ready"

say "Prometheus"
targets() { printf '"%s",' "$@" | sed 's/,$//'; }
cat >"$directory/prometheus.yml" <<END
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: ["$PWD/$alerts"]
scrape_configs:
  - {job_name: tessera-master, static_configs: [{targets: ["$master"]}]}
  - {job_name: tessera-worker, static_configs: [{targets: [$(targets "${workers[@]}")]}]}
END
"${tools}promtool" check config share/tessera/prometheus/tessera.yml --syntax-only
"${tools}promtool" check config "$directory/prometheus.yml"
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"${tools}prometheus" --config.file="$directory/prometheus.yml" --storage.tsdb.path="$directory/tsdb" \
    --web.listen-address="127.0.0.1:$port" --log.level=warn >"$directory/prometheus.log" 2>&1 &
pid[prometheus]=$!
prometheus=http://127.0.0.1:$port
within 60 "Prometheus is ready" curl -sf "$prometheus/-/ready"

say "Load: jobs for ${LOAD_SECONDS:=40} s, and one that is refused"
"$bin/enlarge" 3000x2000 examples/coffee.png "$directory/large.png"
end=$((SECONDS + LOAD_SECONDS))
jobs=0
while [ $SECONDS -lt $end ]; do
    "$bin/tessera" run "gaussian-blur sigma=$((2 + jobs % 3))" "$directory/large.png" -o "$directory/out.png" --no-cache --chunk-bytes 2M \
        --progress none >>"$directory/jobs.log" 2>&1 || fail "a job failed; see $directory/jobs.log"
    jobs=$((jobs + 1))
    for address in "$master" "${workers[@]}"; do
        curl -sf "http://$address/metrics" >"$directory/metrics" || fail "$address did not answer under load"
        "${tools}promtool" check metrics <"$directory/metrics" || fail "promtool has something to say about $address"
    done
done
if "$bin/tessera" status 999999 >/dev/null 2>&1; then fail "a job that there is not has a status"; fi
sizes=$(for address in "$master" "${workers[0]}"; do curl -s "http://$address/metrics" | wc -c; done | xargs)
echo "$jobs jobs; promtool check metrics: nothing found; bytes of an answer, master and worker: $sizes"

say "The counters of the master, the workers and the jobs"
python3 scripts/metrics-check.py agree "$prometheus" "$jobs"

say "Every expression of the dashboard and of the alerts"
python3 scripts/metrics-check.py answers "$prometheus" "$dashboard" "$alerts"
firing=$(curl -s "$prometheus/api/v1/alerts" | grep -o '"state":"firing"' | wc -l || true)
[ "$firing" = 0 ] || { curl -s "$prometheus/api/v1/alerts" >&2; fail "$firing alerts fire on a healthy cluster"; }
echo "no alert fires"

say "A worker that goes away"
stop two
gone() { curl -s "$prometheus/api/v1/query" --data-urlencode 'query=sum(tessera_workers{state="taking"})' | grep -q '"1"\]'; }
within 30 "Prometheus sees one worker" gone
echo "Prometheus sees one worker"
echo
echo "metrics-check: passed"
