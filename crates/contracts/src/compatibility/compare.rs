//! Comparing two schemas, keyword by keyword.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{Breaks, Difference};

/// Levels of nesting that are looked into; what lies deeper is compared as text.
const DEEPEST: usize = 32;

/// Say nothing about data.
const ANNOTATIONS: [&str; 12] = [
    "$schema",
    "$id",
    "$comment",
    "$anchor",
    "title",
    "description",
    "examples",
    "default",
    "deprecated",
    "readOnly",
    "writeOnly",
    "contentMediaType",
];

/// Compared by rules of their own below.
const UNDERSTOOD: [&str; 8] =
    ["type", "properties", "required", "items", "enum", "additionalProperties", "$defs", "definitions"];

/// Limits that shut more out the higher they are.
const LEAST: [&str; 5] = ["minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"];

/// Limits that shut more out the lower they are.
const MOST: [&str; 5] = ["maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"];

struct Comparison<'a> {
    old: &'a Value,
    new: &'a Value,
    found: Vec<Difference>,
}

pub(super) fn schemas(old: &Value, new: &Value) -> Vec<Difference> {
    let mut comparison = Comparison { old, new, found: Vec::new() };
    comparison.value("", old, new, 0);
    comparison.found
}

impl<'a> Comparison<'a> {
    fn add(&mut self, path: &str, breaks: Breaks, message: impl Into<String>) {
        self.found.push(Difference { path: path.to_owned(), message: message.into(), breaks });
    }

    fn value(&mut self, path: &str, old: &'a Value, new: &'a Value, depth: usize) {
        let (old, new) = (follow(self.old, old), follow(self.new, new));
        match (old, new) {
            (Value::Object(old), Value::Object(new)) if depth < DEEPEST => self.object(path, old, new, depth),
            _ if old == new => {},
            (Value::Bool(true), _) => self.add(path, Breaks::BACKWARD, "anything was allowed"),
            (_, Value::Bool(true)) => self.add(path, Breaks::FORWARD, "anything is allowed now"),
            _ => self.add(path, Breaks::BOTH, "cannot be compared"),
        }
    }

    fn object(&mut self, path: &str, old: &'a Map<String, Value>, new: &'a Map<String, Value>, depth: usize) {
        self.types(path, old, new);
        self.members(path, old, new, depth);
        self.required(path, old, new);
        self.items(path, old, new, depth);
        self.choices(path, old, new);
        self.further(path, old, new);
        self.limits(path, old, new);
        self.rest(path, old, new);
    }

    fn types(&mut self, path: &str, old: &Map<String, Value>, new: &Map<String, Value>) {
        let (before, after) = (types(old), types(new));
        if before == after {
            return;
        }
        let gone = before.difference(&after).next().is_some();
        let more = after.difference(&before).next().is_some();
        let breaks = Breaks { backward: gone, forward: more };
        self.add(path, breaks, format!("the type was {}, it is {}", said(old.get("type")), said(new.get("type"))));
    }

    fn members(&mut self, path: &str, old: &'a Map<String, Value>, new: &'a Map<String, Value>, depth: usize) {
        let (before, after) = (properties(old), properties(new));
        let closed = old.get("additionalProperties") == Some(&Value::Bool(false));
        for (name, member) in before.into_iter().flatten() {
            let place = format!("{path}/properties/{}", escaped(name));
            match after.and_then(|after| after.get(name)) {
                Some(now) => self.value(&place, member, now, depth + 1),
                None => self.add(&place, Breaks::FORWARD, format!("the member {name} was removed or renamed")),
            }
        }
        for name in after.into_iter().flat_map(Map::keys) {
            if before.is_none_or(|before| !before.contains_key(name)) {
                let place = format!("{path}/properties/{}", escaped(name));
                let breaks = if closed { Breaks::FORWARD } else { Breaks::NOBODY };
                self.add(&place, breaks, format!("the member {name} is new"));
            }
        }
    }

    fn required(&mut self, path: &str, old: &Map<String, Value>, new: &Map<String, Value>) {
        let (before, after) = (names(old.get("required")), names(new.get("required")));
        for name in after.difference(&before) {
            self.add(path, Breaks::BACKWARD, format!("the member {name} is required now"));
        }
        for name in before.difference(&after) {
            self.add(path, Breaks::FORWARD, format!("the member {name} is no longer required"));
        }
    }

    fn items(&mut self, path: &str, old: &'a Map<String, Value>, new: &'a Map<String, Value>, depth: usize) {
        let place = format!("{path}/items");
        match (old.get("items"), new.get("items")) {
            (Some(before), Some(after)) => self.value(&place, before, after, depth + 1),
            (None, Some(_)) => self.add(&place, Breaks::BACKWARD, "items were not described"),
            (Some(_), None) => self.add(&place, Breaks::FORWARD, "items are no longer described"),
            (None, None) => {},
        }
    }

    fn choices(&mut self, path: &str, old: &Map<String, Value>, new: &Map<String, Value>) {
        let list = |schema: &Map<String, Value>| {
            let values = schema.get("enum")?.as_array()?;
            Some(
                values
                    .iter()
                    .map(|value| crate::json_schema::sorted(value.clone()).to_string())
                    .collect::<BTreeSet<_>>(),
            )
        };
        match (list(old), list(new)) {
            (Some(before), Some(after)) => {
                for value in before.difference(&after) {
                    self.add(path, Breaks::BACKWARD, format!("{value} is no longer one of the values"));
                }
                for value in after.difference(&before) {
                    self.add(path, Breaks::FORWARD, format!("{value} is a new value"));
                }
            },
            (None, Some(_)) => self.add(path, Breaks::BACKWARD, "only some values are allowed now"),
            (Some(_), None) => self.add(path, Breaks::FORWARD, "other values are allowed now"),
            (None, None) => {},
        }
    }

    /// Members that are not described.
    fn further(&mut self, path: &str, old: &Map<String, Value>, new: &Map<String, Value>) {
        let open = Value::Bool(true);
        let before = old.get("additionalProperties").unwrap_or(&open);
        let after = new.get("additionalProperties").unwrap_or(&open);
        match (before, after) {
            (before, after) if before == after => {},
            (Value::Bool(true), _) => self.add(path, Breaks::BACKWARD, "further members are not allowed any more"),
            (_, Value::Bool(true)) => self.add(path, Breaks::FORWARD, "further members are allowed now"),
            _ => self.add(path, Breaks::BOTH, "other further members are allowed"),
        }
    }

    fn limits(&mut self, path: &str, old: &Map<String, Value>, new: &Map<String, Value>) {
        let number = |schema: &Map<String, Value>, keyword| schema.get(keyword).and_then(Value::as_f64);
        for (keywords, higher_is_stricter) in [(LEAST, true), (MOST, false)] {
            for keyword in keywords {
                let stricter = match (number(old, keyword), number(new, keyword)) {
                    (before, after) if before == after => continue,
                    (None, _) => true,
                    (_, None) => false,
                    (Some(before), Some(after)) => (after > before) == higher_is_stricter,
                };
                let breaks = if stricter { Breaks::BACKWARD } else { Breaks::FORWARD };
                let (before, after) = (said(old.get(keyword)), said(new.get(keyword)));
                self.add(path, breaks, format!("{keyword} was {before}, it is {after}"));
            }
        }
    }

    /// Keywords without a rule: added, they shut data out; removed, they let data in; changed, who knows.
    fn rest(&mut self, path: &str, old: &Map<String, Value>, new: &Map<String, Value>) {
        let keywords: BTreeSet<&String> = old.keys().chain(new.keys()).filter(|keyword| has_no_rule(keyword)).collect();
        for keyword in keywords {
            let breaks = match (old.get(keyword), new.get(keyword)) {
                (before, after) if before == after => continue,
                (None, _) => Breaks::BACKWARD,
                (_, None) => Breaks::FORWARD,
                _ => Breaks::BOTH,
            };
            self.add(path, breaks, format!("{keyword} changed"));
        }
    }
}

fn has_no_rule(keyword: &str) -> bool {
    let lists: [&[&str]; 4] = [&ANNOTATIONS, &UNDERSTOOD, &LEAST, &MOST];
    // Of our own keywords only this one says what may be done with data.
    let annotation = keyword.starts_with("x-") && keyword != "x-pii";
    !annotation && !lists.iter().any(|list| list.contains(&keyword))
}

/// The schema a `$ref` within the same document leads to.
fn follow<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    let mut schema = schema;
    for _ in 0..DEEPEST {
        let target = schema.get("$ref").and_then(Value::as_str).and_then(|text| text.strip_prefix('#'));
        match target.and_then(|pointer| root.pointer(pointer)) {
            Some(next) => schema = next,
            None => break,
        }
    }
    schema
}

/// The types a value may have; an integer is a number too.
fn types(schema: &Map<String, Value>) -> BTreeSet<&str> {
    let all = ["null", "boolean", "object", "array", "string", "integer", "number"];
    let mut types: BTreeSet<&str> = match schema.get("type") {
        Some(Value::String(one)) => [one.as_str()].into(),
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ => all.into(),
    };
    if types.contains("number") {
        types.insert("integer");
    }
    types
}

fn properties(schema: &Map<String, Value>) -> Option<&Map<String, Value>> {
    schema.get("properties").and_then(Value::as_object)
}

fn names(list: Option<&Value>) -> BTreeSet<&str> {
    list.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

fn said(value: Option<&Value>) -> String {
    value.map_or_else(|| "not said".to_owned(), ToString::to_string)
}

/// A name as one step of a JSON pointer.
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
