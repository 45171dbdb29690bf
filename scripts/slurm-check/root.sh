# A root file system that programs can run in, for a layer and for nodes. A part of scripts/slurm-check.sh.

# Gives a root what is not on its disk: enter_root ROOT
enter_root() {
    local place
    mount -t proc proc "$1/proc"
    mount --rbind /sys "$1/sys"
    mount --rbind /dev "$1/dev"
    for place in run tmp dev/shm; do mount -t tmpfs -o mode=1777 tmpfs "$1/$place"; done
}
