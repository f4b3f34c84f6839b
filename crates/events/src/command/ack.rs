use stateset_inspect::Intent;

use super::inspect::named;
use crate::context::Context;
use crate::exit::Ended;
use crate::filter::FilterArgs;

/// Acknowledge deliveries: a person vouches that the destination has them.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(flatten)]
    filter: FilterArgs,
    /// Where, if the event went to several destinations
    #[arg(long, value_name = "NAME")]
    at: Option<String>,
    /// Why you vouch for it; kept for the audit
    #[arg(long, default_value = "acknowledged by an operator")]
    reason: String,
    /// Even what was never delivered
    #[arg(long)]
    force: bool,
    /// Do it; without this, only what would be done is said
    #[arg(long)]
    apply: bool,
}

impl Args {
    pub(crate) async fn run(self, context: &Context) -> Ended {
        let inspect = context.inspect().await?;
        let filter = self.filter.or_event(context.now, |text| async move { named(&*inspect, &text).await }).await?;
        let destination = self.at.or_else(|| filter.destination.clone());
        let intent = Intent::Acknowledge { filter, destination, reason: self.reason, force: self.force };
        context.change(&intent, self.apply).await
    }
}
