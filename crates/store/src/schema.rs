//! Schemas of payloads as a tenant has registered them, and what the tenant has decided about them.

use stateset_ledger::id::Micros;

/// One version of one subject. Its text never changes; its status does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaVersion {
    /// Names it among all the tenant's schemas, from 1, without gaps.
    pub number: u32,
    /// What it describes: a type of event, or any name a client gives.
    pub subject: String,
    /// Its place in the subject's history, from 1.
    pub version: u32,
    /// Whether it is in force.
    pub status: SchemaStatus,
    /// The schema as it was received.
    pub text: String,
    /// A sentence for people.
    pub description: String,
    /// When it was registered.
    pub created_at: Micros,
}

/// Whether a schema is in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SchemaStatus {
    /// Events are held to it.
    Active,
    /// Events are held to it, and their senders are told.
    Deprecated,
    /// Not looked at.
    Disabled,
    /// Not shown either; its number and version stay taken.
    Deleted,
}

impl SchemaStatus {
    /// The word that is stored.
    pub fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Deprecated => "deprecated",
            Self::Disabled => "disabled",
            Self::Deleted => "deleted",
        }
    }

    /// The status of a stored word.
    pub fn of(word: &str) -> Option<Self> {
        [Self::Active, Self::Deprecated, Self::Disabled, Self::Deleted].into_iter().find(|status| status.word() == word)
    }
}

/// What a tenant has decided about one subject, or, under the empty name, about all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SchemaPolicy {
    /// The subject; empty: all that have no decision of their own.
    pub subject: String,
    /// How events are held to it; `None`: as the server says.
    pub mode: Option<String>,
    /// What a new version must agree with; `None`: as the server says.
    pub compatibility: Option<String>,
}

/// Everything a tenant has registered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SchemaBook {
    /// By number.
    pub versions: Vec<SchemaVersion>,
    /// By subject.
    pub policies: Vec<SchemaPolicy>,
}
