//! The server itself: how busy, how fast, how far behind. For whoever may see every tenant.

use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};

use crate::api::Fault;
use crate::parts::{Tone, badge, figure};
use crate::text;
use crate::web::Visitor;

mod open_metrics;

use open_metrics::Page;

/// `GET /server`.
pub async fn page(visitor: Visitor) -> Response {
    let body = read(&visitor).await.map(|page| view(&visitor, &page));
    visitor.page("Server", body)
}

async fn read(visitor: &Visitor) -> Result<Page, Fault> {
    if visitor.who.tenant.is_some() {
        return Err(Fault::new(
            StatusCode::FORBIDDEN,
            "INSUFFICIENT_PERMISSIONS",
            "this page adds up all tenants, and your key is for one",
            "Log in with the operator's key.",
        ));
    }
    Ok(Page::parse(&visitor.api.text("/metrics").await?))
}

fn view(visitor: &Visitor, page: &Page) -> Markup {
    let seconds = |value: f64| if value < 1.0 { format!("{:.1} ms", value * 1e3) } else { format!("{value:.1} s") };
    let count = |name: &str| whole(page.sum(name));
    let quantile =
        |name: &str, part: f64| page.quantile(name, &[], part).map_or_else(|| "none yet".to_owned(), seconds);
    html! {
        p.lead { "This process since it started. For graphs and alarms let Prometheus read " a href="/metrics" { "the metrics" } "." }
        dl.figures {
            (figure("Events in the database", &count("stateset_log_events"), &html! { (count("stateset_log_streams")) " streams" }))
            (figure("Group commit, p50", &quantile("stateset_append_flush_seconds", 0.5), &html! { "p99 " (quantile("stateset_append_flush_seconds", 0.99)) }))
            (figure("Waiting for a place", &count("stateset_append_waiting_events"), &html! { (count("stateset_append_overloaded_requests_total")) " requests turned away" }))
            (figure("Head log lag", &seconds(page.sum("stateset_publisher_lag_seconds")), &html! {
                (count("stateset_publisher_unpublished_heads")) " heads wait, " (count("stateset_head_log_entries")) " entries"
            }))
            (figure("Connections", &count("stateset_http_connections"), &html! { (count("stateset_http_connections_refused_total")) " refused" }))
            (figure("Database", if page.sum("stateset_database_up") > 0.0 { "answers" } else { "unknown" }, &html! {
                @if page.sum("stateset_database_up") > 0.0 { (badge(Tone::Good, "up")) } @else { (badge(Tone::Warn, "not asked yet")) }
                " " (whole(page.sum("stateset_database_size_bytes") / 1e6)) " MB"
            }))
        }
        h2 { "What became of events" }
        table {
            thead { tr { th { "Outcome" } th.number { "Events" } } }
            tbody {
                @for (labels, value) in page.series("stateset_append_events_total") {
                    tr { td data-label="Outcome" { (labels.iter().map(|(_, value)| value.as_str()).collect::<Vec<_>>().join(", ")) }
                        td.number data-label="Events" { (whole(*value)) } }
                }
            }
        }
        h2 { "Requests" }
        table {
            thead { tr { th { "Route" } th.number { "Requests" } th.number { "p50" } th.number { "p99" } } }
            tbody {
                @for (labels, requests) in page.series("stateset_http_request_duration_seconds_count") {
                    @let pairs: Vec<(&str, &str)> = labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
                    @let part = |part: f64| page.quantile("stateset_http_request_duration_seconds", &pairs, part).map_or_else(|| "–".to_owned(), seconds);
                    tr {
                        td data-label="Route" { code { (pairs.iter().map(|(_, value)| *value).collect::<Vec<_>>().join(" ")) } }
                        td.number data-label="Requests" { (whole(*requests)) }
                        td.number data-label="p50" { (part(0.5)) }
                        td.number data-label="p99" { (part(0.99)) }
                    }
                }
            }
        }
        p.note { "You are " (visitor.who.name) "." }
    }
}

/// A counter for people.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count, cut to what a number can hold")]
fn whole(value: f64) -> String {
    text::grouped(value.max(0.0) as u64)
}
