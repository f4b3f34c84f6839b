use stateset_inspect::TimelineOf;

use super::timeline;
use crate::context::Context;
use crate::exit::{Done, Ended};
use crate::filter::PageArgs;

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Correlation id, or the id of a command
    correlation: String,
    #[command(flatten)]
    page: PageArgs,
    /// With payloads
    #[arg(long)]
    include_payload: bool,
}

impl Args {
    pub(crate) async fn run(self, context: &Context) -> Ended {
        let page = self.page.page(self.include_payload);
        let found = context.inspect().await?.timeline(&TimelineOf::Correlation(self.correlation), &page).await?;
        context.output.print(&found, timeline::sheet)?;
        Ok(Done::Well)
    }
}
