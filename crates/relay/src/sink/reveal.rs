//! Personal data for a destination that may see it: the values are put back on the way, and nowhere else.
//!
//! Wrap the sink of such a destination in [`Revealing`]; every other one gets commitments. What was erased stays a
//! commitment everywhere.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use stateset_outbox::subject::{PersonalError, RevealError};
use stateset_outbox::{Engine, Outbox};

use super::{Batch, Burying, Dead, Outcome, Publishing, Sink, Why};
use crate::record::Record;

/// What puts values back: an [`Outbox`] with master keys.
pub trait Reveal: Send + Sync {
    /// Puts values back into the records, all or none.
    fn reveal(&self, records: Vec<Record>) -> Pin<Box<dyn Future<Output = Result<Vec<Record>, Why>> + Send + '_>>;
}

impl<DB: Engine> Reveal for Outbox<DB> {
    fn reveal(&self, mut records: Vec<Record>) -> Pin<Box<dyn Future<Output = Result<Vec<Record>, Why>> + Send + '_>> {
        Box::pin(async move {
            let mut events: Vec<_> = records.iter().map(|record| record.event.clone()).collect();
            Self::reveal(self, &mut events).await.map_err(|error| why(&error))?;
            for (record, event) in records.iter_mut().zip(events) {
                record.event = event;
            }
            Ok(records)
        })
    }
}

/// Says which key is missing, never what was read.
fn why(error: &RevealError) -> Why {
    match error {
        RevealError::Personal(fault @ PersonalError::UnknownMasterKey(_)) => Why::new("master_key", fault.to_string()),
        RevealError::Personal(fault) => Why::new("personal_data", fault.to_string()),
        RevealError::Database(_) => Why::new("database", "the personal data could not be read from the database"),
    }
}

/// A sink whose destination sees personal data.
pub struct Revealing<S> {
    sink: S,
    source: Arc<dyn Reveal>,
}

impl<S: Sink> Revealing<S> {
    /// `source` is the outbox that the events come from.
    pub fn new(sink: S, source: Arc<dyn Reveal>) -> Self {
        Self { sink, source }
    }
}

impl<S: Sink> Sink for Revealing<S> {
    fn publish<'a>(&'a self, batch: Batch<'a>) -> Publishing<'a> {
        Box::pin(async move {
            match self.source.reveal(batch.records.to_vec()).await {
                Ok(records) => self.sink.publish(batch.with_records(&records)).await,
                // Nothing is sent without: the destination is left alone until the key or the database is there.
                Err(why) => vec![Outcome::Unavailable(why); batch.records.len()],
            }
        })
    }

    fn unmapped(&self, record: &Record) -> Option<Why> {
        self.sink.unmapped(record)
    }

    /// Copies of dead letters lie about for long, so they keep their commitments.
    fn bury<'a>(&'a self, dead: Vec<Dead<'a>>) -> Burying<'a> {
        self.sink.bury(dead)
    }

    fn batch_limit(&self) -> usize {
        self.sink.batch_limit()
    }

    fn call_limit(&self) -> Duration {
        self.sink.call_limit()
    }
}
