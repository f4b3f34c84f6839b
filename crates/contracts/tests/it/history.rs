use serde_json::json;
use stateset_contracts::catalogue::{Contract, all};
use stateset_contracts::history::{History, breaches};
use stateset_contracts::json_schema::schema;

fn published() -> History {
    all()
        .map(|contract| {
            let versions = 1..=contract.schema_version;
            (contract.name.to_owned(), versions.map(|version| (version, schema(contract, version))).collect())
        })
        .collect()
}

fn contracts() -> Vec<&'static Contract> {
    all().collect()
}

/// What is said when the published schema of `order.created` version 2 was `change`d: seen from the catalogue, that is the
/// reverse change made without a new version.
fn said(change: impl Fn(&mut serde_json::Value)) -> String {
    let mut history = published();
    change(history.get_mut("order.created").unwrap().get_mut(&2).unwrap());
    breaches(&contracts(), &history).join("\n")
}

/// A18, C10: the catalogue as it is keeps everything it has published.
#[test]
fn the_catalogue_keeps_its_history() {
    assert_eq!(breaches(&contracts(), &published()), Vec::<String>::new());
    assert_eq!(breaches(&contracts(), &History::new()), Vec::<String>::new());
    assert_eq!(said(|schema| schema["description"] = json!("other words")), "");
}

/// A18, C10: a member removed, renamed, retyped, added or required without a new version is named.
#[test]
fn each_change_without_a_new_version_is_refused() {
    let removed = said(|schema| schema["properties"]["coupon"] = json!({ "type": "string" }));
    assert!(
        removed.contains(
            "order.created version 2 changed and kept its version: /properties/coupon: the member coupon was removed"
        ),
        "{removed}"
    );
    let renamed = said(|schema| {
        let currency = schema["properties"].as_object_mut().unwrap().remove("currency").unwrap();
        schema["properties"]["unit"] = currency;
    });
    assert!(
        renamed.contains("the member unit was removed or renamed") && renamed.contains("the member currency is new"),
        "{renamed}"
    );
    let retyped = said(|schema| schema["properties"]["amount_cents"]["type"] = json!("string"));
    assert!(retyped.contains("/properties/amount_cents: the type was \"string\", it is \"integer\""), "{retyped}");
    let added = said(|schema| drop(schema["properties"].as_object_mut().unwrap().remove("tax_cents")));
    assert!(added.contains("the member tax_cents is new"), "{added}");
    let required = said(|schema| schema["required"] = json!(["amount_cents", "currency"]));
    assert!(required.contains("the member items is required now"), "{required}");
}

/// A18: a new version may only add; a type may not vanish; the catalogue may not fall behind.
#[test]
fn a_new_version_may_only_add() {
    let mut history = published();
    let first = history.get_mut("order.created").unwrap();
    first.get_mut(&1).unwrap()["properties"]["amount_cents"]["type"] = json!("string");
    let found = breaches(&contracts(), &history).join("\n");
    assert!(found.contains("order.created version 2 does not only add: /properties/amount_cents"), "{found}");

    let mut history = published();
    history.insert("order.exploded".to_owned(), [(1, json!({}))].into());
    history.get_mut("order.created").unwrap().insert(3, json!({}));
    let found = breaches(&contracts(), &history);
    assert!(found.iter().any(|one| one.starts_with("order.exploded: the type was removed")), "{found:?}");
    assert!(found.iter().any(|one| one.contains("version 3 was published, the catalogue is at 2")), "{found:?}");
}
