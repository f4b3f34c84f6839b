//! Where in a payload a person's data lies, by the marks of the catalogue. Whoever keeps it apart (the outbox) asks here,
//! so that no writer keeps a list of its own.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde_json::Value;

use crate::catalogue::{Contract, all};

/// The marks of every contract that has some, by canonical name: `/email`, `/items/*/note`.
static MARKS: LazyLock<HashMap<&'static str, Vec<String>>> = LazyLock::new(|| {
    let marks = all().map(|contract| (contract.name, contract.payload().personal_paths()));
    marks.filter(|(_, paths)| !paths.is_empty()).collect()
});

/// The marked members of a contract's payload; a star stands for every entry of an array.
pub fn marks(contract: &Contract) -> &'static [String] {
    MARKS.get(contract.name).map_or(&[], Vec::as_slice)
}

/// Where `payload` has them: JSON pointers to values that are there and not null.
///
/// ```
/// use serde_json::json;
/// use stateset_contracts::{catalogue::find, personal::places};
///
/// let payload = json!({ "customer_id": "cust_1", "email": "cust@example.com" });
/// assert_eq!(places(find("customer.created").unwrap(), &payload), ["/email"]);
/// ```
pub fn places(contract: &Contract, payload: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for mark in marks(contract) {
        let steps: Vec<&str> = mark.split('/').skip(1).collect();
        walk(payload, &steps, String::new(), &mut found);
    }
    found
}

fn walk(value: &Value, steps: &[&str], at: String, found: &mut Vec<String>) {
    match (steps, value) {
        ([], Value::Null) => {},
        ([], _) => found.push(at),
        (["*", rest @ ..], Value::Array(entries)) => {
            for (number, entry) in entries.iter().enumerate() {
                walk(entry, rest, format!("{at}/{number}"), found);
            }
        },
        ([step, rest @ ..], Value::Object(members)) => {
            if let Some(member) = members.get(*step) {
                walk(member, rest, format!("{at}/{step}"), found);
            }
        },
        // Another shape than the contract's: there is nothing to mark in it.
        _ => {},
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::catalogue::find;

    #[test]
    fn marks_lead_to_what_is_there() {
        let added = find("customer.address_added").unwrap();
        let payload =
            json!({ "address": { "line1": "1 Main Street", "line2": null, "city": "Springfield", "country": "US" } });
        assert_eq!(places(added, &payload), ["/address/line1", "/address/city"]);
        assert_eq!(places(find("customer.created").unwrap(), &json!({ "email": "a@b.example" })), ["/email"]);
        assert_eq!(places(find("order.created").unwrap(), &payload), [] as [&str; 0]);
        for odd in [json!([]), json!("x"), json!({ "address": [] }), Value::Null] {
            assert_eq!(places(added, &odd), [] as [&str; 0]);
        }
    }

    #[test]
    fn a_star_is_every_entry() {
        let mut found = Vec::new();
        let payload = json!({ "items": [{ "note": "a" }, {}, { "note": "b" }] });
        walk(&payload, &["items", "*", "note"], String::new(), &mut found);
        assert_eq!(found, ["/items/0/note", "/items/2/note"]);
    }
}
