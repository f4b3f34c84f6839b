#!/usr/bin/env bash
# Pushes signed events with a client in Python that shares no code with the server, and has receipts and proofs checked
# by code that is not ours: OpenSSL, pymerkle, rfc8785, and the Go toolchain's own tlog and note packages.
#
# Usage: scripts/interop.sh [SERVER_BINARY]
#
# Without an argument the newer of the release and the debug build is taken. Runs on the embedded database and, if
# TEST_POSTGRES_URL is the URL of a superuser, on a new database there. Needs what scripts/setup.sh installs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PATH="$PWD/target/venv/bin:$PATH" PYTHONDONTWRITEBYTECODE=1

readonly source=scripts/interop
readonly ready_seconds=30
readonly api_key=interop-bootstrap-key
folder=$(mktemp -d)
server=
database=

say() { printf 'interop: %s\n' "$*"; }
stop() { printf 'interop: %s\n' "$*" >&2; exit 1; }

# Our own vectors are what the independent script makes of the formats.
python3 scripts/vectors/own_vectors.py --check

clean_up() {
    local status=$?
    trap - EXIT
    if [ -n "$server" ]; then kill -KILL "$server" 2>/dev/null && wait "$server" 2>/dev/null || true; fi
    if [ -n "$database" ]; then sql "DROP DATABASE IF EXISTS $database WITH (FORCE)" || true; fi
    if [ "$status" -ne 0 ] && [ -f "$folder/server.log" ]; then
        printf 'interop: the server said last:\n' >&2
        tail -n 20 "$folder/server.log" >&2
    fi
    rm -rf "$folder"
    exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# The argument, or the newer build.
find_binary() {
    local name=stateset-sequencer target=${CARGO_TARGET_DIR:-target} release debug
    if [ $# -gt 0 ]; then
        [ -x "$1" ] || stop "there is no program $1"
        printf '%s\n' "$1"
        return
    fi
    release=$target/release/$name debug=$target/debug/$name
    if [ -x "$release" ] && ! [ "$debug" -nt "$release" ]; then
        printf '%s\n' "$release"
    elif [ -x "$debug" ]; then
        printf '%s\n' "$debug"
    else
        stop "the server is not built: run cargo build"
    fi
}

find_python() {
    local python
    for python in target/venv/bin/python python3; do
        if "$python" -c 'import cryptography, pymerkle, rfc8785' 2>/dev/null; then
            printf '%s\n' "$python"
            return
        fi
    done
    stop "the Python packages are missing: run scripts/setup.sh"
}

# Builds the Go program against the packages that the toolchain carries for its own use; needs no network.
build_verifier() {
    local module=$folder/go vendored version package
    command -v go >/dev/null 2>&1 || stop "Go is missing: run scripts/setup.sh"
    vendored=$(go env GOROOT)/src/cmd/vendor/golang.org/x/mod/sumdb
    [ -d "$vendored/tlog" ] || stop "this Go toolchain does not carry $vendored/tlog"
    version=$(go env GOVERSION)
    version=${version#go}
    mkdir -p "$module/mod/sumdb"
    for package in tlog note; do cp -R "$vendored/$package" "$module/mod/sumdb/"; done
    printf 'module golang.org/x/mod\n\ngo %s\n' "${version%% *}" >"$module/mod/go.mod"
    {
        printf 'module verify-log\n\ngo %s\n\n' "${version%% *}"
        printf 'require golang.org/x/mod v0.0.0\n\nreplace golang.org/x/mod => ./mod\n'
    } >"$module/go.mod"
    cp $source/verify-log/*.go "$module/"
    if [ -z "${HOME:-}" ] && [ -z "${GOCACHE:-}" ]; then export GOCACHE=$folder/go-cache; fi
    (cd "$module" && GOPROXY=off GOFLAGS=-mod=mod GOTOOLCHAIN=local GOWORK=off go build -o "$folder/verify-log" .)
}

sql() { "$psql" --no-psqlrc --quiet --set ON_ERROR_STOP=1 "$TEST_POSTGRES_URL" --command "$1"; }

find_psql() {
    local psql
    for psql in psql /usr/lib/postgresql/*/bin/psql; do
        if command -v "$psql" >/dev/null 2>&1; then
            printf '%s\n' "$psql"
            return
        fi
    done
    stop "TEST_POSTGRES_URL is set and psql is missing: run scripts/setup.sh"
}

# The URL of another database on the same server.
database_url() {
    "$python" -c 'import sys; from urllib.parse import urlsplit as split
print(split(sys.argv[1])._replace(path="/" + sys.argv[2]).geturl())' "$TEST_POSTGRES_URL" "$1"
}

random_key() { "$python" -c 'import secrets; print(secrets.token_hex(32))'; }

# Starts the server in an empty folder with nothing of our environment; sets `server` and `address`.
start_server() {
    local run=$1 tries
    shift
    : >"$folder/server.log"
    env -i PATH="$PATH" PORT=0 HOST=127.0.0.1 STATESET_DATA_DIR="$run/data" BOOTSTRAP_ADMIN_API_KEY=$api_key \
        LOG_ORIGIN=interop.example/log COMMIT_INTERVAL_MS=0 "$@" "$folder/stateset-sequencer" 2>"$folder/server.log" &
    server=$!
    for ((tries = 0; tries < ready_seconds * 20; tries++)); do
        address=$(sed -n 's/.*listening.*\(127\.0\.0\.1:[0-9][0-9]*\).*/\1/p' "$folder/server.log")
        if [ -n "$address" ]; then return; fi
        kill -0 "$server" 2>/dev/null || stop "the server did not start"
        sleep 0.05
    done
    stop "the server was not ready within $ready_seconds seconds"
}

# One run: NAME, then variables for the server.
run() {
    local run=$folder/$1 status=0
    mkdir "$run"
    start_server "$run" "${@:2}"
    "$python" $source/client.py "http://$address" $api_key "$run" || status=1
    "$python" $source/bundle.py live "http://$address" $api_key || status=1
    "$python" $source/confidential.py "http://$address" $api_key || status=1
    if [ -f "$run/evidence.json" ]; then "$folder/verify-log" "$run" || status=1; else status=1; fi
    kill -TERM "$server"
    wait "$server" || { say "the server did not stop in order on $1" >&2; status=1; }
    server=
    if [ "$status" -ne 0 ]; then stop "something does not hold on $1"; fi
    runs+=("$1=$run")
}

python=$(find_python)
"$python" $source/bundle.py check crates/ledger/tests/vectors/bundle.json
binary=$(find_binary "$@")
# A copy, so that a build in the meantime does no harm.
cp "$binary" "$folder/stateset-sequencer"
say "testing $binary"
build_verifier
runs=()
run SQLite
if [ -n "${TEST_POSTGRES_URL:-}" ]; then
    psql=$(find_psql)
    database=interop_$$_$RANDOM
    sql "CREATE DATABASE $database"
    run PostgreSQL DATABASE_URL="$(database_url $database)" \
        PAYLOAD_ENCRYPTION_KEY="$(random_key)" VES_SEQUENCER_SIGNING_KEY="$(random_key)"
fi
"$python" $source/report.py "${runs[@]}"
say "everything holds, in $SECONDS seconds"
