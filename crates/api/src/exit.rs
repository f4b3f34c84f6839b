//! How our programs end: one table of exit codes for all of them.
//!
//! 3 is what a check says that found something: of the verifiers that share no code with ours too.

/// Why a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It is done; a preview counts as done.
    Done,
    /// It failed, in a way the others do not name.
    Failed,
    /// The command line, a filter or the configuration is wrong, or the source cannot answer this.
    Usage,
    /// What was checked does not hold.
    DoesNotHold,
    /// The credential is missing or does not permit it.
    Auth,
    /// It does not fit the present state.
    Conflict,
    /// Too many requests.
    RateLimited,
    /// The source does not answer.
    Unavailable,
    /// There is no such thing.
    NotFound,
}

impl Exit {
    /// All of them, in the order of their codes.
    pub const ALL: [Self; 9] = [
        Self::Done,
        Self::Failed,
        Self::Usage,
        Self::DoesNotHold,
        Self::Auth,
        Self::Conflict,
        Self::RateLimited,
        Self::Unavailable,
        Self::NotFound,
    ];

    /// What the operating system is told.
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::DoesNotHold => 3,
            Self::Auth => 4,
            Self::Conflict => 5,
            Self::RateLimited => 6,
            Self::Unavailable => 7,
            Self::NotFound => 8,
        }
    }

    /// For people.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Done => "done; a preview counts as done",
            Self::Failed => "it failed, in a way the others do not name",
            Self::Usage => "the command line, a filter or the configuration is wrong, or the source cannot answer this",
            Self::DoesNotHold => "what was checked does not hold",
            Self::Auth => "the credential is missing or does not permit it",
            Self::Conflict => "it does not fit the present state",
            Self::RateLimited => "too many requests",
            Self::Unavailable => "the source does not answer",
            Self::NotFound => "there is no such thing",
        }
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// The table, for the end of a help text.
pub fn table() -> String {
    let lines = Exit::ALL.map(|exit| format!("\n  {}  {}", exit.code(), exit.meaning()));
    format!("Exit codes:{}", lines.concat())
}
