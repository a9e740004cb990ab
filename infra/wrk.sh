#!/usr/bin/env bash
# Installs wrk, which loads the servers of the serving benchmark; does nothing where it is.
set -euo pipefail

command -v wrk >/dev/null && exit 0

packages="wrk"
install="apt-get update && apt-get install --yes --no-install-recommends $packages"

say() { printf '%s\n' "$*" >&2; }

if ! command -v apt-get >/dev/null; then
  say "The serving benchmark needs the program wrk, and there is no apt-get to bring it. Install it."
  exit 1
fi
if [ "$(id -u)" = 0 ]; then
  root=()
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
  root=(sudo -n)
else
  say "The serving benchmark needs the program wrk. Run as root: $install"
  exit 1
fi
say "Installing $packages"
export DEBIAN_FRONTEND=noninteractive
"${root[@]}" apt-get update -qq
"${root[@]}" apt-get install --yes --no-install-recommends -qq $packages >/dev/null
command -v wrk >/dev/null || {
  say "$packages was installed, and there is still no program wrk. Look at apt-get's output above."
  exit 1
}
