//! Following a stream: server-sent events, resumed behind the last place after every interruption.

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::stream::{StreamExt as _, unfold};
use stateset_api::event::Envelope;
use stateset_outbox::filter::Filter;

use super::query::Query;
use super::transport::{Call, Chunks};
use super::{Remote, view};
use crate::fault::{Fault, Kind};
use crate::surface::{Followed, Following, From};

/// Longest line of an event stream: the largest payload and its envelope.
const LINE_BYTES: usize = 16 * 1024 * 1024;
/// Waits between attempts to come back.
const COME_BACK: [Duration; 4] =
    [Duration::from_millis(200), Duration::from_secs(1), Duration::from_secs(5), Duration::from_secs(15)];

struct Tail<'a> {
    remote: &'a Remote,
    filter: &'a Filter,
    from: From,
    /// The last place that was given.
    last: Option<u64>,
    lines: Option<Lines>,
    failures: usize,
    ended: bool,
}

struct Lines {
    body: Chunks,
    buffer: VecDeque<u8>,
}

impl Remote {
    pub(super) fn events<'a>(&'a self, filter: &'a Filter, from: From) -> Following<'a> {
        let tail = Tail { remote: self, filter, from, last: None, lines: None, failures: 0, ended: false };
        Box::pin(unfold(tail, |mut tail| async move {
            if tail.ended {
                return None;
            }
            let next = tail.next().await;
            tail.ended = next.is_err();
            Some((next, tail))
        }))
    }
}

impl Tail<'_> {
    /// The next event that passes, however long that takes.
    async fn next(&mut self) -> Result<Followed, Fault> {
        loop {
            match self.step().await {
                Ok(Some(followed)) => return Ok(followed),
                Ok(None) => {},
                // What was answered before the interruption is behind us; it goes on where it was.
                Err(fault) if matches!(fault.kind, Kind::Unavailable | Kind::RateLimited) && self.last.is_some() => {
                    self.lines = None;
                    let wait = COME_BACK[self.failures.min(COME_BACK.len() - 1)];
                    self.failures += 1;
                    tokio::time::sleep(fault.retry_after.unwrap_or(wait)).await;
                },
                Err(fault) => return Err(fault),
            }
        }
    }

    /// One event of the stream, if it passes.
    async fn step(&mut self) -> Result<Option<Followed>, Fault> {
        let query = Query::new(self.filter, &self.remote.scope_query())?;
        let mut lines = match self.lines.take() {
            Some(lines) => lines,
            None => self.open(&query).await?,
        };
        let data = lines.event().await.map_err(|error| Fault::unavailable("the event stream", error))?;
        self.lines = Some(lines);
        let Some((name, data)) = data else {
            self.lines = None;
            return Err(Fault::unavailable("the event stream", "it ended"));
        };
        if name == "problem" {
            let fix = "ask again with a valid credential; `stateset-events doctor` tells more";
            return Err(Fault::new(Kind::Auth, "STREAM_ENDED", format!("the sequencer ended the stream: {data}"), fix));
        }
        if name != "event" {
            return Ok(None);
        }
        let event: Envelope = serde_json::from_str(&data).map_err(|error| Fault::corrupt("an event of the stream", error))?;
        let place = event.sequence_number;
        self.failures = 0;
        self.last = Some(place);
        let cursor = place.to_string();
        Ok(query.takes(&event).then(|| Followed { events: vec![view::row(event, true)], cursor }))
    }

    async fn open(&mut self, query: &Query<'_>) -> Result<Lines, Fault> {
        let behind = match (&self.last, &self.from) {
            (Some(last), _) => Some(*last),
            (None, From::Now) => Some(self.remote.head().await?.head_sequence),
            (None, From::Cursor(text)) => Some(text.parse().map_err(|_| {
                Fault::usage(format!("{text:.40?} is no cursor of a sequencer"), "begin a new one with another --cursor")
            })?),
            (None, From::Beginning | From::Time(_)) => None,
        };
        let mut path = format!("/api/v1/events/stream?{}", query.parameters);
        if let From::Time(since) = self.from
            && self.filter.since.is_none()
        {
            path.push_str(&format!("&since={since}"));
        }
        match behind {
            Some(_) => {},
            None => path.push_str(&format!("&from={}", query.first)),
        }
        let call = Call { last_event_id: behind, ..Call::get(path) };
        self.last = self.last.or(behind).or(Some(query.first - 1));
        let reply = self.remote.send(call).await?;
        Ok(Lines { body: reply.body, buffer: VecDeque::new() })
    }
}

impl Lines {
    /// The next event: its name and its data. `None` at the end.
    async fn event(&mut self) -> Result<Option<(String, String)>, super::TransportError> {
        let (mut name, mut data) = (String::new(), String::new());
        while let Some(line) = self.line().await? {
            if line.is_empty() {
                if !data.is_empty() {
                    return Ok(Some((name, data)));
                }
                name.clear();
            } else if let Some(value) = line.strip_prefix("event:") {
                value.trim_start().clone_into(&mut name);
            } else if let Some(value) = line.strip_prefix("data:") {
                data.push_str(value.strip_prefix(' ').unwrap_or(value));
            }
        }
        Ok(None)
    }

    async fn line(&mut self) -> Result<Option<String>, super::TransportError> {
        let mut looked = 0;
        loop {
            if let Some(at) = self.buffer.iter().skip(looked).position(|byte| *byte == b'\n') {
                let bytes: Vec<u8> = self.buffer.drain(..=looked + at).collect();
                let text = String::from_utf8_lossy(&bytes);
                return Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()));
            }
            looked = self.buffer.len();
            if looked > LINE_BYTES {
                return Err(super::TransportError::TooLarge(LINE_BYTES));
            }
            match self.body.next().await {
                Some(chunk) => self.buffer.extend(chunk?),
                None => return Ok(None),
            }
        }
    }
}
