//! Parameters by name: the same name means the same thing on every route.

use serde_json::{Value, json};

struct Parameter {
    name: &'static str,
    place: &'static str,
    required: bool,
    schema: &'static str,
    meaning: &'static str,
}

const fn query(name: &'static str, schema: &'static str, meaning: &'static str) -> Parameter {
    Parameter { name, place: "query", required: false, schema, meaning }
}

const fn required(name: &'static str, schema: &'static str, meaning: &'static str) -> Parameter {
    Parameter { name, place: "query", required: true, schema, meaning }
}

const fn path(name: &'static str, schema: &'static str, meaning: &'static str) -> Parameter {
    Parameter { name, place: "path", required: true, schema, meaning }
}

const fn header(name: &'static str, schema: &'static str, meaning: &'static str) -> Parameter {
    Parameter { name, place: "header", required: false, schema, meaning }
}

const UUID: &str = r#"{"type":"string","format":"uuid"}"#;
const TEXT: &str = r#"{"type":"string"}"#;
const SEQUENCE: &str = r#"{"type":"integer","minimum":1,"maximum":9223372036854775807}"#;
const SIZE: &str = r#"{"type":"integer","minimum":0,"maximum":9223372036854775807}"#;

/// A name with a suffix in brackets is the same parameter with other demands on another route.
const PARAMETERS: &[Parameter] = &[
    required("tenant_id", UUID, "tenant"),
    required("store_id", UUID, "store of the tenant"),
    query("store_id[optional]", UUID, "store of the tenant; needed when several hold the event id"),
    query("from", SIZE, "first sequence, inclusive; 0 means 1"),
    query("upto", SEQUENCE, "last sequence, inclusive; default: the newest"),
    query(
        "order",
        r#"{"type":"string","enum":["oldest","newest"],"default":"oldest"}"#,
        "which come first; with `newest`, `next_sequence` is the `upto` of the next page, and 0 if there is none",
    ),
    query("limit", r#"{"type":"integer","minimum":1,"maximum":1000,"default":100}"#, "most entries of the page"),
    query("limit[bundle]", r#"{"type":"integer","minimum":1,"maximum":1000,"default":1000}"#, "most events"),
    query("limit[openings]", r#"{"type":"integer","minimum":1,"maximum":100,"default":100}"#, "most openings"),
    query("kind", r#"{"type":"string","enum":["heads","batches"],"default":"heads"}"#, "which records"),
    query("before", SIZE, "heads below this index of the log, as a page's `next` says"),
    query("to", SEQUENCE, "last sequence; default: the newest logged one"),
    query("payloads", r#"{"type":"boolean","default":true}"#, "`false` leaves payloads out; their hashes stay"),
    query("log_size", SIZE, "size of an earlier checkpoint of the log, whose continuation is to be shown"),
    query("entity_type", TEXT, "exact entity type"),
    query("entity_id", TEXT, "exact entity id"),
    query("event_type", TEXT, "event type; `*` stands for any run of characters"),
    query("since", TEXT, "sequenced at or after: RFC 3339 or microseconds since 1970"),
    query("until", TEXT, "sequenced before: RFC 3339 or microseconds since 1970"),
    query("agent_id[query]", UUID, "exact agent"),
    query("correlation_id", TEXT, "exact correlation id"),
    query("order_key", TEXT, "exact order key"),
    query(
        "receipts",
        r#"{"type":"string","enum":["each","flush"],"default":"each"}"#,
        "a signature per event, or the stream head's signature with a range proof (a quarter faster)",
    ),
    query("paths", r#"{"type":"string","enum":["each"]}"#, "adds each event's inclusion path"),
    query(
        "wait",
        r#"{"type":"string","enum":["sequenced","logged"],"default":"sequenced"}"#,
        "answer when the events are durable, or when the head log covers them too",
    ),
    query(
        "tree",
        r#"{"type":"string","enum":["batch","stream"],"default":"batch"}"#,
        "proof in the VES batch tree or in the stream tree",
    ),
    query("batch_id[query]", UUID, "the batch; it follows from the sequence"),
    query("sequence[query]", SEQUENCE, "place of the event; or give event_id"),
    query("event_id[query]", UUID, "the event; or give sequence"),
    query("tree_size", SIZE, "size of the stream tree to prove in; default: the newest"),
    required("from_size", SIZE, "smaller size"),
    required("to_size", SIZE, "larger size"),
    path("event_id", UUID, "the event"),
    path("entity_type[path]", TEXT, "entity type"),
    path("entity_id[path]", TEXT, "entity id"),
    path("agent_id", UUID, "the agent"),
    path("key_id", r#"{"type":"integer","minimum":0,"maximum":4294967295}"#, "number of the key"),
    query("tenant_id[optional]", UUID, "tenant; default: the caller's own"),
    query("after", TEXT, "only keys behind this prefix, as a page's `next` says"),
    path("prefix", TEXT, "public part of the API key: what stands between its underscores"),
    header(
        "Idempotency-Key",
        r#"{"type":"string","minLength":1,"maxLength":255,"pattern":"^[!-~]+$"}"#,
        "names this request: a repetition within 24 hours answers with the same key again instead of making another",
    ),
    path("schema_id", r#"{"type":"integer","minimum":1,"maximum":2147483647}"#, "number of the schema"),
    path("subject", TEXT, "a type of event, or another name under which schemas are registered"),
    path("version", TEXT, "place in the subject's history, or `latest`"),
    path("event_type[path]", TEXT, "type of event"),
    query("event_type[exact]", TEXT, "exact type of event"),
    path("batch_id", UUID, "the batch"),
    path("sequence", SEQUENCE, "place of the event"),
    path(
        "path",
        TEXT,
        "C2SP tlog-tiles path below /tile/: `<level>/<index>[.p/<width>]` or `entries/<index>[.p/<width>]`",
    ),
];

fn find(name: &str) -> &'static Parameter {
    PARAMETERS.iter().find(|parameter| parameter.name == name).expect("every operation names parameters of this table")
}

fn bare(name: &str) -> &str {
    name.split('[').next().unwrap_or(name)
}

/// A value that fits the examples of the guide; the checks of the live service store what they name.
fn example(name: &str) -> Option<Value> {
    Some(match name {
        "tenant_id" => json!("11111111-1111-4111-8111-111111111111"),
        "store_id" => json!("22222222-2222-4222-8222-222222222222"),
        "agent_id" => json!("33333333-3333-4333-8333-333333333333"),
        "event_id" => json!("44444444-4444-4444-8444-444444444444"),
        "entity_type" => json!("order"),
        "entity_id" => json!("ORD-1001"),
        "sequence" | "from_size" => json!(1),
        "to_size" => json!(2),
        "path" => json!("0/000.p/1"),
        _ => return None,
    })
}

pub(super) fn describe(name: &str) -> Value {
    let parameter = find(name);
    let schema: Value = serde_json::from_str(parameter.schema).expect("schemas of this table are JSON");
    let mut description = json!({
        "name": bare(parameter.name),
        "in": parameter.place,
        "required": parameter.required,
        "description": parameter.meaning,
        "schema": schema,
    });
    // Only where it is asked for: an optional filter that is always set hides more than it shows.
    if parameter.required
        && let Some(example) = example(bare(name))
    {
        description["example"] = example;
    }
    description
}

/// Where the parameter stands and what it means.
pub(super) fn meaning(name: &str) -> (&'static str, &'static str) {
    let parameter = find(name);
    (parameter.place, parameter.meaning)
}
