//! How the program ends; the table of codes is [`stateset_inspect::Exit`].

use std::process::ExitCode;

use serde_json::json;
use stateset_inspect::{Exit, Fault};

use crate::output::{self, Format};

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
            Done::FoundErrors => Exit::DoesNotHold.into(),
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

/// Says what went wrong and what to do, on standard error.
pub(crate) fn report(stop: &Stop, format: Format, quiet: bool) -> ExitCode {
    let Stop::Fault(fault) = stop else { return ExitCode::SUCCESS };
    if format.is_for_programs() {
        output::talk(&json!({ "error": fault.body() }).to_string());
        return fault.kind.exit().into();
    }
    output::talk(&format!("error: {}", fault.message));
    let mut said = fault.message.clone();
    let mut cause = std::error::Error::source(&**fault);
    while let Some(error) = cause {
        let text = error.to_string();
        // Many errors repeat what they were caused by.
        if !said.contains(&text) {
            output::talk(&format!("  because: {text}"));
        }
        said = text;
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
    fault.kind.exit().into()
}

/// Help and version go to standard output, faults of the command line to standard error.
pub(crate) fn of_usage(fault: &clap::Error) -> ExitCode {
    if fault.print().is_err() {
        return Exit::Failed.into();
    }
    if fault.use_stderr() { Exit::Usage.into() } else { ExitCode::SUCCESS }
}
