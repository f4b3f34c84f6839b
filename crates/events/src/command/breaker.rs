use std::time::Duration;

use clap::Subcommand;
use stateset_inspect::Intent;
use stateset_inspect::answer::duration_text;

use crate::context::Context;
use crate::exit::{Done, Ended};
use crate::output::Sheet;

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Breaker,
}

#[derive(Debug, Subcommand)]
enum Breaker {
    /// Whether a destination is up
    Show { destination: String },
    /// Let a destination that is back go on at once (writes with --apply)
    Close {
        destination: String,
        /// Do it; without this, only what would be done is said
        #[arg(long)]
        apply: bool,
    },
    /// Leave a destination alone until somebody closes it (writes with --apply)
    Open {
        destination: String,
        /// Why; shown to everybody who looks
        #[arg(long)]
        reason: String,
        /// Do it; without this, only what would be done is said
        #[arg(long)]
        apply: bool,
    },
}

impl Args {
    pub(crate) async fn run(self, context: &Context) -> Ended {
        match self.command {
            Breaker::Show { destination } => {
                let breaker = context.inspect().await?.breaker(&destination).await?;
                let text = |millis: Option<u64>| millis.map(|at| duration_text(Duration::from_millis(at))).unwrap_or_default();
                context.output.print(&breaker, |breaker| {
                    Sheet::new(&["destination", "state", "failures", "since", "next_try_in", "reason"]).row([
                        destination.clone(),
                        breaker.state.clone(),
                        breaker.failures.to_string(),
                        text(breaker.since_ms),
                        text(breaker.probe_in_ms),
                        breaker.reason.clone().unwrap_or_default(),
                    ])
                })?;
                Ok(Done::Well)
            },
            Breaker::Close { destination, apply } => {
                let intent = Intent::Breaker { destination, open: false, reason: String::new() };
                context.change(&intent, apply).await
            },
            Breaker::Open { destination, reason, apply } => {
                context.change(&Intent::Breaker { destination, open: true, reason }, apply).await
            },
        }
    }
}
