#!/usr/bin/env bash
# Gathers all that the Dockerfile needs, and nothing else, so that the build fetches nothing.
# Usage: infra/serving/image/context.sh FOLDER PYTHON_VERSION…
# Wheels come through the pip of PYTHON (.venv/bin/python), and so from where this machine's pip
# is told to look; nothing of that reaches the build.
set -euo pipefail
cd "$(dirname "$0")/../../.."
folder=$1
shift
mkdir -p "$folder/wheels"
python=${PYTHON:-.venv/bin/python}

shopt -s globstar
code=()
for file in infra/serving/**/*.py; do
  [[ $file == infra/serving/image/* ]] || code+=("$file")
done
cp --parents infra/__init__.py "${code[@]}" \
  infra/serving/Dockerfile \
  infra/serving/image/{requirements.lock,environment.sh,__init__.py,bill.py,dpkg.py} "$folder"
for version; do
  for lock in requirements build-requirements; do
    "$python" -m pip download --quiet --dest "$folder/wheels" --python-version "$version" --no-deps \
      --only-binary :all: --require-hashes --requirement "infra/serving/image/$lock.lock"
  done
done
