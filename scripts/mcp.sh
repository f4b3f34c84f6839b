#!/usr/bin/env bash
# The official Python client of the Model Context Protocol against `stateset-events mcp`: both transports, the current and
# the previous version of the protocol, every tool; a real storefront behind a proxy that loses replies; an outbox as the
# source, and a sequencer.
#
# Usage: scripts/mcp.sh [--transcript FILE]
#
# Takes the debug builds of stateset-events, stateset-sequencer, examples/axum-checkout and of crates/mcp's example, which
# `cargo test` leaves behind. Uses the PostgreSQL server of TEST_POSTGRES_URL, the URL of a superuser, else a throw-away one. Needs what
# scripts/setup.sh installs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PYTHONDONTWRITEBYTECODE=1

stop() { printf 'mcp: %s\n' "$*" >&2; exit 1; }

transcript=
if [ "${1:-}" = --transcript ]; then transcript=${2:?a file}; fi

python=
for one in target/venv/bin/python python3; do
    if "$one" -c 'import mcp, jsonschema, cryptography' 2>/dev/null; then python=$one && break; fi
done
[ -n "$python" ] || stop "the Python packages are missing: run scripts/setup.sh"

target=${CARGO_TARGET_DIR:-target}/debug
programs=("$target/stateset-events" "$target/example-axum-checkout" "$target/examples/mcp_server" "$target/stateset-sequencer")
for program in "${programs[@]}"; do
    [ -x "$program" ] || stop "there is no program $program: run cargo test, or cargo build --workspace --bins --examples"
done

# Copies, so that a build in the meantime does no harm.
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cp "${programs[@]}" "$folder/"
"$python" scripts/mcp/run.py "$folder/stateset-events" "$folder/example-axum-checkout" "$folder/mcp_server" \
    "$folder/stateset-sequencer" ${transcript:+"$transcript"}
