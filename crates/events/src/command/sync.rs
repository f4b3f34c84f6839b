//! `sync …`: the commands of `stateset-sync`, on the database that the flags of every command name.

use std::path::PathBuf;

use serde_json::Value;
use stateset_inspect::{Exit, Fault, Kind};
use stateset_relay::secret::Secret;
use stateset_sync::SyncError;
use stateset_sync::cli::{Place as Machine, SyncCommand, execute};

use crate::context::Context;
use crate::exit::{Done, Ended};
use crate::output::Output;
use crate::settings::{Place, variable};

/// The agent's database where none is named.
const DATABASE: &str = "stateset-agent.db";

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: SyncCommand,
}

impl Args {
    pub(crate) async fn run(self, context: &Context) -> Ended {
        let settings = &context.settings;
        let (database, sequencer) = match &settings.place {
            Some(Place::Database(url)) => (file(url)?, None),
            Some(Place::Sequencer { url, .. }) => (PathBuf::from(DATABASE), Some(url.clone())),
            None => (PathBuf::from(DATABASE), None),
        };
        let machine = Machine {
            database,
            tenant: Some(settings.scope.tenant),
            store: Some(settings.scope.store),
            sequencer,
            api_key: variable("STATESET_API_KEY").map(|key| Secret::new(key.trim().as_bytes())),
        };
        let answer = Box::pin(execute(machine, self.command)).await.map_err(|error| fault(&error))?;
        if context.output.format.is_for_programs() {
            context.output.print::<Value>(&answer.json, |_| crate::output::Sheet::new(&[]))?;
        } else {
            Output::line(&answer.text)?;
        }
        Ok(Done::Well)
    }
}

/// An agent's log is a file of its own.
pub(super) fn file(url: &str) -> Result<PathBuf, Fault> {
    let path = url.strip_prefix("sqlite://").or_else(|| url.strip_prefix("sqlite:"));
    match path.map(|path| path.split('?').next().unwrap_or(path)) {
        Some(path) if !path.is_empty() => Ok(PathBuf::from(path)),
        _ => Err(Fault::unsupported(
            "sync",
            "this database",
            "an agent's log is a SQLite file: --database sqlite:stateset-agent.db",
        )),
    }
}

/// The causes are part of the message: the report's own words come first.
fn fault(error: &SyncError) -> Fault {
    let report = error.report();
    let kind = match error.exit() {
        Exit::Usage => Kind::Usage,
        Exit::NotFound => Kind::NotFound,
        Exit::Auth => Kind::Auth,
        Exit::Conflict => Kind::Conflict,
        Exit::RateLimited => Kind::RateLimited,
        Exit::Unavailable => Kind::Unavailable,
        Exit::Done | Exit::Failed | Exit::DoesNotHold => Kind::Corrupt,
    };
    let fix = match &*report.code {
        _ if report.retryable => "try again; what was done stays done",
        "SYNC_NOT_INITIALISED" => {
            "name the agent's file with --database sqlite:<file>, or set it up with `stateset-events sync init`"
        },
        "INVALID_ARGUMENT" | "EVENT_NOT_WRITTEN" => "--help of the command shows what it takes",
        _ => "",
    };
    let mut message = report.message;
    let mut cause = std::error::Error::source(error);
    while let Some(why) = cause {
        message.push_str(&format!(": {why}"));
        cause = why.source();
    }
    Fault::new(kind, report.code, message, fix)
}
