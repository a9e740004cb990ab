#!/usr/bin/env bash
# Writes the versions that Debian's mirror has now into debian.lock. Usage: infra/serving/image/pin.sh
# BASE=NAME:TAG prints another base by its digest instead, for make image.
set -euo pipefail
cd "$(dirname "$0")/../../.."
here=infra/serving/image

[ -z "${BASE:-}" ] || exec "$here/digest.sh" "$BASE"
if [ "$(id -u)" != 0 ]; then
  printf '%s\n' "mmdebstrap makes the base to be pinned, and needs root here. Run it as root." >&2
  exit 1
fi
infra/program.sh mmdebstrap "The pin needs" mmdebstrap
aside=$(mktemp -d)
trap 'rm -rf "$aside"' EXIT
base() { .venv/bin/python -m infra.serving.image.debian_lock "$here/debian.lock" "$@"; }
suite=$(base --show suite)
today=$(date -u -d "$(date -u +%F)" +%s)
SOURCE_DATE_EPOCH=$today "$here/tree.sh" "$suite" "$aside/tree.tar" "$aside/status"
base "$aside/status" --write "$today"
