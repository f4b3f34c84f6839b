//! How the services stand: for probes, and for people who look after them.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::json;
use stateset_api::code::Code;
use stateset_outbox::consumer::{HeldEvent, Quarantined};
use stateset_relay::engine::Monitor;
use tokio::time::timeout;
use uuid::Uuid;

use crate::dialect::{Dialect, SqlFuture};
use crate::http::{Answer, Failure, Params};
use crate::own::Own;
use crate::settings::Service;
use crate::transport::Takes;

/// Probes give up after a second by default, so the answer comes before.
const PATIENCE: Duration = Duration::from_millis(800);
/// Most entries of one answer.
const ENTRIES: u16 = 500;
/// How many records a consumer may be behind.
#[cfg(feature = "kafka")]
const RECORDS: i64 = 100_000;

type Ping = Arc<dyn Fn() -> SqlFuture<'static, ()> + Send + Sync>;

/// One service, as it is looked at.
#[derive(Clone)]
pub(crate) struct Watched {
    pub(crate) service: Service,
    pub(crate) takes: Arc<dyn Takes>,
    pub(crate) database: Ping,
    pub(crate) relay: Monitor,
    #[cfg(feature = "kafka")]
    pub(crate) consumer: Option<stateset_relay::consumer::ConsumerMonitor>,
}

/// Asks a service's database whether it is there.
pub(crate) fn database<DB: Dialect>(own: Own<DB>) -> Ping {
    Arc::new(move || {
        let own = own.clone();
        Box::pin(async move { own.ping().await })
    })
}

type All = State<Arc<Vec<Watched>>>;

pub(crate) fn routes(watched: Vec<Watched>) -> Router {
    Router::new()
        .route("/health", get(async || Json(json!({ "status": "ok" }))))
        .route("/ready", get(ready))
        .route("/held", get(held))
        .route("/quarantine", get(quarantine))
        .route("/metrics/{service}", get(metrics))
        .with_state(Arc::new(watched))
}

impl Watched {
    /// Why the service does not do its work, if so.
    async fn reasons(&self) -> Vec<String> {
        let mut reasons = Vec::new();
        match timeout(PATIENCE, (self.database)()).await {
            Ok(Ok(())) => {},
            Ok(Err(_)) | Err(_) => reasons.push("its database does not answer".to_owned()),
        }
        if self.relay.has_ended() {
            reasons.push("its relay has ended; its log says why".to_owned());
        }
        #[cfg(feature = "kafka")]
        reasons.extend(self.consumer.as_ref().map(|consumer| consumer.reasons(RECORDS)).unwrap_or_default());
        reasons
    }
}

/// A process is ready when all of its services do their work. What is held or in quarantine is said, and no restart
/// mends it.
async fn ready(State(all): All) -> Response {
    let (mut services, mut ready) = (Vec::new(), true);
    for one in all.iter() {
        let reasons = one.reasons().await;
        let standing = timeout(PATIENCE, one.takes.standing()).await.ok().and_then(Result::ok).unwrap_or_default();
        ready &= reasons.is_empty();
        services.push(json!({
            "service": one.service.as_str(),
            "reasons": reasons,
            "held": standing.held,
            "quarantined": standing.quarantined,
        }));
    }
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let word = if ready { "ready" } else { "not ready" };
    (status, Json(json!({ "status": word, "services": services }))).into_response()
}

/// Deliveries and, with Kafka, the consumer of one service, in Prometheus' text format.
async fn metrics(State(all): All, Path(service): Path<String>) -> Result<Response, Failure> {
    let unknown = || Failure::new(Code::RouteNotFound, format!("this process holds no service {service:?}"));
    let one = all.iter().find(|one| one.service.as_str() == service).ok_or_else(unknown)?;
    let away = |_| Failure::new(Code::ServiceUnavailable, "the database does not answer");
    let text = one.relay.prometheus().await.map_err(away)?;
    #[cfg(feature = "kafka")]
    let text = match &one.consumer {
        Some(consumer) => text + &consumer.prometheus(),
        None => text,
    };
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response())
}

/// Of which order; all of them if none is named.
#[derive(Debug, Deserialize)]
struct Of {
    #[serde(default)]
    order_id: Option<String>,
}

/// An event that a service has not applied, and why.
#[derive(Debug, Serialize)]
struct Entry {
    service: &'static str,
    order_id: Option<String>,
    event_id: Option<Uuid>,
    #[serde(rename = "type")]
    event_type: Option<String>,
    class: String,
    reason: String,
    source: Option<String>,
}

async fn held(State(all): All, Params(of): Params<Of>) -> Answer<Vec<Entry>> {
    let mut entries = Vec::new();
    for one in all.iter() {
        let service = one.service.as_str();
        let entry = |held: HeldEvent| Entry {
            service,
            order_id: Some(held.event.key),
            event_id: Some(held.event.event_id),
            event_type: Some(held.event.event_type),
            class: "waiting_for_predecessor".to_owned(),
            reason: held.waits_for,
            source: held.event.notes.source,
        };
        entries.extend(one.takes.held(ENTRIES).await?.into_iter().map(entry));
    }
    Ok(of_order(entries, &of))
}

async fn quarantine(State(all): All, Params(of): Params<Of>) -> Answer<Vec<Entry>> {
    let mut entries = Vec::new();
    for one in all.iter() {
        let service = one.service.as_str();
        let entry = |entry: Quarantined| {
            let Quarantined { event, class, reason, source, .. } = entry;
            let event = event.map(|event| (event.key, event.event_id, event.event_type));
            let (order_id, event_id, event_type) = match event {
                Some((key, id, kind)) => (Some(key), Some(id), Some(kind)),
                None => (None, None, None),
            };
            Entry { service, order_id, event_id, event_type, class: class.to_string(), reason, source: Some(source) }
        };
        entries.extend(one.takes.quarantined(ENTRIES).await?.into_iter().map(entry));
    }
    Ok(of_order(entries, &of))
}

fn of_order(mut entries: Vec<Entry>, of: &Of) -> (StatusCode, Json<Vec<Entry>>) {
    if of.order_id.is_some() {
        entries.retain(|entry| entry.order_id == of.order_id);
    }
    (StatusCode::OK, Json(entries))
}
