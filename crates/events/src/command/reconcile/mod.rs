//! `reconcile`: what a destination has not got. By the record of deliveries; or, with the file of routes, by what the
//! destination itself says it holds.

mod answer;
mod held;
mod record;

use std::path::PathBuf;

use stateset_inspect::{Fault, Filter, Inspect, Intent};
use stateset_outbox::job::MOST_PLACES;
use stateset_relay::reconcile::{Comparison, compare};

use super::replay::rate;
use crate::context::{Context, typed};
use crate::exit::{Done, Ended};
use crate::filter::FilterArgs;
use crate::sinks::RoutesFile;
use answer::{Reconciliation, sheet};

/// What the log has and the destination has not got. With --routes the destination itself is asked: a Kafka topic is read, a
/// sequencer tells its events. Without, the record of deliveries has to do
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(flatten)]
    filter: FilterArgs,
    /// The file that says how the destination is reached: compare with what it really holds
    #[arg(long, value_name = "FILE")]
    routes: Option<PathBuf>,
    /// Most per second: 50/s
    #[arg(long, value_name = "N/s", value_parser = rate)]
    rate: Option<u32>,
    /// Deliver what is missing; without this, only what is missing is said
    #[arg(long)]
    apply: bool,
}

impl Args {
    pub(crate) async fn run(self, context: &Context) -> Ended {
        let mut filter = self.filter.read(context.now)?;
        let Some(destination) = filter.destination.take() else {
            return Err(Fault::usage("which destination?", "give --destination, such as kafka").into());
        };
        let Some(path) = self.routes.clone() else {
            return self.by_record(context, filter, destination).await;
        };
        let file = RoutesFile::read(&path)?;
        let described = file.named(&destination)?;
        let range = Filter {
            since: filter.since,
            until: filter.until,
            first: filter.first,
            last: filter.last,
            ..Filter::default()
        };
        if filter != range {
            let fix = "narrow it by time or place: --since 3h, --until, --seq";
            return Err(Fault::unsupported_filter("anything but time and place", "the comparison", fix).into());
        }
        // Named, so that a misspelt one is a fault.
        let inspect = context.inspect().await?;
        inspect.breaker(&destination).await?;
        let record = record::read(&*inspect, &range, &destination).await?;
        let held = held::of(context, described, &record).await?;
        let answer = self.compared(context, &*inspect, destination, record, held).await?;
        context.output.print(&answer, sheet)?;
        Ok(Done::Well)
    }

    /// Without asking the destination.
    async fn by_record(self, context: &Context, mut filter: Filter, destination: String) -> Ended {
        if filter.is_empty() {
            // Everything is meant: what is missing is harmless to deliver.
            filter.set("type", "*", context.now).ok();
        }
        context.output.note("by the record of deliveries only; --routes <file> asks the destination what it holds");
        let intent = Intent::Replay { filter, destination, missing: true, rate: self.rate };
        context.change(&intent, self.apply).await
    }

    async fn compared(
        &self,
        context: &Context,
        inspect: &dyn Inspect,
        destination: String,
        record: record::Record,
        held: held::Found,
    ) -> Result<Reconciliation, crate::exit::Stop> {
        let held::Found { held, asked, notes, ask } = held;
        let mut found = compare(record.range, record.events, held);
        if let Some(ask) = ask {
            ask.settle(inspect, &mut found).await?;
        }
        let mut answer = Reconciliation::new(destination, asked, record.range, &found, notes);
        if found.missing.is_empty() {
            answer.message = words(&found, "nothing is missing");
            return Ok(answer);
        }
        if !self.apply {
            let count = found.missing.len();
            answer.message = words(&found, &format!("NOT EXECUTED: {count} missing events would be delivered again"));
            answer.apply_with = Some(format!("{} --apply", typed()));
            return Ok(answer);
        }
        let places: Vec<i64> = found.missing.iter().map(|one| one.log_id).collect();
        for places in places.chunks(MOST_PLACES) {
            let intent =
                Intent::Repair { destination: answer.destination.clone(), places: places.to_vec(), rate: self.rate };
            let change = context.changed(&intent, true).await?;
            answer.applied = true;
            answer.message = words(&found, &change.message);
            answer.job_ids.extend(change.job_id);
        }
        Ok(answer)
    }
}

/// The sentence, and what is behind it.
fn words(found: &Comparison, first: &str) -> String {
    let mut text = first.to_owned();
    for (count, what) in [
        (found.extra.len(), "are there that the log has not got for it"),
        (found.moved.len(), "are at another place than their receipts say"),
    ] {
        if count > 0 {
            text.push_str(&format!("; {count} {what}"));
        }
    }
    text
}
