use std::time::Duration;

use clap::Subcommand;
use stateset_inspect::answer::KeyList;
use stateset_inspect::{Fault, Intent, Kind};

use super::sheets;
use crate::context::Context;
use crate::exit::{Done, Ended};
use crate::output::Sheet;

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Keys,
}

#[derive(Debug, Subcommand)]
enum Keys {
    /// What is known of a key
    Get {
        /// Such as create_order_ORD-123
        key: String,
        /// Of this operation; otherwise of every operation it was used with
        #[arg(long)]
        operation: Option<String>,
    },
    /// Reserve a key for a command to come (writes with --apply)
    Create {
        /// 1 to 255 printable characters
        key: String,
        /// Of this operation
        #[arg(long)]
        operation: String,
        /// How long it is kept: 24h, 30m
        #[arg(long, default_value = "24h", value_parser = duration)]
        ttl: Duration,
        /// Fail with EVENT_DUPLICATE_KEY if the key exists
        #[arg(long)]
        must_be_new: bool,
        /// Do it; without this, only what would be done is said
        #[arg(long)]
        apply: bool,
    },
    /// Free a key, so that its command can be done again (writes with --apply)
    Reset {
        key: String,
        /// Of this operation
        #[arg(long)]
        operation: String,
        /// Why; kept in the history of the key
        #[arg(long)]
        reason: String,
        /// Do it; without this, only what would be done is said
        #[arg(long)]
        apply: bool,
    },
}

/// `10m`, `24h`, as in a filter.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let micros = stateset_outbox::filter::parse_duration(text).and_then(|micros| u64::try_from(micros).ok());
    micros.filter(|micros| *micros > 0).map(Duration::from_micros).ok_or_else(|| "a duration is like 30s, 10m, 24h, 7d".to_owned())
}

impl Args {
    pub(crate) async fn run(self, context: &Context) -> Ended {
        match self.command {
            Keys::Get { key, operation } => {
                let list = context.inspect().await?.keys(&key, operation.as_deref()).await?;
                match list.keys.as_slice() {
                    // One key is one answer, as the tool for agents gives it.
                    [one] => context.output.print(one, |_| sheet(&list))?,
                    _ => context.output.print(&list, sheet)?,
                }
                Ok(Done::Well)
            },
            Keys::Create { key, operation, ttl, must_be_new, apply } => {
                let change = context.changed(&Intent::CreateKey { key: key.clone(), operation, ttl }, apply).await?;
                let status = change.result.get("status").and_then(serde_json::Value::as_str).unwrap_or_default();
                let created = change.result.get("created").and_then(serde_json::Value::as_bool).unwrap_or_default();
                if must_be_new && !created && !matches!(status, "not_found" | "expired") {
                    let fix = "use another key, or read the first result with `stateset-events idempotency get`";
                    let message = format!("the key {key:?} exists and is {status}");
                    return Err(Fault::new(Kind::Conflict, "EVENT_DUPLICATE_KEY", message, fix).into());
                }
                context.print_change(&change)
            },
            Keys::Reset { key, operation, reason, apply } => {
                context.change(&Intent::ResetKey { key, operation, reason }, apply).await
            },
        }
    }
}

/// J12: status and expiration.
fn sheet(list: &KeyList) -> Sheet {
    let mut sheet = Sheet::new(&["key", "operation", "status", "expires_at", "created_at", "completed_at", "events"]);
    for one in &list.keys {
        sheet = sheet.row([
            one.key.clone(),
            sheets::text(one.operation.as_ref()),
            one.status.clone(),
            one.expires_at.clone().unwrap_or_else(|| "–".to_owned()),
            sheets::text(one.created_at.as_ref()),
            sheets::text(one.completed_at.as_ref()),
            one.event_ids.join(" "),
        ]);
        sheet = sheet.foot(one.explanation.clone());
    }
    sheet
}
