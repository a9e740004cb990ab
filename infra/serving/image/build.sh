#!/usr/bin/env bash
# Builds the serving image. Usage: infra/serving/image/build.sh TAG
# On Debian's base it writes dist/image/TAG.tar, for "docker load", and its bill of materials
# dist/image/TAG.json; STRICT=1 refuses newer packages than are pinned.
# BASE=NAME@sha256:DIGEST takes another base and a container engine (ENGINE, docker by default).
set -euo pipefail
umask 022
cd "$(dirname "$0")/../../.."
tag=$1
here=infra/serving/image
file=infra/serving/Dockerfile

say() { printf '%s\n' "$*" >&2; }

if ! [[ $tag =~ ^[a-z0-9]+([._-][a-z0-9]+)*(:[A-Za-z0-9_][A-Za-z0-9_.-]*)?$ ]]; then
  say "'$tag' is no name of an image. Give small letters and digits, and a version after a colon:" \
    "make image TAG=overnight-serving:1"
  exit 2
fi
if [ -n "${BASE:-}" ] && ! [[ $BASE =~ ^[^@[:space:]]+@sha256:[0-9a-f]{64}$ ]]; then
  say "BASE is '$BASE', which names no digest, and a tag may be pushed again. Give" \
    "NAME@sha256:DIGEST; \"make pin BASE=NAME:TAG\" asks the registry for it."
  exit 2
fi
if [ -z "${BASE:-}" ] && [ "$(id -u)" != 0 ]; then
  say "The image's default base is made by mmdebstrap and buildah, which need root here. Run it as" \
    "root, or take a container engine and another base: make image TAG=$tag BASE=NAME@sha256:DIGEST"
  exit 1
fi

mkdir -p var/image
aside=$(mktemp -d "$PWD/var/image/build.XXXXXX")
trap 'rm -rf "$aside"' EXIT

if [ -n "${BASE:-}" ]; then
  "$here/context.sh" "$aside/context" 3.11 3.12 3.13
  "${ENGINE:-docker}" build --file "$aside/context/$file" --build-arg "BASE=$BASE" --tag "$tag" \
    "$aside/context"
  exit
fi

infra/program.sh mmdebstrap "The image needs" mmdebstrap
infra/program.sh buildah "The image needs" buildah
base() { .venv/bin/python -m infra.serving.image.debian_lock "$here/debian.lock" "$@"; }
suite=$(base --show suite)
SOURCE_DATE_EPOCH=$(base --show epoch)
export SOURCE_DATE_EPOCH
"$here/tree.sh" "$suite" "$aside/tree.tar" "$aside/status"
base "$aside/status" ${STRICT:+--strict}

version=$(sed -n 's/^Version: \([0-9]*\.[0-9]*\)\..*/\1/p' <(grep -A8 '^Package: python3$' "$aside/status"))
"$here/context.sh" "$aside/context" "$version"

# A store of its own, so that the system's is left alone; chroot needs neither daemon nor cgroups.
export STORAGE_DRIVER=vfs BUILDAH_ISOLATION=chroot
store() { buildah --root "$aside/store" --runroot "$aside/run" "$@"; }
started=$(store from scratch)
store add --quiet "$started" "$aside/tree.tar" / >/dev/null
store config --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$started"
store commit --quiet --identity-label=false --timestamp "$SOURCE_DATE_EPOCH" "$started" localhost/base:pinned >/dev/null
# Docker's format: OCI's has no place for the health check.
store bud --quiet --pull-never --format docker --timestamp "$SOURCE_DATE_EPOCH" --http-proxy=false \
  --identity-label=false --label "org.opencontainers.image.base.name=debian:$suite" \
  --build-arg BASE=localhost/base:pinned --file "$aside/context/$file" --tag "localhost/$tag" \
  "$aside/context" >/dev/null
store push --quiet "localhost/$tag" "docker-archive:$aside/image.tar:localhost/$tag" >/dev/null
mkdir -p dist/image
.venv/bin/python -m infra.serving.image.archive "$aside/image.tar" opt/sbom.json >"$aside/bill.json"
mv "$aside/bill.json" "dist/image/$tag.json"
mv "$aside/image.tar" "dist/image/$tag.tar"
say "Wrote dist/image/$tag.tar ($(du --apparent-size -m "dist/image/$tag.tar" | cut -f1) MB," \
  "$(($(gzip -6 -c "dist/image/$tag.tar" | wc -c) / 1000000)) MB compressed) and dist/image/$tag.json"
