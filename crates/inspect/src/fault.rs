//! Why a question has no answer, by what the asker does about it.

use std::borrow::Cow;
use std::error::Error;
use std::time::Duration;

use serde::Serialize;
use stateset_api::exit::Exit;

/// What an asker does about a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Asks differently: an argument or a filter is wrong.
    Usage,
    /// Asks elsewhere: this source cannot answer it.
    Unsupported,
    /// Looks for the right id.
    NotFound,
    /// Shows another credential.
    Auth,
    /// Looks at the present state first; what was to be done does not fit it.
    Conflict,
    /// Waits.
    RateLimited,
    /// Tries again: the source does not answer.
    Unavailable,
    /// Stops: the source answers what cannot be.
    Corrupt,
}

impl Kind {
    /// How a program ends that ran into it.
    pub const fn exit(self) -> Exit {
        match self {
            Self::Corrupt => Exit::Failed,
            Self::Usage | Self::Unsupported => Exit::Usage,
            Self::NotFound => Exit::NotFound,
            Self::Auth => Exit::Auth,
            Self::Conflict => Exit::Conflict,
            Self::RateLimited => Exit::RateLimited,
            Self::Unavailable => Exit::Unavailable,
        }
    }
}

/// What a program that got a fault does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Disposition {
    /// The same call again, later.
    Retry,
    /// Another call: this one fails again.
    Change,
    /// A person.
    Operator,
}

type Cause = Box<dyn Error + Send + Sync>;

/// Why there is no answer. `message` names the fault and `fix` what to do; neither holds a secret.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    /// What the asker does.
    pub kind: Kind,
    /// Stable, upper snake case.
    pub code: Cow<'static, str>,
    /// A sentence.
    pub message: String,
    /// Another one; empty if nothing helps that the message does not say.
    pub fix: String,
    /// When to ask again, if the source said so.
    pub retry_after: Option<Duration>,
    #[source]
    source: Option<Cause>,
}

/// As JSON, the same on every surface.
#[derive(Debug, Serialize)]
pub struct FaultBody<'a> {
    /// See [`Fault::code`].
    pub code: &'a str,
    /// See [`Fault::message`].
    pub message: &'a str,
    /// See [`Fault::fix`].
    pub fix: &'a str,
    /// Whether the same call may succeed later.
    pub retryable: bool,
    /// What to do next.
    pub disposition: Disposition,
    /// Milliseconds to wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

impl Fault {
    /// There is no event of the entity.
    pub(crate) fn no_entity(entity_type: &str, entity_id: &str) -> Self {
        let message = format!("{entity_type:.80}/{entity_id:.80} has no events at that time");
        Self::new(Kind::NotFound, "ENTITY_NOT_FOUND", message, "`stateset-events timeline` shows when its events were")
    }

    /// A fault without a cause of its own.
    pub fn new(
        kind: Kind,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        let (code, message, fix) = (code.into(), message.into(), fix.into());
        Self { kind, code, message, fix, retry_after: None, source: None }
    }

    /// The same, caused by this.
    #[must_use]
    pub fn because(self, cause: impl Into<Cause>) -> Self {
        Self { source: Some(cause.into()), ..self }
    }

    /// The same, to be asked again after this time.
    #[must_use]
    pub fn after(self, wait: Option<Duration>) -> Self {
        Self { retry_after: wait, ..self }
    }

    /// `INVALID_ARGUMENT`.
    pub fn usage(message: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::new(Kind::Usage, "INVALID_ARGUMENT", message, fix)
    }

    /// `EVENT_NOT_FOUND`.
    pub fn no_event(id: &str) -> Self {
        Self::new(
            Kind::NotFound,
            "EVENT_NOT_FOUND",
            format!("no event of this tenant and store has the id {id:.80}"),
            "look it up with `stateset-events list`; --tenant and --store say whose events are searched",
        )
    }

    /// `UNSUPPORTED_FILTER`: the source does not have what the filter asks about.
    pub fn unsupported_filter(filter: &str, of: &str, ask: &str) -> Self {
        Self::new(Kind::Unsupported, "UNSUPPORTED_FILTER", format!("{of} cannot filter by {filter}"), ask)
    }

    /// `UNSUPPORTED_HERE`: the source does not have what was asked for.
    pub fn unsupported(what: &str, of: &str, ask: &str) -> Self {
        Self::new(Kind::Unsupported, "UNSUPPORTED_HERE", format!("{of} has no {what}"), ask)
    }

    /// `SOURCE_UNAVAILABLE`.
    pub fn unavailable(what: &str, cause: impl Into<Cause>) -> Self {
        let fix = "`stateset-events doctor` finds out what is wrong; reading again is always safe";
        Self::new(Kind::Unavailable, "SOURCE_UNAVAILABLE", format!("{what} does not answer"), fix).because(cause)
    }

    /// `SOURCE_CORRUPT`.
    pub fn corrupt(what: &str, cause: impl Into<Cause>) -> Self {
        let fix =
            "compare the versions of this program and of what wrote the data; then `stateset-events audit` or `fsck`";
        Self::new(Kind::Corrupt, "SOURCE_CORRUPT", format!("{what} is not as expected"), fix).because(cause)
    }

    /// What a program does next.
    pub fn disposition(&self) -> Disposition {
        match self.kind {
            Kind::RateLimited | Kind::Unavailable => Disposition::Retry,
            Kind::Usage | Kind::Unsupported | Kind::NotFound | Kind::Conflict => Disposition::Change,
            Kind::Auth | Kind::Corrupt => Disposition::Operator,
        }
    }

    /// The JSON form.
    pub fn body(&self) -> FaultBody<'_> {
        FaultBody {
            code: &self.code,
            message: &self.message,
            fix: &self.fix,
            retryable: self.disposition() == Disposition::Retry,
            disposition: self.disposition(),
            retry_after_ms: self.retry_after.map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)),
        }
    }
}
