//! The JSON Schema (2020-12) of a payload, written from its Rust type.

use serde_json::{Map, Value, json};

use crate::catalogue::{Contract, OrderKey, UserEmail};
use crate::shape::{Field, Object, Shape};

/// The dialect of every schema.
pub const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// The schema of a contract's payload as it was at `version`.
pub fn schema(contract: &Contract, version: u32) -> Value {
    let mut schema = object(&contract.payload().at(version));
    let about = json!({
        "$schema": DIALECT,
        "$id": id(contract, version),
        "title": contract.name,
        "x-event": {
            "type": contract.name,
            "aliases": contract.aliases,
            "entity": contract.family.entity,
            "topic": contract.family.topic.map(crate::catalogue::Topic::name),
            "order_key": order_key(contract.family.order_key),
            "user_email": contract.user_email == UserEmail::Included,
            "schema_version": version,
        },
    });
    if let (Value::Object(schema), Value::Object(about)) = (&mut schema, about) {
        schema.extend(about);
    }
    sorted(schema)
}

/// What names a schema wherever it lies.
pub fn id(contract: &Contract, version: u32) -> String {
    format!("urn:stateset:schema:{}:{version}", contract.name)
}

/// The word for a rule.
pub fn order_key(rule: OrderKey) -> &'static str {
    match rule {
        OrderKey::Entity => "entity",
        OrderKey::Required => "required",
        OrderKey::Optional => "optional",
        OrderKey::None => "none",
    }
}

fn object(object: &Object) -> Value {
    let properties: Map<String, Value> =
        object.fields.iter().map(|field| (field.name.to_owned(), member(field))).collect();
    let required: Vec<&str> = object.fields.iter().filter(|field| field.required).map(|field| field.name).collect();
    json!({ "type": "object", "description": object.summary, "properties": properties, "required": required })
}

fn member(field: &Field) -> Value {
    let mut schema = value(&field.shape);
    if let Value::Object(schema) = &mut schema {
        schema.insert("description".to_owned(), field.summary.clone().into());
        if field.personal {
            schema.insert("x-pii".to_owned(), true.into());
        }
        if field.since > 1 {
            schema.insert("x-since".to_owned(), field.since.into());
        }
    }
    schema
}

fn value(shape: &Shape) -> Value {
    match shape {
        Shape::Boolean => json!({ "type": "boolean" }),
        Shape::Integer { least: None } => json!({ "type": "integer" }),
        Shape::Integer { least: Some(least) } => json!({ "type": "integer", "minimum": least }),
        Shape::Text { format, pattern, least, most } => {
            let mut schema = json!({ "type": "string" });
            let words = [("format", *format), ("pattern", *pattern)];
            let lengths = [("minLength", *least), ("maxLength", *most)];
            if let Value::Object(schema) = &mut schema {
                schema.extend(words.into_iter().filter_map(|(key, word)| Some((key.to_owned(), word?.into()))));
                schema.extend(lengths.into_iter().filter_map(|(key, length)| Some((key.to_owned(), length?.into()))));
            }
            schema
        },
        Shape::List(of) => json!({ "type": "array", "items": value(of) }),
        Shape::Object(of) => object(of),
        Shape::Free => json!({ "type": "object" }),
    }
}

/// The same value with the members of every object in the order of their names, whatever order this build keeps.
pub fn sorted(value: Value) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        Value::Object(members) => {
            let mut members: Vec<_> = members.into_iter().collect();
            members.sort_by(|left, right| left.0.cmp(&right.0));
            Value::Object(members.into_iter().map(|(name, value)| (name, sorted(value))).collect())
        },
        plain => plain,
    }
}
