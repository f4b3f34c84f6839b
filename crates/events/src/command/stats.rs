use stateset_inspect::answer::Stats;

use super::sheets;
use crate::context::Context;
use crate::exit::{Done, Ended};
use crate::filter::FilterArgs;
use crate::output::Sheet;

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(flatten)]
    filter: FilterArgs,
}

impl Args {
    pub(crate) async fn run(self, context: &Context) -> Ended {
        let stats = context.inspect().await?.stats(&self.filter.read(context.now)?).await?;
        context.output.print(&stats, sheet)?;
        Ok(Done::Well)
    }
}

fn sheet(stats: &Stats) -> Sheet {
    let mut sheet = Sheet::new(&["event_type", "count"]).head(format!("total {}", stats.total));
    for (name, at) in [("first", &stats.first_at), ("last", &stats.last_at)] {
        if at.is_some() {
            sheet = sheet.head(format!("{name} {}", sheets::text(at.as_ref())));
        }
    }
    if let Some(head) = stats.head_sequence {
        sheet = sheet.head(format!("head {head}"));
    }
    for one in &stats.types {
        sheet = sheet.row([one.event_type.clone(), one.count.to_string()]);
    }
    sheet
}
