//! The order service: checkout with stock, the state of every order, cancelling and refunding.
//!
//! It owns what an order costs and which goods are reserved. What happens elsewhere it learns from events: payments and
//! shipments move the axes of an order, by the contracts' state machine. `http` is what people ask for, `consumer` what
//! other services tell; both read facts (`store`), decide purely (`rules`), and commit one plan.

mod consumer;
mod http;
mod rules;
mod store;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use stateset_outbox::consumer::Consumer;

use crate::dialect::{Dialect, Statement, migration};
use crate::http::routes;
use crate::own::Own;
use crate::own_store::OwnStore;

pub use consumer::OrderConsumer;

/// The tables of the service.
pub const TABLES: Statement = migration!("order");

/// The order service on its own database.
pub(crate) struct Orders<DB: Dialect> {
    own: Own<DB>,
}

impl<DB: Dialect> Orders<DB> {
    pub(crate) fn new(own: Own<DB>) -> Self {
        Self { own }
    }

    pub(crate) fn routes(own: &Own<DB>) -> Router {
        let reading = Router::new()
            .route("/orders/{id}", get(http::order::<DB>))
            .route("/stock/{product_id}", get(http::stock::<DB>));
        let changing = Router::new()
            .route("/orders/checkout", post(http::checkout::<DB>))
            .route("/orders/{id}/cancel", post(http::cancel::<DB>))
            .route("/orders/{id}/refund", post(http::refund::<DB>))
            .route("/stock/{product_id}", axum::routing::put(http::set_stock::<DB>));
        // The name under which people and agents ask for the keys of checkouts.
        let names = [("POST /orders/checkout", "create_order")];
        routes(Arc::new(Self::new(own.clone())), own, &names, reading, changing)
    }

    pub(crate) fn consumer(own: &Own<DB>) -> Consumer<DB, OwnStore<OrderConsumer>> {
        let handler = OrderConsumer;
        Consumer::new(own.outbox.clone(), "order", OwnStore::new(own.outbox.scope(), handler))
    }
}
