//! The shipping service: one shipment per order, which leaves once the order is paid.

mod consumer;
mod http;
mod rules;
mod store;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use stateset_outbox::Outbox;
use stateset_outbox::consumer::Consumer;

use crate::dialect::{Dialect, Statement, migration};
use crate::http::routes;
use crate::own::Own;
use crate::own_store::OwnStore;

pub use consumer::ShippingConsumer;

/// The tables of the service.
pub const TABLES: Statement = migration!("shipping");

/// The shipping service on its own database.
pub(crate) struct Shipments<DB: Dialect> {
    own: Own<DB>,
}

impl<DB: Dialect> Shipments<DB> {
    pub(crate) fn routes(own: &Own<DB>) -> Router {
        let reading = Router::new().route("/shipments", get(http::shipments::<DB>));
        let changing = Router::new()
            .route("/shipments/{id}/dispatch", post(http::dispatch::<DB>))
            .route("/shipments/{id}/deliver", post(http::deliver::<DB>));
        routes(Arc::new(Self { own: own.clone() }), own, &[], reading, changing)
    }

    pub(crate) fn consumer(own: &Own<DB>) -> Consumer<DB, OwnStore<ShippingConsumer<DB>>> {
        let handler = ShippingConsumer::new(Outbox::clone(&own.outbox));
        Consumer::new(own.outbox.clone(), "shipping", OwnStore::new(own.outbox.scope(), handler))
    }
}
