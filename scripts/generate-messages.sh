#!/usr/bin/env bash
# Generates the Swift types of Sources/Protocol/tessera.proto. Needs protoc (Debian's protobuf-compiler); the plugin is
# built from the swift-protobuf that this package depends on.
#
#     scripts/generate-messages.sh           writes Sources/Protocol/Generated
#     scripts/generate-messages.sh --check   exit status 1 if the committed files are out of date
set -euo pipefail
cd "$(dirname "$0")/.."

case "$*" in
"" | --check) ;;
*)
    echo "generate-messages: '$*' is neither nothing nor --check" >&2
    exit 64
    ;;
esac
command -v protoc >/dev/null || {
    echo "generate-messages: protoc is missing: apt install protobuf-compiler" >&2
    exit 1
}
scripts/build.sh --product protoc-gen-swift
plugin=$(swift build --show-bin-path)/protoc-gen-swift
output=Sources/Protocol/Generated
if [ "${1:-}" = --check ]; then
    output=$(mktemp -d)
    trap 'rm -rf "$output"' EXIT
fi
protoc --plugin="protoc-gen-swift=$plugin" --proto_path=Sources/Protocol --swift_out="$output" \
    --swift_opt=Visibility=Public tessera.proto
if [ "${1:-}" = --check ]; then diff -r "$output" Sources/Protocol/Generated; fi
