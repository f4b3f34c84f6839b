//! Events as rows. The script that adds live ones builds the same cells (`assets/live.js`).

use maud::{Markup, html};
use stateset_api::event::{Envelope, SignatureState};
use time::OffsetDateTime;

use super::{Tone, badge, name, time};
use crate::place::Place;
use crate::text;

/// Characters of a payload that a row shows.
const PREVIEW: usize = 120;

/// A table of events, in the order given.
pub fn table(place: &Place, events: &[Envelope], now: OffsetDateTime) -> Markup {
    html! {
        table.events {
            thead { tr { th.number { "Place" } th { "Type" } th { "Entity" } th { "Sequenced" } th { "Signed" } th { "Payload" } } }
            tbody #events {
                @for event in events {
                    tr {
                        td.number data-label="Place" { a href=(place.event(event.event_id)) { (text::grouped(event.sequence_number)) } }
                        td data-label="Type" { a.type href=(place.events_with("event_type", &event.event_type)) { (name(&event.event_type)) } }
                        td data-label="Entity" {
                            a href=(place.entity(&event.entity_type, &event.entity_id)) { (name(&event.entity_type)) " " b { (name(&event.entity_id)) } }
                        }
                        td data-label="Sequenced" { (time(&event.sequenced_at, now)) }
                        td data-label="Signed" { (signed(event)) }
                        td.preview data-label="Payload" { code { (text::plain(&preview(event))) } }
                    }
                }
            }
        }
    }
}

/// Whether anybody signed: said by the server, checked on the event's own page.
pub fn signed(event: &Envelope) -> Markup {
    match event.signature {
        None | Some(SignatureState::Signed) => badge(Tone::Good, "signed"),
        Some(SignatureState::Absent) => badge(Tone::Plain, "unsigned"),
        Some(SignatureState::Unverifiable) => badge(Tone::Warn, "unverifiable"),
    }
}

/// The beginning of the payload.
fn preview(event: &Envelope) -> String {
    match &event.payload {
        Some(payload) => {
            let mut text: String = payload.get().chars().take(PREVIEW).collect();
            if text.len() < payload.get().len() {
                text.push('…');
            }
            text
        },
        None => "encrypted".to_owned(),
    }
}
