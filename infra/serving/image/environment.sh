#!/usr/bin/env bash
# Makes a virtual environment from a lock with hashes, wheels only, without pip in it.
# Usage: infra/serving/image/environment.sh LOCK VENV   (PYTHON names the interpreter)
set -euo pipefail
lock=$1 venv=$2
python=${PYTHON:-python3}

# Whoever breaks into a container finds no installer there.
"$python" -m venv --without-pip "$venv"
"$python" -m pip --python "$venv/bin/python" install --quiet --no-cache-dir --no-deps \
  --only-binary :all: --require-hashes --requirement "$lock"
# The image is read-only when it runs, so bytecode is made now or at every start.
"$venv/bin/python" -m compileall -q "$venv/lib"
