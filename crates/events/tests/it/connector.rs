//! A shop elsewhere, its prices, and a person who wants to be forgotten: with the program alone.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use stateset_testkit::http::Client;
use tokio::net::TcpListener;
use tokio::process::Child;
use tokio::task::JoinSet;

use crate::harness::{Ran, Shop, on_both};
use crate::story::secret;

on_both! {
    a_shop_is_taken_and_replayed_to_a_new_destination
    a_price_change_is_traced
    a_person_is_erased_everywhere
}

const KEYS: (&str, &str) =
    ("STATESET_SUBJECT_KEYS", "2026=0707070707070707070707070707070707070707070707070707070707070707");
const HOOK: (&str, &str) = ("HOOK_SECRET", "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=");

async fn ok(shop: &Shop, line: &str) -> Ran {
    assert_eq!(HOOK.1, secret());
    shop.run_with(line, &[KEYS, HOOK]).await.well()
}

async fn json(shop: &Shop, line: &str) -> Value {
    ok(shop, &format!("{line} --json")).await.json()
}

/// What a webhook's other side was given.
struct Hook {
    address: SocketAddr,
    bodies: Arc<Mutex<Vec<Value>>>,
    _server: JoinSet<()>,
}

async fn take(State(bodies): State<Arc<Mutex<Vec<Value>>>>, body: Bytes) -> (StatusCode, Json<Value>) {
    bodies.lock().unwrap().push(serde_json::from_slice(&body).unwrap());
    (StatusCode::OK, Json(json!({})))
}

impl Hook {
    async fn listen() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let bodies: Arc<Mutex<Vec<Value>>> = Arc::default();
        let router = Router::new().route("/", post(take)).with_state(Arc::clone(&bodies));
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, bodies, _server: server }
    }

    fn routes(&self, more: &str) -> String {
        format!(
            "[[destination]]\nname = 'hook'\nkind = 'webhook'\nurl = 'http://{}/'\nsecret_env = 'HOOK_SECRET'\n\
             allow_private = true\nshard_groups = 1\n{more}\n[[destination.route]]\nname = 'all'\ntypes = '*'\n",
            self.address
        )
    }

    fn types(&self) -> Vec<String> {
        self.bodies.lock().unwrap().iter().map(|body| body["type"].as_str().unwrap().to_owned()).collect()
    }
}

/// Starts the connector and waits until it answers.
async fn serving(shop: &Shop) -> (Child, String) {
    shop.file("secret.txt", "the-secret-of-this-app\n");
    let port = stateset_testkit::free_port().unwrap();
    let line = format!("connector serve shopify --listen 127.0.0.1:{port} --secret-file secret.txt --currency USD");
    let child = shop.start_with(&line, &[KEYS]);
    let client = Client::new(SocketAddr::from(([127, 0, 0, 1], port)));
    let end = tokio::time::Instant::now() + Duration::from_mins(1);
    while client.get("/health").await.is_err() {
        assert!(tokio::time::Instant::now() < end, "the connector does not answer");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    (child, format!("http://127.0.0.1:{port}"))
}

async fn ended(child: Child) {
    let pid = child.id().expect("it runs").to_string();
    tokio::process::Command::new("kill").args(["-TERM", &pid]).status().await.unwrap();
    let output = child.wait_with_output().await.unwrap();
    assert!(output.status.success(), "{output:?}");
}

/// D09, D14, D15, C24: recorded requests are taken once; a destination that is added later gets what was before by a replay of
/// the connector's events, and of `product.*`, in order, without any change of the writer.
async fn a_shop_is_taken_and_replayed_to_a_new_destination(shop: Shop) {
    let (child, address) = serving(&shop).await;
    let send = format!("connector fixtures shopify --send {address} --secret-file secret.txt");
    let sent = json(&shop, &send).await;
    let answers = |sent: &Value| -> Vec<String> {
        let of = |one: &Value| one["answer"]["status"].as_str().unwrap_or("?").to_owned();
        sent.as_array().unwrap().iter().map(of).collect()
    };
    let mut expected = vec!["written"; 7];
    expected.push("ignored");
    assert_eq!(answers(&sent), expected, "{sent}");
    let again = json(&shop, &send).await;
    assert_eq!(answers(&again)[..7], ["duplicate"; 7], "{again}");
    shop.file("wrong.txt", "another-secret-of-ours\n");
    let wrong = json(&shop, &send.replace("secret.txt", "wrong.txt")).await;
    assert!(wrong.as_array().unwrap().iter().all(|one| one["status"] == 401), "{wrong}");
    ended(child).await;

    let preview = ok(&shop, "connector import shopify --recorded --domain example.myshopify.com --currency USD").await;
    assert!(preview.out.contains("NOT EXECUTED: 3 products and 2 orders"), "{preview:?}");
    let done =
        json(&shop, "connector import shopify --recorded --domain example.myshopify.com --currency USD --apply").await;
    assert_eq!(done["result"]["imported"], json!({ "products": 3, "orders": 2, "stale": 1 }), "{done}");
    ok(&shop, "connector price 1 12999 --currency USD --apply").await;

    let hook = Hook::listen().await;
    shop.file("routes.toml", &hook.routes("start = 'now'"));
    ok(&shop, "routes apply routes.toml --apply").await;
    ok(&shop, "worker run --routes routes.toml --once").await;
    assert_eq!(hook.types(), Vec::<String>::new(), "a new destination starts now");
    let sync = json(&shop, "replay type:shopify.sync.* --to hook --missing --apply").await;
    assert_eq!((&sync["applied"], &sync["result"]["done"]), (&json!(true), &json!(10)), "{sync}");
    let products = json(&shop, "replay type:product.* --to hook --missing --apply").await;
    assert_eq!(products["result"]["done"], json!(1), "{products}");
    ok(&shop, "worker run --routes routes.toml --once").await;
    let (of_shop, of_product): (Vec<String>, Vec<String>) =
        hook.types().into_iter().partition(|name| name.starts_with("shopify.sync."));
    let (product, order) = ("shopify.sync.product", "shopify.sync.order");
    let webhooks = [product, order, order, product];
    let import = ["shopify.sync.started", product, product, order, order, "shopify.sync.completed"];
    assert_eq!(of_shop, [&webhooks[..], &import[..]].concat());
    assert_eq!(of_product, ["product.updated"]);
    let replays = hook.bodies.lock().unwrap().iter().all(|body| body["replay_job"].is_string());
    assert!(replays, "each says that it is a replay");
}

/// D12: one `trace` shows the change, its application and its audit.
async fn a_price_change_is_traced(shop: Shop) {
    let keyless = shop.run("connector price 1 12999 --currency USD --apply").await;
    assert!(keyless.code == 2 && keyless.err.contains("STATESET_SUBJECT_KEYS"), "{keyless:?}");
    ok(&shop, "connector price 1 12999 --currency USD --correlation first --apply").await;
    let preview = ok(&shop, "connector price 1 11999 --currency USD --reason sale").await;
    assert!(preview.out.starts_with("applied: false\nNOT EXECUTED: "), "{preview:?}");
    let asked = json(&shop, "connector price 1 11999 --currency USD --reason sale --apply").await;
    let correlation = asked["result"]["correlation_id"].as_str().expect("a correlation").to_owned();
    for _ in 0..2 {
        ok(&shop, "connector prices --once").await;
    }
    let trace = json(&shop, &format!("trace {correlation}")).await;
    let entries = trace["entries"].as_array().or(trace["events"].as_array()).expect("a list");
    let types: Vec<&str> = entries.iter().filter_map(|entry| entry["event_type"].as_str()).collect();
    assert_eq!(types, ["product.updated", "pricechange.applied", "audit_event.recorded"], "{trace}");
    let wrong = shop.run_with("connector price 1 5 --currency usd --apply", &[KEYS]).await;
    assert!(wrong.code == 2 && wrong.err.contains("three capital letters"), "{wrong:?}");
}

/// Ruling 54: previewed, applied, audited; the destination that saw the values sees commitments from then on.
async fn a_person_is_erased_everywhere(shop: Shop) {
    let (child, address) = serving(&shop).await;
    ok(
        &shop,
        &format!("connector fixtures shopify --send {address} --secret-file secret.txt --topic customers/create"),
    )
    .await;
    ended(child).await;
    let hook = Hook::listen().await;
    shop.file("routes.toml", &hook.routes("start = 'beginning'\nreveal = true"));
    ok(&shop, "routes apply routes.toml --apply").await;
    let keyless = shop.run_with("worker run --routes routes.toml --once", &[HOOK]).await;
    assert!(keyless.code == 2 && keyless.err.contains("STATESET_SUBJECT_KEYS"), "{keyless:?}");
    ok(&shop, "worker run --routes routes.toml --once").await;
    assert_eq!(hook.bodies.lock().unwrap()[0]["data"]["email"], json!("ada@example.com"));

    let erase = "erase customer/shopify-115310627314723954 --reason 'ticket 81'";
    let before = shop.dump().await;
    assert!(!before.contains("ada@example.com"), "nothing of it is in the database in clear");
    let preview = json(&shop, erase).await;
    assert_eq!(
        (&preview["applied"], &preview["result"]["before"]["readable"]),
        (&json!(false), &json!(2)),
        "{preview}"
    );
    assert_eq!(shop.dump().await, before);
    let done = shop.run(&format!("{erase} --apply")).await.well();
    for word in ["applied: true", "2 fields in 1 events", "to be told   hook (webhook)", "not reached  backups"] {
        assert!(done.out.contains(word), "{done:?}");
    }
    let again = json(&shop, &format!("{erase} --apply")).await;
    assert!(again["message"].as_str().unwrap().contains("was erased before"), "{again}");
    let audit = json(&shop, "audit list --actor me").await;
    assert_eq!(audit["count"], json!(1), "{audit}");
    let entry = &audit["entries"][0];
    assert_eq!((&entry["action"], &entry["reason"]), (&json!("subject.erased"), &json!("ticket 81")), "{audit}");

    ok(&shop, "replay type:customer.* --to hook --apply").await;
    ok(&shop, "worker run --routes routes.toml --once").await;
    let bodies = hook.bodies.lock().unwrap();
    assert!(bodies.len() == 2 && bodies[1]["data"]["email"]["$personal"].is_string(), "{bodies:?}");
}

/// What is signed is given as it was written.
#[tokio::test]
async fn a_sequencer_is_shown_nothing_personal() {
    let shop = Shop::sqlite().await;
    shop.file(
        "routes.toml",
        "[[destination]]\nname = 'log'\nkind = 'sequencer'\nurl = 'http://127.0.0.1:9/'\napi_key_env = 'HOOK_SECRET'\n\
         agent = '5c0f4dd4-2ea2-4f4e-9d0f-2d5f0b8f9c11'\nkey_envs = {}\nsequencer_keys = {}\nreveal = true\n\
         [[destination.route]]\nname = 'all'\ntypes = '*'\n",
    );
    ok(&shop, "routes apply routes.toml --apply").await;
    let refused = shop.run_with("worker run --routes routes.toml --once", &[KEYS, HOOK]).await;
    assert!(refused.code == 2 && refused.err.contains("as they were written"), "{refused:?}");
}
