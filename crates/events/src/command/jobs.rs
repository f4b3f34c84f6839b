use std::time::Duration;

use clap::Subcommand;
use stateset_inspect::Intent;
use stateset_inspect::answer::Job;

use super::sheets;
use crate::context::Context;
use crate::exit::{Done, Ended};
use crate::output::Sheet;

/// How often a job is looked at.
const LOOK: Duration = Duration::from_millis(500);

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Jobs,
}

#[derive(Debug, Subcommand)]
enum Jobs {
    /// Bulk actions, newest first
    List {
        /// Most jobs: 1 to 1000
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1_000))]
        limit: u16,
    },
    /// One bulk action, until it ends
    Watch {
        /// Its id, or how it begins
        job: String,
        /// Look once
        #[arg(long)]
        once: bool,
    },
    /// End one where it is; what it did stays (writes with --apply)
    Abort {
        job: String,
        /// Do it; without this, only what would be done is said
        #[arg(long)]
        apply: bool,
    },
    /// Let one that broke off go on (writes with --apply)
    Resume {
        job: String,
        /// Do it; without this, only what would be done is said
        #[arg(long)]
        apply: bool,
    },
}

impl Args {
    pub(crate) async fn run(self, context: &Context) -> Ended {
        match self.command {
            Jobs::List { limit } => {
                let list = context.inspect().await?.jobs(limit).await?;
                context.output.print(&list, |list| {
                    let sheet = list.jobs.iter().fold(Sheet::new(&COLUMNS), |sheet, job| sheet.row(cells(job)));
                    if list.jobs.is_empty() { sheet.note("no bulk action was ever begun here") } else { sheet }
                })?;
                Ok(Done::Well)
            },
            Jobs::Watch { job, once } => watch(context, &job, once).await,
            Jobs::Abort { job, apply } => context.change(&Intent::AbortJob { job }, apply).await,
            Jobs::Resume { job, apply } => context.change(&Intent::ResumeJob { job }, apply).await,
        }
    }
}

async fn watch(context: &Context, id: &str, once: bool) -> Ended {
    let inspect = context.inspect().await?;
    let mut told = String::new();
    loop {
        let job = inspect.job(id).await?;
        let open = ["pending", "held", "in_flight", "retry_wait"].iter().filter_map(|state| job.deliveries.get(*state)).sum::<u64>();
        let ended = !matches!(job.state.as_str(), "running" | "planned") && open == 0;
        if once || ended {
            let failed = job.state == "failed";
            context.output.print(&job, |job| Sheet::new(&COLUMNS).row(cells(job)))?;
            return Ok(if failed { Done::FoundErrors } else { Done::Well });
        }
        let line = format!("{} {}: {} of {}, {} left alone{}", job.kind, job.state, job.done, job.total, job.skipped,
            if open > 0 { format!(", {open} not delivered yet") } else { String::new() });
        if line != told {
            context.output.note(&line);
            told = line;
        }
        tokio::time::sleep(LOOK).await;
    }
}

const COLUMNS: [&str; 9] = ["job_id", "kind", "state", "done", "total", "skipped", "actor", "created_at", "filter"];

fn cells(job: &Job) -> [String; 9] {
    [
        job.job_id.clone(),
        job.kind.clone(),
        match &job.error {
            Some(error) => format!("{}: {error}", job.state),
            None => job.state.clone(),
        },
        job.done.to_string(),
        job.total.to_string(),
        job.skipped.to_string(),
        job.actor.clone(),
        sheets::text(Some(&job.created_at)),
        job.filter.clone(),
    ]
}
