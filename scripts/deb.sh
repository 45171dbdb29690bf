#!/usr/bin/env bash
# Makes Debian packages of the programs of a release build.
#
#     scripts/deb.sh PROGRAMS OUT [VERSION]
#
# PROGRAMS is the directory with the programs, OUT the one for the packages. Without VERSION it is the programs' version, and
# the commit's time and name after it, which sorts before the release. The same commit and programs give the same bytes.
set -euo pipefail
programs=$(realpath "$1") out=$(mkdir -p "$2" && realpath "$2")
cd "$(dirname "$0")/.."

fail() { echo "deb: $*" >&2; exit 1; }
for tool in dpkg-buildpackage dh; do
    command -v $tool >/dev/null || fail "$tool is missing; run 'scripts/setup.sh packages'"
done
for program in tessera tessera-master tessera-worker tessera-rank tessera-web; do
    [ -x "$programs/$program" ] || fail "$programs/$program is missing; run 'make build' first"
done

SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH LC_ALL=C.UTF-8 TZ=UTC
released=$("$programs/tessera" --version | cut -d' ' -f2)
version=${3:-$released~$(date -d "@$SOURCE_DATE_EPOCH" +%Y%m%d.%H%M%S).$(git rev-parse --short=8 HEAD)}

# A tree of its own, so that packaging leaves nothing in the working tree. Its name is always the same: it gets into the bytes.
tree=.build/deb/tessera
rm -rf .build/deb
mkdir -p $tree/programs $tree/generated
cp -r debian docs systemd share SECURITY.md LICENSE $tree
cp "$programs"/tessera{,-master,-worker,-rank,-web} $tree/programs
[ ! -e "$programs/tessera-rank-v3" ] || cp "$programs/tessera-rank-v3" $tree/programs
cp systemd/tessera.sysusers $tree/debian/tessera-common.sysusers
for unit in tessera-master.service tessera-worker.service tessera-worker.path tessera-web.service tessera-web.path; do
    sed 's|/usr/local/bin/|/usr/bin/|' "systemd/$unit" >"$tree/debian/${unit%%.*}.${unit#*.}"
done
for shell in bash zsh fish; do
    "$programs/tessera" --generate-completion-script $shell >"$tree/generated/tessera.$shell"
done
# bash reads its completions, it does not run them.
sed -i '1{/^#!/d}' $tree/generated/tessera.bash
scripts/man-pages.pl "$programs" $tree/generated
cat >$tree/debian/changelog <<END
tessera ($version) unstable; urgency=medium

  * See CHANGELOG.md in the source.

 -- Tessera Maintainers <tessera@example.org>  $(date -R -d "@$SOURCE_DATE_EPOCH")
END

# The programs are there: of what Debian's compiler needs nothing is asked, and there is no Swift in Debian to name.
if ! (cd $tree && DEB_BUILD_OPTIONS="noautodbgsym nocheck" dpkg-buildpackage -b -us -uc -d) >.build/deb/log 2>&1; then
    tail -n 40 .build/deb/log >&2
    fail "dpkg-buildpackage failed; all it said is in .build/deb/log"
fi
rm -f "$out"/tessera*.deb "$out"/tessera_*.changes "$out"/tessera_*.buildinfo
mv .build/deb/tessera*.deb .build/deb/tessera_*.changes .build/deb/tessera_*.buildinfo "$out"
echo "deb: $(cd "$out" && ls tessera*.deb | tr '\n' ' ')in $out"
