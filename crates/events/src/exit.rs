//! How the program ends.
//!
//! | code | meaning |
//! |---|---|
//! | 0 | it is done; a preview counts as done |
//! | 1 | it failed, or a check found an error |
//! | 2 | the command line, a filter or the configuration is wrong, or the source cannot answer this |
//! | 3 | there is no such thing |
//! | 4 | the credential is missing or does not permit it |
//! | 5 | it does not fit the present state |
//! | 6 | too many requests |
//! | 7 | the source does not answer |

use std::process::ExitCode;

use serde_json::json;
use stateset_inspect::{Fault, Kind};

use crate::output::{self, Format};

/// The table above, for people.
pub(crate) const TABLE: &str = "Exit codes:
  0  done; a preview counts as done
  1  it failed, or a check found an error
  2  the command line, a filter or the configuration is wrong, or the source cannot answer this
  3  there is no such thing
  4  the credential is missing or does not permit it
  5  it does not fit the present state
  6  too many requests
  7  the source does not answer";

/// An end that is no fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Done {
    Well,
    /// A check found an error; it has been printed.
    FoundErrors,
}

impl From<Done> for ExitCode {
    fn from(done: Done) -> Self {
        match done {
            Done::Well => Self::SUCCESS,
            Done::FoundErrors => Self::from(1),
        }
    }
}

/// Why a command ended early.
#[derive(Debug)]
pub(crate) enum Stop {
    Fault(Box<Fault>),
    /// Whoever read our output has gone, as `head` does.
    ReaderGone,
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(Box::new(fault))
    }
}

pub(crate) type Ended = Result<Done, Stop>;

pub(crate) fn code(kind: Kind) -> u8 {
    match kind {
        Kind::Corrupt => 1,
        Kind::Usage | Kind::Unsupported => 2,
        Kind::NotFound => 3,
        Kind::Auth => 4,
        Kind::Conflict => 5,
        Kind::RateLimited => 6,
        Kind::Unavailable => 7,
    }
}

/// Says what went wrong and what to do, on standard error.
pub(crate) fn report(stop: &Stop, format: Format, quiet: bool) -> ExitCode {
    let Stop::Fault(fault) = stop else { return ExitCode::SUCCESS };
    if format.is_for_programs() {
        output::talk(&json!({ "error": fault.body() }).to_string());
        return code(fault.kind).into();
    }
    output::talk(&format!("error: {}", fault.message));
    let mut cause = std::error::Error::source(&**fault);
    while let Some(error) = cause {
        output::talk(&format!("  because: {error}"));
        cause = error.source();
    }
    if !quiet {
        if !fault.fix.is_empty() {
            output::talk(&format!("  fix: {}", fault.fix));
        }
        if let Some(wait) = fault.retry_after {
            output::talk(&format!("  retry after: {} s", wait.as_secs().max(1)));
        }
        output::talk(&format!("  code: {}", fault.code));
    }
    code(fault.kind).into()
}

/// Help and version go to standard output, faults of the command line to standard error.
pub(crate) fn of_usage(fault: &clap::Error) -> ExitCode {
    if fault.print().is_err() {
        return ExitCode::from(1);
    }
    if fault.use_stderr() { ExitCode::from(2) } else { ExitCode::SUCCESS }
}
