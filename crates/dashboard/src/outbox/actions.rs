//! Changes: a preview, then its plan. Every form carries the session's token; without `--allow-changes` at the start there is none.

use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use maud::{Markup, html};
use stateset_inspect::answer::{Change, Planned};
use stateset_inspect::{Apply, Intent};

use super::{Asking, command_text, parse, value};
use crate::api::Fault;
use crate::parts::facts;
use crate::place::pairs;
use crate::text;

/// `POST /dead-letters`: what would be done.
pub(super) async fn preview(asking: Asking, body: String) -> Response {
    let form = pairs(&body);
    let result = async {
        permitted(&asking, &form)?;
        let filter = parse(value(&form, "q"))?;
        let rate = rate(value(&form, "rate"))?;
        let intent = match value(&form, "action") {
            "redrive" => Intent::Redrive { filter, letter: None, rate },
            "discard" => Intent::Discard { filter, letter: None, reason: value(&form, "reason").to_owned(), rate },
            other => return Err(bad(format!("there is no action {other:.20}"))),
        };
        let apply = Apply::Preview { actor: asking.outbox.actor.clone() };
        Ok(asking.outbox.inspect.change(&intent, &apply).await?)
    };
    let body = result.await.map(|change| preview_view(&asking, &change, &form));
    asking.visitor.page("Preview: nothing was changed", body)
}

/// `POST /apply`: the plan of a preview.
pub(super) async fn apply(asking: Asking, body: String) -> Response {
    let form = pairs(&body);
    let result = async {
        permitted(&asking, &form)?;
        let intent =
            Intent::Plan { plan: value(&form, "plan").to_owned(), kind: None, rate: rate(value(&form, "rate"))? };
        execute(&asking, &intent).await
    };
    match result.await {
        Ok(Change { job_id: Some(job), .. }) => {
            Redirect::to(&asking.visitor.place.at(&format!("/jobs/{}", crate::place::segment(&job)))).into_response()
        },
        Ok(change) => asking.visitor.page("Done", Ok(html! { p.lead { (change.message) } })),
        Err(fault) => asking.visitor.page("", Err(fault)),
    }
}

/// `POST /destinations/<name>`: its breaker.
pub(super) async fn breaker(asking: Asking, body: String) -> Response {
    let form = pairs(&body);
    let result = async {
        permitted(&asking, &form)?;
        let reason = value(&form, "reason").trim().to_owned();
        if reason.is_empty() {
            return Err(bad("a reason is needed: it is kept in the audit"));
        }
        let open = value(&form, "open") == "yes";
        execute(&asking, &Intent::Breaker { destination: asking.rest.clone(), open, reason }).await
    };
    done(&asking, result.await, &format!("/destinations/{}", crate::place::segment(&asking.rest)))
}

/// `POST /jobs/<job>`: abort or resume.
pub(super) async fn job(asking: Asking, body: String) -> Response {
    let form = pairs(&body);
    let result = async {
        permitted(&asking, &form)?;
        let job = asking.rest.clone();
        let intent = match value(&form, "action") {
            "abort" => Intent::AbortJob { job },
            "resume" => Intent::ResumeJob { job },
            other => return Err(bad(format!("there is no action {other:.20}"))),
        };
        execute(&asking, &intent).await
    };
    done(&asking, result.await, &format!("/jobs/{}", crate::place::segment(&asking.rest)))
}

/// A bulk action is only begun: whoever asked for it watches its page, and may close it.
async fn execute(asking: &Asking, intent: &Intent) -> Result<Change, Fault> {
    let apply = Apply::Begin { actor: asking.outbox.actor.clone() };
    Ok(asking.outbox.inspect.change(intent, &apply).await?)
}

fn done(asking: &Asking, result: Result<Change, Fault>, back: &str) -> Response {
    match result {
        Ok(_) => Redirect::to(&asking.visitor.place.at(back)).into_response(),
        Err(fault) => asking.visitor.page("", Err(fault)),
    }
}

/// Whether this form may change something.
fn permitted(asking: &Asking, form: &[(String, String)]) -> Result<(), Fault> {
    if !asking.visitor.session.as_ref().is_some_and(|session| session.sent(value(form, "token"))) {
        return Err(Fault::new(
            StatusCode::FORBIDDEN,
            "WRONG_TOKEN",
            "this form is of another session, so nothing was done",
            "Go back, reload the page, and send it again.",
        ));
    }
    if !asking.outbox.may_change {
        return Err(Fault::new(
            StatusCode::FORBIDDEN,
            "READ_ONLY",
            "this dashboard was started for reading, so nothing was done",
            "Start it with --allow-changes, or use stateset-events with --apply.",
        ));
    }
    Ok(())
}

fn rate(text: &str) -> Result<Option<u32>, Fault> {
    match text.trim() {
        "" => Ok(None),
        text => match text.parse() {
            Ok(0) | Err(_) => Err(bad("the rate is a number of deliveries per second, from 1")),
            Ok(rate) => Ok(Some(rate)),
        },
    }
}

fn bad(what: impl Into<String>) -> Fault {
    Fault::new(StatusCode::BAD_REQUEST, "INVALID_ARGUMENT", what, "Go back and correct it.")
}

fn preview_view(asking: &Asking, change: &Change, form: &[(String, String)]) -> Markup {
    html! {
        p.lead role="status" { (change.message) }
        @if let Some(plan) = &change.plan { (planned(plan)) }
        @if let Some(plan) = &change.plan_id {
            form.inline method="post" action=(asking.visitor.place.at("/apply")) {
                (asking.token())
                input type="hidden" name="plan" value=(plan);
                input type="hidden" name="rate" value=(value(form, "rate"));
                button.primary type="submit" { "Do it: " (change.action) " " (change.plan.as_ref().map_or(0, |plan| plan.count)) }
                a href=(asking.visitor.place.at(&format!("/dead-letters?{}", crate::place::query(&[("q", value(form, "q"))])))) { "Leave it" }
            }
            p.note { "The plan " code { (plan) } " is good for 15 minutes. What fails after this preview is not touched." }
        }
        @if let Some(command) = &change.apply_with { (command_text(command)) }
    }
}

fn planned(plan: &Planned) -> Markup {
    html! {
        (facts(&[
            ("Deliveries", html! { @if !plan.exact { "at least " } b { (text::grouped(plan.count)) } }),
            ("Lanes", html! { @match plan.lanes { Some(lanes) => (text::grouped(lanes)), None => "–" } }),
            ("Waiting behind them", html! { @match plan.followers { Some(followers) => (text::grouped(followers)), None => "–" } }),
            ("To", html! { @for (at, (name, number)) in plan.destinations.iter().enumerate() { @if at > 0 { ", " } (name) " " b { (text::grouped(*number)) } } }),
            ("Left alone", html! { @if plan.skipped.is_empty() { "none" } @for (at, (why, number)) in plan.skipped.iter().enumerate() { @if at > 0 { ", " } (why) " " b { (text::grouped(*number)) } } }),
        ]))
        @if !plan.sample.is_empty() {
            section { h2 { "The first of them" }
                table {
                    thead { tr { th { "Event" } th { "Type" } th { "Lane" } th { "Destination" } th { "State" } } }
                    tbody { @for one in &plan.sample { tr {
                        td data-label="Event" { code { (one.event_id) } }
                        td data-label="Type" { (one.event_type) }
                        td data-label="Lane" { (one.lane) }
                        td data-label="Destination" { (one.destination) }
                        td data-label="State" { (one.state.as_deref().unwrap_or("–")) }
                    } } }
                }
            }
        }
    }
}
