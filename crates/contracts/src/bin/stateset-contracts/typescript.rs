//! The types of the catalogue for TypeScript.

use std::collections::BTreeMap;

use stateset_contracts::catalogue::{UserEmail, all};
use stateset_contracts::shape::{Object, Shape};

const HEAD: &str = r"// Written by `cargo xtask codegen` from the event catalogue. Do not edit.
/* eslint-disable */

";

const TAIL: &str = r"
/** The canonical name of a type of event. */
export type EventType = keyof Payloads;

/** A message of the topics. Members that are not listed may come, and versions that are higher. */
export interface Envelope<T extends EventType = EventType> {
  type: T;
  order_id: number | string;
  user_email?: string;
  /** UTC, such as 2025-08-25T20:12:34Z. */
  timestamp: string;
  data: Payloads[T];
  version: number;
}

/** Any message of the topics: `switch (event.type)` narrows `event.data`. */
export type AnyEnvelope = { [T in EventType]: Envelope<T> }[EventType];

/** The canonical name for a name or an alias; `undefined` if the catalogue has neither. */
export function canonicalType(name: string): EventType | undefined {
  if (Object.prototype.hasOwnProperty.call(SCHEMA_VERSIONS, name)) return name as EventType;
  return Object.prototype.hasOwnProperty.call(ALIASES, name) ? ALIASES[name as keyof typeof ALIASES] : undefined;
}
";

pub(super) fn module() -> String {
    let mut text = HEAD.to_owned();
    for object in objects().values() {
        text.push_str(&interface(object));
    }
    text.push_str("/** What each type of event carries. */\nexport interface Payloads {\n");
    for contract in all() {
        text.push_str(&format!("  \"{}\": {};\n", contract.name, contract.payload().name));
    }
    text.push_str("}\n\n/** The current version of each payload. */\nexport const SCHEMA_VERSIONS = {\n");
    for contract in all() {
        text.push_str(&format!("  \"{}\": {},\n", contract.name, contract.schema_version));
    }
    text.push_str("} as const;\n\n/** Other names of the same facts. */\nexport const ALIASES = {\n");
    for contract in all() {
        for alias in contract.aliases {
            text.push_str(&format!("  \"{alias}\": \"{}\",\n", contract.name));
        }
    }
    text.push_str(
        "} as const;\n\n/** The types whose messages carry `user_email`. */\nexport const WITH_USER_EMAIL = [\n",
    );
    for contract in all().filter(|contract| contract.user_email == UserEmail::Included) {
        text.push_str(&format!("  \"{}\",\n", contract.name));
    }
    text.push_str("] as const;\n");
    text + TAIL
}

/// Every object of the catalogue once, by name.
pub(super) fn objects() -> BTreeMap<&'static str, Object> {
    let mut objects = BTreeMap::new();
    for contract in all() {
        let payload = contract.payload();
        for part in payload.with_parts() {
            objects.entry(part.name).or_insert_with(|| part.clone());
        }
    }
    objects
}

fn interface(object: &Object) -> String {
    let mut text = format!("/** {} */\nexport interface {} {{\n", object.summary, object.name);
    for field in &object.fields {
        let optional = if field.required { "" } else { "?" };
        let personal = if field.personal { " Personal." } else { "" };
        text.push_str(&format!("  /** {}{personal} */\n", field.summary));
        text.push_str(&format!("  {}{optional}: {};\n", field.name, type_of(&field.shape)));
    }
    text + "}\n\n"
}

fn type_of(shape: &Shape) -> String {
    match shape {
        Shape::Boolean => "boolean".to_owned(),
        Shape::Integer { .. } => "number".to_owned(),
        Shape::Text { .. } => "string".to_owned(),
        Shape::List(of) => format!("{}[]", type_of(of)),
        Shape::Object(object) => object.name.to_owned(),
        Shape::Free => "Record<string, unknown>".to_owned(),
    }
}
