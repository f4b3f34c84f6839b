//! `sync` as a program of its own, with two commands more than it has elsewhere: `fill`, which makes many events, and `run`.
//!
//! ```text
//! cargo run -p stateset-sync --example sync -- --database agent.db status
//! ```

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use serde_json::json;
use serde_json::value::RawValue;
use stateset_outbox::{Entity, Event, EventType, IdempotencyToken, Payload};
use stateset_relay::secret::Secret;
use stateset_sync::cli::{Answer, Place, SyncCommand, execute};
use stateset_sync::{BaseVersion, Replica, Rhythm, Session, SyncError};

#[derive(Parser)]
#[command(name = "sync", about = "An offline-first agent's local log")]
struct Program {
    #[command(flatten)]
    arguments: Arguments,
}

#[derive(clap::Args)]
struct Arguments {
    /// One JSON document instead of sentences.
    #[arg(long, global = true)]
    json: bool,
    /// The agent's local database.
    #[arg(long, env = "STATESET_SYNC_DATABASE", default_value = "stateset-agent.db", global = true)]
    database: std::path::PathBuf,
    /// Whose events; for `init`.
    #[arg(long, env = "STATESET_TENANT_ID", global = true)]
    tenant: Option<uuid::Uuid>,
    /// Of which store; for `init`.
    #[arg(long, env = "STATESET_STORE_ID", global = true)]
    store: Option<uuid::Uuid>,
    /// For `init` without a token; better from the environment.
    #[arg(long, env = "STATESET_API_KEY", hide_env_values = true, global = true)]
    api_key: Option<String>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Write many events into the local log.
    Fill {
        /// What kind of thing.
        #[arg(long, default_value = "order")]
        entity_type: String,
        /// Which one; `{}` stands for the event's number.
        #[arg(long, default_value = "o-{}")]
        entity_id: String,
        /// What happened.
        #[arg(long = "type", default_value = "order.updated")]
        event_type: String,
        /// A JSON object; `{}` stands for the event's number.
        #[arg(long, default_value = r#"{"number":{}}"#)]
        payload: String,
        /// Token that dedupes the fact; `{}` stands for the event's number.
        #[arg(long)]
        token: Option<String>,
        /// Build on what is known of the entity.
        #[arg(long)]
        versioned: bool,
        /// Build on this version.
        #[arg(long, conflicts_with = "versioned")]
        base_version: Option<u64>,
        /// How many, one transaction each.
        #[arg(long, default_value_t = 1)]
        count: u64,
        /// Number of the first one.
        #[arg(long, default_value_t = 1)]
        first: u64,
        /// All in one transaction.
        #[arg(long)]
        bulk: bool,
    },
    /// Push and pull until the program is stopped.
    Run {
        /// Milliseconds between rounds.
        #[arg(long, default_value_t = 1000)]
        every: u64,
    },
    #[command(flatten)]
    Sync(SyncCommand),
}

#[tokio::main]
async fn main() -> ExitCode {
    let Program { arguments: Arguments { json, database, tenant, store, api_key, command } } = Program::parse();
    let answer = match command {
        Command::Sync(command) => {
            let api_key = api_key.map(|key| Secret::new(key.trim().as_bytes()));
            execute(Place { database, tenant, store, sequencer: None, api_key }, command).await
        },
        Command::Run { every } => run(database, every).await,
        fill @ Command::Fill { .. } => self::fill(database, fill).await,
    };
    match answer {
        Ok(answer) => {
            print(&if json { answer.json.to_string() } else { answer.text });
            ExitCode::SUCCESS
        },
        Err(error) => {
            print(&if json { json!({ "error": error.report() }).to_string() } else { format!("error: {error}") });
            error.exit().into()
        },
    }
}

#[expect(clippy::print_stdout, reason = "a program's answer")]
fn print(text: &str) {
    println!("{text}");
}

async fn run(database: std::path::PathBuf, every: u64) -> Result<Answer, SyncError> {
    let session = Session::open(Replica::open(database).await?).await?;
    let rhythm = Rhythm { pause: std::time::Duration::from_millis(every) };
    let stop = async {
        tokio::signal::ctrl_c().await.ok();
    };
    session.run(rhythm, stop).await?;
    Ok(Answer { json: json!({ "stopped": true }), text: "stopped".to_owned() })
}

async fn fill(database: std::path::PathBuf, command: Command) -> Result<Answer, SyncError> {
    let Command::Fill {
        entity_type,
        entity_id,
        event_type,
        payload,
        token,
        versioned,
        base_version,
        count,
        first,
        bulk,
    } = command
    else {
        return Err(SyncError::Usage("not a command".to_owned()));
    };
    let replica = Replica::open(database).await?;
    let base = match base_version {
        Some(version) => BaseVersion::At(version),
        None if versioned => BaseVersion::Known,
        None => BaseVersion::Any,
    };
    let mut written = 0_u64;
    let mut open = None;
    for number in first..first + count {
        let filled = |text: &str| text.replace("{}", &number.to_string());
        let payload = RawValue::from_string(filled(&payload)).map_err(|fault| SyncError::Usage(fault.to_string()))?;
        let token = token.as_deref().map(|token| IdempotencyToken::new(filled(token)));
        let event = Event::new(EventType::new(&event_type), Payload::new(payload), token);
        let draft = event.about(Entity::new(&entity_type, filled(&entity_id)));
        let mut tx = match open.take() {
            Some(tx) => tx,
            None => replica.begin().await?,
        };
        let outcome = replica.write_event(&mut tx, draft, base).await?;
        written += u64::from(!outcome.is_duplicate());
        if bulk { open = Some(tx) } else { replica.commit(tx).await? }
    }
    if let Some(tx) = open {
        replica.commit(tx).await?;
    }
    Ok(Answer { json: json!({ "written": written }), text: format!("{written} events written") })
}
