#!/usr/bin/env bash
# Resolves requirements.in into requirements.lock, keeping what is locked already; UPGRADE=pandas lets one package move.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# The header would name this machine's paths, an index its host.
.local/setup/uv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
  --no-header --no-emit-index-url ${UPGRADE:+--upgrade-package "$UPGRADE"} \
  requirements.in --output-file requirements.lock
