#!/usr/bin/env bash
# Builds this commit twice, each time from nothing in the same directory, makes the Debian packages of both builds, and
# compares them byte for byte. What is not committed is not built.
#
#     scripts/reproducible-check.sh
set -euo pipefail
cd "$(dirname "$0")/.."
fail() { echo "reproducible-check: FAILED: $*" >&2; exit 1; }

work=$PWD/.build/reproducible
tree=$work/tree
packages=("$work/packages-1" "$work/packages-2")
rm -rf "$work"
trap 'rm -rf "$tree"' EXIT
[ -z "$(git status --porcelain)" ] || echo "reproducible-check: what is not committed is left out" >&2

for build in 0 1; do
    start=$SECONDS
    rm -rf "$tree"
    git clone -q . "$tree"
    make -C "$tree" build >"$work/build.log" 2>&1 || fail "make build: $(tail -n 5 "$work/build.log"); all is in $work/build.log"
    make -C "$tree" deb DEB_PROGRAMS=.build/release >"$work/deb.log" 2>&1 || fail "make deb: $(tail -n 5 "$work/deb.log")"
    mv "$tree/.build/packages" "${packages[build]}"
    echo "build $((build + 1)) of 2: $((SECONDS - start)) s"
done

names() { (cd "$1" && ls tessera*.deb); }
[ "$(names "${packages[0]}")" = "$(names "${packages[1]}")" ] || fail "the builds make packages of other names"
differing=0
for package in $(names "${packages[0]}"); do
    cmp -s "${packages[@]/%//$package}" && continue
    differing=$((differing + 1))
    echo "reproducible-check: $package differs:" >&2
    for build in 0 1; do dpkg-deb -R "${packages[build]}/$package" "${packages[build]}/${package%.deb}"; done
    diff -rq --no-dereference "${packages[@]/%//${package%.deb}}" >&2 || true
done
[ $differing = 0 ] || fail "$differing packages are not the same bytes; ${packages[*]} have them and their files"
echo "reproducible-check: $(names "${packages[0]}" | wc -l) packages, each the same bytes from two builds"
