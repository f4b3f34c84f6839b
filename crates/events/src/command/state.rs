use stateset_inspect::answer::EntityState;
use stateset_inspect::{Fault, StateOf};
use stateset_outbox::filter::parse_time;

use super::timeline::entity;
use crate::context::Context;
use crate::exit::{Done, Ended};
use crate::output::Sheet;

/// Each payload is merged over the ones before it, member by member (RFC 7396)
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Such as order/ORD-1; or the type, and the id behind it
    #[arg(value_name = "TYPE/ID")]
    entity: String,
    /// The id, if the first word is only the type
    id: Option<String>,
    /// As of this time, such as 2026-02-01T10:00:00Z or 3h; otherwise now
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// And what changed since this time
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
}

impl Args {
    pub(crate) async fn run(self, context: &Context) -> Ended {
        let (entity_type, entity_id) = entity(&self.entity, self.id.as_deref())?;
        let time = |text: Option<&str>| {
            let read = text.map(|text| parse_time(text, context.now)).transpose();
            read.map_err(|why| Fault::usage(why, "such as 2026-02-01T10:00:00Z, or 3h"))
        };
        let (at, since) = (time(self.at.as_deref())?, time(self.since.as_deref())?);
        let state = context.inspect().await?.state(&StateOf { entity_type, entity_id, at, since }).await?;
        context.output.print(&state, |state| sheet(state, since.is_some()))?;
        Ok(Done::Well)
    }
}

fn sheet(state: &EntityState, compared: bool) -> Sheet {
    let word = |text: &Option<String>| text.clone().unwrap_or_default();
    let mut sheet = Sheet::new(&["member", "value", "said_at"]).head(format!(
        "{}/{} version {}, after {} at {}",
        state.entity_type,
        state.entity_id,
        state.version,
        word(&state.last_event_type),
        word(&state.last_event_at)
    ));
    for (member, value) in &state.data {
        let place = state.said_at.get(member).map(ToString::to_string).unwrap_or_default();
        sheet = sheet.row([member.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned), place]);
    }
    for one in &state.changed {
        sheet = sheet.foot(format!("{}: {} → {}", one.member, one.before, one.after));
    }
    if compared && state.changed.is_empty() {
        sheet = sheet.foot("nothing changed since then");
    }
    if state.partial {
        sheet = sheet.note("there are more events than are read: the later ones are not in it");
    }
    sheet
}
