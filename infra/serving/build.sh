#!/usr/bin/env bash
# Builds the serving image on the pinned base; refuses while there is no pin.
# Usage: infra/serving/build.sh TAG [FILE]   (FILE is infra/serving/base; ENGINE is docker or podman)
set -euo pipefail
cd "$(dirname "$0")/../.."
tag=$1 file=${2:-infra/serving/base}
name=$(sed -n 's/^NAME=//p' "$file") digest=$(sed -n 's/^DIGEST=//p' "$file")

if ! [[ $digest =~ ^sha256:[0-9a-f]{64}$ ]]; then
  printf '%s\n' "$file pins $name to no digest ('$digest'), and a tag may be pushed again. \
Run \"make pin\" where the registry can be reached, look at the change, and commit it." >&2
  exit 2
fi
exec "${ENGINE:-docker}" build --file infra/serving/Dockerfile --build-arg "BASE=$name@$digest" \
  --tag "$tag" .
