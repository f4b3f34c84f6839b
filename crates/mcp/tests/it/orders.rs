//! `create_order`: one order, whatever gets lost.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::Json;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Router, middleware};
use serde_json::{Value, json};
use sqlx::Sqlite;
use stateset_mcp::HttpSettings;
use stateset_outbox::axum::{Idempotency, Work, idempotency};
use stateset_outbox::{Entity, Event, EventType, Outbox, Payload};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

use crate::world::{Served, World};

/// A checkout in the database that is asked. Order, event and answer commit together.
async fn storefront(outbox: &Outbox<Sqlite>) -> SocketAddr {
    let mut tx = outbox.begin().await.expect("a transaction");
    let table = "CREATE TABLE orders (id integer PRIMARY KEY AUTOINCREMENT, lines integer NOT NULL) STRICT";
    sqlx::query(table).execute(&mut *tx).await.expect("a table");
    tx.commit().await.expect("it commits");
    let keys = Idempotency::new(outbox.clone()).required().named("POST /orders/checkout", stateset_mcp::CREATE_ORDER);
    let router = Router::new().route("/orders/checkout", post(checkout));
    let router = router.layer(middleware::from_fn_with_state(keys, idempotency::<Sqlite>));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

async fn checkout(mut work: Work<Sqlite>, Json(wanted): Json<Value>) -> (StatusCode, Json<Value>) {
    let lines = i64::try_from(wanted["items"].as_array().map_or(0, Vec::len)).expect("a few");
    if wanted["currency"] == "XXX" {
        return (StatusCode::CONFLICT, Json(json!({ "code": "NO_SUCH_CURRENCY", "detail": "no" })));
    }
    let id: i64 = sqlx::query_scalar("INSERT INTO orders (lines) VALUES ($1) RETURNING id")
        .bind(lines)
        .fetch_one(work.connection())
        .await
        .expect("an order");
    let event = Event::new(EventType::new("order.created"), Payload::new(wanted), None);
    let draft = event.about(Entity::new("order", format!("NEW-{id}")));
    work.write_event(draft).await.expect("an event");
    (StatusCode::CREATED, Json(json!({ "order_id": id })))
}

/// A way to the storefront that loses replies when told to, after the storefront has done its work.
struct Way {
    address: SocketAddr,
    cut: Arc<AtomicBool>,
}

impl Way {
    async fn to(storefront: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let cut = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&cut);
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let far = TcpStream::connect(storefront).await.expect("the storefront listens");
                tokio::spawn(carry(near, far, Arc::clone(&told)));
            }
        });
        Self { address, cut }
    }
}

async fn carry(near: TcpStream, far: TcpStream, cut: Arc<AtomicBool>) -> std::io::Result<()> {
    let (mut near_in, mut near_out) = near.into_split();
    let (mut far_in, mut far_out) = far.into_split();
    let up = tokio::spawn(async move { tokio::io::copy(&mut near_in, &mut far_out).await });
    let mut bytes = vec![0; 65_536];
    loop {
        let count = far_in.read(&mut bytes).await?;
        if count == 0 || cut.swap(false, Ordering::SeqCst) {
            up.abort();
            return Ok(());
        }
        near_out.write_all(&bytes[..count]).await?;
    }
}

fn order(key: &str, qty: u32) -> Value {
    let items = json!([{ "product_id": "p1", "qty": qty, "unit_price_cents": 999 }]);
    json!({ "idempotencyKey": key, "currency": "EUR", "items": items, "apply": true })
}

async fn shop() -> (World, Way, Served) {
    let world = World::new().await;
    let way = Way::to(storefront(&world.outbox).await).await;
    let url = Url::parse(&format!("http://{}", way.address)).expect("a URL");
    let served = world.serve_with(true, Some(url), HttpSettings::default()).await;
    (world, way, served)
}

async fn orders(world: &World) -> i64 {
    let mut tx = world.outbox.begin().await.expect("a transaction");
    sqlx::query_scalar("SELECT count(*) FROM orders").fetch_one(&mut *tx).await.expect("a count")
}

/// I02, I04, I09, K09: the story of the lost reply.
#[tokio::test]
async fn a_lost_reply_makes_one_order() {
    let (world, way, served) = shop().await;
    let key = json!({ "key": "create_order_ORD-123", "operation": "create_order", "apply": true });
    served.call("create_idempotency_key", key.clone()).await;
    way.cut.store(true, Ordering::SeqCst);
    let lost = served.refused("create_order", order("create_order_ORD-123", 1)).await;
    assert_eq!((&lost["code"], &lost["disposition"]), (&json!("OUTCOME_UNKNOWN"), &json!("same_key")), "{lost}");
    assert!(lost["retryable"] == true && lost["retry_after_ms"].is_u64(), "{lost}");
    let look = json!({ "key": "create_order_ORD-123", "operation": "create_order" });
    let known = served.call("get_idempotency_key", look).await;
    assert_eq!((&known["status"], &known["disposition"]), (&json!("completed"), &json!("use_result")), "{known}");
    let again = served.call("create_order", order("create_order_ORD-123", 1)).await;
    assert_eq!((&again["applied"], &again["replayed"]), (&json!(true), &json!(true)), "{again}");
    assert_eq!((&again["result"], &again["status"]), (&json!({ "order_id": 1 }), &json!(201)));
    assert_eq!(again["event_ids"], known["event_ids"]);
    assert_eq!(again["event_ids"].as_array().map(Vec::len), Some(1));
    let other = served.refused("create_order", order("create_order_ORD-123", 2)).await;
    assert_eq!((&other["code"], &other["retryable"]), (&json!("IDEMPOTENCY_KEY_REUSED"), &json!(false)));
    let listed = served.call("list_events", json!({ "event_type": "order.created", "entity_id": "NEW-1" })).await;
    assert_eq!((orders(&world).await, &listed["total"]), (1, &json!(1)));
    assert_eq!(listed["events"][0]["event_id"], again["event_ids"][0]);
}

/// I10: many at once, and each of them loses its first reply or not.
#[tokio::test(flavor = "multi_thread")]
async fn sixteen_agents_make_one_order() {
    let (world, way, served) = shop().await;
    let served = Arc::new(served);
    let mut agents = tokio::task::JoinSet::new();
    for number in 0..16 {
        let (served, cut) = (Arc::clone(&served), Arc::clone(&way.cut));
        agents.spawn(async move {
            if number % 4 == 0 {
                cut.store(true, Ordering::SeqCst);
            }
            loop {
                let raw = served.call_raw("create_order", order("one", 1)).await;
                let reply: Value = serde_json::from_str(&raw).expect("JSON");
                let answer = &reply["result"]["structuredContent"];
                if answer["applied"] == true {
                    assert_eq!(answer["result"], json!({ "order_id": 1 }));
                    return;
                }
                assert!(answer["error"]["retryable"] == true, "{raw}");
                assert_eq!(answer["error"]["disposition"], "same_key", "{raw}");
            }
        });
    }
    agents.join_all().await;
    assert_eq!(orders(&world).await, 1);
}

/// K07, K08; and refusals in the storefront's own words.
#[tokio::test]
async fn an_order_is_previewed_refused_and_not_sent() {
    let (world, way, served) = shop().await;
    let mut preview = order("k", 1);
    preview["apply"] = json!(false);
    let raw = served.call_raw("create_order", preview).await;
    assert!(raw.contains(r#""structuredContent":{"applied":false,"#) && raw.contains("NOT EXECUTED"), "{raw}");
    assert_eq!(orders(&world).await, 0);
    let mut strange = order("k", 1);
    strange["currency"] = json!("XXX");
    let refused = served.refused("create_order", strange).await;
    assert_eq!((&refused["code"], &refused["retryable"]), (&json!("NO_SUCH_CURRENCY"), &json!(false)));
    for (name, value) in [
        ("currency", json!("eur")),
        ("items", json!([])),
        ("items", json!([{ "product_id": "p", "qty": 0, "unit_price_cents": 1 }])),
        ("items", json!([{ "product_id": "p", "qty": 1, "unit_price_cents": 1, "price": 1 }])),
        ("idempotencyKey", json!(" k")),
        ("idempotencyKey", json!("ü")),
    ] {
        let mut bad = order("k", 1);
        bad[name] = value;
        assert_eq!(served.refused("create_order", bad).await["code"], "INVALID_ARGUMENT", "{name}");
    }
    assert_eq!(orders(&world).await, 0);
    let nobody = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("an address");
    let url = Url::parse(&format!("http://{nobody}")).expect("a URL");
    let alone = world.serve_with(true, Some(url), HttpSettings::default()).await;
    let gone = alone.refused("create_order", order("k", 1)).await;
    assert_eq!((&gone["code"], &gone["disposition"]), (&json!("STOREFRONT_UNAVAILABLE"), &json!("same_key")));
    drop(way);
}
