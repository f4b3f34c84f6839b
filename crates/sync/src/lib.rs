//! Offline-first agents: a program writes signed events into a file of its own, for weeks if need be, and exchanges them
//! with a sequencer when there is one.
//!
//! * [`Replica`] is the file: it writes events, knows what became of each, and holds a checked copy of everybody's. It needs
//!   no network.
//! * [`Session`] is a replica with its sequencer: [`Session::push`], [`Session::pull`], [`Session::run`].
//! * [`enrol`] makes an agent's first key and has it registered; [`Session::rotate_key`] replaces it.
//! * [`cli`] (feature `cli`) is all of that as subcommands.
//!
//! What is decided is decided in pure modules: [`state`] (the states of an event), [`batch`] (what goes into one push),
//! [`history`] (whether the sequencer still tells the history it told before), [`conflict`] (what a rebase writes).
//!
//! Deliberately absent: rules of the protocol (the `ledger` has them), signing and judging receipts (the relay's sequencer
//! sink does that), any server.
//!
//! To add a statement: a file under `sql/`; it names its arguments in a comment. The tables are in `migrations/`.

#![warn(missing_docs)]

pub mod batch;
#[cfg(feature = "cli")]
pub mod cli;
pub mod conflict;
pub mod enrol;
pub mod error;
pub mod history;
mod keys;
mod lock;
mod profile;
mod progress;
mod pull;
mod push;
mod remote;
mod replica;
mod run;
mod secret_file;
mod session;
pub mod state;
pub mod status;
mod verify;
mod write;

pub use error::{ErrorReport, SyncError};
pub use history::{Fork, ForkKind, SeenHead};
pub use keys::{KeyRotation, LocalKey};
pub use profile::Profile;
pub use pull::PullReport;
pub use push::{Patience, PushReport};
pub use remote::RemoteError;
pub use replica::{PulledEvent, Replica};
pub use run::Rhythm;
pub use session::Session;
pub use write::BaseVersion;

/// The statement of this name.
macro_rules! sql {
    ($name:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/sql/", $name, ".sql"))
    };
}
pub(crate) use sql;
