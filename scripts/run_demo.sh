#!/usr/bin/env bash
# The demo: a whole shop, started, walked through and checked. Arguments go to `stateset-events demo run`.
#
#   bash scripts/run_demo.sh                            everything in one process
#   bash scripts/run_demo.sh --kafka localhost:9094     four processes over a broker
#   bash scripts/run_demo.sh --chaos --orders 1000      orders while services are killed, then an audit
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
features=()
for argument in "$@"; do
    case "$argument" in --kafka | --kafka=*) features=(--features kafka) ;; esac
done
# The sequencer is beside the program, so that what happens is sequenced and proved too.
cargo build --quiet --locked -p stateset-sequencer
exec cargo run --quiet --locked -p stateset-events "${features[@]}" -- demo run "$@"
