//! Tenants apart, from the request to the database.

use std::sync::Arc;

use axum::http::Method;
use serde_json::json;
use stateset_store::postgres::{Isolation, PostgresStore};
use stateset_testkit::postgres::shared;

use super::watched::Watched;
use super::{guarded, over};
use crate::harness::{Setting, Unsigned, query, scope};

/// R03, R12: over PostgreSQL a tenant's key reads its own tenant, history and live, while the database refuses it others.
#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_reads_its_own_over_postgres() {
    let server = shared().await.expect("a PostgreSQL server; without one these tests fail");
    let database = server.create_database("tenants").await.expect("a fresh database");
    let store = PostgresStore::new(database.url(), 6).expect("the URL of a test database");
    store.migrate().await.expect("the migrations run");
    assert_eq!(store.isolation().await.expect("answer"), Isolation::Role);
    let sequencer = over(Arc::new(store)).await;
    let (ours, theirs) = (scope(1, 2), scope(3, 4));
    let (key, _) = sequencer.minted(ours.tenant, json!({"permissions": ["read", "write", "admin"]})).await;
    let header = format!("ApiKey {key}");
    let headers = [("authorization", header.as_str())];
    let push = async |scope, number| {
        let event = Unsigned::new(scope, number);
        let body = format!(r#"{{"agent_id":"{}","events":[{}]}}"#, event.agent, event.json());
        sequencer.with_key(super::BOOTSTRAP, Method::POST, "/api/v1/events/ingest", &body).await.json();
    };
    push(theirs, 1).await;
    push(ours, 2).await;
    let mut live = sequencer.stream(&format!("/api/v1/events/stream?{}", query(ours)), &headers).await;
    assert_eq!(live.sequences(1).await, [1]);
    push(ours, 3).await;
    push(theirs, 4).await;
    assert_eq!(live.sequences(1).await, [2], "live, too, and for the same tenant");
    let page = sequencer.with_key(&key, Method::GET, &format!("/api/v1/events?{}", query(ours)), "").await.json();
    assert_eq!(page["total"], 2);
    let own = sequencer.with_key(&key, Method::GET, "/api/v1/api-keys", "").await.json();
    assert_eq!(own["count"], 1);
    for path in ["events", "head", "proofs/1", "entities/order/o-1"] {
        let reply = sequencer.with_key(&key, Method::GET, &format!("/api/v1/{path}?{}", query(theirs)), "").await;
        assert_eq!(reply.problem().0, 403, "{path}");
    }
}

/// A stream of events goes on for its tenant after the handler has answered.
#[tokio::test]
async fn a_stream_goes_on_for_its_tenant() {
    let store = Arc::new(Watched::default());
    let sequencer = over(Arc::clone(&store) as _).await;
    let ours = scope(1, 2);
    let (key, _) = sequencer.minted(ours.tenant, json!({})).await;
    let header = format!("ApiKey {key}");
    let event = Unsigned::new(ours, 1);
    let body = format!(r#"{{"agent_id":"{}","events":[{}]}}"#, event.agent, event.json());
    sequencer.with_key(&key, Method::POST, "/api/v1/events/ingest", &body).await.json();
    let headers = [("authorization", header.as_str())];
    let mut live = sequencer.stream(&format!("/api/v1/events/stream?{}", query(ours)), &headers).await;
    store.made();
    assert_eq!(live.sequences(1).await, [1]);
    let reads = store.made();
    assert!(reads.iter().any(|(verb, _)| *verb == "events"), "{reads:?}");
    assert!(reads.iter().all(|(_, tenant)| *tenant == Some(ours.tenant)), "{reads:?}");
}

/// Ruling 32: a batch forged to reach two tenants reaches the one its sender may write to, and the other is told nothing.
#[tokio::test]
async fn a_forged_batch_stays_with_its_sender() {
    let sequencer = guarded(Setting::default()).await;
    let (ours, theirs) = (scope(1, 2), scope(3, 4));
    let (key, _) = sequencer.minted(ours.tenant, json!({})).await;
    let event = |scope, number| Unsigned::new(scope, number).json();
    let agent = Unsigned::new(ours, 1).agent;
    let body = |events: &[String]| format!(r#"{{"agent_id":"{agent}","events":[{}]}}"#, events.join(","));
    let mixed = body(&[event(ours, 1), event(theirs, 2), event(ours, 3)]);
    let reply = sequencer.with_key(&key, Method::POST, "/api/v1/events/ingest", &mixed).await.json();
    assert_eq!((&reply["events_accepted"], &reply["events_rejected"]), (&json!(2), &json!(1)), "{reply}");
    let foreign_first = body(&[event(theirs, 2), event(ours, 4)]);
    let refused = sequencer.with_key(&key, Method::POST, "/api/v1/events/ingest", &foreign_first).await;
    assert_eq!(refused.problem().0, 403);
    let head = async |scope| {
        let path = format!("/api/v1/head?{}", query(scope));
        sequencer.admin(Method::GET, &path, &json!({})).await["head_sequence"].as_u64()
    };
    assert_eq!((head(ours).await, head(theirs).await), (Some(2), Some(0)));
}
