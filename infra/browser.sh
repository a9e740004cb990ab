#!/usr/bin/env bash
# Installs Debian's Chromium, which the tests of the review page drive; does nothing where it is.
set -euo pipefail

command -v chromium >/dev/null && exit 0

packages="chromium fonts-dejavu-core"
install="apt-get update && apt-get install --yes --no-install-recommends $packages"

say() { printf '%s\n' "$*" >&2; }

if ! command -v apt-get >/dev/null; then
  say "The tests of the review page need the program chromium, and there is no apt-get to bring it. Install it."
  exit 1
fi
if [ "$(id -u)" = 0 ]; then
  root=()
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
  root=(sudo -n)
else
  say "The tests of the review page need the program chromium. Run as root: $install"
  exit 1
fi
say "Installing $packages"
export DEBIAN_FRONTEND=noninteractive
"${root[@]}" apt-get update -qq
# shellcheck disable=SC2086  # two words
"${root[@]}" apt-get install --yes --no-install-recommends -qq $packages >/dev/null
command -v chromium >/dev/null || {
  say "$packages were installed, and there is still no program chromium. Look at apt-get's output above."
  exit 1
}
