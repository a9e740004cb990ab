#!/usr/bin/env bash
# Makes the environment of the tools that judge the locks, hashes checked.
# Usage: infra/supply/setup.sh UV VENV   (UV stands beside the interpreter to use)
set -euo pipefail
cd "$(dirname "$0")/../.."
uv=$1 venv=$2

[ -x "$venv/bin/python" ] || "$uv" venv --quiet --python "$(dirname "$uv")/python" "$venv"
"$uv" pip sync --quiet --python "$venv/bin/python" --require-hashes infra/supply/requirements.lock
printf 'Ready: %s\n' "$venv" >&2
