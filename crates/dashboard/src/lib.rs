//! Pages over the log, for people.
//!
//! The sequencer mounts [`router`] at `/dashboard`. Every page is HTML from the server and useful without a script; the
//! scripts are small modules that add what cannot be had otherwise: new events as they come, copying, and a proof that the
//! browser itself checks.
//!
//! `stateset-events dashboard` mounts the same frame over an outbox database (feature `outbox`, [`outbox`]).
//!
//! What a page over streams shows comes from the API's own router, called in this process with the visitor's credential ([`api`]). So
//! there is no second set of rules about who sees what, and nothing to forget in a new page.
//!
//! Deliberately absent: a framework in the browser, inline scripts and styles (the content security policy refuses both), and
//! raw text in markup: `maud` escapes everything, and the one way around it is not used (a test looks).
//!
//! Start with [`web`], which says what happens to every request, then [`pages`]. To add a page: a function in the file of its
//! subject that asks [`api`] and answers markup; a line in `web::routes`; a request for it in `tests/it/pages.rs`, which
//! puts hostile text into every field there is.

#![warn(missing_docs)]

pub mod api;
pub mod assets;
pub mod guard;
pub mod host;
#[cfg(feature = "outbox")]
pub mod outbox;
pub mod pages;
pub mod parts;
pub mod place;
pub mod session;
pub mod text;
pub mod web;

pub use guard::Names;
pub use host::{Denied, Host, MAX_STREAMS, StreamLine, Who};
pub use place::Scope;
pub use session::{OneTimeLink, Sessions};
pub use web::{Dashboard, router};
