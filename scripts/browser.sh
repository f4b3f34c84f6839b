#!/usr/bin/env bash
# Drives the dashboard in headless Chromium against the real server, and the JavaScript verifier against the vectors and
# the evidence that this server gives.
#
# Usage: scripts/browser.sh [SERVER_BINARY]
#
# SCREENSHOTS=docs/guide/images writes the guide's pictures anew. Needs what scripts/setup.sh installs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PATH="$PWD/target/venv/bin:$PATH"

readonly binary=${1:-${CARGO_TARGET_DIR:-target}/debug/stateset-sequencer}
folder=$(mktemp -d)
server=

stop() { printf 'browser: %s\n' "$*" >&2; exit 1; }
[ -x "$binary" ] || stop "there is no program $binary: run cargo build"
command -v node >/dev/null || stop "Node is missing: run scripts/setup.sh"
[ -d target/browser/node_modules/playwright-core ] || stop "the browser tests' modules are missing: run scripts/setup.sh"
CHROMIUM=${CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)}
[ -n "$CHROMIUM" ] || stop "Chromium is missing: run scripts/setup.sh, or name yours in CHROMIUM"

clean_up() {
    local status=$?
    trap - EXIT
    if [ -n "$server" ]; then kill -KILL "$server" 2>/dev/null && wait "$server" 2>/dev/null || true; fi
    if [ "$status" -ne 0 ] && [ -f "$folder/server.log" ]; then
        printf 'browser: the server said last:\n' >&2
        tail -n 20 "$folder/server.log" >&2
    fi
    rm -rf "$folder"
    exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

node --test verifier-js/test/*.test.js

# The embedded start, which makes its own keys and prints the one-time link.
: >"$folder/server.log"
env -i PATH="$PATH" PORT=0 HOST=127.0.0.1 STATESET_DATA_DIR="$folder/data" COMMIT_INTERVAL_MS=100 "$binary" 2>"$folder/server.log" &
server=$!
for ((tries = 0; tries < 600; tries++)); do
    address=$(sed -n 's/.*listening.*\(127\.0\.0\.1:[0-9][0-9]*\).*/\1/p' "$folder/server.log")
    link=$(sed -n 's/.*\(http:.*\/enter\/[0-9a-f]*\).*/\1/p' "$folder/server.log")
    if [ -n "$address" ] && [ -n "$link" ]; then break; fi
    kill -0 "$server" 2>/dev/null || stop "the server ended"
    sleep 0.05
done
[ -n "$link" ] || stop "the server printed no one-time link"

CHROMIUM=$CHROMIUM BROWSER_MODULES=$PWD/target/browser \
    node testing/browser/dashboard.mjs "http://$address" "$(cat "$folder/data/admin.key")" "$link" "${SCREENSHOTS:--}"
kill -TERM "$server"
wait "$server" || stop "the server did not stop in order"
server=
