//! `sync …` as subcommands. A program mounts [`SyncCommand`], says by a [`Place`] what its own flags, environment and
//! profiles say about the machine, calls [`execute`], and prints the [`Answer`] as it prints all its answers.

mod write;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::{Value, json};
use stateset_ledger::bytes::PublicKeyBytes;
use stateset_relay::secret::Secret;
use url::Url;
use uuid::Uuid;

use crate::conflict::{Choice, Strategy, Which};
use crate::enrol::{Enrolment, InitOptions, init};
use crate::error::SyncError;
use crate::push::Patience;
use crate::replica::Replica;
use crate::session::Session;

pub use write::WriteArgs;

/// Which machine, and what is known of its surroundings without its own database.
#[derive(Clone, Debug, Default)]
pub struct Place {
    /// The agent's local database.
    pub database: PathBuf,
    /// Whose events; for `init`.
    pub tenant: Option<Uuid>,
    /// Of which store; for `init`.
    pub store: Option<Uuid>,
    /// Where the sequencer is; for `init`.
    pub sequencer: Option<Url>,
    /// An API key that may register keys; for an `init` without a token, which keeps it.
    pub api_key: Option<Secret>,
}

/// What can be done.
#[derive(Subcommand, Debug)]
pub enum SyncCommand {
    /// Set this machine up for one agent: make its key and have it registered.
    Init(InitArgs),
    /// Write an event of this agent's own; `push` sends it. Without --apply: say what would be written.
    Write(WriteArgs),
    /// Send own events to the sequencer, in order; check and keep its receipts.
    Push(PatienceArgs),
    /// Read everybody's events, in order; check every one before it is kept.
    Pull(PatienceArgs),
    /// Say where things stand, without asking anybody.
    Status,
    /// List events that the sequencer refused because the world had moved on.
    Conflicts {
        /// Resolved ones too.
        #[arg(long)]
        all: bool,
    },
    /// Settle one conflict, or all. Without --apply: say what would be done.
    Resolve(ResolveArgs),
    /// Pull, then settle every conflict by putting own events on top of what happened. Without --apply: say what would be done.
    Rebase(RebaseArgs),
    /// The agent's signing keys.
    Keys {
        /// What is to be done with them.
        #[command(subcommand)]
        command: KeysCommand,
    },
}

/// Who is set up, and who vouches for it.
#[derive(Args, Debug)]
pub struct InitArgs {
    /// Where the sequencer is, such as <https://sequencer.example:8080>.
    #[arg(long, env = "STATESET_SEQUENCER_URL", value_name = "URL")]
    pub sequencer: Option<Url>,
    /// The agent; the token is for this one only.
    #[arg(long, env = "STATESET_AGENT_ID", value_name = "UUID")]
    pub agent: Uuid,
    /// One-time enrolment token for this agent. From the environment it shows in no process list. Without one the API key
    /// in `STATESET_API_KEY` is used, if it may register keys, and kept.
    #[arg(long, env = "STATESET_ENROLMENT_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// Copy the signing key from this file (32 bytes, hexadecimal or base64) instead of making one.
    #[arg(long)]
    pub import_key: Option<PathBuf>,
    /// A key of the sequencer that you have compared, as `NUMBER:HEX`; may be repeated. Without it, the keys of the first
    /// contact are believed.
    #[arg(long, value_parser = sequencer_key)]
    pub sequencer_key: Vec<(u32, PublicKeyBytes)>,
}

/// How long it is tried.
#[derive(Args, Clone, Copy, Debug)]
pub struct PatienceArgs {
    /// Seconds to wait for a sequencer that cannot be reached, in growing pauses.
    #[arg(long, default_value_t = 0)]
    pub retry_for: u64,
    /// Seconds to wait for another process that is at it.
    #[arg(long, default_value_t = 10)]
    pub wait: u64,
}

/// What is settled, and how.
#[derive(Args, Debug)]
pub struct ResolveArgs {
    /// Number of the conflict or id of the event; without it: all.
    pub conflict: Option<String>,
    /// local-wins (ours), remote-wins (theirs), merge, or manual.
    #[arg(long, short)]
    pub strategy: Strategy,
    /// The new payload of the strategy `manual`: a JSON object, or @file.
    #[arg(long)]
    pub payload: Option<String>,
    /// Do it.
    #[arg(long)]
    pub apply: bool,
}

/// How everything is settled.
#[derive(Args, Debug)]
pub struct RebaseArgs {
    /// local-wins (ours), remote-wins (theirs) or merge.
    #[arg(long, short, default_value = "local-wins")]
    pub strategy: Strategy,
    /// Do it.
    #[arg(long)]
    pub apply: bool,
    /// How long the pull is tried.
    #[command(flatten)]
    pub patience: PatienceArgs,
}

/// What can be done with keys.
#[derive(Subcommand, Debug)]
pub enum KeysCommand {
    /// List them, with what waits under each.
    List,
    /// Replace the current key by a new one.
    Rotate {
        /// One-time enrolment token, if the machine's API key may not register keys.
        #[arg(long, env = "STATESET_ENROLMENT_TOKEN", hide_env_values = true)]
        token: Option<String>,
        /// Copy the key from this file instead of making one.
        #[arg(long)]
        import_key: Option<PathBuf>,
        /// Revoke old keys under which nothing waits; takes an API key that may.
        #[arg(long)]
        revoke: bool,
    },
}

/// What was done, for programs and for people.
#[derive(Clone, Debug)]
pub struct Answer {
    /// For programs.
    pub json: Value,
    /// For people, without a newline at the end.
    pub text: String,
}

impl Answer {
    fn new(value: &impl Serialize, text: impl Into<String>) -> Self {
        Self { json: json!(value), text: text.into() }
    }
}

fn sequencer_key(text: &str) -> Result<(u32, PublicKeyBytes), String> {
    let (number, key) = text.split_once(':').ok_or("is like 1:3b6a27bc…, number and key")?;
    let number = number.parse().map_err(|_| "begins with the key's number")?;
    Ok((number, PublicKeyBytes::from_hex(key).map_err(|fault| fault.to_string())?))
}

impl From<PatienceArgs> for Patience {
    fn from(arguments: PatienceArgs) -> Self {
        Self {
            for_others: Duration::from_secs(arguments.wait),
            for_sequencer: Duration::from_secs(arguments.retry_for),
        }
    }
}

/// Does what was asked.
pub async fn execute(place: Place, command: SyncCommand) -> Result<Answer, SyncError> {
    let database = place.database.clone();
    match command {
        SyncCommand::Init(arguments) => initialise(place, arguments).await,
        SyncCommand::Write(arguments) => write::write(database, arguments).await,
        SyncCommand::Push(patience) => push(database, patience).await,
        SyncCommand::Pull(patience) => pull(database, patience).await,
        SyncCommand::Status => {
            let status = Replica::open(database).await?.status().await?;
            let text = status.words.join("\n");
            Ok(Answer::new(&status, text))
        },
        SyncCommand::Conflicts { all } => conflicts(database, all).await,
        SyncCommand::Resolve(arguments) => resolve(database, arguments).await,
        SyncCommand::Rebase(arguments) => rebase(database, arguments).await,
        SyncCommand::Keys { command } => keys(database, command).await,
    }
}

async fn session(database: PathBuf) -> Result<Session, SyncError> {
    Session::open(Replica::open(database).await?).await
}

async fn initialise(place: Place, arguments: InitArgs) -> Result<Answer, SyncError> {
    let needs = |what: &str| SyncError::Usage(format!("`sync init` needs {what}"));
    let InitArgs { sequencer, agent, token, import_key, sequencer_key } = arguments;
    let token = token.map(|text| Secret::new(text.trim().as_bytes()));
    let options = InitOptions {
        url: sequencer.or(place.sequencer).ok_or_else(|| needs("--sequencer <URL>"))?,
        enrolment: Enrolment {
            tenant: place.tenant.ok_or_else(|| needs("--tenant <UUID>"))?,
            store: place.store.ok_or_else(|| needs("--store <UUID>"))?,
            agent,
        },
        api_key: place.api_key.filter(|_| token.is_none()),
        token,
        database: place.database,
        import_key,
        sequencer_keys: sequencer_key,
    };
    let (_, report) = init(&options).await?;
    let trusted = report.trusted.iter().map(|key| {
        let how = if key.origin == "given" { "" } else { " (taken on first contact: compare it with the operator)" };
        format!("\n  sequencer key {} {}{how}", key.key_version, key.public_key)
    });
    let text = format!(
        "agent {} is set up in {}\n  signing key {} {}\n  secret in {}{}",
        report.agent,
        report.database.display(),
        report.key_id,
        report.public_key,
        report.key_file.display(),
        trusted.collect::<String>()
    );
    Ok(Answer::new(&report, text))
}

async fn push(database: PathBuf, patience: PatienceArgs) -> Result<Answer, SyncError> {
    let report = session(database).await?.push(patience.into()).await?;
    let mut text = match report.acknowledged {
        0 => "nothing new was pushed".to_owned(),
        1 => "1 event pushed and acknowledged".to_owned(),
        count => format!("{count} events pushed and acknowledged"),
    };
    if let Some(last) = report.last_sequence {
        text.push_str(&format!(", the last one at place {last}"));
    }
    if report.repeated > 0 {
        text.push_str(&format!("; {} of them had been there before", report.repeated));
    }
    if report.conflicts > 0 {
        text.push_str(&format!("; {} in conflict: `sync conflicts`", report.conflicts));
    }
    if report.rejected > 0 {
        text.push_str(&format!("; {} refused for good", report.rejected));
    }
    Ok(Answer::new(&report, text))
}

async fn pull(database: PathBuf, patience: PatienceArgs) -> Result<Answer, SyncError> {
    let report = session(database).await?.pull(patience.into()).await?;
    let mut text = format!("pulled and checked: {}; here now: {}", report.pulled, report.size);
    if report.quarantined > 0 {
        text.push_str(&format!("; {} put into quarantine", report.quarantined));
    }
    Ok(Answer::new(&report, text))
}

async fn conflicts(database: PathBuf, all: bool) -> Result<Answer, SyncError> {
    let conflicts = Replica::open(database).await?.conflicts(all).await?;
    let line = |conflict: &crate::conflict::ConflictView| {
        let versions = match (conflict.expected_version, conflict.actual_version) {
            (Some(expected), Some(actual)) => format!("builds on version {expected}, the entity was at {actual}"),
            _ => "was signed with a key that has ended".to_owned(),
        };
        let state = conflict.strategy.as_ref().map_or_else(
            || format!("{} own events wait behind it", conflict.held),
            |strategy| format!("resolved by {strategy}"),
        );
        format!(
            "{}  {} {}/{}  event {} {versions}; {state}",
            conflict.conflict_id, conflict.event_type, conflict.entity_type, conflict.entity_id, conflict.event_id
        )
    };
    let text = match conflicts.as_slice() {
        [] => "no conflicts".to_owned(),
        conflicts => conflicts.iter().map(line).collect::<Vec<_>>().join("\n"),
    };
    let total = conflicts.len();
    Ok(Answer::new(&json!({ "conflicts": conflicts, "total": total }), text))
}

async fn resolve(database: PathBuf, arguments: ResolveArgs) -> Result<Answer, SyncError> {
    let ResolveArgs { conflict, strategy, payload, apply } = arguments;
    let payload = payload.map(read_payload).transpose()?;
    let which = conflict.map_or(Which::All, Which::One);
    let replica = Replica::open(database).await?;
    settle(&replica, &which, &Choice { strategy, payload }, apply).await
}

async fn rebase(database: PathBuf, arguments: RebaseArgs) -> Result<Answer, SyncError> {
    let RebaseArgs { strategy, apply, patience } = arguments;
    let session = session(database).await?;
    session.pull(patience.into()).await?;
    settle(session.replica(), &Which::All, &Choice { strategy, payload: None }, apply).await
}

async fn settle(replica: &Replica, which: &Which, choice: &Choice, apply: bool) -> Result<Answer, SyncError> {
    let resolved = replica.resolve(which, choice, apply).await?;
    let mut lines: Vec<String> = resolved
        .iter()
        .map(|done| {
            let what = match (done.replacement, done.base_version) {
                (Some(_), Some(base)) => format!("said again on version {base}"),
                (Some(_), None) => "said again".to_owned(),
                (None, _) => "given up".to_owned(),
            };
            format!(
                "conflict {}: event {} {what}; {} events behind it moved along, {} given up",
                done.conflict_id, done.event_id, done.moved, done.given_up
            )
        })
        .collect();
    match (resolved.is_empty(), apply) {
        (true, _) => lines.push("no open conflicts".to_owned()),
        (false, true) => lines.push("`sync push` sends them".to_owned()),
        (false, false) => lines.insert(0, "NOT EXECUTED: this is what --apply would do:".to_owned()),
    }
    let applied = apply && !resolved.is_empty();
    // Ids of what was not written would only mislead.
    let mut value = json!({ "applied": applied, "resolved": resolved });
    if !apply && let Some(list) = value["resolved"].as_array_mut() {
        for done in list.iter_mut().filter_map(Value::as_object_mut) {
            done.remove("replacement");
        }
    }
    Ok(Answer { json: value, text: lines.join("\n") })
}

fn read_payload(text: String) -> Result<String, SyncError> {
    match text.strip_prefix('@') {
        Some(path) => {
            std::fs::read_to_string(path).map_err(|source| SyncError::File { path: PathBuf::from(path), source })
        },
        None => Ok(text),
    }
}

async fn keys(database: PathBuf, command: KeysCommand) -> Result<Answer, SyncError> {
    match command {
        KeysCommand::List => {
            let keys = Replica::open(database).await?.keys().await?;
            let line = |key: &crate::keys::LocalKey| {
                let state = match (key.registered_at, key.retired_at) {
                    (None, _) => "not registered",
                    (_, Some(_)) => "retired",
                    _ => "current",
                };
                format!("{}  {}  {state}  {} events to push", key.key_id, key.public_key, key.open_events)
            };
            let text = keys.iter().map(line).collect::<Vec<_>>().join("\n");
            Ok(Answer::new(&json!({ "keys": keys, "total": keys.len() }), text))
        },
        KeysCommand::Rotate { token, import_key, revoke } => {
            let token = token.map(|text| Secret::new(text.trim().as_bytes()));
            let session = session(database).await?;
            let rotation = session.rotate_key(token, import_key.as_deref(), revoke).await?;
            let mut text = format!("key {} signs from now on ({})", rotation.key_id, rotation.public_key);
            if let Some(next) = &rotation.next {
                text.push_str(&format!("\n{next}"));
            }
            Ok(Answer::new(&rotation, text))
        },
    }
}
