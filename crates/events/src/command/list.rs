use stateset_inspect::answer::EventList;

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
    /// With payloads
    #[arg(long)]
    include_payload: bool,
}

impl Args {
    pub(crate) async fn run(self, context: &Context) -> Ended {
        let filter = self.filter.read(context.now)?;
        let page = self.page.page(self.include_payload);
        let list = context.inspect().await?.list(&filter, &page).await?;
        context.output.print(&list, sheet)?;
        Ok(Done::Well)
    }
}

fn sheet(list: &EventList) -> Sheet {
    let mut sheet = Sheet::new(&sheets::EVENT_COLUMNS);
    for event in &list.events {
        sheet = sheet.row(sheets::event_cells(event));
    }
    if list.partial {
        sheet = sheet.note("not everything was looked at: narrow the filter by type, entity or time, or go on with the cursor");
    }
    if list.events.is_empty() {
        return sheets::explained(sheet, "events", list.diagnostics.as_ref());
    }
    sheets::shown(sheet, list.events.len(), list.total, list.total_exact, list.next_cursor.as_ref())
}
