//! What people and programs see.

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{ContentArrangement, Table};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use stateset_api::exit::Exit;
use stateset_store::StoreError;

/// How a command ended that could be carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Done {
    Well,
    /// Something is wrong, and has been said.
    Wrong,
}

impl From<Done> for ExitCode {
    fn from(done: Done) -> Self {
        match done {
            Done::Well => Self::SUCCESS,
            Done::Wrong => Exit::DoesNotHold.into(),
        }
    }
}

/// Why a command could not be carried out.
#[derive(Debug)]
pub(crate) enum Stopped {
    /// Not understood.
    Usage(anyhow::Error),
    /// What was named is not there.
    Missing(anyhow::Error),
    /// Anything else: the cause tells.
    Failed(anyhow::Error),
}

impl<E: Into<anyhow::Error>> From<E> for Stopped {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

impl Stopped {
    pub(crate) fn report(self) -> ExitCode {
        let (Self::Usage(error) | Self::Missing(error) | Self::Failed(error)) = &self;
        complain(&format!("{error:#}"));
        let exit = match &self {
            Self::Usage(_) => Exit::Usage,
            Self::Missing(_) => Exit::NotFound,
            Self::Failed(error) if is_away(error) => Exit::Unavailable,
            Self::Failed(_) => Exit::Failed,
        };
        exit.into()
    }
}

fn is_away(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| matches!(cause.downcast_ref(), Some(StoreError::Unavailable(_))))
}

#[expect(clippy::print_stderr, reason = "the program's own voice")]
pub(crate) fn complain(message: &str) {
    eprintln!("stateset-sequencer-admin: {message}");
}

/// One document for programs.
pub(crate) fn json(value: &impl Serialize) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, value)?;
    writeln!(out)?;
    Ok(())
}

/// A line for people.
pub(crate) fn line(text: &str) -> anyhow::Result<()> {
    writeln!(std::io::stdout().lock(), "{text}")?;
    Ok(())
}

/// A table for people.
pub(crate) fn table(header: &[&str], rows: Vec<Vec<String>>) -> anyhow::Result<()> {
    let mut table = Table::new();
    table.load_style(UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Dynamic).set_header(header);
    for row in rows {
        table.add_row(row);
    }
    line(&table.to_string())
}

/// A bar on a terminal's standard error, nothing anywhere else.
pub(crate) fn progress(total: u64, what: &str) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(total);
    let template = format!("{{wide_bar}} {{human_pos}} of {{human_len}} {what}, {{per_sec}}, {{eta}} left");
    match ProgressStyle::with_template(&template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
