//! What the HTTP routes of all services share: bodies, refusals, what a request belongs to.

mod check;
mod failure;
mod request;

use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use stateset_outbox::axum::{Idempotency, idempotency};

use crate::dialect::Dialect;
use crate::own::Own;

pub(crate) use check::{addressed, check_address, check_currency, check_order, dollars, text, word};
pub(crate) use failure::{Answer, Failure, complete, not_found};
pub(crate) use request::{Body, Context, Params};

/// Most bytes of a request.
pub(crate) const BODY_BYTES: usize = 256 * 1024;

/// The routes of a service: those that change something run under the outbox's layer, which begins a transaction for
/// each, honours `Idempotency-Key`, and commits change, events and answer together.
pub(crate) fn routes<DB: Dialect, S: Send + Sync + 'static>(
    service: Arc<S>,
    own: &Own<DB>,
    names: &[(&str, &str)],
    reading: Router<Arc<S>>,
    changing: Router<Arc<S>>,
) -> Router {
    let keys = names
        .iter()
        .fold(Idempotency::new(own.outbox.clone()), |keys, (route, operation)| keys.named(*route, *operation));
    // Twice: inside, so that a refusal that is stored under a key is whole; outside, for the layer's own refusals.
    let changing =
        changing.layer(from_fn(complete)).layer(from_fn_with_state(keys, idempotency::<DB>)).layer(from_fn(complete));
    reading.layer(from_fn(complete)).merge(changing).with_state(service)
}
