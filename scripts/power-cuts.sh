#!/usr/bin/env bash
# Cuts the power of an ext4 file system, again and again, under a journal that is written to and under the real master, and
# compares what is there afterwards with what was acknowledged before. As root, on Linux with loop devices.
#
#     scripts/power-cuts.sh [COUNT]     COUNT cuts of the journal (1000), a tenth as many of the master
set -euo pipefail
cd "$(dirname "$0")/.."

[ "$(id -u)" = 0 ] || {
    echo "power-cuts: mounting needs root" >&2
    exit 1
}
scripts/build.sh --build-tests
# In a mount namespace of its own: if another namespace had a copy of the mount, the file system would outlive its umount.
TESSERA_POWER_CUTS=${1:-1000} unshare --mount --propagation private swift test --skip-build --no-parallel --filter PowerCutTests
