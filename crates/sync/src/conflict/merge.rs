//! Merging payloads: the members of both, as long as no member differs.

use serde_json::{Map, Value};

/// Why payloads cannot be merged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unmergeable {
    /// Members that differ, as JSON pointers, at most eight.
    #[error(
        "both sides say something else about {}; choose local-wins, remote-wins, or manual with a payload", .0.join(", ")
    )]
    Differs(Vec<String>),
    /// What happened meanwhile is not known here.
    #[error(
        "version {actual} of the entity is not known here yet, only {known}: run `sync pull` first, or choose local-wins or \
         remote-wins"
    )]
    NotPulled {
        /// Version at the sequencer.
        actual: u64,
        /// Version known here.
        known: u64,
    },
    /// A payload is encrypted, quarantined or no JSON object.
    #[error("what happened meanwhile cannot be read here (encrypted or in quarantine); choose another strategy")]
    Unreadable,
    /// The strategy `manual` without a payload.
    #[error("manual takes the new event's payload: --payload <file or JSON object>")]
    NoPayload,
    /// The payload of the strategy `manual` is none.
    #[error("the payload is no JSON object: {0}")]
    NotAnObject(String),
    /// Merging needs two sides.
    #[error("the event was refused for its key, nothing happened meanwhile: choose local-wins or remote-wins")]
    NothingToMerge,
}

/// Pointers listed at most.
const LISTED: usize = 8;

/// The members of both objects, of objects within them too. A member that both have must be equal.
pub fn merge(remote: &Map<String, Value>, local: &Map<String, Value>) -> Result<Map<String, Value>, Unmergeable> {
    let mut differing = Vec::new();
    let merged = merge_at("", remote, local, &mut differing);
    if differing.is_empty() {
        return Ok(merged);
    }
    differing.truncate(LISTED);
    Err(Unmergeable::Differs(differing))
}

fn merge_at(
    pointer: &str,
    remote: &Map<String, Value>,
    local: &Map<String, Value>,
    differing: &mut Vec<String>,
) -> Map<String, Value> {
    let mut merged = remote.clone();
    for (name, ours) in local {
        let here = || format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
        let value = match (remote.get(name), ours) {
            (Some(Value::Object(theirs)), Value::Object(ours)) => {
                Value::Object(merge_at(&here(), theirs, ours, differing))
            },
            (Some(theirs), ours) if theirs != ours => {
                differing.push(here());
                ours.clone()
            },
            _ => ours.clone(),
        };
        merged.insert(name.clone(), value);
    }
    merged
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        let Value::Object(object) = value else { panic!("{value}") };
        object
    }

    fn any_object() -> impl Strategy<Value = Map<String, Value>> {
        let leaf = prop_oneof![any::<bool>().prop_map(Value::from), (0..3).prop_map(Value::from)];
        let value = leaf.prop_recursive(3, 12, 3, |inner| {
            prop::collection::btree_map("[ab/]", inner, 0..3).prop_map(|map| map.into_iter().collect())
        });
        prop::collection::btree_map("[abc]", value, 0..4).prop_map(|map| map.into_iter().collect())
    }

    proptest! {
        /// M04: merging is symmetric, keeps every member of both sides, and a side merged with itself is itself.
        #[test]
        fn a_merge_loses_nothing(one in any_object(), other in any_object()) {
            prop_assert_eq!(merge(&one, &one), Ok(one.clone()));
            prop_assert_eq!(merge(&one, &Map::new()), Ok(one.clone()));
            match merge(&one, &other) {
                Ok(merged) => {
                    prop_assert_eq!(merge(&other, &one), Ok(merged.clone()));
                    prop_assert_eq!(merge(&merged, &one), Ok(merged.clone()));
                    prop_assert_eq!(merge(&merged, &other), Ok(merged.clone()));
                },
                Err(_) => prop_assert!(merge(&other, &one).is_err()),
            }
        }
    }

    #[test]
    fn differing_members_are_named() {
        let remote = object(json!({"status": "paid", "address": {"city": "Bern", "zip": "3000"}, "note": 1}));
        let local = object(json!({"status": "held", "address": {"city": "Basel"}, "tags": ["x"]}));
        assert_eq!(
            merge(&remote, &local),
            Err(Unmergeable::Differs(vec!["/address/city".to_owned(), "/status".to_owned()]))
        );
        let local = object(json!({"address": {"street": "Gasse"}, "tags": ["x"]}));
        let merged = merge(&remote, &local).unwrap();
        assert_eq!(
            Value::Object(merged),
            json!({"status": "paid", "address": {"city": "Bern", "zip": "3000", "street": "Gasse"}, "note": 1, "tags": ["x"]})
        );
    }
}
