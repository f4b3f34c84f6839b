//! What a resolution writes.

use serde_json::{Map, Value};

use super::Strategy;
use super::merge::{Unmergeable, merge};

/// Why an event was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Its base version is not the entity's.
    Version {
        /// What the event said.
        expected: u64,
        /// What the entity was at.
        actual: u64,
    },
    /// The key it was signed with had ended.
    Key {
        /// What the event said, if anything.
        base_version: Option<u64>,
    },
}

/// An event of the same entity, behind the refused one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Follower {
    /// Its place in the log.
    pub local_seq: i64,
    /// The version it builds on, if it says so.
    pub base_version: Option<u64>,
    /// Whether the sequencer may have it.
    pub sent: bool,
}

/// What a resolution is decided from.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Why it was refused.
    pub kind: Kind,
    /// The entity's version as pulled and checked here.
    pub known: u64,
    /// The refused event's payload.
    pub local_payload: String,
    /// Payloads of the entity's events behind the expected version, in order; `None` for one that cannot be read.
    pub remote_payloads: Vec<Option<String>>,
    /// Own open events of the entity behind the refused one, in order.
    pub followers: Vec<Follower>,
}

/// The new event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replacement {
    /// Another payload than the refused event's.
    pub payload: Option<String>,
    /// The version it builds on.
    pub base_version: Option<u64>,
}

/// What a resolution writes, in one transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The event that takes the refused one's place.
    pub replacement: Option<Replacement>,
    /// Events behind it that get another base version.
    pub moved: Vec<(i64, u64)>,
    /// Events behind it that are given up with it.
    pub given_up: Vec<i64>,
}

/// Decides what `strategy` writes. `payload` is for [`Strategy::Manual`].
pub fn plan(facts: &Facts, strategy: Strategy, payload: Option<&str>) -> Result<Plan, Unmergeable> {
    let payload = match strategy {
        Strategy::RemoteWins => return Ok(give_up(facts)),
        Strategy::LocalWins => None,
        Strategy::Merge => Some(merged(facts)?),
        Strategy::Manual => Some(checked(payload.ok_or(Unmergeable::NoPayload)?)?),
    };
    let Kind::Version { expected, actual } = facts.kind else {
        let Kind::Key { base_version } = facts.kind else { return Ok(Plan::default()) };
        let replacement = Some(Replacement { payload, base_version });
        return Ok(Plan { replacement, ..Plan::default() });
    };
    let base = actual.max(facts.known);
    let shift = base.saturating_sub(expected);
    let moved = facts.followers.iter().filter(|follower| !follower.sent);
    let moved = moved.filter_map(|follower| Some((follower.local_seq, follower.base_version?.saturating_add(shift))));
    let moved = moved.collect();
    Ok(Plan { replacement: Some(Replacement { payload, base_version: Some(base) }), moved, given_up: Vec::new() })
}

/// What builds on an event that did not happen is given up with it. Events that name no version stand by themselves. An
/// event that was refused for its key only leaves nothing behind that builds on something else.
fn give_up(facts: &Facts) -> Plan {
    let builds_on_it = |follower: &&Follower| follower.base_version.is_some() && !follower.sent;
    let given_up = facts.followers.iter().filter(builds_on_it).map(|follower| follower.local_seq).collect();
    Plan { given_up, ..Plan::default() }
}

fn merged(facts: &Facts) -> Result<String, Unmergeable> {
    let Kind::Version { actual, .. } = facts.kind else { return Err(Unmergeable::NothingToMerge) };
    if facts.known < actual {
        return Err(Unmergeable::NotPulled { actual, known: facts.known });
    }
    let mut remote = Map::new();
    for payload in &facts.remote_payloads {
        let payload = payload.as_deref().ok_or(Unmergeable::Unreadable)?;
        let payload: Map<String, Value> = serde_json::from_str(payload).map_err(|_| Unmergeable::Unreadable)?;
        // What was said later about the same member counts.
        remote.extend(payload);
    }
    let local = object(&facts.local_payload)?;
    let merged = merge(&remote, &local)?;
    Ok(Value::Object(merged).to_string())
}

fn object(text: &str) -> Result<Map<String, Value>, Unmergeable> {
    serde_json::from_str(text).map_err(|fault| Unmergeable::NotAnObject(fault.to_string()))
}

fn checked(payload: &str) -> Result<String, Unmergeable> {
    object(payload).map(|_| payload.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::strategy::Strategy as _;

    use super::super::Strategy;
    use super::*;

    fn facts(expected: u64, actual: u64, known: u64, followers: Vec<Follower>) -> Facts {
        Facts {
            kind: Kind::Version { expected, actual },
            known,
            local_payload: r#"{"note":"ours"}"#.to_owned(),
            remote_payloads: vec![Some(r#"{"status":"paid"}"#.to_owned()); usize::try_from(known - expected).unwrap()],
            followers,
        }
    }

    fn followers() -> impl proptest::strategy::Strategy<Value = Vec<Follower>> {
        let follower = (prop::option::of(4..9_u64), any::<bool>());
        prop::collection::vec(follower, 0..5).prop_map(|all| {
            let number = (10..).zip(all);
            number.map(|(local_seq, (base_version, sent))| Follower { local_seq, base_version, sent }).collect()
        })
    }

    proptest! {
        /// M04, L20, ruling 9: whatever the strategy, an event that may be at the sequencer is left as it is; a replacement
        /// builds on the newest version known, and what builds on it keeps its distance.
        #[test]
        fn resolutions_touch_nothing_that_was_sent(
            ahead in 0..5_u64, pulled in 0..5_u64, which in 0..3_usize, followers in followers(),
        ) {
            let (expected, actual) = (3, 3 + 1 + ahead);
            let facts = facts(expected, actual, actual + pulled, followers.clone());
            let plan = plan(&facts, Strategy::ALL[which], None).unwrap();
            let sent = |seq: i64| followers.iter().any(|follower| follower.local_seq == seq && follower.sent);
            prop_assert!(!plan.moved.iter().any(|(seq, _)| sent(*seq)));
            prop_assert!(!plan.given_up.iter().any(|seq| sent(*seq)));
            prop_assert_eq!(plan.replacement.is_some(), Strategy::ALL[which] != Strategy::RemoteWins);
            if let Some(replacement) = plan.replacement {
                let base = replacement.base_version.unwrap();
                prop_assert!(base >= actual && base >= facts.known);
                for (seq, moved) in plan.moved {
                    let before = followers.iter().find(|follower| follower.local_seq == seq).unwrap();
                    prop_assert_eq!(moved - base, before.base_version.unwrap() - expected);
                }
            }
        }
    }

    #[test]
    fn a_merge_needs_to_know_what_happened() {
        let unknown = facts(3, 5, 4, vec![]);
        assert_eq!(plan(&unknown, Strategy::Merge, None), Err(Unmergeable::NotPulled { actual: 5, known: 4 }));
        let known = facts(3, 5, 5, vec![]);
        let replacement = plan(&known, Strategy::Merge, None).unwrap().replacement.unwrap();
        assert_eq!(replacement.payload.as_deref(), Some(r#"{"note":"ours","status":"paid"}"#));
        let mut encrypted = known;
        encrypted.remote_payloads[0] = None;
        assert_eq!(plan(&encrypted, Strategy::Merge, None), Err(Unmergeable::Unreadable));
    }

    #[test]
    fn a_person_gives_the_payload() {
        let facts = facts(3, 5, 5, vec![]);
        assert_eq!(plan(&facts, Strategy::Manual, None), Err(Unmergeable::NoPayload));
        assert!(matches!(plan(&facts, Strategy::Manual, Some("[1]")), Err(Unmergeable::NotAnObject(_))));
        let plan = plan(&facts, Strategy::Manual, Some(r#"{"a":1.10}"#)).unwrap();
        assert_eq!(plan.replacement.unwrap().payload.as_deref(), Some(r#"{"a":1.10}"#));
    }

    /// M05: an event under a key that has ended is said again under the new one; nothing else of it changes.
    #[test]
    fn a_refused_key_changes_the_key_only() {
        let key = Facts { kind: Kind::Key { base_version: Some(2) }, ..facts(3, 5, 5, vec![]) };
        let replacement = Replacement { payload: None, base_version: Some(2) };
        assert_eq!(plan(&key, Strategy::LocalWins, None).unwrap().replacement, Some(replacement));
        assert_eq!(plan(&key, Strategy::Merge, None), Err(Unmergeable::NothingToMerge));
    }
}
