//! What people and agents ask of a log: one surface, [`Inspect`], answered by an outbox database or by a sequencer.
//!
//! The command line, the tools of agents and the dashboard ask through it and add nothing but form, so all of them give the
//! same answer to the same question. Answers are data ([`answer`]), with the exact JSON that users see.
//!
//! * [`Local`] asks an outbox database, PostgreSQL or SQLite, over `stateset_outbox`. Opened for reading, it cannot write.
//! * [`Remote`] asks a sequencer over a [`Transport`]: HTTP, or a router in the same process under the user's credential.
//!
//! What a source does not have is refused with the place to ask (`UNSUPPORTED_FILTER`, `UNSUPPORTED_HERE`), never answered
//! emptily. Every write goes through one verb, [`Inspect::change`], which does nothing unless it is told to apply.
//!
//! Deliberately absent: printing, SQL, and a second filter grammar; `stateset_outbox::filter` is the one.
//!
//! To add a question: its answer under `answer/`, a verb in `surface.rs`, and both backends.

#![warn(missing_docs)]

pub mod answer;
mod fault;
mod local;
mod sequencer;
mod surface;

pub use fault::{Disposition, Fault, FaultBody, Kind};
pub use local::{Database, Local, OpenMode, OpenSettings};
pub use sequencer::{Call, Calling, Chunks, Credential, Http, Method, Remote, Reply, Scope, Transport, TransportError};
pub use stateset_api::exit::{self, Exit};
pub use stateset_outbox::filter::{EventRef, Filter, FilterError, nearest, parse_duration};
pub use surface::{
    Answer, Apply, Followed, Following, From, GroupBy, Inspect, Intent, Page, Source, SourceKind, StateOf, Subject,
    TimelineOf,
};
