//! The example does what it says: one order, one event, one answer per key.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use sqlx::PgPool;
use stateset_testkit::postgres::shared;
use tower::ServiceExt as _;

const ORDER: &str = r#"{"currency":"EUR","items":[{"product_id":"p1","qty":2,"unit_price_cents":999}]}"#;

async fn send(router: &Router, key: &str, body: &'static str) -> (StatusCode, HeaderMap, String) {
    let request = Request::post("/orders/checkout")
        .header("content-type", "application/json")
        .header("Idempotency-Key", key)
        .body(Body::from(body))
        .expect("a request");
    let (parts, body) = router.clone().oneshot(request).await.expect("it answers").into_parts();
    let bytes = body.collect().await.expect("a body").to_bytes();
    (parts.status, parts.headers, String::from_utf8(bytes.to_vec()).expect("text"))
}

/// E02, I02, I04
#[tokio::test]
async fn an_order_its_event_and_its_answer_are_one() {
    let server = shared().await.expect("a PostgreSQL server; without one this test fails");
    let database = server.create_database("checkout").await.expect("a fresh database");
    let pool = PgPool::connect(database.url()).await.expect("the database answers");
    let router = example_axum_checkout::service(pool.clone()).await.expect("the service starts");

    let (status, headers, answer) = send(&router, "create_order_1", ORDER).await;
    assert_eq!((status, headers.get("idempotency-replayed")), (StatusCode::CREATED, None));
    let (again, headers, same) = send(&router, "create_order_1", ORDER).await;
    assert_eq!((again, same.as_str()), (status, answer.as_str()));
    assert_eq!(headers["idempotency-replayed"], "true");
    let (refused, ..) = send(&router, "create_order_2", r#"{"currency":"EUR","items":[]}"#).await;
    assert_eq!(refused, StatusCode::UNPROCESSABLE_ENTITY);

    let orders: i64 = sqlx::query_scalar("SELECT count(*) FROM orders").fetch_one(&pool).await.expect("orders");
    assert_eq!(orders, 1);
    let events: Vec<(String, Option<String>, String)> =
        sqlx::query_as("SELECT event_type, order_key, payload FROM outbox.event_log")
            .fetch_all(&pool)
            .await
            .expect("events");
    assert_eq!(events, [("order.created".to_owned(), Some("1".to_owned()), answer)]);
}
