//! The same questions, asked of a real sequencer.

use serde_json::{Value, json};
use stateset_testkit::sequencer::{self, API_KEY};
use stateset_testkit::server::SequencerProcess;
use stateset_testkit::ves::Agent;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use uuid::Uuid;

use crate::harness::{Ran, Shop};

pub(crate) const TENANT: Uuid = Uuid::from_u128(0x7a0e_2c5e_1111_4222_8333_0000_0000_0001);
pub(crate) const STORE: Uuid = Uuid::from_u128(0x7a0e_2c5e_1111_4222_8333_0000_0000_0002);

pub(crate) struct Log {
    pub(crate) process: SequencerProcess,
    pub(crate) agent: Agent,
    pub(crate) shop: Shop,
}

impl Log {
    pub(crate) async fn start() -> Self {
        let process = sequencer::launch().unwrap().start().await.unwrap();
        let agent = Agent::new(7, TENANT, STORE);
        let log = Self { process, agent, shop: Shop::sqlite().await };
        log.post("/api/v1/agents/keys", &log.agent.registration()).await;
        log
    }

    async fn post(&self, path: &str, body: &Value) {
        let reply = sequencer::client(&self.process).post_json(path, body).await.unwrap();
        assert!((200..300).contains(&reply.status), "{}", reply.text());
    }

    /// `many` orders, each created and every tenth paid.
    pub(crate) async fn fill(&self, from: usize, many: usize) {
        let mut events = Vec::new();
        for number in from..from + many {
            let order = format!("ord_{number}");
            let created = self.agent.event(&order, "order.created", json!({ "amount_cents": number }));
            events.push(created.field("order_key", json!(order)).sign());
            if number % 10 == 0 {
                let paid = self.agent.event(&format!("pm_{number}"), "payment.succeeded", json!({ "note": "x" }));
                events.push(paid.entity_type("payment").field("order_key", json!(order)).sign());
            }
        }
        for batch in events.chunks(500) {
            self.post("/api/v1/ves/events/ingest", &self.agent.batch(batch)).await;
        }
    }

    pub(crate) fn variables(&self) -> Vec<(&'static str, String)> {
        vec![
            ("STATESET_DATABASE_URL", String::new()),
            ("STATESET_SEQUENCER_URL", self.process.base_url()),
            ("STATESET_API_KEY", API_KEY.to_owned()),
            ("STATESET_TENANT_ID", TENANT.to_string()),
            ("STATESET_STORE_ID", STORE.to_string()),
        ]
    }

    pub(crate) async fn run(&self, line: &str) -> Ran {
        let variables = self.variables();
        let variables: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.shop.run_with(line, &variables).await
    }

    pub(crate) async fn json(&self, line: &str) -> Value {
        self.run(&format!("{line} --json")).await.well().json()
    }
}

fn places(list: &Value) -> Vec<u64> {
    list["events"].as_array().expect("a list").iter().filter_map(|event| event["sequence_number"].as_u64()).collect()
}

/// B05, B06: in a long stream a type that nothing has is looked for in 10,000 events, from either end; then the list says so,
/// and where to go on. What an index leads to is found however far it is.
#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_a_long_stream_looks_at_a_part() {
    let log = Log::start().await;
    log.fill(1, 9_200).await;
    let found = |list: &Value| (places(list), list["partial"].clone(), list["looked_at"].clone());
    let part = (vec![], json!(true), json!(10_000));
    let newest = log.json("list type:order.missing").await;
    assert_eq!((found(&newest), &newest["next_cursor"]), (part.clone(), &json!("120")));
    assert_eq!(newest["diagnostics"]["without"][0]["filter"], "event_type");
    let rest = log.json("list type:order.missing --cursor 120").await;
    assert_eq!((found(&rest), &rest["next_cursor"]), ((vec![], Value::Null, Value::Null), &Value::Null));
    let oldest = log.json("list type:order.missing --oldest-first").await;
    assert_eq!((found(&oldest), &oldest["next_cursor"]), (part, &json!("10001")));
    let told = log.run("list type:order.missing").await.well();
    assert!(told.err.contains("looked at 10000 events") && told.err.contains("--cursor 120"), "{told:?}");

    let rare = log.json("list entity:order/ord_1").await;
    assert_eq!((places(&rare), rare.get("partial")), (vec![1], None));
    let early = log.json("list type:payment.* seq:1..50").await;
    assert_eq!((places(&early), early.get("partial")), (vec![44, 33, 22, 11], None));
}

/// B01, B03, B04, B05: lists forwards and backwards, over more events than fit on a page of the server.
#[tokio::test(flavor = "multi_thread")]
async fn a_sequencer_answers_the_same_questions() {
    let log = Log::start().await;
    log.fill(1, 1_200).await;
    let newest = log.json("list --limit 3").await;
    assert_eq!(
        (places(&newest), &newest["total"]),
        (vec![1_320, 1_319, 1_318], &json!(1_320)),
        "the newest comes first"
    );
    let cursor = newest["next_cursor"].as_str().expect("there is more");
    assert_eq!(places(&log.json(&format!("list --limit 2 --cursor {cursor}")).await), [1_317, 1_316]);
    let oldest = log.json("list --oldest-first --limit 2").await;
    assert_eq!(places(&oldest), [1, 2]);
    assert_eq!(places(&log.json("list --oldest-first --limit 2 --cursor 3").await), [3, 4]);
    let range = log.json("list seq:10..12").await;
    assert_eq!((places(&range), &range["total"]), (vec![12, 11, 10], &json!(3)));

    let paid = log.json("list type:payment.* --limit 1000 --oldest-first").await;
    assert_eq!((places(&paid).len(), &paid["total"]), (120, &json!(120)));
    // A rare one, far from the head; and what only its payload tells.
    let rare = log.json("list entity:order/ord_1").await;
    assert_eq!((places(&rare), rare.get("partial")), (vec![1], None));
    let inside = log.json("list where:amount_cents=1199 --oldest-first").await;
    assert_eq!((places(&inside).len(), &inside["total"], &inside["total_exact"]), (1, &json!(1), &json!(true)));
    let two = log.json("list type:payment.*,order.created --limit 4").await;
    assert_eq!(places(&two), [1_320, 1_319, 1_318, 1_317]);
    let none = log.run("list type:order.craeted").await.well();
    assert!(none.err.contains("did you mean the type order.created?"), "{none:?}");

    let timeline = log.json("timeline order/ord_10").await;
    let types: Vec<&Value> = timeline["events"].as_array().unwrap().iter().map(|event| &event["event_type"]).collect();
    assert_eq!(types, [&json!("order.created"), &json!("payment.succeeded")], "payments of the order are in it");
    let state = log.json("state order/ord_10").await;
    assert_eq!((&state["version"], &state["data"]), (&json!(1), &json!({"amount_cents": 10})));
    let stats = log.json("stats").await;
    assert_eq!((&stats["total"], &stats["types"][0]["count"]), (&json!(1_320), &json!(1_200)));
}

/// B02, J10, H11: one event with its verdict; what a sequencer does not have; the doctor.
#[tokio::test(flavor = "multi_thread")]
async fn one_event_and_what_a_sequencer_does_not_have() {
    let log = Log::start().await;
    log.fill(1, 2).await;
    let first = log.json("list --oldest-first --limit 1").await;
    let id = first["events"][0]["event_id"].as_str().expect("an id");
    let detail = log.json(&format!("inspect {id} --include-payload")).await;
    assert_eq!(detail["signature"]["state"], json!("verified"), "{detail}");
    assert_eq!(
        (&detail["event"]["payload"], &detail["proof"]["stream_size"]),
        (&json!({"amount_cents": 1}), &json!(2))
    );
    let explained = log.run(&format!("explain {id}")).await.well();
    assert!(explained.out.contains("place 1 of its stream"), "{explained:?}");
    for (line, code) in [
        ("outbox", "UNSUPPORTED_HERE"),
        ("dlq list", "UNSUPPORTED_HERE"),
        ("list --status failed", "UNSUPPORTED_FILTER"),
    ] {
        let ran = log.run(line).await;
        assert!(ran.code == 2 && ran.err.contains(code) && ran.err.contains("--database"), "{line}: {ran:?}");
    }
    let unknown = log.run("inspect evt_00000000000000000000000000").await;
    assert!(unknown.code == 8 && unknown.err.contains("EVENT_NOT_FOUND"), "{unknown:?}");
    let doctor = log.run("doctor").await.well();
    assert!(doctor.out.contains("the stream has 2 events"), "{doctor:?}");
    let mut variables = log.variables();
    variables[2].1 = "another-key".to_owned();
    let variables: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let stranger = log.shop.run_with("list", &variables).await;
    assert!(stranger.code == 4 && stranger.err.contains("INVALID_API_KEY"), "{stranger:?}");
    let doctor = log.shop.run_with("doctor", &variables).await;
    assert!(doctor.code == 3 && doctor.out.contains("credential"), "{doctor:?}");
}

/// Live, and behind a kept place after the server was away.
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_followed_over_a_restart() {
    let mut log = Log::start().await;
    log.fill(1, 2).await;
    let variables = log.variables();
    let variables: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let mut child = log.shop.start_with("tail --cursor mine --from-beginning", &variables);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut seen = Vec::new();
    for _ in 0..2 {
        seen.push(next(&mut lines).await);
    }
    log.fill(3, 1).await;
    seen.push(next(&mut lines).await);
    log.process.kill9().await.unwrap();
    log.process.restart().await.unwrap();
    log.fill(4, 1).await;
    seen.push(next(&mut lines).await);
    assert_eq!(seen, [1, 2, 3, 4], "nothing is lost and nothing comes twice");
    child.kill().await.unwrap();
    log.fill(5, 1).await;
    let missed = log.run("tail --cursor mine --limit 1").await.well().json();
    assert!(missed["sequence_number"].as_u64().is_some_and(|place| place >= 4), "{missed}");
}

async fn next<R: tokio::io::AsyncBufRead + Unpin>(lines: &mut tokio::io::Lines<R>) -> u64 {
    let line = tokio::time::timeout(std::time::Duration::from_mins(1), lines.next_line()).await;
    let line = line.expect("an event comes").unwrap().expect("the tail goes on");
    let event: Value = serde_json::from_str(&line).unwrap();
    event["sequence_number"].as_u64().expect("a place")
}

/// N02, N03, J08: evidence is exported, and checked without the server; a changed byte is named.
#[tokio::test(flavor = "multi_thread")]
async fn evidence_is_checked_offline() {
    let mut log = Log::start().await;
    log.fill(1, 5).await;
    let key = until_logged(&log).await;
    log.run("export --from 1 --to 5 --file all.bundle").await.well();
    log.process.kill9().await.unwrap();
    let valid = log.shop.run(&format!("verify all.bundle --trusted-key '{key}' --json")).await.well().json();
    assert_eq!(
        (&valid["events"], &valid["signatures"], &valid["complete"]),
        (&json!(5), &json!(5), &json!(true)),
        "{valid}"
    );
    assert_eq!(valid["faults"], json!([]));

    let path = log.shop.home.path().join("all.bundle");
    let text = std::fs::read_to_string(&path).unwrap();
    let spoilt = text.replacen("amount_cents\\\":3", "amount_cents\\\":9", 1);
    assert_ne!(spoilt, text, "the third payload is in it");
    std::fs::write(&path, spoilt).unwrap();
    let wrong = log.shop.run(&format!("verify all.bundle --trusted-key '{key}'")).await;
    assert!(
        wrong.code == 3 && wrong.out.contains("WRONG: stream event 3: payload") && wrong.out.contains("NOT VALID"),
        "{wrong:?}"
    );
    let missing = log.shop.run(&format!("verify none.bundle --trusted-key '{key}'")).await;
    assert!(missing.code == 8 && missing.err.contains("FILE_NOT_FOUND"), "{missing:?}");
}

/// The log's verifier key, once the log covers the events.
async fn until_logged(log: &Log) -> String {
    loop {
        let ran = log.run("export --from 1 --to 5").await;
        if ran.code == 0 && ran.json()["stream"]["events"].as_array().map(Vec::len) == Some(5) {
            break;
        }
        assert!(ran.code == 0 || ran.err.contains("NOT_LOGGED"), "{ran:?}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let keys: Value = log.process.client().get("/.well-known/ves-keys").await.unwrap().json().unwrap();
    let found =
        keys.as_object().unwrap().values().filter_map(Value::as_str).find(|text| text.matches('+').count() >= 2);
    found.unwrap_or_else(|| panic!("no verifier key: {keys}")).to_owned()
}
