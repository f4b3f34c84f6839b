//! Whether one schema may follow another.
//!
//! The rules are syntactic, for the schemas of events: objects that grow. Stricter than logic demands where growing safely
//! does: a member that is removed breaks whoever reads it even if it was optional, and what cannot be compared (a changed
//! `oneOf`, say) counts as breaking both ways.
//!
//! * *Backward*: whoever knows the new schema can read what was written under the old one.
//! * *Forward*: whoever knows the old schema can read what is written under the new one.

mod compare;

use std::fmt;

use serde_json::Value;

/// Which older schemas a new one must agree with, and in which direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Compatibility {
    /// Anything goes.
    None,
    /// New readers read the newest old data.
    Backward,
    /// New readers read all old data.
    BackwardTransitive,
    /// The newest old readers read new data.
    Forward,
    /// All old readers read new data.
    ForwardTransitive,
    /// Both, with the newest.
    Full,
    /// Both, with all. The default: contracts only grow.
    #[default]
    FullTransitive,
}

impl Compatibility {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::None,
        Self::Backward,
        Self::BackwardTransitive,
        Self::Forward,
        Self::ForwardTransitive,
        Self::Full,
        Self::FullTransitive,
    ];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::Backward => "BACKWARD",
            Self::BackwardTransitive => "BACKWARD_TRANSITIVE",
            Self::Forward => "FORWARD",
            Self::ForwardTransitive => "FORWARD_TRANSITIVE",
            Self::Full => "FULL",
            Self::FullTransitive => "FULL_TRANSITIVE",
        }
    }

    /// Whether older schemas than the newest count.
    pub fn is_transitive(self) -> bool {
        matches!(self, Self::BackwardTransitive | Self::ForwardTransitive | Self::FullTransitive)
    }

    fn minds(self, breaks: Breaks) -> bool {
        match self {
            Self::None => false,
            Self::Backward | Self::BackwardTransitive => breaks.backward,
            Self::Forward | Self::ForwardTransitive => breaks.forward,
            Self::Full | Self::FullTransitive => breaks.backward || breaks.forward,
        }
    }
}

impl fmt::Display for Compatibility {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A word that is no [`Compatibility`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no compatibility: NONE, BACKWARD, FORWARD or FULL, or one of the latter three with _TRANSITIVE")]
pub struct UnknownCompatibility(String);

impl std::str::FromStr for Compatibility {
    type Err = UnknownCompatibility;

    /// In upper or lower case.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|one| one.word().eq_ignore_ascii_case(text));
        found.ok_or_else(|| UnknownCompatibility(text.chars().take(40).collect()))
    }
}

/// Who can no longer read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Breaks {
    /// New readers of old data.
    pub backward: bool,
    /// Old readers of new data.
    pub forward: bool,
}

impl Breaks {
    pub(crate) const BACKWARD: Self = Self { backward: true, forward: false };
    pub(crate) const FORWARD: Self = Self { backward: false, forward: true };
    pub(crate) const BOTH: Self = Self { backward: true, forward: true };
    pub(crate) const NOBODY: Self = Self { backward: false, forward: false };
}

/// One difference between two schemas that says something about data. Descriptions and the like do not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Where in the schema, as a JSON pointer.
    pub path: String,
    /// What.
    pub message: String,
    /// For whom it matters.
    pub breaks: Breaks,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = if self.path.is_empty() { "/" } else { &self.path };
        let who = match (self.breaks.backward, self.breaks.forward) {
            (true, true) => "breaks readers and old data",
            (true, false) => "breaks old data",
            (false, true) => "breaks old readers",
            (false, false) => "breaks nobody",
        };
        write!(f, "{path}: {} ({who})", self.message)
    }
}

/// Every difference between two schemas that says something about data. None: the same data is valid under both.
pub fn differences(old: &Value, new: &Value) -> Vec<Difference> {
    compare::schemas(old, new)
}

/// Why `new` may not follow `history` (the oldest first); empty if it may.
pub fn check(compatibility: Compatibility, history: &[Value], new: &Value) -> Vec<Difference> {
    let first = if compatibility.is_transitive() { 0 } else { history.len().saturating_sub(1) };
    let mut found: Vec<Difference> = Vec::new();
    for old in history.iter().skip(first) {
        for difference in differences(old, new) {
            if compatibility.minds(difference.breaks) && !found.contains(&difference) {
                found.push(difference);
            }
        }
    }
    found
}
