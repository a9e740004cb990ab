#!/usr/bin/env bash
# Makes a virtual environment from a lock with hashes, wheels only, without pip in it.
# Usage: infra/serving/image/environment.sh LOCK VENV [WHEELS]   (PYTHON names the interpreter)
# WHEELS is a folder with all that is needed, pip too; then nothing is fetched.
set -euo pipefail
lock=$1 venv=$2 wheels=${3:-}
python=${PYTHON:-python3}
options=()
if [ -n "$wheels" ]; then
  # Python runs pip out of its wheel; it is installed nowhere.
  PYTHONPATH=$(compgen -G "$wheels/pip-*.whl")
  export PYTHONPATH
  options=(--no-index --find-links "$wheels")
fi

# Whoever breaks into a container finds no installer there.
"$python" -m venv --without-pip "$venv"
"$python" -m pip --python "$venv/bin/python" install --quiet --no-cache-dir --no-deps --no-compile \
  --only-binary :all: --require-hashes ${options[@]+"${options[@]}"} --requirement "$lock"
# The image is read-only when it runs, so bytecode is made now or at every start. It is not checked
# against the times of the sources, which the build sets.
"$venv/bin/python" -m compileall -q --invalidation-mode unchecked-hash "$venv/lib"
