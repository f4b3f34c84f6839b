//! Pages over a real outbox in SQLite, with an event in every state, and a redrive from the list to the job.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use serde_json::json;
use sqlx::Sqlite;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use stateset_dashboard::outbox::{Outbox as Shown, mount};
use stateset_inspect::{Local, SourceKind};
use stateset_outbox::delivery::{
    AttemptRecord, Change, DeadLetter, DeliveryRow, DeliveryState, LaneChange, NewRoute, Registration, Settlement,
    Start,
};
use stateset_outbox::{Draft, Entity, Event, EventType, Outbox, Payload};
use tempfile::TempDir;

use crate::access::form_token;
use crate::harness::{Browser, HOSTILE};

struct Shop {
    _folder: TempDir,
    outbox: Outbox<Sqlite>,
}

impl Shop {
    async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = SqliteConnectOptions::new()
            .filename(folder.path().join("shop.sqlite"))
            .create_if_missing(true)
            .busy_timeout(Duration::from_secs(20));
        let pool = SqlitePoolOptions::new().max_connections(4).connect_with(options).await.unwrap();
        let outbox = Outbox::new(pool);
        outbox.migrate().await.unwrap();
        Self { _folder: folder, outbox }
    }

    async fn write(&self, id: &str) {
        let event = Event::new(EventType::new("order.created"), Payload::new(json!({ HOSTILE: HOSTILE })), None);
        let draft: Draft<_> = event.about(Entity::new("order", id)).order_key(id).correlation_id(HOSTILE);
        let mut tx = self.outbox.begin().await.unwrap();
        self.outbox.write_event_with_outbox(&mut tx, draft).await.unwrap();
        self.outbox.commit(tx).await.unwrap();
    }

    /// Five events for one destination: delivered, waiting for another try, dead twice, waiting.
    async fn every_state(&self) {
        let store = self.outbox.deliveries();
        let route = NewRoute { name: "all".into(), type_glob: "*".into(), policy: "{}".into() };
        let registration = Registration {
            name: "kafka".into(),
            kind: "kafka".into(),
            shard_groups: 1,
            routes: vec![route],
            start: Start::Now,
        };
        let destination = store.register(&registration).await.unwrap();
        let lease = store.acquire(destination.id, "worker 1", Duration::from_mins(1), 1).await.unwrap().remove(0);
        for id in ["ORD-1", "ORD-2", "ORD-3", "ORD-4"] {
            self.write(id).await;
        }
        let chunk = store.poll(&lease, 10).await.unwrap();
        let change = |at: usize, to, letter: Option<DeadLetter>| Change {
            delivery: DeliveryRow::of(&chunk.events[at], &destination.routes[0]),
            from: None,
            to,
            reason: None,
            attempts: 1,
            next_attempt_in: (to == DeliveryState::RetryWait).then_some(Duration::from_hours(1)),
            attempt: Some(AttemptRecord {
                started_ago: Duration::from_millis(9),
                took: Duration::from_millis(5),
                outcome: if letter.is_some() { "refused" } else { "retry" },
                class: Some("http_422".to_owned()),
                error: Some(HOSTILE.to_owned()),
            }),
            dead_letter: letter,
        };
        let letter = || Some(DeadLetter { class: "refused".to_owned(), error: HOSTILE.to_owned() });
        let park =
            |at: usize, due_in| LaneChange::Park { lane: chunk.events[at].lane(), due_in, reason: HOSTILE.to_owned() };
        let plan = Settlement {
            advance: Some(chunk.advance()),
            events: 4,
            changes: vec![
                change(1, DeliveryState::RetryWait, None),
                change(2, DeliveryState::Dead, letter()),
                change(3, DeliveryState::Dead, letter()),
            ],
            lanes: vec![park(1, Some(Duration::from_hours(1))), park(2, None), park(3, None)],
            ..Settlement::default()
        };
        store.settle(&lease, &plan).await.unwrap();
        self.write("ORD-5").await;
    }

    async fn browser(&self, may_change: bool) -> Browser {
        let inspect = Arc::new(Local::new(self.outbox.clone(), SourceKind::Sqlite, "shop.sqlite"));
        let (router, link) = mount(Shown {
            inspect,
            actor: "tester".to_owned(),
            may_change,
            flags: "--database sqlite:shop.sqlite".to_owned(),
        });
        let mut browser = Browser::over(router);
        assert_eq!(browser.get(&link).await.status, StatusCode::OK);
        assert_eq!(browser.post(&link, "").await.status, StatusCode::SEE_OTHER);
        browser
    }
}

const PAGES: &[&str] = &[
    "",
    "/events",
    "/events?q=type%3Aorder.*",
    "/events?q=type%3Aorder.creatd",
    "/deliveries",
    "/deliveries?q=state%3Aretry_wait",
    "/dead-letters",
    "/dead-letters?q=type%3A*&group=class",
    "/timeline",
    "/timeline?entity_type=order&entity_id=ORD-1",
    "/keys",
    "/keys?key=create_order_ORD-123",
    "/jobs",
    "/audit",
    "/audit?actor=tester",
    "/catalogue",
];

/// E12, G02: everything there is can be looked at, and nothing anybody wrote becomes markup.
#[tokio::test]
async fn every_page_of_an_empty_and_of_a_full_outbox() {
    let shop = Shop::open().await;
    let mut browser = shop.browser(false).await;
    for full in [false, true] {
        for path in PAGES {
            let answer = browser.get(&format!("/dashboard{path}")).await;
            assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.body);
            assert!(!answer.body.contains("<img") && !answer.body.contains("onerror=\""), "{path}");
        }
        if !full {
            shop.every_state().await;
        }
    }
    let list = browser.get("/dashboard/deliveries?q=state%3Aretry_wait").await.body;
    let event = list.split("/dashboard/events/").nth(1).unwrap().split('"').next().unwrap();
    let page = browser.get(&format!("/dashboard/events/{event}")).await;
    assert!(page.body.contains("Try 1: retry") && page.body.contains("http_422"), "{}", page.body);
    assert!(!page.body.contains("<img"));
    for path in [
        "/dashboard/destinations/kafka",
        "/dashboard/destinations/nowhere",
        "/dashboard/events/evt_nothing",
        "/dashboard/jobs/nothing",
    ] {
        let answer = browser.get(path).await;
        assert_eq!(answer.status.is_success(), path.ends_with("kafka"), "{path}: {}", answer.body);
        assert!(!answer.body.contains("<img"), "{path}");
    }
    assert_eq!(browser.get("/dashboard/events?q=tpye%3Ax").await.status, StatusCode::BAD_REQUEST);
}

/// A page of another site whose name was made to point at this machine is of the same origin as ours.
#[tokio::test]
async fn a_name_that_somebody_owns_leads_nowhere() {
    let shop = Shop::open().await;
    let mut browser = shop.browser(true).await;
    let token = form_token(&mut browser).await;
    browser.host = "evil.example";
    for path in ["", "/", "/login", "/events", "/assets/style.css", "/enter/0", "/nowhere"] {
        let answer = browser.get(&format!("/dashboard{path}")).await;
        assert_eq!(answer.status, StatusCode::MISDIRECTED_REQUEST, "{path}");
        assert!(answer.header("content-security-policy").contains("default-src 'none'"), "{path}");
    }
    let form = format!("token={token}&q=type%3A*&action=redrive");
    assert_eq!(browser.post("/dashboard/dead-letters", &form).await.status, StatusCode::MISDIRECTED_REQUEST);
    browser.host = "127.0.0.1";
    assert_eq!(browser.get("/dashboard").await.status, StatusCode::OK);
}

/// Whatever stands in an address, it is answered as a mistake of whoever wrote it, never as one of ours.
#[tokio::test]
async fn strange_addresses_are_refused_or_answered() {
    let shop = Shop::open().await;
    shop.every_state().await;
    let mut browser = shop.browser(true).await;
    let long = "x".repeat(20_000);
    for bad in ["%00", "%1b%5B31m", "%ff%fe", "%E2%80%AE", "%22%27%3C%3E", "..%2F..%2Fetc", "-1", &long] {
        for path in [
            format!("/events?q={bad}"),
            format!("/events?cursor={bad}"),
            format!("/events?q=key%3A{bad}"),
            format!("/live?from={bad}&q={bad}"),
            format!("/events/{bad}"),
            format!("/timeline?entity_type={bad}&entity_id={bad}"),
            format!("/timeline?correlation={bad}&cursor={bad}"),
            format!("/deliveries?q=destination%3A{bad}&cursor={bad}"),
            format!("/destinations/{bad}"),
            format!("/dead-letters?q={bad}&group={bad}&cursor={bad}"),
            format!("/keys?key={bad}&operation={bad}"),
            format!("/jobs/{bad}"),
            format!("/audit?actor={bad}"),
            format!("/audit?cursor={bad}"),
            format!("/catalogue?type={bad}"),
        ] {
            let status = browser.status(&format!("/dashboard{path}")).await;
            assert!(!status.is_server_error(), "{path:.80}: {status}");
        }
    }
}

/// A bulk action at a limited rate takes its time: the page of its job comes at once, and may be closed.
#[tokio::test]
async fn a_long_action_is_only_begun() {
    let shop = Shop::open().await;
    shop.every_state().await;
    let mut browser = shop.browser(true).await;
    let token = form_token(&mut browser).await;
    let form = format!("token={token}&q=type%3A*&action=redrive&rate=1");
    let preview = browser.post("/dashboard/dead-letters", &form).await.body;
    let plan = preview.split("name=\"plan\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    let form = format!("token={token}&rate=1&plan={plan}");
    let apply = browser.post("/dashboard/apply", &form);
    let applied = tokio::time::timeout(Duration::from_millis(900), apply).await.expect("it does not wait for the end");
    let job = applied.header("location").to_owned();
    let page = browser.get(&job).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    let done = async {
        while !browser.get(&job).await.body.contains("badge good\">done") {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), done).await.expect("it goes on by itself");
}

/// What was typed is still there when it is not understood.
#[tokio::test]
async fn a_wrong_filter_stays_in_its_box() {
    let shop = Shop::open().await;
    let mut browser = shop.browser(false).await;
    for list in ["events", "deliveries", "dead-letters"] {
        let answer = browser.get(&format!("/dashboard/{list}?q=tpye%3Aorder.*")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert!(
            answer.body.contains("value=\"tpye:order.*\"") && answer.body.contains("INVALID_FILTER"),
            "{}",
            answer.body
        );
    }
}

/// There is no key to type: the printed link is the only way in.
#[tokio::test]
async fn whoever_has_no_link_is_told_where_it_is() {
    let shop = Shop::open().await;
    let mut browser = shop.browser(false).await;
    browser.cookie = None;
    for path in ["/login", "/enter/0"] {
        let page = browser.get(&format!("/dashboard{path}")).await.body;
        assert!(page.contains("stateset-events dashboard") && !page.contains("API key"), "{page}");
    }
}

/// G03, H07: all that match are redriven, through a preview and its plan, and the audit says by whom.
#[tokio::test]
async fn dead_letters_are_redriven_through_a_preview() {
    let shop = Shop::open().await;
    shop.every_state().await;
    let mut reader = shop.browser(false).await;
    let token = form_token(&mut reader).await;
    let form = format!("token={token}&q=type%3Aorder.*&action=redrive");
    assert_eq!(
        reader.post("/dashboard/dead-letters", &form).await.status,
        StatusCode::FORBIDDEN,
        "started for reading"
    );

    let mut browser = shop.browser(true).await;
    let token = form_token(&mut browser).await;
    for (form, status) in [
        ("q=type%3Aorder.*&action=redrive".to_owned(), StatusCode::FORBIDDEN),
        (format!("token={token}&q=type%3Aorder.*&action=burn"), StatusCode::BAD_REQUEST),
        (format!("token={token}&q=&action=redrive"), StatusCode::BAD_REQUEST),
        (format!("token={token}&q=type%3Aorder.*&action=redrive&rate=0"), StatusCode::BAD_REQUEST),
    ] {
        let answer = browser.post("/dashboard/dead-letters", &form).await;
        assert_eq!(answer.status, status, "{form}: {}", answer.body);
    }
    let preview =
        browser.post("/dashboard/dead-letters", &format!("token={token}&q=type%3Aorder.*&action=redrive")).await;
    assert_eq!(preview.status, StatusCode::OK, "{}", preview.body);
    assert!(preview.body.contains("NOT EXECUTED"), "{}", preview.body);
    let still = browser.get("/dashboard/dead-letters").await.body;
    assert!(still.contains("<b>2</b> open dead letters"), "the preview changed nothing");
    let plan: String = preview
        .body
        .split("name=\"plan\" value=\"")
        .nth(1)
        .unwrap()
        .chars()
        .take_while(|letter| *letter != '"')
        .collect();
    assert_eq!(
        browser.post("/dashboard/apply", &format!("plan={plan}")).await.status,
        StatusCode::FORBIDDEN,
        "without token"
    );
    let applied = browser.post("/dashboard/apply", &format!("token={token}&plan={plan}")).await;
    assert_eq!(applied.status, StatusCode::SEE_OTHER, "{}", applied.body);
    let job = browser.get(applied.header("location")).await;
    assert!(job.body.contains("redrive") && job.body.contains("tester"), "{}", job.body);
    assert!(browser.get("/dashboard/audit?actor=tester").await.body.contains("tester"));
}
