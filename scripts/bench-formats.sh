#!/usr/bin/env bash
# Measures whole jobs, from file to file, against libvips on the same machine, in turns: `make bench-formats`.
#
#     scripts/bench-formats.sh [ROW...]    rows: thumbnails, thumbnails-decoded, blur, scene, encryption; all by default
#     scripts/bench-formats.sh --page      only writes docs/performance.md again
#
#     PHOTOGRAPHS=200  of 12 megapixels         SIDE=30000    of the scene
#     SMALL=1000       photographs of 3 megapixels for encryption, which is measured against the same job in clear
#     ROUNDS=3         of which the fastest of each side counts; a disturbance only ever slows
#     KEEP=DIRECTORY   where the inputs are made, and found again
#
# A cluster of one worker with a slot for each core runs beside nothing else; libvips has as many threads or processes. Both
# write JPEG of quality 85 with 4:2:0 subsampling, or tiled TIFF with deflate. Results go to docs/measured/formats-speed.tsv.
set -euo pipefail
cd "$(dirname "$0")/.."

measured=docs/measured/formats-speed.tsv
page=docs/performance.md

write_page() {
    local begin='<!-- table by scripts/bench-formats.sh -->' end='<!-- end of the table -->'
    awk -F'\t' -v OFS=' | ' '
        { printf "| %s | `%s` | `%s` | %s | %s | %s | %s | %s |\n", $2, $3, $4, $5, $6, $7, $8, $9 }' "$measured" \
        >"$page.rows"
    awk -v begin="$begin" -v end="$end" -v rows="$page.rows" '
        $0 == begin {
            print; print ""
            print "| what | ours | theirs | ours, s | theirs, s | times as fast | goal | measured |"
            print "| --- | --- | --- | --- | --- | --- | --- | --- |"
            while ((getline line < rows) > 0) print line
            print ""; inside = 1
        }
        $0 == end { inside = 0 }
        !inside && $0 != begin' "$page" >"$page.new"
    mv "$page.new" "$page"
    rm "$page.rows"
}

if [ "${1:-}" = --page ]; then
    write_page
    exit
fi

for tool in vips vipsthumbnail; do
    command -v $tool >/dev/null || { echo "bench-formats: $tool is missing: apt install libvips-tools" >&2; exit 1; }
done

. scripts/lib.sh

bin=$PWD/.build/release
rows=("$@")
[ ${#rows[@]} -gt 0 ] || rows=(thumbnails thumbnails-decoded blur scene encryption)
photographs=${PHOTOGRAPHS:-200} side=${SIDE:-30000} small=${SMALL:-1000} rounds=${ROUNDS:-3}
cores=$(nproc)
inputs=${KEEP:-$directory/inputs}
mkdir -p "$inputs"
export VIPS_CONCURRENCY=1

# Each photograph is another: no byte of one is sent or computed for another one: make_photographs COUNT SIZE DIRECTORY
make_photographs() {
    local picture number
    mkdir -p "$3"
    for picture in astronaut coffee; do
        [ -e "$inputs/$picture-$2.png" ] || "$bin/enlarge" "$2" examples/$picture.png "$inputs/$picture-$2.png"
    done
    for ((number = 0; number < $1; number++)); do
        [ $((number % 2)) = 0 ] && picture=astronaut || picture=coffee
        echo "$inputs/$picture-$2.png" "$3/$(printf %04d "$number").jpg" "$number"
    done | awk -v step="$(awk "BEGIN { print 20 / ($1 + 1) }")" '{ print $1, $2, $3 * step }' | xargs -P "$cores" -L 1 sh -c '
        [ -e "$1" ] || { vips linear "$0" "$1.part.jpg[Q=90]" 1 "$2" --uchar && mv "$1.part.jpg" "$1"; }'
}

make_scene() {
    [ -e "$inputs/scene-$side.tif" ] && return
    local picture="$inputs/photographs/0000.jpg" large="$inputs/scene.v"
    VIPS_CONCURRENCY=$cores vips replicate "$picture" "$large" $((side / 4000 + 1)) $((side / 3000 + 1))
    VIPS_CONCURRENCY=$cores vips crop "$large" \
        "$inputs/scene-$side.tif[tile,tile-width=256,tile-height=256,compression=deflate,predictor=horizontal,bigtiff]" \
        0 0 "$side" "$side"
    rm "$large"
}

# The fastest of both, in turns: race OURS THEIRS; sets `ours` and `theirs`, in seconds.
race() {
    local round start
    ours=999999 theirs=999999
    for ((round = 0; round < rounds; round++)); do
        rm -rf "$directory/ours" "$directory/theirs"
        mkdir "$directory/ours" "$directory/theirs"
        start=$(now)
        $1
        ours=$(least "$ours" "$start" "$(now)")
        start=$(now)
        $2
        theirs=$(least "$theirs" "$start" "$(now)")
        echo "round $((round + 1)): ours at best $ours s, theirs $theirs s"
    done
}
least() { awk -v best="$1" -v from="$2" -v to="$3" 'BEGIN { printf "%.2f", to - from < best ? to - from : best }'; }

# Keeps a row's figures, in the place of earlier ones: keep ROW WHAT OURS THEIRS GOAL
keep() {
    local ratio date
    ratio=$(awk -v ours="$ours" -v theirs="$theirs" 'BEGIN { printf "%.2f", theirs / ours }')
    date=$(date +%Y-%m-%d)
    say "$2: ours $ours s, theirs $theirs s, $ratio times as fast; goal $5"
    touch "$measured"
    {
        grep -v "^$1	" "$measured" || true
        printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "$4" "$ours" "$theirs" "$ratio" "$5" \
            "$date, $cores cores"
    } | sort >"$directory/measured"
    cp "$directory/measured" "$measured"
}

run() { "$bin/tessera" run "$1" "${@:3}" -o "$2" --no-cache --progress none; }
all_photographs() { printf '%s\n' "$inputs"/photographs/[0-9]*[0-9].jpg | head -n "$photographs"; }
# Many small photographs, of which little is computed: where encryption costs most.
encrypted() { TESSERA_TLS=on TESSERA_MASTER=$encrypted_master run "$small_pipeline" "$directory/ours/" "$inputs"/small/*[0-9].jpg; }
in_clear() { TESSERA_TLS=off run "$small_pipeline" "$directory/theirs/" "$inputs"/small/*[0-9].jpg; }
small_pipeline='resize max-width=1024'

# Runs libvips on the photographs, in as many processes as there are cores: each COMMAND...
each() { all_photographs | xargs -P "$cores" "$@"; }

ours_thumbnails() { run 'resize max-width=2048' "$directory/ours/" $(all_photographs) --quality 85; }
theirs_thumbnails() { each -n 25 vipsthumbnail --size 2048x -o "$directory/theirs/%s.jpg[Q=85]"; }
theirs_thumbnails_decoded() {
    each -n 1 sh -c 'vips resize "$1" "$0/$(basename "$1")[Q=85]" 0.512' "$directory/theirs"
}
ours_blur() { run 'gaussian-blur sigma=3' "$directory/ours/" $(all_photographs) --quality 85; }
theirs_blur() { each -n 1 sh -c 'vips gaussblur "$1" "$0/$(basename "$1")[Q=85]" 3' "$directory/theirs"; }
ours_scene() {
    run 'median size=5 | gaussian-blur sigma=2' "$directory/ours/scene.tif" "$inputs/scene-$side.tif"
}
# Two commands with a file between, which is what the command line of libvips has.
theirs_scene() {
    VIPS_CONCURRENCY=$cores vips rank "$inputs/scene-$side.tif" "$directory/theirs/median.v" 5 5 12
    VIPS_CONCURRENCY=$cores vips gaussblur "$directory/theirs/median.v" \
        "$directory/theirs/scene.tif[tile,tile-width=256,tile-height=256,compression=deflate,predictor=horizontal,bigtiff]" 2
}

# The most memory of the worker and its ranks, in MB, sampled: their private pages, and the files in shared memory.
watch_memory() {
    local most=0 now_mb
    while sleep 0.2; do
        now_mb=$({
            for process in "$1" $(pgrep -P "$1" || true) $(pgrep -f "^$bin/tessera-rank" || true); do
                awk '/^RssAnon/ { print $2 }' "/proc/$process/status" 2>/dev/null || true
            done
            du -sk "$2" 2>/dev/null | cut -f1 || true
        } | awk '{ sum += $1 } END { printf "%d", sum / 1024 }')
        [ "$now_mb" -gt "$most" ] && most=$now_mb && echo "$most" >"$directory/memory"
    done
}

# A master, and a worker with a slot for each core: start_cluster NAME
start_cluster() {
    start_master "$bin" "$1"
    mkdir "$scratch/$1"
    "$bin/tessera-worker" --name "$1" --slots "$cores" --ranks 1 --scratch-dir "$scratch/$1" >>"$directory/$1.log" 2>&1 &
    pid[worker-$1]=$! pid[master-$1]=${pid[master]}
    within 60 "the worker $1 is registered" has_alive "$bin" 1
    # The worlds are up, and the programs in memory.
    run 'resize max-width=2048' "$directory/warm-$1/" $(all_photographs | head -n 4)
}

make_secret
say "Inputs: $photographs photographs of 12 megapixels"
make_photographs "$photographs" 4000x3000 "$inputs/photographs"
say "A master and a worker with $cores slots"
scratch=/dev/shm/tessera-bench-$$
mkdir "$scratch"
clean_up() { rm -rf "$scratch"; }
start_cluster bench

for row in "${rows[@]}"; do
    case $row in
    thumbnails)
        race ours_thumbnails theirs_thumbnails
        keep thumbnails "$photographs photographs of 12 MP, JPEG to JPEG, 2048 wide" \
            "resize max-width=2048" "vipsthumbnail, $cores at a time" 1.5
        ;;
    thumbnails-decoded)
        race ours_thumbnails theirs_thumbnails_decoded
        keep thumbnails-decoded "the same, of all pixels" "resize max-width=2048" "vips resize, $cores at a time" ""
        ;;
    blur)
        race ours_blur theirs_blur
        keep blur "$photographs photographs of 12 MP, JPEG to JPEG, blurred" \
            "gaussian-blur sigma=3" "vips gaussblur, $cores at a time" 1.5
        ;;
    scene)
        say "Input: a tiled TIFF of $side x $side"
        make_scene
        rounds=1
        watch_memory "${pid[worker-bench]}" "$scratch" &
        pid[watch]=$!
        race ours_scene theirs_scene
        kill "${pid[watch]}"
        unset 'pid[watch]'
        keep scene "tiled TIFF of $side x $side, to TIFF; worker's memory at most $(cat "$directory/memory") MB" \
            "median size=5 \\| gaussian-blur sigma=2" "vips rank 5 5 12, vips gaussblur; $cores threads" 4
        ;;
    encryption)
        say "Input: $small photographs of 3 megapixels, and a cluster that encrypts"
        make_photographs "$small" 2000x1500 "$inputs/small"
        clear_master=$TESSERA_MASTER
        export TESSERA_TLS=on
        start_cluster encrypted
        unset TESSERA_TLS
        encrypted_master=$TESSERA_MASTER TESSERA_MASTER=$clear_master
        race encrypted in_clear
        cmp -s <(cd "$directory/ours" && sha256sum *) <(cd "$directory/theirs" && sha256sum *) || fail "the results differ"
        keep encryption "$small photographs of 3 MP, JPEG to JPEG, encrypted, against the same in clear" \
            "$small_pipeline, tls: on" "tls: off" 0.9
        ;;
    *) fail "'$row' is not a row; rows are thumbnails, thumbnails-decoded, blur, scene and encryption" ;;
    esac
done
write_page
