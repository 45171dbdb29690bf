#!/usr/bin/env bash
# Installs, removes and purges the Debian packages on a bare Debian 12, each by itself and all together, and looks for what they
# leave (as root): Debian's piuparts.
#
#     scripts/deb-piuparts.sh PACKAGES
set -euo pipefail
cd "$(dirname "$0")/.."
packages=$(realpath "$1")
source scripts/hosts.sh
[ "$(id -u)" = 0 ] || { echo "deb-piuparts: must run as root, to change a root file system" >&2; exit 1; }

hosts_make_base
log=$hosts_directory/piuparts.log
# There is no former release in Debian to upgrade from; scripts/hosts-check.sh upgrades to a next one.
piuparts --distribution bookworm --existing-chroot "$hosts_base" --mirror "$(hosts_mirror) main" --no-upgrade-test \
    --log-file "$log" "$packages"/tessera*.deb >/dev/null || {
    grep -E '(ERROR|FAIL):' "$log" >&2
    echo "deb-piuparts: failed; everything it did is in $log" >&2
    exit 1
}
echo "deb-piuparts: $(grep -c 'PASS:' "$log") of its stages passed, nothing is left after purge"
