#!/usr/bin/env bash
# Asks the registry for the digest of the base image, and writes it into the file that names it.
# Usage: infra/serving/pin.sh [FILE]   (FILE is infra/serving/base)
set -euo pipefail
cd "$(dirname "$0")/../.."
file=${1:-infra/serving/base}
name=$(sed -n 's/^NAME=//p' "$file")

say() { printf '%s\n' "$*" >&2; }

# The digest of the list of all platforms, so that one pin serves every machine.
if command -v docker >/dev/null; then
  ask=(docker buildx imagetools inspect --format '{{.Manifest.Digest}}' "$name")
elif command -v skopeo >/dev/null; then
  # Its own digest is of one platform's image; the raw list hashes to the list's.
  ask=(bash -c 'set -o pipefail; skopeo inspect --raw "docker://$1" | sha256sum | sed "s/^\([0-9a-f]*\).*/sha256:\1/"' ask "$name")
else
  say "Nothing here can ask a registry. Install docker or skopeo, then make pin again."
  exit 1
fi
if ! digest=$("${ask[@]}"); then
  say "The registry gave no digest of $name; $file stays as it was. Look at the message above, then make pin again."
  exit 1
fi
if ! [[ $digest =~ ^sha256:[0-9a-f]{64}$ ]]; then
  say "The registry's answer for $name is no digest: '$digest'; $file stays as it was."
  exit 1
fi
sed "s/^DIGEST=.*/DIGEST=$digest/" "$file" >"$file.aside"
mv "$file.aside" "$file"
say "$name is pinned to $digest. Commit $file."
