//! The operator at three in the morning: an outage and a poisoned order, from the first look to the last, with a real
//! worker and a real receiver.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::harness::{Ran, Shop, id, on_both};

on_both! {
    an_outage_and_a_poisoned_order_are_mended
    a_worker_delivers_until_it_is_told_to_stop
}

const SECRET: &str = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";

/// A webhook's other side.
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    received: Arc<Received>,
    serving: JoinHandle<()>,
}

#[derive(Default)]
struct Received {
    events: Mutex<Vec<String>>,
    poison: Mutex<Option<String>>,
}

async fn receive(State(received): State<Arc<Received>>, body: Bytes) -> StatusCode {
    let event: Value = serde_json::from_slice(&body).unwrap();
    let entity = event["entity_id"].as_str().unwrap_or_default().to_owned();
    if received.poison.lock().unwrap().as_ref() == Some(&entity) {
        return StatusCode::UNPROCESSABLE_ENTITY;
    }
    let kind = event["type"].as_str().or(event["event_type"].as_str()).unwrap_or_default();
    received.events.lock().unwrap().push(format!("{kind} {entity}"));
    StatusCode::NO_CONTENT
}

impl Receiver {
    pub(crate) async fn listen(address: SocketAddr) -> Self {
        Self::with(address, Arc::default()).await
    }

    async fn with(address: SocketAddr, received: Arc<Received>) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/", post(receive)).with_state(Arc::clone(&received));
        #[expect(clippy::disallowed_methods, reason = "a test keeps the handle")]
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, received, serving }
    }

    /// Nobody listens any more.
    async fn stop(self) -> (SocketAddr, Arc<Received>) {
        self.serving.abort();
        self.serving.await.ok();
        (self.address, self.received)
    }

    /// Refuses the events of this entity.
    pub(crate) fn poison(&self, entity: Option<&str>) {
        *self.received.poison.lock().unwrap() = entity.map(str::to_owned);
    }

    pub(crate) fn events(&self) -> Vec<String> {
        self.received.events.lock().unwrap().clone()
    }
}

pub(crate) fn secret() -> &'static str {
    SECRET
}

pub(crate) fn routes(address: SocketAddr) -> String {
    format!(
        "[[destination]]\nname = 'hook'\nkind = 'webhook'\nurl = 'http://{address}/'\nsecret_env = 'HOOK_SECRET'\n\
         allow_private = true\nshard_groups = 1\nstart = 'beginning'\n[[destination.route]]\nname = 'all'\ntypes = '*'\n"
    )
}

async fn deliver(shop: &Shop) -> Value {
    shop.run_with("worker run --routes routes.toml --once --json", &[("HOOK_SECRET", SECRET)]).await.well().json()
}

async fn ok(shop: &Shop, line: &str) -> Ran {
    shop.run(line).await.well()
}

/// F08, G01, G03, H02, Q11: nothing lost, nothing out of order within an order, and all of it in the audit.
async fn an_outage_and_a_poisoned_order_are_mended(shop: Shop) {
    let receiver = Receiver::listen("127.0.0.1:0".parse().unwrap()).await;
    receiver.poison(Some("ord_2"));
    shop.file("routes.toml", &routes(receiver.address));
    ok(&shop, "routes apply routes.toml --apply").await;
    shop.write(1, "order.created", ("order", "ord_1"), "1", json!({})).await;
    shop.write(2, "order.created", ("order", "ord_2"), "2", json!({})).await;
    shop.write(3, "payment.succeeded", ("payment", "pm_2"), "2", json!({})).await;
    deliver(&shop).await;
    assert_eq!(receiver.events(), ["order.created ord_1"], "the poisoned order holds its own lane only");
    let (address, received) = receiver.stop().await;
    shop.write(4, "order.created", ("order", "ord_3"), "3", json!({})).await;
    deliver(&shop).await;

    // What is wrong?
    let failed = ok(&shop, "outbox --status failed --limit 20 --json").await.json();
    assert_eq!(failed["deliveries"].as_array().map(Vec::len), Some(1), "{failed}");
    let dead = &failed["deliveries"][0];
    assert_eq!((&dead["state"], &dead["will_retry"]), (&json!("dead"), &json!(false)), "{dead}");
    assert_eq!(failed["destinations"][0]["breaker"]["state"], json!("open"), "{failed}");
    let why = ok(&shop, "explain --destination hook").await;
    assert!(why.out.contains("breaker") && why.out.contains("stateset-events "), "{why:?}");
    assert_eq!(ok(&shop, "explain destination hook --json").await.json()["subject"], json!("destination hook"));
    let order = ok(&shop, "explain order 2").await;
    assert!(order.out.contains("dead"), "{order:?}");
    let doctor = shop.run("doctor --destination hook --routes routes.toml").await;
    assert!(doctor.code == 3 && doctor.out.contains("breaker is open") && doctor.out.contains("refused"), "{doctor:?}");

    // The other side is mended: the doctor can tell, then the breaker is closed.
    *received.poison.lock().unwrap() = None;
    let receiver = Receiver::with(address, received).await;
    let doctor = shop.run("doctor --destination hook --routes routes.toml").await;
    assert!(doctor.out.contains("can be connected to"), "{doctor:?}");
    let preview = ok(&shop, "breaker close hook").await;
    assert!(preview.out.starts_with("applied: false\nNOT EXECUTED: "), "{preview:?}");
    ok(&shop, "breaker close hook --apply").await;

    redrive(&shop).await;

    deliver(&shop).await;
    let events = receiver.events();
    let place = |event: &str| {
        events.iter().position(|one| one == event).unwrap_or_else(|| panic!("{event} is lost: {events:?}"))
    };
    assert!(place("order.created ord_2") < place("payment.succeeded pm_2"), "{events:?}");
    place("order.created ord_3");
    assert_eq!(events.len(), 4, "nothing twice: {events:?}");

    // H07
    let vouched =
        ok(&shop, &format!("ack {} --at hook --reason 'they told us' --apply --json", id(4).display())).await.json();
    assert_eq!(vouched["result"]["done"], json!(1), "{vouched}");
    let acknowledged = ok(&shop, "outbox --status acknowledged --json").await.json();
    assert_eq!(acknowledged["deliveries"][0]["event_id"], json!(id(4).display()), "{acknowledged}");

    let missing = ok(&shop, "reconcile --destination hook --since 3h --json").await.json();
    assert_eq!((&missing["applied"], &missing["plan"]["count"]), (&json!(false), &json!(0)), "{missing}");
    ok(&shop, "audit check").await;
    let audit = ok(&shop, "audit list --actor me --json").await.json();
    let actions: Vec<&str> =
        audit["entries"].as_array().expect("a list").iter().filter_map(|one| one["action"].as_str()).collect();
    for action in ["breaker.closed", "dead_letter.redriven", "job.applied", "job.done"] {
        assert!(actions.contains(&action), "{action}: {actions:?}");
    }
    let others = ok(&shop, "audit list --actor bob --json").await.json();
    assert_eq!(others["count"], json!(0));
}

/// The dead letters: look, plan, do.
async fn redrive(shop: &Shop) {
    let groups = ok(shop, "dlq list --since 3h --group-by error").await;
    assert!(groups.out.contains("refused: "), "{groups:?}");
    let inspected = ok(shop, &format!("inspect {} --include-payload --attempts --json", id(2).display())).await.json();
    assert_eq!(inspected["deliveries"][0]["history"][0]["outcome"], json!("refused"), "{inspected}");
    let letters = ok(shop, "dlq list --json").await.json();
    let letter = letters["dead_letters"][0]["dead_letter"].as_str().expect("a letter");
    let one = ok(shop, &format!("dlq redrive {letter} --json")).await.json();
    assert_eq!((&one["applied"], &one["plan"]["count"]), (&json!(false), &json!(1)), "{one}");
    let plan = ok(shop, "dlq redrive --error-class refused --type order.created --since 3h --json").await.json();
    assert_eq!((&plan["plan"]["count"], &plan["plan"]["followers"]), (&json!(1), &json!(1)), "{plan}");
    let name = plan["plan_id"].as_str().expect("a plan");
    assert!(name.starts_with("p_") && name.len() == 10, "{name}");
    let wrong = shop.run(&format!("dlq discard --plan {name} --apply")).await;
    assert!(wrong.code == 5 && wrong.err.contains("PLAN_MISMATCH"), "{wrong:?}");
    let done = ok(shop, &format!("dlq redrive --plan {name} --rate 50/s --apply --json")).await.json();
    assert_eq!((&done["applied"], &done["result"]["done"]), (&json!(true), &json!(1)), "{done}");
    let job = done["job_id"].as_str().expect("a job");
    let watched = ok(shop, &format!("jobs watch {job} --json")).await.json();
    assert_eq!((&watched["state"], &watched["rate_per_second"]), (&json!("done"), &json!(50)), "{watched}");
}

/// F03, F12, R13: what the library writes, a worker beside the application delivers, by the same engine as one inside of it; probes are
/// answered, and SIGTERM is an orderly end.
async fn a_worker_delivers_until_it_is_told_to_stop(shop: Shop) {
    let receiver = Receiver::listen("127.0.0.1:0".parse().unwrap()).await;
    shop.file("routes.toml", &routes(receiver.address));
    let early = shop.run_with("worker run --routes routes.toml --once", &[("HOOK_SECRET", SECRET)]).await;
    assert!(early.code == 5 && early.err.contains("ROUTES_DIFFER") && early.err.contains("+ hook/all"), "{early:?}");
    ok(&shop, "routes apply routes.toml --apply").await;
    let port = stateset_testkit::free_port().unwrap();
    let line = format!("worker run --routes routes.toml --listen 127.0.0.1:{port}");
    let worker = shop.start_with(&line, &[("HOOK_SECRET", SECRET)]);
    shop.write(1, "order.created", ("order", "ord_1"), "1", json!({})).await;
    until(|| receiver.events().len() == 1).await;
    let client = stateset_testkit::http::Client::new(SocketAddr::from(([127, 0, 0, 1], port)));
    assert_eq!(client.get("/health").await.unwrap().status, 200);
    let ready: Value = client.get("/ready").await.unwrap().json().unwrap();
    assert_eq!((&ready["status"], &ready["destinations"][0]["name"]), (&json!("ready"), &json!("hook")), "{ready}");
    assert!(client.get("/metrics").await.unwrap().text().contains("hook"));
    let pid = worker.id().expect("it runs").to_string();
    tokio::process::Command::new("kill").args(["-TERM", &pid]).status().await.unwrap();
    let ended = worker.wait_with_output().await.unwrap();
    assert!(ended.status.success(), "{ended:?}");
}

/// Until it holds. A condition, never a time; the limit is for a test that fails.
pub(crate) async fn until(mut holds: impl FnMut() -> bool) {
    let end = tokio::time::Instant::now() + std::time::Duration::from_mins(1);
    while !holds() {
        assert!(tokio::time::Instant::now() < end, "it never holds");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}
