//! Which schemas are taken. They are strangers' programs that run over strangers' payloads, so each is bounded before it is
//! ever compiled: it fetches nothing, it ends, and what it costs grows with the payload only.
//!
//! Deliberately refused: references to other documents, anchors, and schemas that refer to themselves. A schema without
//! circles costs at most its expansion for each value of a payload; with one, nested payloads could cost powers of two.

use std::collections::{HashMap, HashSet};

use jsonschema::{Draft, PatternOptions, Validator};
use serde_json::{Map, Value};

/// Longest schema in bytes.
pub const MAX_BYTES: usize = 64 * 1024;
/// Deepest nesting, references followed.
const MAX_DEPTH: usize = 32;
/// Most subschemas that one value can meet, references expanded.
const MAX_EXPANSION: u64 = 4_000;
/// Longest regular expression in bytes.
const MAX_PATTERN_BYTES: usize = 512;
/// Most memory of a compiled expression in bytes; `a{1000}{1000}` wants more.
const MAX_PATTERN_MEMORY: usize = 1 << 20;

/// Hold subschemas by name.
const MAPS: [&str; 6] = ["properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies"];
/// Hold subschemas in a row.
const LISTS: [&str; 5] = ["allOf", "anyOf", "oneOf", "prefixItems", "items"];
/// Hold one subschema.
const SINGLE: [&str; 13] = [
    "items",
    "additionalItems",
    "additionalProperties",
    "unevaluatedItems",
    "unevaluatedProperties",
    "contains",
    "propertyNames",
    "contentSchema",
    "not",
    "if",
    "then",
    "else",
    "extends",
];
const NOT_TAKEN: [&str; 5] = ["$dynamicRef", "$recursiveRef", "$dynamicAnchor", "$recursiveAnchor", "$anchor"];

/// Why a schema is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{pointer}: {message}")]
pub struct Refused {
    /// Where, as a JSON Pointer into the schema.
    pub pointer: String,
    /// What is wrong and what would be right.
    pub message: String,
}

fn refused<T>(pointer: &str, message: impl Into<String>) -> Result<T, Refused> {
    Err(Refused { pointer: pointer.to_owned(), message: message.into() })
}

/// Reads and compiles a schema that may be used.
pub fn admit(text: &str) -> Result<(Value, Validator), Refused> {
    if text.len() > MAX_BYTES {
        return refused("", format!("has {} bytes; {MAX_BYTES} are allowed", text.len()));
    }
    let schema: Value = serde_json::from_str(text).or_else(|fault| refused("", format!("is no JSON: {fault}")))?;
    let Value::Object(members) = &schema else { return refused("", "must be a JSON object") };
    let draft = draft(members)?;
    Walk { root: &schema, costs: HashMap::new(), open: HashSet::new() }.cost(&schema, "", 0)?;
    let patterns = PatternOptions::regex().size_limit(MAX_PATTERN_MEMORY).dfa_size_limit(MAX_PATTERN_MEMORY);
    let options = jsonschema::options().offline().with_draft(draft).with_pattern_options(patterns);
    match options.should_validate_formats(true).build(&schema) {
        Ok(validator) => Ok((schema, validator)),
        Err(fault) => refused(fault.instance_path().as_str(), short(&fault.to_string())),
    }
}

/// A message of bounded length.
pub fn short(message: &str) -> String {
    const MAX_CHARS: usize = 300;
    if message.chars().count() <= MAX_CHARS {
        return message.to_owned();
    }
    message.chars().take(MAX_CHARS).chain(['…']).collect()
}

fn draft(schema: &Map<String, Value>) -> Result<Draft, Refused> {
    let Some(named) = schema.get("$schema") else { return Ok(Draft::Draft202012) };
    match named.as_str().unwrap_or_default().trim_end_matches('#') {
        "https://json-schema.org/draft/2020-12/schema" => Ok(Draft::Draft202012),
        "https://json-schema.org/draft/2019-09/schema" => Ok(Draft::Draft201909),
        "http://json-schema.org/draft-07/schema" | "https://json-schema.org/draft-07/schema" => Ok(Draft::Draft7),
        _ => refused("/$schema", "must be draft 2020-12, 2019-09 or draft-07"),
    }
}

/// What each subschema costs. A reference costs what it leads to.
struct Walk<'a> {
    root: &'a Value,
    costs: HashMap<*const Value, u64>,
    open: HashSet<*const Value>,
}

impl<'a> Walk<'a> {
    fn cost(&mut self, schema: &'a Value, at: &str, depth: usize) -> Result<u64, Refused> {
        let Value::Object(members) = schema else { return Ok(1) };
        if let Some(known) = self.costs.get(&std::ptr::from_ref(schema)) {
            return Ok(*known);
        }
        if depth > MAX_DEPTH {
            return refused(at, format!("is nested deeper than {MAX_DEPTH} levels"));
        }
        if !self.open.insert(std::ptr::from_ref(schema)) {
            return refused(at, "refers to itself; only schemas without circles are taken");
        }
        keywords(members, at, depth)?;
        let mut cost = 1_u64;
        for (place, child) in self.children(members, at)? {
            cost = cost.saturating_add(self.cost(child, &place, depth + 1)?);
            if cost > MAX_EXPANSION {
                return refused(at, format!("expands to more than {MAX_EXPANSION} subschemas"));
            }
        }
        self.open.remove(&std::ptr::from_ref(schema));
        self.costs.insert(std::ptr::from_ref(schema), cost);
        Ok(cost)
    }

    fn children(&self, members: &'a Map<String, Value>, at: &str) -> Result<Vec<(String, &'a Value)>, Refused> {
        let mut children = Vec::new();
        for (keyword, value) in members {
            let place = format!("{at}/{keyword}");
            match value {
                Value::Object(map) if MAPS.contains(&keyword.as_str()) => {
                    children.extend(map.iter().map(|(name, child)| (format!("{place}/{}", escaped(name)), child)));
                },
                Value::Array(list) if LISTS.contains(&keyword.as_str()) => {
                    children.extend(list.iter().enumerate().map(|(index, child)| (format!("{place}/{index}"), child)));
                },
                child if SINGLE.contains(&keyword.as_str()) => children.push((place, child)),
                reference if keyword == "$ref" => children.push((place.clone(), self.target(reference, &place)?)),
                _ => {},
            }
        }
        Ok(children)
    }

    fn target(&self, reference: &Value, at: &str) -> Result<&'a Value, Refused> {
        let Some(pointer) = reference.as_str().and_then(|text| text.strip_prefix('#')) else {
            return refused(at, "leads out of the schema; only references that begin with `#` are taken");
        };
        match self.root.pointer(pointer) {
            Some(target) if pointer.is_empty() || pointer.starts_with('/') => Ok(target),
            _ => refused(at, "leads nowhere; references are JSON Pointers, such as `#/$defs/name`"),
        }
    }
}

fn keywords(members: &Map<String, Value>, at: &str, depth: usize) -> Result<(), Refused> {
    if let Some(found) = NOT_TAKEN.iter().find(|keyword| members.contains_key(**keyword)) {
        return refused(&format!("{at}/{found}"), "is not taken; use `$ref` with a JSON Pointer");
    }
    if depth > 0 && members.contains_key("$id") {
        return refused(&format!("{at}/$id"), "is only taken at the top");
    }
    let names = members.get("patternProperties").and_then(Value::as_object).into_iter().flat_map(Map::keys);
    for pattern in members.get("pattern").and_then(Value::as_str).into_iter().chain(names.map(String::as_str)) {
        if pattern.len() > MAX_PATTERN_BYTES {
            return refused(at, format!("has a regular expression of more than {MAX_PATTERN_BYTES} bytes"));
        }
    }
    Ok(())
}

fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
