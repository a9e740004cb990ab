#!/usr/bin/env bash
# Makes the virtual environment from requirements.lock, hashes checked. Usage: infra/setup.sh .venv
set -euo pipefail
cd "$(dirname "$0")/.."
venv=$1

say() { printf '%s\n' "$*" >&2; }

find_python() {
  local name
  for name in ${PYTHON:-} python3.12 python3.13 python3.11 python3; do
    if command -v "$name" >/dev/null &&
      "$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
      command -v "$name"
      return
    fi
  done
  say "No Python 3.11, 3.12 or 3.13 found. Install one, or name it: make setup PYTHON=/path/to/python3.12"
  return 1
}

if [ ! -x "$venv/bin/python" ]; then
  python=$(find_python)
  say "Creating $venv with $("$python" --version)"
  if ! "$python" -m venv "$venv" 2>/dev/null; then
    rm -rf "$venv"
    command -v uv >/dev/null || {
      say "$python cannot make virtual environments. Install the package python3-venv, or uv."
      exit 1
    }
    uv venv --seed --python "$python" "$venv"
  fi
fi

if [ ! -x "$venv/bin/uv" ]; then
  # The one line of the lock that brings uv, with its hashes.
  sed -n '/^uv==/,/[^\\]$/p' requirements.lock >"$venv/uv.txt"
  "$venv/bin/python" -m pip install --quiet --require-hashes --requirement "$venv/uv.txt"
fi

say "Installing $(grep -c '^[a-z0-9].*==' requirements.lock) locked packages"
"$venv/bin/uv" pip sync --quiet --compile-bytecode --python "$venv/bin/python" --require-hashes requirements.lock
"$venv/bin/uv" pip install --quiet --python "$venv/bin/python" --no-deps --no-build-isolation --editable .

# So that every Spark session starts some seconds sooner.
"$venv/bin/python" -m feature_jobs.executors.spark.class_cache
say "Ready: $venv"
