# The demo: a whole shop, started, walked through and checked. Arguments go to `stateset-events demo run`.
#
#   scripts/run_demo.ps1                            everything in one process
#   scripts/run_demo.ps1 --kafka localhost:9094     four processes over a broker
#   scripts/run_demo.ps1 --chaos --orders 1000      orders while services are killed, then an audit
$ErrorActionPreference = 'Stop'
Set-Location (Join-Path $PSScriptRoot '..')
$features = @()
if ($args -match '^--kafka') { $features = @('--features', 'kafka') }
# The sequencer is beside the program, so that what happens is sequenced and proved too.
cargo build --quiet --locked -p stateset-sequencer
if ($LASTEXITCODE -ne 0) { exit $LASTEXITCODE }
cargo run --quiet --locked -p stateset-events @features -- demo run @args
exit $LASTEXITCODE
