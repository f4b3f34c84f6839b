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

/// No index answers the filter: what was done, and how it goes on.
fn unfinished(list: &EventList) -> String {
    let looked_at = list.looked_at.map_or_else(|| "a part of the log".to_owned(), |count| format!("{count} events"));
    let on = list.next_cursor.as_ref().map_or_else(String::new, |cursor| format!(", or go on with --cursor {cursor}"));
    format!("looked at {looked_at}, not at all of them: narrow the filter by type, entity or time{on}")
}

fn sheet(list: &EventList) -> Sheet {
    let mut sheet = Sheet::new(&sheets::EVENT_COLUMNS);
    for event in &list.events {
        sheet = sheet.row(sheets::event_cells(event));
    }
    if list.partial {
        sheet = sheet.note(unfinished(list));
    }
    if list.events.is_empty() {
        return sheets::explained(sheet, "events", list.diagnostics.as_ref());
    }
    sheets::shown(sheet, list.events.len(), list.total, list.total_exact, list.next_cursor.as_ref())
}
