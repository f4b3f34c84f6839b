use clap::{Subcommand, ValueEnum};
use stateset_inspect::answer::DeadLetterList;
use stateset_inspect::{Fault, GroupBy, Intent};

use super::replay::rate;
use super::sheets;
use crate::context::Context;
use crate::exit::{Done, Ended};
use crate::filter::{FilterArgs, PageArgs};
use crate::output::Sheet;

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Dlq,
}

#[derive(Debug, Subcommand)]
enum Dlq {
    /// Open dead letters
    List {
        #[command(flatten)]
        filter: FilterArgs,
        #[command(flatten)]
        page: PageArgs,
        /// Count those that failed alike
        #[arg(long, value_name = "WHAT")]
        group_by: Option<Group>,
    },
    /// Try dead letters again, in order within their lanes (writes with --apply)
    Redrive {
        #[command(flatten)]
        filter: FilterArgs,
        #[command(flatten)]
        bulk: Bulk,
    },
    /// Give dead letters up for good (writes with --apply)
    Discard {
        #[command(flatten)]
        filter: FilterArgs,
        #[command(flatten)]
        bulk: Bulk,
        /// Why; kept for the audit
        #[arg(long, required_unless_present = "plan")]
        reason: Option<String>,
    },
}

#[derive(clap::Args, Debug)]
struct Bulk {
    /// Carry out this plan of a preview
    #[arg(long, value_name = "ID", conflicts_with = "text")]
    plan: Option<String>,
    /// Most per second: 50/s
    #[arg(long, value_name = "N/s", value_parser = rate)]
    rate: Option<u32>,
    /// Do it; without this, only what would be done is said
    #[arg(long)]
    apply: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Group {
    Error,
    Class,
    Destination,
    Type,
}

impl Args {
    pub(crate) async fn run(self, context: &Context) -> Ended {
        match self.command {
            Dlq::List { filter, page, group_by } => {
                let by = group_by.map(|by| match by {
                    Group::Error => GroupBy::Error,
                    Group::Class => GroupBy::Class,
                    Group::Destination => GroupBy::Destination,
                    Group::Type => GroupBy::Type,
                });
                let (filter, page) = (filter.read(context.now)?, page.page(false));
                let list = context.inspect().await?.dead_letters(&filter, &page, by).await?;
                context.output.print(&list, sheet)?;
                Ok(Done::Well)
            },
            Dlq::Redrive { filter, bulk } => {
                let filter = filter.read(context.now)?;
                let apply = bulk.apply;
                let intent = bulk.intent(context, "redrive", |rate| Intent::Redrive { filter, rate });
                context.change(&intent?, apply).await
            },
            Dlq::Discard { filter, bulk, reason } => {
                let filter = filter.read(context.now)?;
                let apply = bulk.apply;
                let reason = reason.unwrap_or_default();
                let intent = bulk.intent(context, "discard", |rate| Intent::Discard { filter, reason, rate });
                context.change(&intent?, apply).await
            },
        }
    }
}

impl Bulk {
    fn intent(
        self,
        context: &Context,
        kind: &'static str,
        fresh: impl FnOnce(Option<u32>) -> Intent,
    ) -> Result<Intent, Fault> {
        match self.plan {
            Some(plan) => context.plan(&plan, kind, self.rate),
            None => Ok(fresh(self.rate)),
        }
    }
}

fn sheet(list: &DeadLetterList) -> Sheet {
    if !list.groups.is_empty() {
        let mut sheet = Sheet::new(&["group", "count", "first_failed_at", "last_failed_at", "sample_event_id"]);
        for group in &list.groups {
            let row = [&group.first_failed_at, &group.last_failed_at, &group.sample_event_id].map(Clone::clone);
            let [first, last, sample] = row;
            sheet = sheet.row([group.group.clone(), group.count.to_string(), first, last, sample]);
        }
        return sheet.note(format!("{} dead letters", list.total));
    }
    let mut sheet = Sheet::new(&["event_id", "event_type", "destination", "lane", "class", "attempts", "failed_at", "error", "dead_letter"]);
    for one in &list.dead_letters {
        sheet = sheet.row([
            one.event_id.clone(),
            one.event_type.clone(),
            one.destination.clone(),
            one.lane.clone(),
            one.class.clone(),
            one.attempts.to_string(),
            one.failed_at.clone(),
            one.error.clone(),
            one.dead_letter.clone(),
        ]);
    }
    if list.dead_letters.is_empty() {
        return sheets::explained(sheet, "open dead letters", list.diagnostics.as_ref());
    }
    sheets::shown(sheet, list.dead_letters.len(), list.total, list.total_exact, list.next_cursor.as_ref())
}
