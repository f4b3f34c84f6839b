//! What was expected and what came: a list of differences, empty if all is well. Pure.

use serde::Serialize;
use serde_json::Value;

/// Most of a value that a difference quotes, in characters.
const QUOTED: usize = 400;

/// One thing that is not as expected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Difference {
    /// Where: a path such as `status` or `shipments.0.status`, or words.
    pub(super) what: String,
    pub(super) expected: String,
    pub(super) found: String,
}

impl Difference {
    pub(super) fn new(what: impl Into<String>, expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self { what: what.into(), expected: expected.into(), found: found.into() }
    }

    pub(super) fn sentence(&self) -> String {
        format!("{}: expected {}, found {}", self.what, self.expected, self.found)
    }
}

/// Compares: every member that is expected must be there and as expected, further members are no fault; lists have the
/// same length. The text `*` stands for anything that is there.
pub(super) fn differences(expected: &Value, found: &Value) -> Vec<Difference> {
    let mut all = Vec::new();
    compare(expected, Some(found), "", &mut all);
    all
}

fn compare(expected: &Value, found: Option<&Value>, path: &str, all: &mut Vec<Difference>) {
    let whole = || if path.is_empty() { "the answer".to_owned() } else { path.to_owned() };
    let Some(found) = found.filter(|found| !found.is_null() || expected.is_null()) else {
        all.push(Difference::new(whole(), quoted(expected), "nothing"));
        return;
    };
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match (expected, found) {
        (Value::String(text), _) if text == "*" => {},
        (Value::Object(members), Value::Object(found)) => {
            for (name, expected) in members {
                compare(expected, found.get(name), &below(name), all);
            }
        },
        (Value::Array(items), Value::Array(found)) if items.len() == found.len() => {
            for (place, (expected, found)) in items.iter().zip(found).enumerate() {
                compare(expected, Some(found), &below(&place.to_string()), all);
            }
        },
        (expected, found) if expected == found => {},
        (expected, found) => all.push(Difference::new(whole(), quoted(expected), quoted(found))),
    }
}

/// A value behind a path such as `shipments.0.id`.
pub(super) fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(value, |value, part| match value {
        Value::Array(items) => items.get(part.parse::<usize>().ok()?),
        other => other.get(part),
    })
}

fn quoted(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= QUOTED { text } else { format!("{}…", text.chars().take(QUOTED).collect::<String>()) }
}

/// Compares two collections in which order does not matter but number does.
pub(super) fn same_members(what: &str, expected: &[String], found: &[String]) -> Vec<Difference> {
    let sorted = |list: &[String]| {
        let mut list = list.to_vec();
        list.sort();
        list
    };
    let (expected, found) = (sorted(expected), sorted(found));
    if expected == found {
        return Vec::new();
    }
    let listed = |list: &[String]| if list.is_empty() { "none".to_owned() } else { list.join(", ") };
    vec![Difference::new(what, listed(&expected), listed(&found))]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn further_members_are_no_difference_and_missing_ones_are() {
        let found = json!({ "order_id": 7, "status": "PAID", "items": [{ "qty": 2, "x": 1 }], "note": null });
        assert_eq!(differences(&json!({ "status": "PAID", "items": [{ "qty": 2 }] }), &found), []);
        assert_eq!(differences(&json!({ "order_id": "*" }), &found), []);
        let all = differences(&json!({ "status": "CREATED", "items": [{ "qty": 3 }], "note": "*", "no": 1 }), &found);
        let what: Vec<&str> = all.iter().map(|one| one.what.as_str()).collect();
        assert_eq!(what, ["items.0.qty", "no", "note", "status"]);
        assert_eq!(all[3].sentence(), r#"status: expected "CREATED", found "PAID""#);
    }

    #[test]
    fn lists_have_the_same_length() {
        assert_eq!(differences(&json!([]), &json!([{ "id": 1 }])).len(), 1);
        assert_eq!(differences(&json!([{}, {}]), &json!([{}])).len(), 1);
        assert_eq!(differences(&json!(null), &json!(null)), []);
    }

    #[test]
    fn paths_reach_into_lists() {
        let value = json!({ "shipments": [{ "id": 3 }] });
        assert_eq!(at(&value, "shipments.0.id"), Some(&json!(3)));
        assert_eq!(at(&value, "shipments.1.id"), None);
        assert_eq!(at(&value, "shipments.x"), None);
    }

    #[test]
    fn numbers_of_equal_members_count() {
        let list = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(same_members("mails", &list("a b a"), &list("b a a")), []);
        assert_eq!(same_members("mails", &list("a b"), &list("a b b")).len(), 1);
    }
}
