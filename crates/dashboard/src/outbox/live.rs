//! New events as they come, to one page at a time: server-sent events.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse as _, Response};
use futures_util::StreamExt as _;
use futures_util::stream::unfold;
use stateset_inspect::answer::EventRow;
use stateset_inspect::{Filter, From, Inspect};
use tokio::sync::mpsc::{Sender, channel};
use tokio::time::{Instant, timeout};

use super::Asking;
use crate::web::refusal;

/// Events of one look at the log.
const PAGE: u16 = 100;
/// Silence after which a comment is sent, so that a connection that is gone is noticed.
const SILENCE: Duration = Duration::from_secs(15);
/// How long one connection lasts. The browser comes back by itself, and is asked who it is.
const LASTS: Duration = Duration::from_mins(10);

/// `GET /live?q=…`. The browser says with `Last-Event-ID`, a script with `from`, what it has seen.
pub(super) async fn live(asking: Asking, headers: HeaderMap) -> Response {
    let filter = match asking.filter() {
        Ok(filter) => filter,
        Err(fault) => return refusal(fault.status, &fault.detail),
    };
    let seen = headers.get("last-event-id").and_then(|id| id.to_str().ok()).unwrap_or(asking.parameter("from"));
    let from = if seen.is_empty() { From::Now } else { From::Cursor(seen.to_owned()) };
    let (sender, receiver) = channel(4);
    let watch = watch(Arc::clone(&asking.outbox.inspect), filter, from, sender);
    #[expect(
        clippy::disallowed_methods,
        reason = "it ends when nobody reads any more, at the latest with the process"
    )]
    tokio::spawn(watch);
    let end = Instant::now() + LASTS;
    let texts = unfold(receiver, move |mut receiver| async move {
        if Instant::now() >= end {
            return None;
        }
        let text = match timeout(SILENCE, receiver.recv()).await {
            Ok(text) => text?,
            Err(_) => ":\n\n".to_owned(),
        };
        Some((Ok::<_, Infallible>(text), receiver))
    });
    ([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(texts)).into_response()
}

/// Follows until whoever reads has gone.
async fn watch(inspect: Arc<dyn Inspect>, filter: Filter, from: From, sender: Sender<String>) {
    // Before the first event too, so that the browser knows that it is connected.
    if sender.send(":\n\n".to_owned()).await.is_err() {
        return;
    }
    let mut pages = inspect.follow(&filter, from, PAGE);
    loop {
        let page = tokio::select! {
            page = pages.next() => page,
            () = sender.closed() => return,
        };
        let Some(Ok(page)) = page else { return };
        let last = page.events.len().saturating_sub(1);
        for (at, event) in page.events.into_iter().enumerate() {
            // Without what is as its writer wrote it, line breaks and all: the rest is JSON on one line.
            let event = EventRow { payload: None, metadata: None, ..event };
            let Ok(json) = serde_json::to_string(&event) else { return };
            // The place is that of the whole page: who loses it in its middle gets all of it again.
            let id = if at == last { format!("id: {}\n", page.cursor) } else { String::new() };
            if sender.send(format!("event: event\n{id}data: {json}\n\n")).await.is_err() {
                return;
            }
        }
    }
}
