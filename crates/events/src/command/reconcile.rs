use stateset_inspect::Intent;

use super::replay::rate;
use crate::context::Context;
use crate::exit::Ended;
use crate::filter::FilterArgs;

/// What the log has and the destination has not got, by the record of deliveries; what is pending there comes by itself.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(flatten)]
    filter: FilterArgs,
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
            return Err(stateset_inspect::Fault::usage("which destination?", "give --destination, such as kafka").into());
        };
        if filter.is_empty() {
            // Everything is meant: what is missing is harmless to deliver.
            filter.set("type", "*", context.now).ok();
        }
        let intent = Intent::Replay { filter, destination, missing: true, rate: self.rate };
        context.change(&intent, self.apply).await
    }
}
