//! The `Idempotency-Key` layer, over a real router and a real database.

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use axum::routing::post;
use axum::{Router, middleware};
use sqlx::Sqlite;
use stateset_outbox::axum::{Idempotency, Work, idempotency};
use stateset_outbox::{Entity, Event, EventType, Payload};
use tower::ServiceExt as _;

use crate::sqlite::SqliteFactory;
use crate::suite::{Factory, Plain};

/// Takes an order; `/orders?then=409` answers so after its work is done.
async fn take_order(
    mut work: Work<Sqlite>,
    request: Request<Body>,
) -> (StatusCode, [(&'static str, &'static str); 1], String) {
    Sqlite::run(work.connection(), "INSERT INTO orders VALUES (1)".to_owned()).await.expect("the order");
    let event = Event::new(EventType::new("order.created"), Payload::new(serde_json::json!({"number": 1})), None);
    work.write_event(event.about(Entity::new("order", "1"))).await.expect("the event");
    let then = request.uri().query().and_then(|query| query.strip_prefix("then=")).unwrap_or("201");
    let status = StatusCode::from_bytes(then.as_bytes()).expect("a status");
    (
        status,
        [("location", "/orders/1")],
        format!("{{\"command\":{:?}}}", work.operation().map(|it| it.command_id().to_string())),
    )
}

struct Service {
    factory: SqliteFactory,
    router: Router,
}

impl Service {
    async fn start(required: bool) -> Self {
        let factory = SqliteFactory::create().await;
        let outbox = factory.outbox();
        let mut tx = outbox.begin().await.expect("a transaction");
        Sqlite::run(&mut tx, "CREATE TABLE orders (number bigint)".to_owned()).await.expect("the business's table");
        tx.commit().await.expect("it commits");
        let settings = Idempotency::new(outbox);
        let settings = if required { settings.required() } else { settings };
        let layer = middleware::from_fn_with_state(settings, idempotency::<Sqlite>);
        Self { factory, router: Router::new().route("/orders", post(take_order)).layer(layer) }
    }

    async fn send(&self, path: &str, keys: &[&str], body: &str) -> (StatusCode, HeaderMap, Vec<u8>) {
        let request = keys.iter().fold(Request::post(path), |request, key| request.header("Idempotency-Key", *key));
        let request = request.body(Body::from(body.to_owned())).expect("a request");
        let response = self.router.clone().oneshot(request).await.expect("it answers");
        let (parts, body) = response.into_parts();
        (parts.status, parts.headers, to_bytes(body, 10_000).await.expect("a body").to_vec())
    }

    async fn counts(&self) -> (i64, i64) {
        let mut tx = self.factory.outbox().begin().await.expect("a transaction");
        let orders = Sqlite::number(&mut tx, "SELECT count(*) FROM orders".to_owned()).await;
        (orders, Sqlite::number(&mut tx, "SELECT count(*) FROM event_log".to_owned()).await)
    }
}

/// I02: status, headers and bytes of the first answer, and the header that says so.
#[tokio::test]
async fn the_first_answer_comes_again() {
    let service = Service::start(false).await;
    let (status, headers, body) = service.send("/orders", &["create_order_ORD-123"], "{}").await;
    assert_eq!((status, headers.get("idempotency-replayed")), (StatusCode::CREATED, None));
    let (again, replayed, bytes) = service.send("/orders", &["create_order_ORD-123"], "{}").await;
    assert_eq!((again, &bytes), (status, &body));
    assert_eq!(replayed["idempotency-replayed"], "true");
    assert_eq!((&replayed["location"], &replayed["content-type"]), (&headers["location"], &headers["content-type"]));
    assert_eq!(service.counts().await, (1, 1));
}

/// I09
#[tokio::test]
async fn a_reused_key_is_422() {
    let service = Service::start(false).await;
    service.send("/orders", &["key"], "{}").await;
    let (status, headers, body) = service.send("/orders", &["key"], "{\"other\":1}").await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(headers["content-type"], "application/problem+json");
    assert!(String::from_utf8_lossy(&body).contains("IDEMPOTENCY_KEY_REUSED"));
    assert_eq!(service.counts().await, (1, 1));
}

/// I11: what stands is stored without the work; what may pass, or be mended, leaves the key free.
#[tokio::test]
async fn failures_are_told_apart() {
    let service = Service::start(false).await;
    for (code, stored) in [("409", true), ("404", true), ("422", false), ("400", false), ("429", false), ("500", false)]
    {
        let path = format!("/orders?then={code}");
        let (status, ..) = service.send(&path, &[code], "{}").await;
        let (again, headers, _) = service.send(&path, &[code], "{}").await;
        assert_eq!((status, status.as_str()), (again, code));
        assert_eq!(headers.contains_key("idempotency-replayed"), stored, "{code}");
    }
    assert_eq!(service.counts().await, (0, 0), "nothing of what the handler did");
}

/// I01: without a key the request is done each time; a key must be one.
#[tokio::test]
async fn keys_are_optional_unless_required() {
    let service = Service::start(false).await;
    for _ in 0..2 {
        assert_eq!(service.send("/orders", &[], "{}").await.0, StatusCode::CREATED);
    }
    assert_eq!(service.counts().await, (2, 2));
    for bad in [&[""] as &[&str], &["a", "b"], &["a\tb"]] {
        assert_eq!(service.send("/orders", bad, "{}").await.0, StatusCode::BAD_REQUEST, "{bad:?}");
    }
    let strict = Service::start(true).await;
    let (status, _, body) = strict.send("/orders", &[], "{}").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(String::from_utf8_lossy(&body).contains("IDEMPOTENCY_KEY_REQUIRED"));
    assert_eq!(strict.counts().await, (0, 0));
}
