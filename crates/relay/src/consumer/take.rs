//! One record, until it is dealt with: taken, held, or in quarantine, in a committed transaction.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::message::{Header, OwnedHeaders};
use stateset_outbox::Engine;
use stateset_outbox::consumer::{ConsumeError, Consumer, Handler, Incoming, QuarantineClass, Taken, Undecodable};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::RawRecord;
use super::stats::Stats;
use crate::backoff::Backoff;
use crate::clock::seed;
use crate::kafka::{DeadLetterTopic, Failure};

/// What taking needs.
pub(super) struct Taking<DB: Engine, H> {
    pub(super) consumer: Arc<Consumer<DB, H>>,
    pub(super) stats: Arc<Stats>,
    pub(super) backoff: Backoff,
    pub(super) dead_letters: Option<DeadLetterTopic>,
    /// Nothing is tried again after it.
    pub(super) stop: CancellationToken,
}

/// What goes to quarantine here; what the rules refuse goes there in its own transaction.
enum Keep<'a> {
    /// Its handler failed for the last time.
    Event(&'a Incoming, &'a str),
    /// It could not be read.
    Record(Undecodable<'a>),
}

/// What a failed try means: pure.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    /// Again, after a while.
    Again { counts: bool },
    /// The event failed for the last time.
    GiveUp,
}

fn next(error: &ConsumeError, failures: u32, backoff: &Backoff) -> Next {
    match error {
        // The database's troubles are nobody's fault, however long they last.
        ConsumeError::Retry(_) | ConsumeError::Unavailable(_) => Next::Again { counts: false },
        ConsumeError::Handler(_) | ConsumeError::Corrupt(_) if failures < backoff.retries => {
            Next::Again { counts: true }
        },
        ConsumeError::Handler(_) | ConsumeError::Corrupt(_) => Next::GiveUp,
    }
}

impl<DB: Engine, H: Handler<DB>> Taking<DB, H> {
    /// `false`: the consumer was stopped before; the record comes again.
    pub(super) async fn take(&self, record: &RawRecord) -> bool {
        let begun = Instant::now();
        match record.decode(self.consumer.outbox().scope()) {
            Ok(event) => self.take_event(record, &event, begun).await,
            Err(why) => self.keep_undecodable(record, &why, begun).await,
        }
    }

    async fn take_event(&self, record: &RawRecord, event: &Incoming, begun: Instant) -> bool {
        let (mut failures, mut tries) = (0, 0);
        loop {
            let error = match self.consumer.take_alone(event).await {
                Ok(taken) => {
                    if let Taken::Quarantined(class) = taken {
                        self.copy(record, class, "see the consumer's quarantine", failures + 1).await;
                    }
                    self.stats.taken(taken, begun.elapsed());
                    return true;
                },
                Err(error) => error,
            };
            tracing::warn!(
                consumer = self.consumer.name(), source = %record.source(), %error, "an event was not taken"
            );
            match next(&error, failures, &self.backoff) {
                Next::Again { counts } => {
                    failures += u32::from(counts);
                    tries += 1;
                    self.stats.change(|stats| stats.retried += 1);
                },
                Next::GiveUp => {
                    let why = chain(&error);
                    return self.give_up(record, event, &why, failures + 1, begun).await;
                },
            }
            if !self.pause(tries).await {
                return false;
            }
        }
    }

    /// The handler failed each time.
    async fn give_up(&self, record: &RawRecord, event: &Incoming, why: &str, attempts: u32, begun: Instant) -> bool {
        let class = QuarantineClass::Exhausted;
        if !self.keep(Keep::Event(event, why)).await {
            return false;
        }
        self.copy(record, class, why, attempts).await;
        self.stats.taken(Taken::Quarantined(class), begun.elapsed());
        true
    }

    async fn keep_undecodable(&self, record: &RawRecord, why: &str, begun: Instant) -> bool {
        let (source, class) = (record.source(), QuarantineClass::Undecodable);
        let bytes = record.value.as_deref().unwrap_or_default();
        if !self.keep(Keep::Record(Undecodable { source: &source, bytes, why })).await {
            return false;
        }
        self.copy(record, class, why, 0).await;
        self.stats.taken(Taken::Quarantined(class), begun.elapsed());
        true
    }

    /// Into quarantine: until the database takes it, or the consumer stops.
    async fn keep(&self, what: Keep<'_>) -> bool {
        let mut tries = 0;
        while let Err(error) = self.keep_once(&what).await {
            tracing::warn!(consumer = self.consumer.name(), %error, "quarantine has to wait for the database");
            tries += 1;
            self.stats.change(|stats| stats.retried += 1);
            if !self.pause(tries).await {
                return false;
            }
        }
        true
    }

    async fn keep_once(&self, what: &Keep<'_>) -> Result<(), sqlx::Error> {
        match what {
            Keep::Event(event, why) => {
                let mut tx = self.consumer.outbox().for_scope(event.scope).begin().await?;
                self.consumer.quarantine_event(&mut tx, event, QuarantineClass::Exhausted, why).await?;
                tx.commit().await
            },
            Keep::Record(record) => {
                let mut tx = self.consumer.outbox().begin().await?;
                self.consumer.quarantine_record(&mut tx, *record).await?;
                tx.commit().await
            },
        }
    }

    /// `false`: the consumer stops.
    async fn pause(&self, tries: u32) -> bool {
        let wait: Duration = self.backoff.delay(tries.saturating_sub(1), seed());
        tokio::select! {
            () = self.stop.cancelled() => false,
            () = sleep(wait) => true,
        }
    }

    async fn copy(&self, record: &RawRecord, class: QuarantineClass, why: &str, attempts: u32) {
        let Some(copies) = &self.dead_letters else { return };
        let failure = Failure {
            class: class.to_string(),
            reason: why.to_owned(),
            attempts,
            by: self.consumer.name().to_owned(),
            topic: record.topic.clone(),
            source: Some(record.source()),
        };
        let headers = record
            .headers
            .iter()
            .fold(OwnedHeaders::new(), |headers, (key, value)| headers.insert(Header { key, value: Some(value) }));
        copies.write(record.key.as_deref(), record.value.as_deref(), headers, &failure).await;
    }
}

/// An error with its sources.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// F08: the database's troubles never use up a try.
    #[test]
    fn only_the_handlers_failures_count() {
        let backoff = Backoff { retries: 2, ..Backoff::default() };
        let handler = || ConsumeError::Handler("no".into());
        assert_eq!(next(&handler(), 0, &backoff), Next::Again { counts: true });
        assert_eq!(next(&handler(), 2, &backoff), Next::GiveUp);
        let down = ConsumeError::Unavailable(sqlx::Error::PoolTimedOut);
        assert_eq!(next(&down, 2, &backoff), Next::Again { counts: false });
        assert_eq!(next(&ConsumeError::Corrupt(sqlx::Error::RowNotFound), 2, &backoff), Next::GiveUp);
    }
}
