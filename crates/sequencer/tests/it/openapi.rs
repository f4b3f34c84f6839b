//! The document and the router agree.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::Value;
use stateset_sequencer::http::openapi::operations;
use stateset_sequencer::http::{openapi, router};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::harness::Sequencer;

/// Every documented operation has a route, and a bare call of it is never a fault of the server.
#[tokio::test]
async fn every_operation_has_a_route() {
    let sequencer = Sequencer::new().await;
    for operation in operations::all() {
        let routes = router(&sequencer.service, Duration::from_secs(5), CancellationToken::new());
        let path = operation.path.replace("{path}", "0/000");
        let path =
            path.split('/').map(|part| if part.starts_with('{') { "1" } else { part }).collect::<Vec<_>>().join("/");
        let request = Request::builder().method(operation.method.to_uppercase().as_str()).uri(&path);
        let response = routes.oneshot(request.body(Body::empty()).expect("a request")).await.expect("a response");
        let status = response.status();
        assert_ne!(status, StatusCode::METHOD_NOT_ALLOWED, "{} {path}", operation.method);
        assert!(!status.is_server_error(), "{} {path}: {status}", operation.method);
        if status == StatusCode::NOT_FOUND {
            let body = response.into_body().collect().await.expect("a body").to_bytes();
            let problem: Value = serde_json::from_slice(&body).expect("a problem document");
            assert_ne!(problem["code"], "ROUTE_NOT_FOUND", "{} {path}", operation.method);
        }
    }
}

/// Every schema that is referred to is there.
#[test]
fn references_resolve() {
    let text = openapi::text();
    let document: Value = serde_json::from_str(&text).expect("JSON");
    let schemas = document["components"]["schemas"].as_object().expect("schemas");
    for reference in text.split("#/components/schemas/").skip(1) {
        let name = reference.split('"').next().expect("a name");
        assert!(schemas.contains_key(name), "{name}");
    }
}
