use std::path::PathBuf;
use std::time::Duration;

use stateset_inspect::answer::{DestinationStatus, Finding, Findings, duration_text};
use stateset_inspect::{Fault, Filter, Inspect, Kind, OpenMode, Page};

use super::audit::found;
use crate::context::Context;
use crate::exit::{Done, Ended};
use crate::settings::Place;
use crate::sinks::RoutesFile;

/// Clocks further apart than this confuse people who compare times.
const SKEW_MICROS: i64 = 2_000_000;
/// Oldest pending delivery that nobody needs to look at.
const OLD: Duration = Duration::from_mins(10);

/// Exit code 3 if something is wrong.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Only this destination
    #[arg(long, value_name = "NAME")]
    destination: Option<String>,
    /// Also connect to the destinations of this file
    #[arg(long, value_name = "FILE")]
    routes: Option<PathBuf>,
    /// Everything; the same as without --destination
    #[arg(long, conflicts_with = "destination")]
    all: bool,
}

impl Args {
    pub(crate) async fn run(self, context: &Context) -> Ended {
        let mut findings = Vec::new();
        let reached = match context.settings.place()? {
            Place::Database(_) => self.database(context, &mut findings).await,
            Place::Sequencer { .. } => sequencer(context, &mut findings).await,
        };
        if let Err(fault) = reached {
            findings.push(finding_of("source", &fault));
        }
        if let Some(path) = &self.routes {
            for target in RoutesFile::read(path)?.destinations {
                if self.destination.as_ref().is_none_or(|name| *name == target.name) {
                    findings.push(connect(&target.name, target.address(), context.settings.timeout).await);
                }
            }
        }
        let findings = Findings { ok: findings.iter().all(|one| one.level != "error"), findings };
        context.output.print(&findings, found)?;
        Ok(if findings.ok { Done::Well } else { Done::FoundErrors })
    }

    async fn database(&self, context: &Context, findings: &mut Vec<Finding>) -> Result<(), Fault> {
        let database = context.database(OpenMode::Read, 2).await?;
        findings.push(finding("ok", "connection", format!("{} answers", database.place()), None));
        let state = database.migrations().await?;
        let missing = state.steps.iter().filter(|step| !state.applied.contains(&step.version)).count();
        findings.push(match missing {
            0 => finding("ok", "tables", "the tables are those of this version".to_owned(), None),
            missing => {
                let fix = "stateset-events migrate --apply";
                finding("error", "tables", format!("{missing} migrations are missing"), Some(fix))
            },
        });
        let skew = (database.now().await? - context.now).abs();
        findings.push(if skew <= SKEW_MICROS {
            finding("ok", "clock", "this machine and the database agree".to_owned(), None)
        } else {
            let text = duration_text(Duration::from_micros(skew.unsigned_abs()));
            finding(
                "warning",
                "clock",
                format!("this machine and the database differ by {text}"),
                Some("check NTP on both"),
            )
        });
        let mut filter = Filter::default();
        if let Some(name) = &self.destination {
            // Named, so that a misspelt one is a fault.
            database.inspect().breaker(name).await?;
            filter.destination = Some(name.clone());
        }
        let outbox = database.inspect().outbox(&filter, &Page { limit: 1, ..Page::default() }).await?;
        if outbox.destinations.is_empty() {
            let fix = "stateset-events routes apply <file> --apply";
            findings.push(finding("warning", "destinations", "no destination is registered".to_owned(), Some(fix)));
        }
        for one in &outbox.destinations {
            findings.extend(stands(one));
        }
        Ok(())
    }
}

fn finding(level: &str, check: &str, message: String, fix: Option<&str>) -> Finding {
    Finding { level: level.to_owned(), check: check.to_owned(), message, fix: fix.map(str::to_owned) }
}

fn finding_of(check: &str, fault: &Fault) -> Finding {
    let cause = std::error::Error::source(fault).map(|cause| format!(": {cause}")).unwrap_or_default();
    finding("error", check, format!("{}{cause}", fault.message), Some(fault.fix.as_str()).filter(|fix| !fix.is_empty()))
}

/// What is worth knowing of a destination.
fn stands(one: &DestinationStatus) -> Vec<Finding> {
    let check = format!("destination {}", one.destination);
    let explain = format!("stateset-events explain --destination {}", one.destination);
    let mut all = Vec::new();
    if one.breaker.state != "closed" {
        let reason = one.breaker.reason.as_deref().unwrap_or("no reason given");
        all.push(finding("error", &check, format!("its breaker is {}: {reason}", one.breaker.state), Some(&explain)));
    }
    if one.dead_letters > 0 {
        let fix = format!("stateset-events dlq list destination:{}", one.destination);
        all.push(finding("warning", &check, format!("{} dead letters are open", one.dead_letters), Some(&fix)));
    }
    let oldest = one.oldest_pending_ms.map(Duration::from_millis);
    if let Some(oldest) = oldest.filter(|oldest| *oldest > OLD) {
        all.push(finding(
            "warning",
            &check,
            format!("the oldest delivery waits for {}", duration_text(oldest)),
            Some(&explain),
        ));
    }
    if one.workers.is_empty() {
        let fix = "stateset-events worker run --routes <file>";
        all.push(finding("warning", &check, "no worker has a lease on it".to_owned(), Some(fix)));
    }
    if all.is_empty() {
        all.push(finding("ok", &check, "delivers".to_owned(), None));
    }
    all
}

async fn sequencer(context: &Context, findings: &mut Vec<Finding>) -> Result<(), Fault> {
    let remote = context.remote()?;
    let place = remote.source().place;
    let health: Result<serde_json::Value, Fault> = remote.get("/health").await;
    match health {
        Err(fault) if fault.kind == Kind::Unavailable => return Err(fault),
        _ => findings.push(finding("ok", "connection", format!("{place} answers"), None)),
    }
    match remote.get::<serde_json::Value>("/ready").await {
        Ok(_) => findings.push(finding("ok", "ready", "it can do its work".to_owned(), None)),
        Err(fault) => findings.push(finding_of("ready", &fault)),
    }
    match remote.probe().await {
        Ok(head) => {
            findings.push(finding(
                "ok",
                "credential",
                format!("it may read; the stream has {} events", head.head_sequence),
                None,
            ));
        },
        Err(fault) => findings.push(finding_of("credential", &fault)),
    }
    Ok(())
}

/// Whether anybody listens there.
async fn connect(name: &str, address: Option<String>, patience: Duration) -> Finding {
    let check = format!("connection to {name}");
    let Some(address) = address else {
        return finding("warning", &check, "no single address to connect to".to_owned(), None);
    };
    match tokio::time::timeout(patience, tokio::net::TcpStream::connect(&address)).await {
        Ok(Ok(_)) => finding("ok", &check, format!("{address} can be connected to"), None),
        Ok(Err(error)) => {
            finding("error", &check, format!("{address}: {error}"), Some("check the address, DNS and firewalls"))
        },
        Err(_) => {
            finding("error", &check, format!("{address} does not answer in {patience:?}"), Some("check firewalls"))
        },
    }
}
