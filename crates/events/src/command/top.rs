use std::time::Duration;

use stateset_inspect::answer::OutboxAnswer;
use stateset_inspect::{Filter, Page};

use super::idempotency::duration;
use super::outbox::stands;
use super::worker::stop_signal;
use crate::context::Context;
use crate::exit::{Done, Ended};
use crate::output::Sheet;

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// How often it is drawn
    #[arg(long, default_value = "2s", value_parser = duration)]
    every: Duration,
    /// Draw once
    #[arg(long)]
    once: bool,
}

impl Args {
    pub(crate) async fn run(self, context: &Context) -> Ended {
        let inspect = context.inspect().await?;
        let (filter, page) = (Filter::default(), Page { limit: 1, ..Page::default() });
        let stopped = stop_signal();
        tokio::pin!(stopped);
        let mut before: Option<OutboxAnswer> = None;
        loop {
            let now = inspect.outbox(&filter, &page).await?;
            if self.once {
                context.output.print(&now, |now| sheet(now, None, self.every))?;
                return Ok(Done::Well);
            }
            context.output.redraw(&now, |now| sheet(now, before.as_ref(), self.every))?;
            before = Some(now);
            tokio::select! {
                () = &mut stopped => return Ok(Done::Well),
                () = tokio::time::sleep(self.every) => {},
            }
        }
    }
}

fn sheet(now: &OutboxAnswer, before: Option<&OutboxAnswer>, every: Duration) -> Sheet {
    let counts = &now.counts;
    let mut sheet = Sheet::new(&["destination", "per_second", "last_24_h", "dead_letters", "workers", "stands"])
        .head(format!("pending {}  failed {}  will retry {}", counts.pending, counts.failed, counts.failed_will_retry));
    for one in &now.destinations {
        let was = before.and_then(|all| all.destinations.iter().find(|other| other.destination == one.destination));
        let passed = was.map(|was| one.passed_last_day.saturating_sub(was.passed_last_day));
        let millis = u64::try_from(every.as_millis()).unwrap_or(u64::MAX).max(1);
        let rate = passed.map_or_else(|| "–".to_owned(), |passed| (passed.saturating_mul(1_000) / millis).to_string());
        sheet = sheet.row([
            one.destination.clone(),
            rate,
            one.passed_last_day.to_string(),
            one.dead_letters.to_string(),
            one.workers.len().to_string(),
            stands(one),
        ]);
    }
    sheet
}
