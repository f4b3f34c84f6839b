#!/usr/bin/env bash
# The schema registry of the real server under the real Confluent client (scripts/interop/registry.py).
#
# Usage: scripts/registry.sh [SERVER_BINARY]
#
# Runs on the embedded database. Needs what scripts/setup.sh installs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PATH="$PWD/target/venv/bin:$PATH" PYTHONDONTWRITEBYTECODE=1

readonly binary=${1:-${CARGO_TARGET_DIR:-target}/debug/stateset-sequencer}
readonly api_key=registry-bootstrap-key
readonly tenant=11111111-1111-4111-8111-111111111111 other=22222222-2222-4222-8222-222222222222
folder=$(mktemp -d)
server=

stop() { printf 'registry: %s\n' "$*" >&2; exit 1; }
[ -x "$binary" ] || stop "there is no program $binary: run cargo build"
python3 -c 'import confluent_kafka.schema_registry' 2>/dev/null || stop "the Confluent client is missing: run scripts/setup.sh"

clean_up() {
    local status=$?
    if [ -n "$server" ]; then kill -KILL "$server" 2>/dev/null && wait "$server" 2>/dev/null || true; fi
    if [ "$status" -ne 0 ] && [ -f "$folder/server.log" ]; then tail -n 20 "$folder/server.log" >&2; fi
    rm -rf "$folder"
    exit "$status"
}
trap clean_up EXIT

env -i PATH="$PATH" PORT=0 HOST=127.0.0.1 STATESET_DATA_DIR="$folder/data" BOOTSTRAP_ADMIN_API_KEY=$api_key \
    "$binary" 2>"$folder/server.log" &
server=$!
address=
for ((tries = 0; tries < 600; tries++)); do
    address=$(sed -n 's/.*listening.*\(127\.0\.0\.1:[0-9][0-9]*\).*/\1/p' "$folder/server.log")
    if [ -n "$address" ]; then break; fi
    kill -0 "$server" 2>/dev/null || stop "the server did not start"
    sleep 0.05
done
[ -n "$address" ] || stop "the server was not ready in time"
python3 scripts/interop/registry.py "http://$address" $api_key $tenant $other
