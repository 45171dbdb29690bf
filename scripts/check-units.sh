#!/usr/bin/env bash
# Fails when a systemd unit leaves its daemon more than it needs: an exposure above 1.2 of 10, as systemd-analyze counts it.
# Needs no running systemd.
set -euo pipefail
cd "$(dirname "$0")/.."

command -v systemd-analyze >/dev/null || {
    echo "check-units: systemd-analyze is missing; install Debian's systemd" >&2
    exit 1
}
for unit in systemd/*.service; do
    # In tenths.
    if ! table=$(systemd-analyze security --offline=true --threshold=12 --no-pager "$unit"); then
        printf '%s\n' "$table" >&2
        echo "check-units: $unit is above the exposure level 1.2; the table above says what counts" >&2
        exit 1
    fi
    printf '%s: %s\n' "$unit" "$(tail -n 1 <<<"$table" | grep -oE '[0-9.]+ [A-Z]+')"
done
