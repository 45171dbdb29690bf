#!/usr/bin/env bash
# Installs what Tessera needs from Debian, and only what is missing.
#
#     scripts/setup.sh         what building and running it needs
#     scripts/setup.sh tests   the programs that its tests look at files with, too
#     scripts/setup.sh web     what the checks of the page need, too (scripts/web-check.sh)
#     scripts/setup.sh bench-web   what the gateway is measured against (make bench-web)
#     scripts/setup.sh containers   what the check of the container images needs, too (scripts/containers-check.sh)
#     scripts/setup.sh packages   what Debian packages and their check need, too (scripts/deb.sh, scripts/deb-check.sh)
set -euo pipefail

packages=(
    build-essential git pkg-config             # the C shims, and where their libraries are
    libopenmpi-dev openmpi-bin                 # the ranks
    libpng-dev libisal-dev                     # PNG
    libjpeg62-turbo-dev                        # JPEG
    libtiff-dev                                # TIFF
    libwebp-dev                                # WebP
    liblcms2-dev                               # colours of printers
    libsystemd-dev                             # readiness, watchdog, journald
    systemd                                    # systemd-analyze, for scripts/check-units.sh
    libsqlite3-dev                             # the journal
    libssl-dev                                 # SHA-256
    libyaml-dev                                # settings files
)

if [ "${1:-}" = tests ]; then
    packages+=(libimage-exiftool-perl imagemagick libtiff-tools openslide-tools python3-pil)
fi

if [ "${1:-}" = web ]; then
    packages+=(
        chromium-headless-shell                # the browser
        node-typescript                        # the types
        python3-venv                           # Playwright
        libvips42                              # the validator of IIIF
    )
    command -v node >/dev/null || packages+=(nodejs)
fi

if [ "${1:-}" = bench-web ]; then
    packages+=(
        nginx-full libnginx-mod-nchan libnginx-mod-http-image-filter iipimage-server  # what it is measured against
        libvips-tools wrk curl python3-venv    # pictures, requests
    )
fi

if [ "${1:-}" = packages ]; then
    packages+=(
        debhelper dpkg-dev bash-completion     # making them
        lintian                                # what is wrong with them
        debootstrap systemd-container          # a host to install them on
        iproute2 piuparts                      # its network; installing and removing them
        curl tcpdump                           # asking the page; what is on the network
    )
fi

if [ "${1:-}" = containers ]; then
    packages+=(
        buildah podman runc catatonit          # building and running images
        debootstrap iproute2 curl              # their base, their networks, asking the page
    )
fi

missing=()
for package in "${packages[@]}"; do
    state=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$state" = installed ] || missing+=("$package")
done

if [ ${#missing[@]} -gt 0 ]; then
    as_root=()
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null || {
            echo "setup: ${missing[*]} must be installed, which needs root; run 'apt-get install ${missing[*]}' as root" >&2
            exit 1
        }
        as_root=(sudo)
    fi
    echo "setup: installing ${missing[*]}"
    log=$(mktemp)
    trap 'rm -f "$log"' EXIT
    if ! { "${as_root[@]}" apt-get update &&
        "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"; } \
        >"$log" 2>&1; then
        cat "$log" >&2
        echo "setup: apt-get failed; its output is above" >&2
        exit 1
    fi
fi

command -v swift >/dev/null || {
    echo "setup: no Swift toolchain on the PATH; Swift 6.3 or newer is needed: https://www.swift.org/install/linux/" >&2
    exit 1
}
