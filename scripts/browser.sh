#!/usr/bin/env bash
# Drives the dashboard in headless Chromium against the real server, `stateset-events dashboard` over an outbox in SQLite and
# in PostgreSQL, and the page of the event catalogue; and the JavaScript verifier against the vectors and the evidence that
# the server gives.
#
# Usage: scripts/browser.sh [SERVER_BINARY]
#
# Takes the debug builds of stateset-sequencer, of stateset-events and of the dashboard's example `outbox_shop`, which
# `cargo test` leaves behind. PARTS names what is run: server outbox postgres catalogue.
# SCREENSHOTS=docs/guide/images writes the guide's pictures anew. Needs what scripts/setup.sh installs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PATH="$PWD/target/venv/bin:$PATH"

readonly target=${CARGO_TARGET_DIR:-target}/debug parts=" ${PARTS:-server outbox postgres catalogue} "
readonly binary=${1:-$target/stateset-sequencer} events=$target/stateset-events shop=$target/examples/outbox_shop
folder=$(mktemp -d)
server=

stop() { printf 'browser: %s\n' "$*" >&2; exit 1; }
for program in "$binary" "$events" "$shop"; do
    [ -x "$program" ] || stop "there is no program $program: run cargo test, or cargo build --workspace --bins --examples"
done
command -v node >/dev/null || stop "Node is missing: run scripts/setup.sh"
[ -d target/browser/node_modules/playwright-core ] || stop "the browser tests' modules are missing: run scripts/setup.sh"
CHROMIUM=${CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)}
[ -n "$CHROMIUM" ] || stop "Chromium is missing: run scripts/setup.sh, or name yours in CHROMIUM"

clean_up() {
    local status=$?
    trap - EXIT
    if [ -n "${postgres:-}" ]; then kill "$postgres" 2>/dev/null && wait "$postgres" 2>/dev/null || true; fi
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

part() { [[ $parts == *" $1 "* ]]; }

# Copies, so that a build in the meantime does no harm.
cp "$events" "$shop" "$folder/"
export CHROMIUM BROWSER_MODULES=$PWD/target/browser
# Beside the rest: it waits for its database more than it computes.
postgres=
if part postgres; then
    QUICK=1 PYTHONDONTWRITEBYTECODE=1 python3 scripts/mcp/postgres.py sh -c 'exec node testing/browser/outbox.mjs "$0" "$1" "$DATABASE_URL" -' \
        "$folder/stateset-events" "$folder/outbox_shop" >"$folder/postgres.log" 2>&1 &
    postgres=$!
fi
if part outbox; then
    node testing/browser/outbox.mjs "$folder/stateset-events" "$folder/outbox_shop" "sqlite:$folder/shop.db" "${SCREENSHOTS:--}"
fi
if part catalogue; then node testing/browser/catalogue.mjs docs/contracts/index.html "${SCREENSHOTS:--}"; fi
if [ -n "$postgres" ]; then
    if wait "$postgres"; then tail -n 1 "$folder/postgres.log" | sed 's/$/ in PostgreSQL/'; else
        postgres=
        cat "$folder/postgres.log" >&2
        stop "the pages over PostgreSQL failed"
    fi
    postgres=
fi
part server || exit 0

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

node testing/browser/dashboard.mjs "http://$address" "$(cat "$folder/data/admin.key")" "$link" "${SCREENSHOTS:--}"
kill -TERM "$server"
wait "$server" || stop "the server did not stop in order"
server=
