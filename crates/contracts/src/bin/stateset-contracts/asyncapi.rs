//! The `AsyncAPI` 3.0 document of the three topics.

use serde_json::{Map, Value, json};
use stateset_contracts::catalogue::{Contract, Topic, UserEmail, all};
use stateset_contracts::envelope::LARGEST_EXACT;
use stateset_contracts::json_schema::schema;

const ABOUT: &str = "Events of orders, payments and shipments as they stand on the topics. The message key is the order \
                     id as text, so that the events of one order keep their order. Delivery is at least once; consumers \
                     ignore members they do not know.";

pub(super) fn document() -> Value {
    let channels: Map<String, Value> =
        Topic::ALL.into_iter().map(|topic| (topic.name().to_owned(), channel(topic))).collect();
    let mut operations = Map::new();
    for topic in Topic::ALL {
        let reference = json!({ "$ref": format!("#/channels/{}", topic.name()) });
        for (action, title) in [("send", "Publish"), ("receive", "Consume")] {
            let name = format!("{action}.{}", topic.name());
            let summary = format!("{title} {}", topic.name());
            operations.insert(name, json!({ "action": action, "channel": reference, "summary": summary }));
        }
    }
    let on_topics = || all().filter(|contract| contract.family.topic.is_some());
    let messages: Map<String, Value> =
        on_topics().map(|contract| (contract.name.to_owned(), message(contract))).collect();
    let schemas: Map<String, Value> = on_topics().map(|contract| (contract.name.to_owned(), data(contract))).collect();
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "StateSet commerce events",
            "version": "1.0.0",
            "description": ABOUT,
            "license": { "name": "MIT" },
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": { "messages": messages, "schemas": schemas },
    })
}

fn channel(topic: Topic) -> Value {
    let messages: Map<String, Value> = all()
        .filter(|contract| contract.family.topic == Some(topic))
        .map(|contract| {
            let reference = json!({ "$ref": format!("#/components/messages/{}", contract.name) });
            (contract.name.to_owned(), reference)
        })
        .collect();
    json!({ "address": topic.name(), "messages": messages, "bindings": { "kafka": { "bindingVersion": "0.5.0" } } })
}

fn message(contract: &Contract) -> Value {
    json!({
        "name": contract.name,
        "title": contract.name,
        "summary": contract.payload().summary,
        "contentType": "application/json",
        "payload": envelope(contract),
        "headers": {
            "type": "object",
            "properties": {
                "event_id": { "type": "string", "format": "uuid", "description": "The event; the same when delivered again." },
                "sequence": { "type": "string", "description": "Its place in the writer's log." },
                "tenant": { "type": "string", "format": "uuid" },
                "store": { "type": "string", "format": "uuid" },
                "schema_version": { "type": "string" },
                "correlation_id": { "type": "string" },
                "causation_id": { "type": "string" },
                "traceparent": { "type": "string" },
                "replay": { "type": "string", "description": "The job that asked for this delivery again." },
            },
            "required": ["event_id", "sequence", "tenant", "store", "schema_version"],
        },
        "bindings": { "kafka": {
            "key": { "type": "string", "description": "The order id as text." },
            "bindingVersion": "0.5.0",
        } },
        "examples": [{ "name": "example", "payload": example(contract) }],
    })
}

fn envelope(contract: &Contract) -> Value {
    let mut properties = json!({
        "type": { "const": contract.name },
        "order_id": {
            "description": "An integer where the order key is one, else the key as text.",
            "oneOf": [
                { "type": "integer", "minimum": 0, "maximum": LARGEST_EXACT },
                { "type": "string", "minLength": 1, "maxLength": 256 },
            ],
        },
        "timestamp": { "type": "string", "format": "date-time", "description": "UTC." },
        "data": { "$ref": format!("#/components/schemas/{}", contract.name) },
        "version": { "type": "integer", "minimum": 1, "description": "Version of the schema of `data`; it may be higher than the one you know." },
    });
    if contract.user_email == UserEmail::Included {
        properties["user_email"] = json!({ "type": "string", "format": "email", "x-pii": true });
    }
    json!({
        "type": "object",
        "properties": properties,
        "required": ["type", "order_id", "timestamp", "data", "version"],
    })
}

/// The payload's schema, without the words that only stand at the top of a document.
fn data(contract: &Contract) -> Value {
    let mut schema = schema(contract, contract.schema_version);
    if let Value::Object(members) = &mut schema {
        members.remove("$schema");
        members.remove("$id");
    }
    schema
}

/// The whole message, with the contract's own example within.
pub(super) fn example(contract: &Contract) -> Value {
    let data: Value = serde_json::from_str(contract.example).unwrap_or_default();
    let mut example = json!({
        "type": contract.name,
        "order_id": 123,
        "timestamp": "2025-08-25T20:12:34Z",
        "data": data,
        "version": contract.schema_version,
    });
    if contract.user_email == UserEmail::Included {
        example["user_email"] = "cust@example.com".into();
    }
    example
}
