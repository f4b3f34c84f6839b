//! What is refused, and how it is said.

use std::sync::Arc;

use axum::http::Method;
use stateset_sequencer::identity::Access;
use stateset_store::Store;
use stateset_store::memory::MemoryStore;

use crate::harness::{Sequencer, Setting, Unsigned, query, scope};

/// B05, B06, B08, B09: every parameter that cannot be is refused by name, in the one error body.
#[tokio::test]
async fn bad_parameters_are_named() {
    let sequencer = Sequencer::new().await;
    let id = "00000000-0000-0000-0000-00000000000a";
    let long = "x".repeat(513);
    let lists = [
        ("from=-1", "from"),
        ("from=x", "from"),
        ("from=9223372036854775808", "from"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=ten", "limit"),
        ("limit=4294967297", "limit"),
        ("since=yesterday", "since"),
        ("until=2026-01-02", "until"),
        ("agent_id=me", "agent_id"),
        ("entity_typ=order", "entity_typ"),
        ("form=5", "form"),
        ("event_type=a%00b", "event_type"),
        (&format!("entity_id={long}"), "entity_id"),
        (&format!("order_key={long}"), "order_key"),
        ("limit=1&limit=2", "query"),
    ]
    .map(|(parameter, name)| (format!("{}&{parameter}", query(scope(1, 2))), name.to_owned()));
    let scopes = [
        (String::new(), "tenant_id"),
        ("tenant_id=1&store_id=2".to_owned(), "tenant_id"),
        (format!("tenant_id={id}"), "store_id"),
        (format!("tenant_id={id}&store_id="), "store_id"),
    ]
    .map(|(query, name)| (query, name.to_owned()));
    let paged = ["/api/v1/events", "/api/v1/ves/events", "/api/v1/events/stream"];
    let scoped = ["/api/v1/head", "/api/v1/ves/head", "/api/v1/ves/entities/order/1"];
    let mut cases = Vec::new();
    for path in paged {
        cases.extend(lists.iter().chain(&scopes).map(|(query, name)| (format!("{path}?{query}"), name.clone())));
    }
    for path in scoped {
        cases.extend(scopes.iter().map(|(query, name)| (format!("{path}?{query}"), name.clone())));
    }
    let scope = query(scope(1, 2));
    for (path, name) in [
        (format!("/api/v1/events/stream?{scope}&limit=5"), "limit"),
        (format!("/api/v1/events/none?{scope}"), "event_id"),
        (format!("/api/v1/events/{id}"), "tenant_id"),
        (format!("/api/v1/events/{id}?tenant_id={id}&store_id=x"), "store_id"),
        (format!("/api/v1/entities/order/a%00b?{scope}"), "entity_id"),
        (format!("/api/v1/entities/{long}/a?{scope}"), "entity_type"),
        (format!("/api/v1/entities/%FF/a?{scope}"), "path"),
        (format!("/api/v1/ves/cursors/none?{scope}"), "agent_id"),
        (format!("/api/v1/ves/cursors/{id}"), "tenant_id"),
    ] {
        cases.push((path, name.to_owned()));
    }
    for (path, name) in cases {
        let problem = sequencer.get(&path).await.problem();
        assert_eq!(problem, (400, "INVALID_PARAMETER".to_owned(), name), "{path}");
    }
}

/// Bodies that are not what they should be are refused, each in the one error body.
#[tokio::test]
async fn bad_bodies_are_refused() {
    let sequencer = Sequencer::new().await;
    let path = "/api/v1/ves/cursors/00000000-0000-0000-0000-00000000000a";
    let id = "00000000-0000-0000-0000-000000000001";
    for body in [
        String::new(),
        "{".to_owned(),
        "[]".to_owned(),
        format!(r#"{{"tenantId":"{id}","storeId":"{id}"}}"#),
        format!(r#"{{"tenantId":"{id}","storeId":"{id}","sequenceNumber":-1}}"#),
        format!(r#"{{"tenantId":"{id}","storeId":"{id}","sequenceNumber":"1"}}"#),
        format!(r#"{{"tenantId":"{id}","tenant_id":"{id}","storeId":"{id}","sequenceNumber":1}}"#),
    ] {
        let problem = sequencer.put(path, &body).await.problem();
        assert_eq!((problem.0, problem.1.as_str()), (400, "INVALID_REQUEST_BODY"), "{body}");
    }
}

/// No route of this file's answers without a credential.
#[tokio::test]
async fn every_route_asks_for_a_credential() {
    let access = Access::Key("correct horse".to_owned());
    let sequencer = Sequencer::with(Setting { access, ..Setting::default() }).await;
    let scope = query(scope(1, 2));
    let id = "00000000-0000-0000-0000-00000000000a";
    for (method, path) in [
        (Method::GET, "events".to_owned()),
        (Method::GET, "ves/events".to_owned()),
        (Method::GET, "events/stream".to_owned()),
        (Method::GET, format!("events/{id}")),
        (Method::GET, "head".to_owned()),
        (Method::GET, "ves/head".to_owned()),
        (Method::GET, "entities/order/1".to_owned()),
        (Method::GET, "ves/entities/order/1".to_owned()),
        (Method::GET, format!("ves/cursors/{id}")),
        (Method::PUT, format!("ves/cursors/{id}")),
    ] {
        let path = format!("/api/v1/{path}?{scope}");
        for (header, code) in [("", "AUTH_REQUIRED"), ("ApiKey wrong", "INVALID_API_KEY")] {
            let headers = [("authorization", header)];
            let headers = if header.is_empty() { &[][..] } else { &headers[..] };
            let problem = sequencer.send(method.clone(), &path, headers, "{}").await.problem();
            assert_eq!((problem.0, problem.1.as_str()), (401, code), "{path}");
        }
    }
    let headers = [("authorization", "ApiKey correct horse")];
    sequencer.send(Method::GET, &format!("/api/v1/head?{scope}"), &headers, "").await.json();
}

/// L16: a payload sealed under a key that is not configured is the operator's matter; nothing secret is said.
#[tokio::test]
async fn payloads_that_do_not_open_name_no_secret() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let writer = Sequencer::with(Setting { store: Arc::clone(&store), ..Setting::default() }).await;
    let scope = scope(1, 2);
    writer.ingest(&Unsigned::range(scope, 1..3)).await;
    let other_key = Setting { store, payload_key: [1; 32], ..Setting::default() };
    let reader = Sequencer::with(other_key).await;
    let key_id = const_hex::encode(writer.service.keyring.current(scope.tenant).unwrap());
    let id = Unsigned::new(scope, 1).id;
    for path in ["/api/v1/events", "/api/v1/ves/entities/order/o-1", &format!("/api/v1/events/{id}")] {
        let reply = reader.get(&format!("{path}?{}", query(scope))).await;
        assert_eq!(reply.problem(), (500, "INTERNAL_ERROR".to_owned(), String::new()));
        assert!(reply.text().contains("event 1 ") && !reply.text().contains(&key_id), "{}", reply.text());
    }
    let mut stream = reader.stream(&format!("/api/v1/events/stream?{}", query(scope)), &[]).await;
    let problem = stream.next().await.unwrap();
    assert_eq!((problem.event.as_str(), problem.id.as_str()), ("problem", ""));
    assert!(problem.data.contains("INTERNAL_ERROR") && !problem.data.contains(&key_id));
    assert!(stream.next().await.is_none());
    reader.get(&format!("/api/v1/head?{}", query(scope))).await.json();
}
