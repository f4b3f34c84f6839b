//! R14: what our programs emit is in the event catalogue.
//!
//! Code that writes payloads of the catalogue's own types cannot break this. What names a type by hand,
//! `EventType::new("…")`, is looked up among the published schemas.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::workspace::SourceFile;

const SCHEMAS: &str = "docs/contracts/schemas/";
const EMITS: &str = "EventType::new(\"";

pub(super) fn check(files: &[SourceFile]) -> Vec<String> {
    let known = known(files);
    let mut breaches = Vec::new();
    for file in files.iter().filter(|file| is_product(&file.path) && file.has_extension(&["rs"])) {
        let text = file.text.as_deref().unwrap_or_default();
        // What stands behind it is only compiled for tests.
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for (number, line) in (1..).zip(code.lines()) {
            let line = line.split("//").next().unwrap_or_default();
            for emitted in line.split(EMITS).skip(1).filter_map(|rest| rest.split('"').next()) {
                if !known.contains(emitted) {
                    breaches
                        .push(format!("{}:{number}: emits {emitted}, which is not in the event catalogue", file.path));
                }
            }
        }
    }
    breaches
}

/// Benchmarks and test kits make up events; everything else speaks to the world.
fn is_product(path: &str) -> bool {
    let ours = path.starts_with("crates/") || path.starts_with("examples/");
    ours && path.contains("/src/") && !path.starts_with("crates/bench/") && !path.starts_with("crates/testkit/")
}

/// Names and aliases, from the schemas that were published.
fn known(files: &[SourceFile]) -> BTreeSet<String> {
    let mut known = BTreeSet::new();
    for file in files.iter().filter(|file| file.path.starts_with(SCHEMAS)) {
        let schema: Value = serde_json::from_str(file.text.as_deref().unwrap_or_default()).unwrap_or_default();
        let aliases = schema.pointer("/x-event/aliases").and_then(Value::as_array);
        let names = aliases.into_iter().flatten().chain(schema.pointer("/x-event/type"));
        known.extend(names.filter_map(Value::as_str).map(str::to_owned));
    }
    known
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> SourceFile {
        SourceFile { path: path.to_owned(), text: Some(text.to_owned()) }
    }

    /// R14: an emitted type that is not in the catalogue is a breach; tests and comments are none.
    #[test]
    fn only_types_of_the_catalogue_are_emitted() {
        let schema = r#"{"x-event":{"type":"payment.succeeded","aliases":["payment.completed"]}}"#;
        let code = "let a = EventType::new(\"payment.succeeded\");\nlet b = EventType::new(\"payment.completed\");\n\
                    // EventType::new(\"in.comment\")\nlet c = EventType::new(\"payment.exploded\");\n\
                    #[cfg(test)]\nmod tests { fn x() { EventType::new(\"only.tests\"); } }\n";
        let files = [
            file("docs/contracts/schemas/payment.succeeded/1.json", schema),
            file("crates/storefront/src/payment.rs", code),
            file("crates/bench/src/load.rs", code),
        ];
        let expected =
            "crates/storefront/src/payment.rs:4: emits payment.exploded, which is not in the event catalogue";
        assert_eq!(check(&files), [expected]);
    }
}
