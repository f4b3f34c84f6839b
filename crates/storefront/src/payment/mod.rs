//! The payment service: a provider that moves no money and says that it did.
//!
//! It publishes what the provider says, whatever the order costs: whether a payment pays its order is judged by those who
//! act on it. It gives money back when an order is cancelled or refunded.

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

pub use consumer::PaymentConsumer;

/// The tables of the service.
pub const TABLES: Statement = migration!("payment");

/// Who moves the money.
const PROVIDER: &str = "mock";

/// The payment service on its own database.
pub(crate) struct Payments<DB: Dialect> {
    own: Own<DB>,
}

impl<DB: Dialect> Payments<DB> {
    pub(crate) fn routes(own: &Own<DB>) -> Router {
        let reading = Router::new().route("/payments", get(http::payments::<DB>));
        let changing = Router::new()
            .route("/payments/mock-succeed", post(http::succeed::<DB>))
            .route("/payments/mock-fail", post(http::fail::<DB>));
        routes(Arc::new(Self { own: own.clone() }), own, &[], reading, changing)
    }

    pub(crate) fn consumer(own: &Own<DB>) -> Consumer<DB, OwnStore<PaymentConsumer<DB>>> {
        let handler = PaymentConsumer::new(Outbox::clone(&own.outbox));
        Consumer::new(own.outbox.clone(), "payment", OwnStore::new(own.outbox.scope(), handler))
    }
}
