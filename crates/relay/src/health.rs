//! A listener for whoever runs a worker: `/health`, `/ready`, `/metrics`.
//!
//! `/health` says that the process answers. `/ready` says whether the worker does its work: it has not ended, its database
//! answers, and no destination is further behind than allowed; if not, the answer is 503 and names the reasons. A stand-by
//! without shard groups is ready. A dead letter does not make a worker unready, nobody would be helped by a restart; it is
//! in the report, and in `/metrics`.
//!
//! The listener answers without credentials: bind it to an address that only your probes reach.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

#[cfg(feature = "kafka")]
use crate::consumer::ConsumerMonitor;
use crate::engine::{Health, Monitor};

/// Probes give up after a second by default, so the answer comes before.
const PATIENCE: Duration = Duration::from_millis(800);

/// When a worker counts as not ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How old the oldest pending event of a destination may be. An outage of the destination shows here, after this time,
    /// by its name.
    pub lag: Duration,
    /// How many records a consumer may be behind.
    pub records: i64,
}

impl Default for Limits {
    /// Five minutes, 100,000 records.
    fn default() -> Self {
        Self { lag: Duration::from_mins(5), records: 100_000 }
    }
}

/// What is looked at.
#[derive(Clone)]
pub struct Watched {
    /// The worker, if this process has one.
    pub worker: Option<Monitor>,
    /// Its consumers of topics.
    #[cfg(feature = "kafka")]
    pub consumers: Vec<ConsumerMonitor>,
    /// When it counts as not ready.
    pub limits: Limits,
}

impl Watched {
    /// A worker, under the default limits.
    pub fn worker(worker: Monitor) -> Self {
        Self {
            worker: Some(worker),
            #[cfg(feature = "kafka")]
            consumers: Vec::new(),
            limits: Limits::default(),
        }
    }
}

/// The answer of `/ready`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Readiness {
    /// `ready` or `not ready`.
    pub status: &'static str,
    /// Why not; empty when ready.
    pub reasons: Vec<String>,
    /// Each destination.
    pub destinations: Vec<DestinationReport>,
}

/// One destination.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DestinationReport {
    /// Its name.
    pub name: String,
    /// Shard groups this worker holds.
    pub shard_groups: u64,
    /// Events not delivered yet, counted up to 10,000.
    pub pending: i64,
    /// Age of the oldest of them.
    pub lag_seconds: f64,
    /// Keys that wait for a retry or an operator.
    pub parked_lanes: i64,
    /// Open dead letters.
    pub dead_letters: i64,
    /// Why the destination is left alone, if it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outage: Option<String>,
}

/// Answers until `stop`; requests that are being answered then come to their end.
pub async fn serve(listener: TcpListener, watched: Watched, stop: CancellationToken) -> io::Result<()> {
    axum::serve(listener, router(watched)).with_graceful_shutdown(stop.cancelled_owned()).await
}

/// The routes, for a server of one's own.
pub fn router(watched: Watched) -> Router {
    Router::new()
        .route("/health", get(|| async { Json(serde_json::json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION") })) }))
        .route("/ready", get(ready))
        .route("/metrics", get(metrics))
        .with_state(Arc::new(watched))
}

async fn ready(State(watched): State<Arc<Watched>>) -> Response {
    let mut reasons = Vec::new();
    let mut health = Vec::new();
    if let Some(worker) = &watched.worker {
        match timeout(PATIENCE, worker.health()).await {
            Ok(Ok(found)) => health = found,
            Ok(Err(error)) => reasons.push(format!("worker: {error}")),
            Err(_) => reasons.push(format!("worker: the database did not answer within {} ms", PATIENCE.as_millis())),
        }
        if worker.has_ended() {
            reasons.push("worker: it has ended; its log says why".to_owned());
        }
    }
    reasons.extend(behind(&health, watched.limits.lag));
    #[cfg(feature = "kafka")]
    for consumer in &watched.consumers {
        reasons.extend(consumer.reasons(watched.limits.records));
    }
    let status = if reasons.is_empty() { (StatusCode::OK, "ready") } else { (StatusCode::SERVICE_UNAVAILABLE, "not ready") };
    let destinations = health.into_iter().map(report).collect();
    (status.0, Json(Readiness { status: status.1, reasons, destinations })).into_response()
}

/// Pure: which destinations are too far behind, and why if that is known.
fn behind(health: &[Health], most: Duration) -> Vec<String> {
    let late = health.iter().filter_map(|it| it.counts.lag.filter(|lag| *lag > most).map(|lag| (it, lag)));
    late.map(|(it, lag)| {
        let outage = it.outage.as_ref().map(|why| format!("; it is left alone: {why}")).unwrap_or_default();
        let (name, lag, most) = (&it.destination, lag.as_secs(), most.as_secs());
        format!("destination {name}: its oldest pending event is {lag} s old, more than {most} s{outage}")
    })
    .collect()
}

fn report(health: Health) -> DestinationReport {
    DestinationReport {
        name: health.destination,
        shard_groups: health.groups,
        pending: health.counts.pending,
        lag_seconds: health.counts.lag.unwrap_or_default().as_secs_f64(),
        parked_lanes: health.counts.parked_lanes,
        dead_letters: health.counts.dead_letters,
        outage: health.outage,
    }
}

async fn metrics(State(watched): State<Arc<Watched>>) -> Response {
    let mut text = String::new();
    if let Some(worker) = &watched.worker {
        match worker.prometheus().await {
            Ok(families) => text.push_str(&families),
            Err(error) => return (StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")).into_response(),
        }
    }
    #[cfg(feature = "kafka")]
    for consumer in &watched.consumers {
        text.push_str(&consumer.prometheus());
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}

#[cfg(test)]
mod tests {
    use stateset_outbox::delivery::Counts;

    use super::*;

    #[test]
    fn only_lag_beyond_the_limit_is_a_reason() {
        let of = |lag: Option<u64>, outage: Option<&str>| Health {
            destination: "shop".to_owned(),
            groups: 0,
            outage: outage.map(str::to_owned),
            counts: Counts { lag: lag.map(Duration::from_secs), dead_letters: 7, ..Counts::default() },
        };
        let most = Duration::from_mins(1);
        assert_eq!(behind(&[of(None, None), of(Some(60), Some("down"))], most), Vec::<String>::new());
        assert_eq!(
            behind(&[of(Some(90), Some("http_503"))], most),
            ["destination shop: its oldest pending event is 90 s old, more than 60 s; it is left alone: http_503"]
        );
    }
}
