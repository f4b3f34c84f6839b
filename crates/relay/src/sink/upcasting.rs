//! Old payloads in today's shape, on the way to a destination whose readers know only that one.
//!
//! Wrap the sink of such a destination in [`Upcasting`]. What is stored stays as it was written, bytes and hash. Not for a
//! sequencer: it is given what was written, since that is what is signed.

use std::borrow::Cow;
use std::time::Duration;

use serde_json::{Map, Value};
use stateset_contracts::catalogue::find;
use stateset_contracts::upcast::upcast;

use super::{Batch, Burying, Dead, Publishing, Sink, Why};
use crate::record::Record;

/// A sink whose destination gets the catalogue's newest version of every payload.
pub struct Upcasting<S> {
    sink: S,
}

impl<S: Sink> Upcasting<S> {
    /// Around `sink`.
    pub fn new(sink: S) -> Self {
        Self { sink }
    }
}

/// The record as its type is today; itself if it is that already, newer, not in the catalogue, or no JSON object.
pub fn upcasted(record: &Record) -> Cow<'_, Record> {
    let event = &record.event;
    let newest = find(&event.event_type).map(|contract| (contract.name, contract.schema_version));
    let version = u32::try_from(event.schema_version).unwrap_or(1);
    let Some((name, target)) = newest.filter(|(_, target)| *target > version) else { return Cow::Borrowed(record) };
    let Ok(payload) = serde_json::from_str::<Map<String, Value>>(&event.payload) else { return Cow::Borrowed(record) };
    let mut record = record.clone();
    record.event.payload = Value::Object(upcast(name, &payload, version, target)).to_string();
    record.event.schema_version = i32::try_from(target).unwrap_or(i32::MAX);
    Cow::Owned(record)
}

impl<S: Sink> Sink for Upcasting<S> {
    fn publish<'a>(&'a self, batch: Batch<'a>) -> Publishing<'a> {
        Box::pin(async move {
            let records: Vec<Record> = batch.records.iter().map(|record| upcasted(record).into_owned()).collect();
            self.sink.publish(batch.with_records(&records)).await
        })
    }

    fn unmapped(&self, record: &Record) -> Option<Why> {
        self.sink.unmapped(record)
    }

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
