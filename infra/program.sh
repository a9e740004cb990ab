#!/usr/bin/env bash
# Installs a program from Debian's packages; does nothing where it is.
# Usage: infra/program.sh PROGRAM "what needs it" PACKAGE…
# PROGRAM is a name on the path, or a pattern such as "/usr/lib/postgresql/*/bin/initdb".
set -euo pipefail

program=$1 needed=$2
shift 2
has_program() { command -v "$program" >/dev/null || compgen -G "$program" >/dev/null; }
has_program && exit 0

say() { printf '%s\n' "$*" >&2; }

if ! command -v apt-get >/dev/null; then
  say "$needed the program $program, and there is no apt-get to bring it. Install it."
  exit 1
fi
if [ "$(id -u)" = 0 ]; then
  root=()
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
  root=(sudo -n)
else
  say "$needed the program $program. Run as root:" \
    "apt-get update && apt-get install --yes --no-install-recommends $*"
  exit 1
fi
# Targets that run side by side must not ask apt at once.
mkdir -p "$(dirname "$0")/../var"
exec 9>"$(dirname "$0")/../var/program.lock"
flock 9
say "Installing $*"
export DEBIAN_FRONTEND=noninteractive
"${root[@]}" apt-get update -qq
"${root[@]}" apt-get install --yes --no-install-recommends -qq "$@" >/dev/null
has_program || {
  say "$* was installed, and there is still no program $program. Look at apt-get's output above."
  exit 1
}
