#!/usr/bin/env bash
# Asks a registry for the digest of a base image, and prints both for make image.
# Usage: infra/serving/image/digest.sh NAME:TAG
set -euo pipefail
name=$1

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
  say "The registry gave no digest of $name. Look at the message above, then make pin again."
  exit 1
fi
if ! [[ $digest =~ ^sha256:[0-9a-f]{64}$ ]]; then
  say "The registry's answer for $name is no digest: '$digest'."
  exit 1
fi
printf '%s\n' "BASE=$name@$digest"
