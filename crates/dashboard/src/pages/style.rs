//! Every part in every state, to look at after a change of the style.

use axum::response::Response;
use maud::html;

use crate::parts::chart::sparkline;
use crate::parts::proof::{ladder, steps};
use crate::parts::{Tone, badge, block, empty, facts, figure, hash};
use crate::web::Visitor;

const EXAMPLE: &str = "1fd1543d2bd167a80c91d59ea7c9202e2c794c3e1fd1543d2bd167a80c91d59e";

/// `GET /style`.
pub async fn page(visitor: Visitor) -> Response {
    let path: Vec<String> = (0..7).map(|at| format!("{at}{at}{EXAMPLE}")).collect();
    let wave: Vec<f64> = (0..60_i32).map(|at| (f64::from(at) / 6.0).sin().mul_add(40.0, 60.0)).collect();
    let body = html! {
        p.lead { "What pages are made of. Nothing depends on colour alone." }
        h2 { "Badges" }
        p { (badge(Tone::Plain, "unsigned")) " " (badge(Tone::Good, "verified")) " " (badge(Tone::Warn, "waits")) " " (badge(Tone::Bad, "invalid")) }
        h2 { "Figures" }
        dl.figures {
            (figure("Events", "1 048 221", &html! { "exactly, without gaps" }))
            (figure("Events per minute", "24.1", &sparkline(&wave, "last hour", "per minute")))
        }
        h2 { "Facts" }
        (facts(&[("Root", hash(EXAMPLE)), ("Nothing", html! { span.note { "none" } })]))
        h2 { "Buttons and fields" }
        form.inline { label { "Entity id" input placeholder="ORD-1001"; } button type="button" { "Button" } button.primary type="button" { "Primary" } button.quiet type="button" { "Quiet" } }
        h2 { "Steps of a proof" }
        ol.steps {
            li.holds { span.title { "A step that holds" } span.detail { code { (EXAMPLE) } } }
            li.fails { span.title { "A step that fails" } span.detail { "the path leads to another root" } }
            li.open { span.title { "A step with nothing to check" } span.detail { "not logged yet" } }
        }
        (ladder("example", "root", "leaf", &steps(41, 100, &path), "events"))
        h2 { "Text as written" }
        (block("example", "{\n  \"amount\": 1.10\n}"))
        h2 { "Nothing to show" }
        (empty("No event", &html! { p { "And why." } }))
        div.fault role="alert" { p.title { "Something that could not be done" } p { "What to do." } }
    };
    visitor.page("Style", Ok(body))
}
