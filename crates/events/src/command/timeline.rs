use stateset_inspect::answer::{Timeline, counted};
use stateset_inspect::{Fault, TimelineOf};

use super::sheets;
use crate::context::Context;
use crate::exit::{Done, Ended};
use crate::filter::PageArgs;
use crate::output::Sheet;

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Such as order/ORD-1; or the type, and the id behind it
    #[arg(value_name = "TYPE/ID")]
    entity: String,
    /// The id, if the first word is only the type
    id: Option<String>,
    #[command(flatten)]
    page: PageArgs,
    /// With payloads
    #[arg(long)]
    include_payload: bool,
}

/// `order/ORD-1`, or `order` and `ORD-1`.
pub(super) fn entity(text: &str, id: Option<&str>) -> Result<(String, String), Fault> {
    let parts = match id {
        Some(id) => Some((text, id)),
        None => text.split_once('/'),
    };
    match parts.filter(|(entity_type, entity_id)| !entity_type.is_empty() && !entity_id.is_empty()) {
        Some((entity_type, entity_id)) => Ok((entity_type.to_owned(), entity_id.to_owned())),
        None => Err(Fault::usage(format!("{text:.80?} names no entity"), "such as order/ORD-1, or order ORD-1")),
    }
}

impl Args {
    pub(crate) async fn run(self, context: &Context) -> Ended {
        let (entity_type, entity_id) = entity(&self.entity, self.id.as_deref())?;
        let of = TimelineOf::Entity { entity_type, entity_id };
        let timeline = context.inspect().await?.timeline(&of, &self.page.page(self.include_payload)).await?;
        context.output.print(&timeline, sheet)?;
        Ok(Done::Well)
    }
}

/// B04: type, time and place of each.
pub(super) fn sheet(timeline: &Timeline) -> Sheet {
    let mut sheet = Sheet::new(&[
        "created_at",
        "event_type",
        "entity",
        "sequence_number",
        "local_sequence",
        "event_id",
        "correlation_id",
    ]);
    for event in &timeline.events {
        sheet = sheet.row([
            event.created_at.clone(),
            event.event_type.clone(),
            format!("{}/{}", event.entity_type, event.entity_id),
            sheets::number(event.sequence_number),
            sheets::number(event.local_sequence),
            event.event_id.clone(),
            sheets::text(event.correlation_id.as_ref()),
        ]);
    }
    if timeline.events.is_empty() {
        return sheets::explained(sheet, &format!("events of {}", timeline.subject), timeline.diagnostics.as_ref());
    }
    if let Some(open) = timeline.pending_deliveries.filter(|open| *open > 0) {
        sheet = sheet.note(format!("{} of these events not finished", counted(open, "delivery")));
    }
    sheets::shown(sheet, timeline.events.len(), timeline.total, true, timeline.next_cursor.as_ref())
}
