//! Checking what the sequencer says, with nothing of its word believed: events, heads, the head log.

mod event;
mod key_stream;
mod log;

pub(crate) use event::{Checked, Judged, KeyRing, Suspect, judge};
pub(crate) use key_stream::read_change;
pub(crate) use log::{LogRelation, log_relation, tiles_needed};
