//! Dead letters: what was given up, grouped by why, and all that match opened again after a look at the preview.

use axum::response::Response;
use maud::{Markup, html};
use stateset_inspect::GroupBy;
use stateset_inspect::answer::DeadLetterList;

use super::Asking;
use super::events::nothing;
use crate::parts::{Tone, badge, name, now, time};
use crate::place::query;
use crate::text;

const EXAMPLE: &str = "class:refused type:order.created since:3h";
const GROUPS: &[(&str, &str)] =
    &[("error", "error"), ("class", "class"), ("destination", "destination"), ("type", "type")];

pub(super) async fn page(asking: Asking) -> Response {
    let body = async {
        let filter = asking.filter()?;
        let group = match asking.parameter("group") {
            "class" => GroupBy::Class,
            "destination" => GroupBy::Destination,
            "type" => GroupBy::Type,
            _ => GroupBy::Error,
        };
        Ok(view(&asking, &asking.outbox.inspect.dead_letters(&filter, &asking.page(), Some(group)).await?))
    };
    let body = body.await;
    asking.listed("Dead letters", "/dead-letters", EXAMPLE, body)
}

fn view(asking: &Asking, found: &DeadLetterList) -> Markup {
    let q = asking.parameter("q");
    html! {
        p.lead { "Deliveries that were given up. Events of the same lane may wait behind them. Nothing is lost: each can be opened again." }
        (asking.search("/dead-letters", EXAMPLE))
        p.summary role="status" { b { (text::counted(found.total, found.total_exact)) } " open dead letters" }
        @if found.dead_letters.is_empty() { (nothing(asking, "/dead-letters", found.diagnostics.as_ref())) } @else {
            (groups(asking, found))
            (actions(asking, q, found.total))
            (table(asking, found))
        }
        (asking.next(found.next_cursor.as_ref()))
        (asking.command(&format!("dlq list {}", asking.filter_word())))
    }
}

fn groups(asking: &Asking, found: &DeadLetterList) -> Markup {
    let now = now();
    let by = match asking.parameter("group") {
        "" => "error",
        other => other,
    };
    html! {
        nav.tabs aria-label="Group by" { ul { @for (name, label) in GROUPS {
            li { a href=(asking.visitor.place.at(&format!("/dead-letters?{}", query(&[("q", asking.parameter("q")), ("group", name)])))) aria-current=[(by == *name).then_some("page")] { "By " (label) } }
        } } }
        table {
            thead { tr { th.number { "How many" } th { "What they have in common" } th { "First" } th { "Last" } th { "One of them" } } }
            tbody { @for group in &found.groups { tr {
                td.number data-label="How many" { b { (text::grouped(group.count)) } }
                td data-label="In common" { (name(&group.group)) }
                td data-label="First" { (time(&group.first_failed_at, now)) }
                td data-label="Last" { (time(&group.last_failed_at, now)) }
                td data-label="One of them" { a href=(asking.event(&group.sample_event_id)) { code.id { (group.sample_event_id) } } }
            } } }
        }
    }
}

/// All that match, not only those on the page. A filter must be set: everything is said in words.
fn actions(asking: &Asking, q: &str, total: u64) -> Markup {
    html! {
        section { h2 { "All that match" }
            @if !asking.outbox.may_change {
                p.note { "Nothing can be changed from here: start the dashboard with " code { "--allow-changes" } "." }
            } @else if q.trim().is_empty() {
                p { "Set a filter first. For really all of them filter by " a href=(asking.visitor.place.at("/dead-letters?q=type%3A*")) { code { "type:*" } } "." }
            } @else {
                form.inline method="post" action=(asking.visitor.place.at("/dead-letters")) {
                    (asking.token())
                    input type="hidden" name="q" value=(q);
                    label { "Do"
                        select name="action" { option value="redrive" { "open them again (redrive)" } option value="discard" { "give them up for good (discard)" } }
                    }
                    label { "Why (needed to discard)" input name="reason" maxlength="200"; }
                    label.brief { "At most per second" input name="rate" inputmode="numeric" pattern="[0-9]{1,6}" placeholder="50"; }
                    button type="submit" { "Preview " (text::grouped(total)) " dead letters" }
                }
                p.note { "The preview changes nothing. What it shows is what is done, and nothing that fails later." }
            }
        }
    }
}

fn table(asking: &Asking, found: &DeadLetterList) -> Markup {
    let now = now();
    html! {
        section { h2 { "One by one" }
            table {
                thead { tr { th { "Event" } th { "Destination" } th { "Lane" } th { "Class" } th { "Error" } th.number { "Tries" } th { "Given up" } } }
                tbody { @for letter in &found.dead_letters { tr {
                    td data-label="Event" { a.type href=(asking.event(&letter.event_id)) { (name(&letter.event_type)) } " " code.id { (letter.event_id) } }
                    td.short data-label="Destination" { (name(&letter.destination)) }
                    td.short data-label="Lane" { (name(&letter.lane)) }
                    td data-label="Class" { (badge(Tone::Bad, &letter.class)) }
                    td data-label="Error" { (name(&letter.error)) }
                    td.number data-label="Tries" { (letter.attempts) }
                    td data-label="Given up" { (time(&letter.failed_at, now)) @if let Some(end) = &letter.resolution { " " (badge(Tone::Plain, end)) } }
                } } }
            }
        }
    }
}
