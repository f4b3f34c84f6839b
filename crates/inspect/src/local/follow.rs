//! Following the log of an outbox.

use std::time::Duration;

use futures_util::stream::unfold;
use stateset_outbox::filter::Filter;
use stateset_outbox::{Engine, TailCursor, TailListener, TailStart};

use super::{Local, of_delivery, rows};
use crate::fault::{Fault, Kind};
use crate::surface::{Followed, Following, From};

/// Longest wait between two looks at the log; a commit of a writer that hints ends it early.
const LOOK: Duration = Duration::from_millis(50);
/// After the database did not answer.
const COME_BACK: Duration = Duration::from_secs(1);

struct Tail<'a, DB: Engine> {
    local: &'a Local<DB>,
    filter: &'a Filter,
    from: From,
    since: Option<i64>,
    cursor: Option<TailCursor>,
    listener: TailListener<DB>,
    page: u16,
    full: bool,
    ended: bool,
}

impl<DB: Engine> Local<DB> {
    async fn begin(&self, from: &From) -> Result<TailCursor, Fault> {
        let outbox = &self.outbox;
        let begun = match from {
            From::Now => outbox.tail_from(TailStart::Now).await,
            From::Beginning | From::Time(_) => outbox.tail_from(TailStart::Beginning).await,
            From::Cursor(text) => {
                let cursor = text.parse().map_err(|_| {
                    Fault::usage("the kept cursor is none of an outbox", "begin a new one with another --cursor name")
                })?;
                outbox.tail_resume(cursor).await
            },
        };
        begun.map_err(of_delivery)
    }

    pub(super) fn events<'a>(&'a self, filter: &'a Filter, from: From, page: u16) -> Following<'a> {
        let since = if let From::Time(since) = from { Some(since) } else { None };
        let tail = Tail {
            local: self,
            filter,
            from,
            since,
            cursor: None,
            listener: TailListener::default(),
            page,
            full: true,
            ended: false,
        };
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

impl<DB: Engine> Tail<'_, DB> {
    /// The next page with events that pass, however long that takes. Pages without any move the place all the same: the
    /// next one that is given has it.
    async fn next(&mut self) -> Result<Followed, Fault> {
        if self.filter.asks_about_deliveries() {
            let fix = "follow without it; `stateset-events outbox` lists deliveries";
            return Err(Fault::unsupported_filter("state, destination or class", "following", fix));
        }
        if self.cursor.is_none() {
            self.cursor = Some(self.local.begin(&self.from).await?);
        }
        loop {
            match self.step().await {
                Ok(Some(followed)) => return Ok(followed),
                Ok(None) => {},
                Err(fault) if fault.kind == Kind::Unavailable => {
                    self.listener = TailListener::default();
                    tokio::time::sleep(COME_BACK).await;
                },
                Err(fault) => return Err(fault),
            }
        }
    }

    async fn step(&mut self) -> Result<Option<Followed>, Fault> {
        let outbox = &self.local.outbox;
        if !self.full {
            outbox.tail_wait(&mut self.listener, LOOK).await.map_err(of_delivery)?;
        }
        let Some(cursor) = &self.cursor else { return Ok(None) };
        let found = outbox.tail(cursor, self.page).await.map_err(of_delivery)?;
        self.full = found.full;
        let scope = outbox.scope();
        let takes = |event: &stateset_outbox::delivery::LoggedEvent| {
            event.tenant == scope.tenant
                && event.store == scope.store
                && self.since.is_none_or(|since| event.written_at >= since)
                && self.filter.matches_event(event)
        };
        let mut events: Vec<_> =
            found.events.iter().filter(|event| takes(event)).map(|event| rows::event(event, &[], true)).collect();
        for (job, event) in found.replays.iter().filter(|(_, event)| takes(event)) {
            let mut row = rows::event(event, &[], true);
            row.replay_job = Some(job.to_string());
            events.push(row);
        }
        let cursor = found.cursor.to_string();
        self.cursor = Some(found.cursor);
        Ok((!events.is_empty()).then_some(Followed { events, cursor }))
    }
}
