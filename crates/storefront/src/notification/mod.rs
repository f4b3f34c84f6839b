//! The notification service: one mail per event that a customer should hear of.
//!
//! The consumer's transaction notes the event in the inbox, the mail in the service's table, and the event in the service's
//! own log, under its own id; the relay's mail sink takes it from there. So a mail is decided on once, however often the
//! event comes, it is tried again until the mail server takes it, and its `Message-ID` follows from the event's id.
//!
//! SMTP has no way to ask whether a mail was taken. A process that dies between the mail server's yes and the note of it
//! sends the mail again, with the same `Message-ID`, by which mail servers and readers see that it is the same one.

mod consumer;
mod http;
mod letter;
mod sink;
mod store;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use stateset_outbox::Outbox;
use stateset_outbox::consumer::Consumer;

use crate::dialect::{Dialect, Statement, migration};
use crate::http::routes;
use crate::own::Own;
use crate::own_store::OwnStore;

pub use consumer::NotificationConsumer;
pub(crate) use sink::post_office;

/// The tables of the service.
pub const TABLES: Statement = migration!("notification");

/// The notification service on its own database.
pub(crate) struct Notifications<DB: Dialect> {
    own: Own<DB>,
}

impl<DB: Dialect> Notifications<DB> {
    pub(crate) fn routes(own: &Own<DB>) -> Router {
        let reading = Router::new().route("/mails", get(http::mails::<DB>));
        routes(Arc::new(Self { own: own.clone() }), own, &[], reading, Router::new())
    }

    pub(crate) fn consumer(own: &Own<DB>) -> Consumer<DB, OwnStore<NotificationConsumer<DB>>> {
        let handler = NotificationConsumer::new(Outbox::clone(&own.outbox));
        Consumer::new(own.outbox.clone(), "notification", OwnStore::new(own.outbox.scope(), handler))
    }
}
