//! `GET /api/v1/events/stream`: server-sent events, history first, then live.
//!
//! The tail reads pages like any other reader, so nothing is ever sent out of order or twice. Waking is a hint: between
//! two pages the tail waits for a commit of this process, or for `POLL`, because another process may have appended.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName};
use axum::response::IntoResponse;
use axum::response::sse::{Event as SseEvent, KeepAlive, Sse};
use futures_util::stream::{Stream, unfold};
use stateset_api::code::Code;
use stateset_ledger::id::{Scope, Sequence};
use stateset_store::StoreError;
use stateset_store::read::{EventFilter, EventQuery};
use stateset_store::stream::StreamNo;
use tokio_util::sync::CancellationToken;

use super::credential::{Caller, Read};
use super::filters::EventParameters;
use super::parameters::{Parameters, parse_optional};
use super::problem::{ApiError, ApiResult};
use super::view;
use crate::read::{ReadError, open_events, sealed_bytes};
use crate::service::Service;

/// How long an append of another process may stay unseen.
const POLL: Duration = Duration::from_millis(250);
/// Proxies close connections on which nothing moves, most of them after 30 seconds or more.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Events read at a time: few at first, because their size is not known, then up to the most while pages stay small.
const FIRST_PAGE: u32 = 50;
const LARGEST_PAGE: u32 = 500;
const SMALL_PAGE_BYTES: usize = 1024 * 1024;

const LAST_EVENT_ID: &str = "last-event-id";
/// Asks proxies of the nginx family not to hold events back.
const UNBUFFERED: (HeaderName, &str) = (HeaderName::from_static("x-accel-buffering"), "no");

/// Streams events from `Last-Event-ID` or `from` on, until the client leaves or the server stops.
pub async fn stream(
    State(service): State<Arc<Service>>,
    Extension(stop): Extension<CancellationToken>,
    caller: Caller<Read>,
    Parameters(parameters): Parameters<EventParameters>,
    headers: HeaderMap,
) -> ApiResult<impl IntoResponse> {
    let asked = parameters.read()?;
    asked.no_end()?;
    caller.store(asked.scope)?;
    let row = service.store.stream(asked.scope).await?;
    let head = row.as_ref().map_or(0, |row| row.size);
    let tail = Tail {
        next: resume_after(&headers, head)?.unwrap_or(asked.from),
        service,
        caller,
        stop,
        scope: asked.scope,
        stream: row.map(|row| row.stream),
        filter: asked.filter,
        limit: FIRST_PAGE,
        ready: VecDeque::new(),
        ended: false,
    };
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE).text("keep-alive");
    Ok(([UNBUFFERED], Sse::new(tail.into_stream()).keep_alive(keep_alive)))
}

/// The place behind the last one a returning client has seen. It wins over `from`, which browsers send again unchanged.
///
/// A place that does not exist yet means that the client knows another log, a lost or a restored one. Waiting for the
/// place would skip whatever is different, so the client is told.
fn resume_after(headers: &HeaderMap, head: u64) -> ApiResult<Option<Sequence>> {
    let text = headers.get(LAST_EVENT_ID).map(|value| value.to_str().unwrap_or("?"));
    let expected = "the id of an event of this stream, which is its sequence number";
    let Some(last) = parse_optional::<u64>("Last-Event-ID", text, expected)? else { return Ok(None) };
    let next = Sequence::from_index(last).ok().filter(|_| last <= head);
    next.map(Some).ok_or_else(|| {
        ApiError::fault(Code::SequenceAhead, "Last-Event-ID", format!("is {last}, above the stream's head {head}"))
    })
}

/// One client's place in one stream.
struct Tail {
    service: Arc<Service>,
    caller: Caller<Read>,
    stop: CancellationToken,
    scope: Scope,
    /// `None` until something is appended.
    stream: Option<StreamNo>,
    filter: EventFilter,
    /// First place not looked at yet.
    next: Sequence,
    limit: u32,
    ready: VecDeque<SseEvent>,
    ended: bool,
}

impl Tail {
    fn into_stream(self) -> impl Stream<Item = Result<SseEvent, Infallible>> {
        unfold(self, |mut tail| async move {
            let event = tail.next_event().await?;
            Some((Ok(event), tail))
        })
    }

    /// The next event in order, however long that takes; `None` at the end.
    async fn next_event(&mut self) -> Option<SseEvent> {
        let grown = Arc::clone(&self.service.grown);
        loop {
            if self.stop.is_cancelled() {
                return None;
            }
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            if self.ended {
                return None;
            }
            // Made before the page is read: a commit in between wakes it, so nothing has to wait for the poll.
            let grown = grown.notified();
            match self.read_page().await {
                Ok(()) if self.ready.is_empty() => {},
                Ok(()) => continue,
                Err(ReadError::Store(StoreError::Unavailable(cause))) => {
                    tracing::warn!(%cause, "database not available; a stream of events waits for it");
                },
                Err(fatal) => {
                    self.end_with(&fatal);
                    continue;
                },
            }
            tokio::select! {
                () = self.stop.cancelled() => return None,
                () = grown => {},
                () = tokio::time::sleep(POLL) => {},
            }
        }
    }

    /// Makes the events of one page ready. None are if nothing new passes the filter.
    async fn read_page(&mut self) -> Result<(), ReadError> {
        let store = self.service.store.as_ref();
        if !self.caller.still_holds(&self.service).await? {
            self.end_refused();
            return Ok(());
        }
        if self.stream.is_none() {
            self.stream = store.stream(self.scope).await?.map(|row| row.stream);
        }
        let Some(stream) = self.stream else { return Ok(()) };
        let query = EventQuery { filter: self.filter.clone(), ..EventQuery::new(stream, self.next, self.limit) };
        let page = store.events(&query).await?;
        let seen = match page.events.last() {
            Some(last) if page.has_more => last.sequence.get(),
            // Everything up to the head has been looked at, so a rare filter does not start over each time.
            Some(_) | None => page.head_size,
        };
        let small = sealed_bytes(&page.segments) <= SMALL_PAGE_BYTES;
        self.limit = if small { (self.limit * 2).min(LARGEST_PAGE) } else { (self.limit / 2).max(1) };
        for opened in open_events(&self.service.keyring, self.scope, page.events, page.segments).await? {
            let id = opened.event.sequence.to_string();
            let data = serde_json::to_string(&view::envelope(self.scope, opened))
                .expect("an envelope holds only text, numbers and JSON");
            self.ready.push_back(SseEvent::default().id(id).event("event").data(one_line(&data)));
        }
        self.next = self.next.max(Sequence::from_index(seen).map_err(StoreError::corrupt)?);
        Ok(())
    }

    /// Tells the client that its credential is over.
    fn end_refused(&mut self) {
        let code = Code::InvalidApiKey;
        let problem = serde_json::json!({ "code": code.text(), "detail": "the credential is no longer valid" });
        self.ready.push_back(SseEvent::default().event("problem").data(problem.to_string()));
        self.ended = true;
    }

    /// Tells the client that the stream cannot go on, and why.
    fn end_with(&mut self, error: &ReadError) {
        tracing::error!(%error, "a stream of events ends early");
        let problem = serde_json::json!({ "code": Code::InternalError.text(), "detail": error.to_string() });
        self.ready.push_back(SseEvent::default().event("problem").data(problem.to_string()));
        self.ended = true;
    }
}

/// A payload is kept as received, with its line breaks. In JSON they can only be white space between tokens, and a line
/// break would split the data field.
fn one_line(json: &str) -> String {
    json.replace(['\r', '\n'], " ")
}
