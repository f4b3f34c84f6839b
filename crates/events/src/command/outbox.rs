use std::time::Duration;

use stateset_inspect::answer::{DestinationStatus, OutboxAnswer, counted, duration_text};

use super::sheets;
use crate::context::Context;
use crate::exit::{Done, Ended};
use crate::filter::{FilterArgs, PageArgs};
use crate::output::Sheet;

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(flatten)]
    filter: FilterArgs,
    #[command(flatten)]
    page: PageArgs,
}

impl Args {
    pub(crate) async fn run(self, context: &Context) -> Ended {
        let filter = self.filter.read(context.now)?;
        let answer = context.inspect().await?.outbox(&filter, &self.page.page(false)).await?;
        context.output.print(&answer, sheet)?;
        Ok(Done::Well)
    }
}

fn sheet(answer: &OutboxAnswer) -> Sheet {
    let counts = &answer.counts;
    let more = if counts.pending_capped { "+" } else { "" };
    let mut sheet = Sheet::new(&sheets::DELIVERY_COLUMNS).head(format!(
        "pending {}{more}, failed {} ({} will retry)",
        counts.pending, counts.failed, counts.failed_will_retry
    ));
    for destination in &answer.destinations {
        sheet = sheet.head(stands(destination));
    }
    for delivery in &answer.deliveries {
        sheet = sheet.row(sheets::delivery_cells(delivery));
    }
    if answer.destinations.is_empty() {
        sheet = sheet.note(
            "no destination: register routes with `stateset-events routes apply <file> --apply`, or start a worker",
        );
    }
    if answer.deliveries.is_empty() {
        return sheets::explained(sheet, "such deliveries", answer.diagnostics.as_ref());
    }
    sheets::shown(sheet, answer.deliveries.len(), answer.total, answer.total_exact, answer.next_cursor.as_ref())
}

/// One destination in a line.
pub(super) fn stands(one: &DestinationStatus) -> String {
    let states: Vec<String> = one.states.iter().map(|(state, count)| format!("{state} {count}")).collect();
    let states = if states.is_empty() { "nothing waits".to_owned() } else { states.join(", ") };
    let mut line = format!("{} ({}): {states}", one.destination, one.kind);
    if let Some(oldest) = one.oldest_pending_ms {
        line.push_str(&format!(", oldest {}", duration_text(Duration::from_millis(oldest))));
    }
    if one.parked_lanes > 0 {
        line.push_str(&format!(", {} parked", counted(one.parked_lanes, "lane")));
    }
    if one.breaker.state != "closed" {
        let since = one.breaker.since_ms.map(|since| duration_text(Duration::from_millis(since))).unwrap_or_default();
        let reason = one.breaker.reason.as_deref().unwrap_or("no reason given");
        line.push_str(&format!(", breaker {} for {since}: {reason}", one.breaker.state));
    }
    if one.workers.is_empty() {
        line.push_str(", no worker");
    }
    line
}
