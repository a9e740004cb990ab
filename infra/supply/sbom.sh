#!/usr/bin/env bash
# Lists what an environment holds as CycloneDX JSON, the same bytes for the same content.
# Usage: infra/supply/sbom.sh TOOLS VENV OUTPUT [OPTION...]
# TOOLS is an environment with cyclonedx-bom, an OPTION one of its own.
set -euo pipefail
tools=$1 venv=$2 output=$3
shift 3

"$tools/bin/cyclonedx-py" environment --output-reproducible --output-format JSON \
  --output-file "$output" "$@" "$venv/bin/python"
