#!/usr/bin/env bash
# A minute with the real server: made-up calls of every operation of its OpenAPI document, its metrics under a strict
# parser, the schema registry under a Confluent client, and some thousand connections at once. Before that, the packaging
# against the program.
#
# Usage: scripts/live.sh [SERVER_BINARY]
#
# For longer: scripts/schemathesis.sh BINARY 200 and scripts/connections.py BINARY, which opens ten thousand.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PATH="$PWD/target/venv/bin:$PATH"

readonly binary=${1:-${CARGO_TARGET_DIR:-target}/debug/stateset-sequencer}
readonly examples=8 connections=2000

python3 scripts/packaging.py "$binary"
bash scripts/schemathesis.sh "$binary" "$examples"
bash scripts/registry.sh "$binary"
python3 scripts/connections.py "$binary" "$connections"
