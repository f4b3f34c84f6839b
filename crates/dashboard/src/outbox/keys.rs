//! Idempotency keys: what became of a command whose answer was lost.

use axum::response::Response;
use maud::{Markup, html};
use stateset_inspect::answer::{KeyAnswer, KeyList};

use super::Asking;
use crate::parts::{Tone, badge, empty, facts, json, name, now, time};

pub(super) async fn page(asking: Asking) -> Response {
    let body = async {
        let (key, operation) = (asking.parameter("key"), asking.parameter("operation"));
        if key.is_empty() {
            return Ok(form(&asking));
        }
        let found = asking.outbox.inspect.keys(key, Some(operation).filter(|name| !name.is_empty())).await?;
        Ok(html! { (form(&asking)) (view(&asking, &found)) })
    };
    let body = body.await;
    asking.visitor.page("Idempotency keys", body)
}

fn form(asking: &Asking) -> Markup {
    html! {
        p.lead { "A command with a key is done once. Look its key up here when an answer was lost." }
        form.inline method="get" action=(asking.visitor.place.at("/keys")) {
            label { "Key" input name="key" required maxlength="255" value=(asking.parameter("key")) placeholder="create_order_ORD-123" spellcheck="false"; }
            label { "Operation" input name="operation" maxlength="255" value=(asking.parameter("operation")) placeholder="any" spellcheck="false"; }
            button type="submit" { "Look up" }
        }
    }
}

fn view(asking: &Asking, found: &KeyList) -> Markup {
    html! {
        @if found.keys.is_empty() { (empty("Nobody used this key", &html! { p { "A command with it would be done as a new one." } })) }
        @for key in &found.keys { (one(asking, key)) }
        (asking.command(&format!("idempotency get {}", crate::parts::commands::shell(asking.parameter("key")))))
    }
}

fn one(asking: &Asking, key: &KeyAnswer) -> Markup {
    let now = now();
    let tone = match key.status.as_str() {
        "completed" => Tone::Good,
        "failed" | "uncertain" => Tone::Bad,
        "in_progress" => Tone::Warn,
        _ => Tone::Plain,
    };
    let at = |text: &Option<String>| html! { @match text { Some(at) => (time(at, now)), None => "–" } };
    html! {
        section {
            h2 { (key.operation.as_deref().unwrap_or("any operation")) " " (badge(tone, &key.status)) }
            p { (key.explanation) }
            (facts(&[
                ("Key", html! { code { (name(&key.key)) } }),
                ("What to do", html! { code { (key.disposition) } }),
                ("First used", at(&key.created_at)),
                ("Answered", at(&key.completed_at)),
                ("Expires", at(&key.expires_at)),
                ("Generation", html! { @match key.generation { Some(number) => (number), None => "–" } }),
                ("Command", html! { (key.command_id.as_deref().unwrap_or("–")) }),
                ("Status of the answer", html! { @match key.response_status { Some(status) => (status), None => "–" } }),
                ("Events", html! { @if key.event_ids.is_empty() { "none" } @for id in &key.event_ids { a href=(asking.event(id)) { code { (id) } } " " } }),
            ]))
            @if let Some(result) = &key.result { (json("stored answer", result.get(), 16_384, "The command below prints all of it.")) }
        }
    }
}
