//! Older payloads in today's shape.
//!
//! What is stored stays as it was signed; an upcast works on a copy, when somebody reads. To add one, write a function
//! from the payload of version *n* to that of *n* + 1 and a line in `STEPS`. A version whose new members may all be
//! missing needs none.

use serde_json::{Map, Value};

use crate::catalogue::Payload;

/// From one version of a payload to the next.
type Step = fn(&mut Map<String, Value>);

/// Canonical type, the version a step begins with, the step.
const STEPS: &[(&str, u32, Step)] = &[("order.created", 1, |payload| {
    // Version 1 had neither: the amount was the sum of the items.
    payload.entry("tax_cents").or_insert_with(|| 0.into());
    payload.entry("shipping_cents").or_insert_with(|| 0.into());
})];

/// A payload of `event_type` (the canonical name) at `version`, as of version `target`. A payload that is newer stays.
pub fn upcast(event_type: &str, payload: &Map<String, Value>, version: u32, target: u32) -> Map<String, Value> {
    let mut payload = payload.clone();
    for at in version..target {
        for (_, _, step) in STEPS.iter().filter(|(name, from, _)| *name == event_type && *from == at) {
            step(&mut payload);
        }
    }
    payload
}

/// Reads a payload of `version` as its type is today. The text is not touched.
pub fn read<P: Payload>(json: &str, version: u32) -> Result<P, serde_json::Error> {
    let contract = P::CONTRACT;
    if version >= contract.schema_version {
        return serde_json::from_str(json);
    }
    let payload: Map<String, Value> = serde_json::from_str(json)?;
    let payload = upcast(contract.name, &payload, version, contract.schema_version);
    serde_json::from_value(Value::Object(payload))
}
