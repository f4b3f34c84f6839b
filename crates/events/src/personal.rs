//! People's data on its way to a destination: with which keys, and to whom.

use std::sync::Arc;

use stateset_inspect::{Database, Fault};
use stateset_relay::sink::Sink;
use stateset_relay::sink::reveal::{Reveal, Revealing};
use stateset_relay::sink::upcasting::Upcasting;

use crate::settings::subject_keys;

/// What a destination of the file of routes is given.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wants {
    /// The values of personal fields.
    pub(crate) reveal: bool,
    /// Old payloads as new ones.
    pub(crate) upcast: bool,
    /// What it is given is signed.
    pub(crate) signs: bool,
}

/// What knows the values, if there are keys.
pub(crate) fn source(database: &Database) -> Result<Option<Arc<dyn Reveal>>, Fault> {
    Ok(subject_keys()?.map(|keys| match database {
        Database::Sqlite(outbox, _) => Arc::new(outbox.clone().with_master_keys(keys)) as Arc<dyn Reveal>,
        Database::Postgres(outbox, _) => Arc::new(outbox.clone().with_master_keys(keys)),
    }))
}

/// The sink as its destination wants it.
pub(crate) fn on_the_way(
    name: &str,
    wants: Wants,
    sink: Arc<dyn Sink>,
    source: Option<&Arc<dyn Reveal>>,
) -> Result<Arc<dyn Sink>, Fault> {
    if wants.signs && (wants.reveal || wants.upcast) {
        let message = format!("destination {name:?}: a sequencer is given events as they were written");
        return Err(Fault::usage(message, "leave out reveal and upcast: what is signed is for ever"));
    }
    let sink: Arc<dyn Sink> = if wants.upcast { Arc::new(Upcasting::new(sink)) } else { sink };
    match (wants.reveal, source) {
        (false, _) => Ok(sink),
        (true, Some(source)) => Ok(Arc::new(Revealing::new(sink, Arc::clone(source)))),
        (true, None) => Err(Fault::usage(
            format!("destination {name:?} is to see personal data, and there are no keys"),
            "set STATESET_SUBJECT_KEYS as the writers have it, or leave out reveal",
        )),
    }
}
