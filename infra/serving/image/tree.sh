#!/usr/bin/env bash
# Makes the tree of the default base: Debian's essential packages, its Python, LightGBM's libraries.
# Usage: infra/serving/image/tree.sh SUITE TREE.tar STATUS   (SOURCE_DATE_EPOCH is the files' time)
# STATUS receives dpkg's record. Packages come from the sources of this machine's apt, of which
# nothing stays in the tree.
set -euo pipefail
suite=$1 tree=$2 status=$3
: "${SOURCE_DATE_EPOCH:?}"
aside=$(mktemp -d)
trap 'rm -rf "$aside"' EXIT

# Component main holds free software alone.
apt-get indextargets --no-release-info --format '$(SIGNED_BY)|$(REPO_URI) $(RELEASE) $(COMPONENT)' \
  'Identifier: Packages' |
  awk -F'[| ]' -v suite="$suite" '
    ($3 == suite || $3 == suite "-updates" || $3 == suite "-security") && $4 == "main" {
      signed = $1 ~ /^\// ? "[signed-by=" $1 "] " : ""
      print "deb " signed $2 " " $3 " " $4
    }' | sort -u >"$aside/sources.list"
if ! [ -s "$aside/sources.list" ]; then
  printf '%s\n' "The base is Debian's $suite, and no source of this machine's apt has it. Build where \
one has, or on another base: make image TAG=… BASE=NAME@sha256:DIGEST" >&2
  exit 2
fi
apt-config dump Acquire | grep -E '^Acquire::https?::' >"$aside/apt.conf" || true

# Read-only for ever: no set-user-ID, bytecode that nothing has to check, no trace of this machine.
cat >"$aside/finish" <<'FINISH'
#!/bin/sh
set -eu
find "$1" -xdev -perm /6000 -type f -exec chmod ug-s {} +
chroot "$1" python3 -m compileall -q --invalidation-mode unchecked-hash -f \
  /usr/lib/python3 /usr/lib/python3.* 2>/dev/null
cd "$1"
# 00mmdebstrap is removed by mmdebstrap itself, after this.
find etc/apt -type f ! -name 00mmdebstrap -delete
rm -f etc/resolv.conf etc/hostname etc/dpkg/dpkg.cfg.d/99mmdebstrap
find var/log var/cache var/lib/apt -type f -delete
FINISH
# The package usrmerge would bring all of Perl; the tree is merged from its start.
cat >"$aside/merged" <<'MERGED'
#!/bin/sh
printf 'Package: usrmerge\nPin: release *\nPin-Priority: -1\n' >"$1/etc/apt/preferences.d/usrmerge"
MERGED
chmod +x "$aside/finish" "$aside/merged"

if ! mmdebstrap --quiet --mode=root --variant=essential --include=python3,libgomp1,libstdc++6 \
  --hook-dir=/usr/share/mmdebstrap/hooks/merged-usr \
  --aptopt="$aside/apt.conf" \
  --dpkgopt='path-exclude=/usr/share/man/*' \
  --dpkgopt='path-exclude=/usr/share/locale/*' \
  --dpkgopt='path-exclude=/usr/share/doc/*' \
  --dpkgopt='path-include=/usr/share/doc/*/copyright' \
  --setup-hook="$aside/merged" \
  --customize-hook="$aside/finish" \
  --customize-hook="download /var/lib/dpkg/status $status" \
  "$suite" "$tree" - <"$aside/sources.list" >"$aside/said" 2>&1; then
  cat "$aside/said" >&2
  exit 1
fi
