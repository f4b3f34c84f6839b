#!/usr/bin/env bash
# The documents of the event catalogue, read by the programs they are for: the AsyncAPI parser, the TypeScript compiler,
# Python. Needs Node.js 20 or later with npm, and Python 3.11 or later. Fetches two packages into target/contracts.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
work=$root/target/contracts
mkdir -p "$work"
cd "$work"
[ -d node_modules/@asyncapi/parser ] && [ -d node_modules/typescript ] ||
    npm install --silent --no-save --no-audit --no-fund @asyncapi/parser@3.6.3 typescript@7.0.2

cat > asyncapi.mjs <<'JS'
import { readFileSync } from "node:fs";
import { Parser } from "@asyncapi/parser";
const { document, diagnostics } = await new Parser().parse(readFileSync(process.argv[2], "utf8"));
// Severity 0 is an error, 1 a warning; that 3.1.0 is newer is neither.
const faults = diagnostics.filter((found) => found.severity <= 1);
for (const fault of faults) console.error(`${fault.path.join("/")}: ${fault.message}`);
if (!document || faults.length) process.exit(1);
console.log(`AsyncAPI ${document.version()}: ${document.channels().all().length} channels, ${document.messages().all().length} messages`);
JS
node asyncapi.mjs "$root/docs/contracts/asyncapi.json"

cp "$root/docs/contracts/events.ts" events.ts
cat > use.ts <<'TS'
import { type AnyEnvelope, canonicalType, type Envelope } from "./events.js";
export function amount(event: AnyEnvelope): number {
  switch (event.type) {
    case "order.created": return event.data.amount_cents + (event.data.tax_cents ?? 0);
    case "shipping.ready": return event.data.shipment_id;
    default: return canonicalType(event.type) === undefined ? 0 : 1;
  }
}
// @ts-expect-error a payment has no items
export const wrong = (event: Envelope<"payment.succeeded">) => event.data.items;
TS
npx tsc --strict --noEmit --target es2022 --module esnext --moduleResolution bundler use.ts
echo "TypeScript: compiles, narrows, refuses what is not there"

PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$root/docs/contracts python3 -W error - <<'PY'
import typing
import stateset_events as events

assert events.canonical_type("payment.completed") == "payment.succeeded"
assert events.canonical_type("nothing.known") is None
assert events.OrderCreated.__required_keys__ == {"amount_cents", "currency", "items"}
for name, payload in events.PAYLOADS.items():
    assert typing.get_type_hints(payload) and events.SCHEMA_VERSIONS[name] >= 1
print(f"Python: {len(events.PAYLOADS)} payloads")
PY
