//! Liveness and readiness.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use stateset_ledger::bytes::PublicKeyBytes;
use stateset_ledger::id::{KeyId, Micros};
use stateset_ledger::signature::Signer as _;
use stateset_store::StoreError;
use utoipa::ToSchema;

use crate::service::Service;

/// Reply of `GET /health`.
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    status: &'static str,
    version: &'static str,
}

/// Reply of `GET /ready`.
#[derive(Debug, Serialize, ToSchema)]
pub struct Readiness {
    status: &'static str,
    /// `ok`, or why the database cannot be used: it does not answer, or its migrations are not this program's.
    database: String,
    /// `ok`, or which key is missing.
    keys: String,
    /// `ok`, or how far the head log is behind. Does not decide readiness: events are taken all the same.
    publisher: String,
}

/// Probes give up after a second by default, so the answer comes before.
const PATIENCE: Duration = Duration::from_millis(800);

/// The process answers.
pub async fn health() -> Json<Health> {
    Json(Health { status: "ok", version: env!("CARGO_PKG_VERSION") })
}

/// A head log further behind than this is worth a word.
const LAG_SECONDS: f64 = 10.0;

/// The process can do its work: the database answers and has this program's schema, and the keys are those of the data.
pub async fn ready(State(service): State<Arc<Service>>) -> (StatusCode, Json<Readiness>) {
    let checks = async {
        service.store.ping().await?;
        service.store.sequencer_keys().await
    };
    let (database, keys) = match tokio::time::timeout(PATIENCE, checks).await {
        Ok(Ok(known)) => (OK.to_owned(), key_fault(&service, &known)),
        Ok(Err(error)) => {
            let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
            // What a driver says may name hosts and roles; only our own sentences go out.
            let detail = if matches!(error, StoreError::Corrupt(_)) { cause } else { String::new() };
            (format!("{error}{detail}"), UNKNOWN.to_owned())
        },
        Err(_) => ("the database does not answer".to_owned(), UNKNOWN.to_owned()),
    };
    let ready = database == OK && keys == OK;
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let word = if ready { "ready" } else { "not ready" };
    (status, Json(Readiness { status: word, database, keys, publisher: publisher_state(&service) }))
}

const OK: &str = "ok";
const UNKNOWN: &str = "unknown";

/// The database must know the key this process signs with, under the number it signs with.
fn key_fault(service: &Service, known: &[(KeyId, PublicKeyBytes, Micros)]) -> String {
    let (number, public) = (service.signer.number(), service.signer.public_key());
    if known.iter().any(|(id, key, _)| *id == number && *key == public) {
        return OK.to_owned();
    }
    format!("the database does not know this process's signing key as number {number}: was it replaced? Restart")
}

fn publisher_state(service: &Service) -> String {
    let lag = service.metrics.publish.lag.get();
    if lag <= LAG_SECONDS { OK.to_owned() } else { format!("the head log is {lag:.0} seconds behind") }
}
