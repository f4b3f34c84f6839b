#!/usr/bin/env bash
# Calls every operation of the live OpenAPI document with inputs that schemathesis makes up, good and bad, and fails on
# any server error and on any answer whose media type, status or body the document does not know. Then reads the metrics of
# that server with a strict parser.
#
# Usage: scripts/schemathesis.sh [SERVER_BINARY] [EXAMPLES_PER_OPERATION]
#
# Runs on the embedded database and, if TEST_POSTGRES_URL is the URL of a database to fill, once more there. Needs what
# scripts/setup.sh installs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PATH="$PWD/target/venv/bin:$PATH"

readonly binary=${1:-${CARGO_TARGET_DIR:-target}/debug/stateset-sequencer}
readonly examples=${2:-50}
readonly api_key=schemathesis-bootstrap-key
readonly key=4242424242424242424242424242424242424242424242424242424242424242
readonly tenant=11111111-1111-4111-8111-111111111111 store=22222222-2222-4222-8222-222222222222
readonly agent=33333333-3333-4333-8333-333333333333
folder=$(mktemp -d)
server=

stop() { printf 'schemathesis: %s\n' "$*" >&2; exit 1; }
[ -x "$binary" ] || stop "there is no program $binary: run cargo build"
command -v schemathesis >/dev/null || stop "schemathesis is missing: run scripts/setup.sh"

clean_up() {
    local status=$?
    if [ -n "$server" ]; then kill -KILL "$server" 2>/dev/null && wait "$server" 2>/dev/null || true; fi
    if [ "$status" -ne 0 ] && [ -f "$folder/server.log" ]; then tail -n 20 "$folder/server.log" >&2; fi
    rm -rf "$folder"
    exit "$status"
}
trap clean_up EXIT

# What the examples of the document name: two events of one order, a checkpoint over them, a batch.
seed() {
    local base=$1 payload='{"total":"19.90"}' hash events= id
    hash=$(printf '%s' "$payload" | sha256sum | cut -d' ' -f1)
    for id in 44444444-4444-4444-8444-444444444444 44444444-4444-4444-8444-444444444445; do
        events="$events${events:+,}{\"event_id\":\"$id\",\"tenant_id\":\"$tenant\",\"store_id\":\"$store\",\"source_agent\":\"$agent\",
            \"entity_type\":\"order\",\"entity_id\":\"ORD-1001\",\"event_type\":\"order.created\",
            \"created_at\":\"2026-01-02T03:04:05Z\",\"payload_hash\":\"$hash\",\"payload\":$payload}"
    done
    call "$base/api/v1/events/ingest?wait=logged" "{\"agent_id\":\"$agent\",\"events\":[$events]}" |
        grep -q '"events_accepted":2' || stop "the examples were not taken"
    call "$base/api/v1/ves/commitments" "{\"tenantId\":\"$tenant\",\"storeId\":\"$store\"}" >/dev/null || true
}

call() { curl -sS -m 15 -H "Authorization: ApiKey $api_key" -H 'content-type: application/json' "$1" -d "$2"; }

run() {
    local data=$1 address= tries
    shift
    : >"$folder/server.log"
    env -i PATH="$PATH" PORT=0 HOST=127.0.0.1 STATESET_DATA_DIR="$folder/$data" BOOTSTRAP_ADMIN_API_KEY=$api_key \
        RUST_LOG=info "$@" "$binary" 2>"$folder/server.log" &
    server=$!
    for ((tries = 0; tries < 600; tries++)); do
        address=$(sed -n 's/.*listening.*\(127\.0\.0\.1:[0-9][0-9]*\).*/\1/p' "$folder/server.log")
        if [ -n "$address" ]; then break; fi
        kill -0 "$server" 2>/dev/null || stop "the server ended"
        sleep 0.05
    done
    seed "http://$address"
    # /api/v1/events/stream is a stream that does not end, so it cannot be called like this.
    schemathesis run "http://$address/openapi.json" \
        --header "Authorization: ApiKey $api_key" \
        --exclude-path /api/v1/events/stream \
        --checks not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance \
        --max-examples "$examples" --phases examples,coverage,fuzzing --workers 1 --request-timeout 15 \
        --suppress-health-check all --generation-database none --seed 1 --no-color
    python3 scripts/openmetrics.py "http://$address/metrics"
    kill -TERM "$server" && wait "$server" || stop "the server did not stop in order"
    server=
    if grep -E 'ERROR|panicked' "$folder/server.log"; then stop "the server logged an error"; fi
}

run embedded
if [ -n "${TEST_POSTGRES_URL:-}" ]; then
    run postgres DATABASE_URL="$TEST_POSTGRES_URL" VES_SEQUENCER_SIGNING_KEY=$key PAYLOAD_ENCRYPTION_KEYS=$key
fi
