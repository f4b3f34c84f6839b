#!/usr/bin/env bash
# The one command: sets the machine up if need be, then runs every check there is (`cargo xtask ci`).
#
# Set TEST_POSTGRES_URL to the URL of a superuser to test on a PostgreSQL of your own; else the tests start
# a throw-away cluster. Nothing is skipped for want of a server.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Where rustup puts it, for shells that have not read their profile.
command -v cargo >/dev/null 2>&1 || PATH="$HOME/.cargo/bin:$PATH"

bash scripts/setup.sh
export PATH="$PWD/target/venv/bin:$PATH"

# A build that is made once gains nothing from the files that make a second one faster.
if [ "${CI:-}" = true ]; then export CARGO_INCREMENTAL=0 CARGO_TERM_COLOR=never; fi

exec cargo xtask ci </dev/null
