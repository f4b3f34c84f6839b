use serde_json::{Value, json};
use stateset_contracts::compatibility::{Compatibility, check, differences};

fn base() -> Value {
    json!({
        "type": "object",
        "properties": {
            "amount_cents": { "type": "integer", "minimum": 0 },
            "note": { "type": "string" },
            "items": { "type": "array", "items": { "type": "object", "properties": { "qty": { "type": "integer" } }, "required": ["qty"] } },
            "kind": { "enum": ["a", "b"] },
        },
        "required": ["amount_cents"],
    })
}

/// A change of the base, and whether it breaks backward and forward.
fn changes() -> Vec<(&'static str, Value, bool, bool)> {
    let change = |pointer: &str, value: Value| {
        let mut schema = base();
        *schema.pointer_mut(pointer).unwrap() = value;
        schema
    };
    let without = |pointer: &str, name: &str| {
        let mut schema = base();
        schema.pointer_mut(pointer).unwrap().as_object_mut().unwrap().remove(name);
        schema
    };
    let with = |pointer: &str, name: &str, value: Value| {
        let mut schema = base();
        schema.pointer_mut(pointer).unwrap().as_object_mut().unwrap().insert(name.to_owned(), value);
        schema
    };
    let renamed = {
        let mut schema = without("/properties", "note");
        schema["properties"]["remark"] = json!({ "type": "string" });
        schema
    };
    let required = {
        let mut schema = with("/properties", "tax", json!({ "type": "integer" }));
        schema["required"] = json!(["amount_cents", "tax"]);
        schema
    };
    vec![
        ("nothing", base(), false, false),
        ("a description", with("/properties/note", "description", json!("new words")), false, false),
        ("a new optional member", with("/properties", "tax", json!({ "type": "integer" })), false, false),
        ("a new required member", required, true, false),
        ("a removed member", without("/properties", "note"), false, true),
        ("a renamed member", renamed, false, true),
        ("a retyped member", change("/properties/note/type", json!("integer")), true, true),
        ("a wider type", change("/properties/amount_cents/type", json!("number")), false, true),
        ("null allowed", change("/properties/note/type", json!(["string", "null"])), false, true),
        ("a member that became required", change("/required", json!(["amount_cents", "note"])), true, false),
        ("a member that became optional", change("/required", json!([])), false, true),
        ("a higher minimum", change("/properties/amount_cents/minimum", json!(1)), true, false),
        ("a lower minimum", change("/properties/amount_cents/minimum", json!(-1)), false, true),
        ("a new maximum", with("/properties/amount_cents", "maximum", json!(10)), true, false),
        ("a pattern", with("/properties/note", "pattern", json!("^a")), true, false),
        ("one value more", change("/properties/kind/enum", json!(["a", "b", "c"])), false, true),
        ("one value less", change("/properties/kind/enum", json!(["a"])), true, false),
        ("closed", with("", "additionalProperties", json!(false)), true, false),
        ("retyped within items", change("/properties/items/items/properties/qty/type", json!("string")), true, true),
        ("removed within items", without("/properties/items/items/properties", "qty"), false, true),
        ("a choice of schemas", with("", "oneOf", json!([{}, {}])), true, false),
        ("no longer personal is a decision", with("/properties/note", "x-pii", json!(true)), true, false),
        ("everything", json!(true), false, true),
    ]
}

/// A18: what each change breaks, in each direction.
#[test]
fn each_change_breaks_whom_it_breaks() {
    for (name, new, backward, forward) in changes() {
        let breaks = |mode| !check(mode, &[base()], &new).is_empty();
        assert_eq!(breaks(Compatibility::Backward), backward, "{name}: {:?}", differences(&base(), &new));
        assert_eq!(breaks(Compatibility::Forward), forward, "{name}: {:?}", differences(&base(), &new));
        assert_eq!(breaks(Compatibility::Full), backward || forward, "{name}");
        assert!(!breaks(Compatibility::None));
    }
}

/// A18: a member that left for one version and came back as another type is found only by looking at all versions.
#[test]
fn transitive_looks_at_every_version() {
    let with = json!({ "type": "object", "properties": { "a": { "type": "string" } } });
    let without = json!({ "type": "object", "properties": {} });
    let other = json!({ "type": "object", "properties": { "a": { "type": "integer" } } });
    let history = [with, without];
    assert!(check(Compatibility::Full, &history, &other).is_empty());
    let found = check(Compatibility::FullTransitive, &history, &other);
    assert_eq!(found.len(), 1);
    assert!(found[0].to_string().contains("/properties/a: the type was \"string\", it is \"integer\""), "{}", found[0]);
    assert!(!check(Compatibility::BackwardTransitive, &history, &other).is_empty());
    assert!(!check(Compatibility::ForwardTransitive, &history, &other).is_empty());
}

/// References within the document are followed, also in circles; words are read back.
#[test]
fn references_are_followed() {
    let plain = json!({ "type": "object", "properties": { "a": { "type": "string" } } });
    let referring = json!({
        "type": "object",
        "properties": { "a": { "$ref": "#/$defs/text" } },
        "$defs": { "text": { "type": "string" } },
    });
    assert_eq!(differences(&plain, &referring), []);
    let circle = json!({ "$ref": "#/$defs/x", "$defs": { "x": { "$ref": "#/$defs/x" } } });
    assert_eq!(differences(&circle, &circle), []);
    for mode in Compatibility::ALL {
        assert_eq!(mode.word().to_lowercase().parse(), Ok(mode));
    }
    "sideways".parse::<Compatibility>().unwrap_err();
}
