use clap::Subcommand;
use stateset_inspect::answer::{AuditList, Findings};

use super::sheets;
use crate::context::Context;
use crate::exit::{Done, Ended};
use crate::filter::{FilterArgs, PageArgs};
use crate::output::Sheet;

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Audit,
}

#[derive(Debug, Subcommand)]
enum Audit {
    /// Interventions, newest first
    List {
        /// Of this person or program; `me` is who you are
        #[arg(long)]
        actor: Option<String>,
        #[command(flatten)]
        page: PageArgs,
    },
    /// Whether the log is sound: gaps, duplicate keys, disorder, deliveries that do not add up. Exit code 3 if not
    Check {
        #[command(flatten)]
        filter: Box<FilterArgs>,
    },
}

impl Args {
    pub(crate) async fn run(self, context: &Context) -> Ended {
        match self.command {
            Audit::List { actor, page } => {
                let actor = actor.map(|actor| if actor == "me" { context.settings.actor.clone() } else { actor });
                let list = context.inspect().await?.audit(actor.as_deref(), &page.page(false)).await?;
                context.output.print(&list, sheet)?;
                Ok(Done::Well)
            },
            Audit::Check { filter } => {
                let findings = context.inspect().await?.check(&filter.read(context.now)?).await?;
                context.output.print(&findings, found)?;
                Ok(if findings.ok { Done::Well } else { Done::FoundErrors })
            },
        }
    }
}

fn sheet(list: &AuditList) -> Sheet {
    let mut sheet = Sheet::new(&["at", "actor", "action", "subject", "before", "after", "reason", "job_id"]);
    for one in &list.entries {
        sheet = sheet.row([
            one.at.clone(),
            one.actor.clone(),
            one.action.clone(),
            one.subject.clone(),
            sheets::text(one.before.as_ref()),
            sheets::text(one.after.as_ref()),
            sheets::text(one.reason.as_ref()),
            sheets::text(one.job_id.as_ref()),
        ]);
    }
    match &list.next_cursor {
        Some(cursor) => sheet.note(format!("more: --cursor {cursor}")),
        None if list.entries.is_empty() => sheet.note("nobody has intervened"),
        None => sheet,
    }
}

pub(super) fn found(findings: &Findings) -> Sheet {
    let mut sheet = Sheet::new(&["level", "check", "message", "fix"]);
    for one in &findings.findings {
        sheet = sheet.row([one.level.clone(), one.check.clone(), one.message.clone(), sheets::text(one.fix.as_ref())]);
    }
    sheet.note(if findings.ok { "sound" } else { "not sound" })
}
