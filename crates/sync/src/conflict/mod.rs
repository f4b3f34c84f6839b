//! Conflicts: an event that the sequencer refused because its entity, or the key it was signed with, had moved on. What a
//! resolution writes is decided by [`plan`], purely.
//!
//! A refused event is never sent again. A resolution replaces it by a new event, with a new id, at the old one's place in
//! the order, or gives it up. Events of the same entity behind it have been held, so they were never sent, and their base
//! versions may still be moved.

mod merge;
mod resolve;
mod store;

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use uuid::Uuid;

pub use merge::{Unmergeable, merge};
pub use resolve::{Facts, Follower, Kind, Plan, Replacement, plan};
pub use store::{Choice, ConflictView, Resolved, Which};

/// How a conflict is resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// The local event is said again, on top of what happened meanwhile.
    LocalWins,
    /// The local event is given up, with those of its entity that build on it.
    RemoteWins,
    /// The local event is said again with the members of both payloads, if no member differs.
    Merge,
    /// A person says with which payload.
    Manual,
}

impl Strategy {
    /// All strategies.
    pub const ALL: [Self; 4] = [Self::LocalWins, Self::RemoteWins, Self::Merge, Self::Manual];

    /// As in SQL, JSON and arguments.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LocalWins => "local-wins",
            Self::RemoteWins => "remote-wins",
            Self::Merge => "merge",
            Self::Manual => "manual",
        }
    }
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that is no strategy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no strategy: local-wins (ours), remote-wins (theirs), merge, manual")]
pub struct NoStrategy(String);

impl FromStr for Strategy {
    type Err = NoStrategy;

    /// M04: the names, and what other tools call them.
    fn from_str(word: &str) -> Result<Self, NoStrategy> {
        let plain: String = word.to_ascii_lowercase().replace('_', "-");
        match plain.as_str() {
            "local-wins" | "ours" | "local" | "accept-ours" | "accept-local" => Ok(Self::LocalWins),
            "remote-wins" | "theirs" | "remote" | "accept-theirs" | "accept-remote" => Ok(Self::RemoteWins),
            "merge" | "accept-merge" | "accept-merged" => Ok(Self::Merge),
            "manual" | "accept-manual" => Ok(Self::Manual),
            _ => Err(NoStrategy(word.chars().take(40).collect())),
        }
    }
}

/// Token of the event that replaces a refused one: replacing twice is replacing once.
pub(crate) fn replacement_token(refused: Uuid) -> String {
    format!("rebase:{refused}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// M04
    #[test]
    fn strategies_have_their_aliases() {
        for (words, strategy) in [
            (["local-wins", "ours", "accept_ours", "accept_local"], Strategy::LocalWins),
            (["remote-wins", "theirs", "accept_theirs", "accept_remote"], Strategy::RemoteWins),
            (["merge", "MERGE", "accept_merge", "accept-merged"], Strategy::Merge),
            (["manual", "Manual", "accept_manual", "accept-manual"], Strategy::Manual),
        ] {
            for word in words {
                assert_eq!(word.parse(), Ok(strategy), "{word}");
            }
        }
        assert!("mine".parse::<Strategy>().is_err());
        assert!(Strategy::ALL.iter().all(|strategy| strategy.as_str().parse() == Ok(*strategy)));
    }
}
