//! Pages of events, of entities, and the head.

use serde_json::{Value, json};
use stateset_store::sqlite::SqliteStore;
use std::sync::Arc;

use crate::harness::{START, Sequencer, Setting, Unsigned, query, scope};

fn sequences(page: &Value) -> Vec<u64> {
    let events = page["events"].as_array().unwrap();
    assert_eq!(page["count"], events.len());
    events.iter().map(|event| event["sequence_number"].as_u64().unwrap()).collect()
}

/// B06, A09: `from` is inclusive, 0 means 1, `limit` events come, on both routes; walking the pages gives all in order.
#[tokio::test]
async fn pages_are_gapless_and_as_long_as_asked() {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&directory.path().join("log.db"), 2).await.unwrap();
    store.migrate().await.unwrap();
    let on_disk = Setting { store: Arc::new(store), ..Setting::default() };
    for sequencer in [Sequencer::new().await, Sequencer::with(on_disk).await] {
        let scope = scope(1, 2);
        sequencer.ingest(&Unsigned::range(scope, 1..251)).await;
        for route in ["/api/v1/events", "/api/v1/ves/events"] {
            let page = async |rest: &str| sequencer.get(&format!("{route}?{}{rest}", query(scope))).await.json();
            for (rest, first, last, more) in [
                ("&from=0&limit=100", 1, 100, true),
                ("&from=1&limit=100", 1, 100, true),
                ("", 1, 100, true),
                ("&limit=&from=", 1, 100, true),
                ("&limit=1", 1, 1, true),
                ("&from=250&limit=1", 250, 250, false),
                ("&from=201", 201, 250, false),
                ("&limit=1000", 1, 250, false),
            ] {
                let page = page(rest).await;
                assert_eq!(sequences(&page), (first..=last).collect::<Vec<u64>>(), "{rest}");
                assert_eq!(page["next_sequence"], last + 1, "{rest}");
                assert_eq!(page["has_more"], more, "{rest}");
                assert_eq!((&page["head_sequence"], &page["total"]), (&json!(250), &json!(250)), "{rest}");
                assert_eq!((&page["total_exact"], &page["diagnostics"]), (&json!(true), &Value::Null));
            }
            for (from, next) in [(251, 251), (1000, 1000)] {
                let page = page(&format!("&from={from}")).await;
                assert_eq!((sequences(&page), &page["next_sequence"]), (vec![], &json!(next)));
                assert_eq!((&page["has_more"], &page["total"]), (&json!(false), &json!(250)));
            }
            let (mut walked, mut from) = (Vec::new(), 0);
            loop {
                let page = page(&format!("&from={from}&limit=33")).await;
                walked.extend(sequences(&page));
                from = page["next_sequence"].as_u64().unwrap();
                if page["has_more"] == false {
                    break;
                }
            }
            assert_eq!(walked, (1..251).collect::<Vec<u64>>());
        }
    }
}

/// L21, B06: a filtered walk sees every match once, totals do not depend on where a page starts, and the last page leads
/// behind the head, so that nothing is looked at twice.
#[tokio::test]
async fn filtered_pages_lead_on() {
    let sequencer = Sequencer::new().await;
    let scope = scope(1, 2);
    let events: Vec<Unsigned> = (1..101)
        .map(|n| Unsigned::new(scope, n).typed(if n % 10 == 0 { "order.shipped" } else { "order.created" }))
        .collect();
    sequencer.ingest(&events).await;
    let page = async |rest: &str| {
        sequencer.get(&format!("/api/v1/events?{}&event_type=order.shipped{rest}", query(scope))).await.json()
    };
    let first = page("&limit=4").await;
    assert_eq!((sequences(&first), &first["total"]), (vec![10, 20, 30, 40], &json!(10)));
    assert_eq!((&first["next_sequence"], &first["has_more"]), (&json!(41), &json!(true)));
    let last = page("&from=41").await;
    assert_eq!((sequences(&last), &last["total"]), (vec![50, 60, 70, 80, 90, 100], &json!(10)));
    assert_eq!((&last["next_sequence"], &last["has_more"]), (&json!(101), &json!(false)));
    let behind = page("&from=101").await;
    assert_eq!((sequences(&behind), &behind["total"], &behind["diagnostics"]), (vec![], &json!(10), &Value::Null));
}

/// B06: every filter alone and together; `*` stands for any run of characters and nothing else is special.
#[tokio::test]
async fn filters_admit_what_they_name() {
    let sequencer = Sequencer::new().await;
    let scope = scope(1, 2);
    let event = |n| Unsigned::new(scope, n);
    let mut foreign = event(4).entity("cart", "c-1").typed("cart.item_added");
    foreign.agent = uuid::Uuid::from_u128(0xB);
    sequencer.ingest(&[event(1).entity("order", "o-7"), event(2).typed("order.shipped")]).await;
    sequencer.clock.set(START + 5_000_000);
    sequencer.ingest(&[event(3).entity("order", "o-7").with("correlation_id", &json!("op 1"))]).await;
    sequencer.clock.set(START + 9_000_000);
    sequencer.ingest(&[foreign.with("order_key", &json!("lane/1"))]).await;
    for (filter, expected) in [
        ("entity_type=order", vec![1, 2, 3]),
        ("entity_id=o-7", vec![1, 3]),
        ("entity_type=cart&entity_id=o-7", vec![]),
        ("event_type=order.created", vec![1, 3]),
        ("event_type=order.*", vec![1, 2, 3]),
        ("event_type=*ed", vec![1, 2, 3, 4]),
        ("event_type=*.*s*ed", vec![2]),
        ("event_type=order%3Fcreated", vec![]),
        ("event_type=order.%25", vec![]),
        ("event_type=order_created", vec![]),
        ("agent_id=00000000-0000-0000-0000-00000000000b", vec![4]),
        ("correlation_id=op%201", vec![3]),
        ("correlation_id=op+1", vec![3]),
        ("order_key=lane/1", vec![4]),
        ("since=1700000005000000", vec![3, 4]),
        ("since=2023-11-14T22:13:25Z", vec![3, 4]),
        ("since=2023-11-14T23:13:25%2B01:00", vec![3, 4]),
        ("since=2023-11-14T23:13:25+01:00", vec![3, 4]),
        ("until=2023-11-14T22:13:25Z", vec![1, 2]),
        ("since=2023-11-14T22:13:21Z&until=2023-11-14T22:13:29Z&entity_id=o-7", vec![3]),
        ("unknown_to_all=1&entity_id=o-7", vec![1, 3]),
    ] {
        for route in ["/api/v1/events", "/api/v1/ves/events"] {
            let page = sequencer.get(&format!("{route}?{}&{filter}", query(scope))).await.json();
            assert_eq!(sequences(&page), expected, "{filter}");
            assert_eq!(page["total"], expected.len(), "{filter}");
        }
    }
}

/// B06, B10: what no index answers is looked for in 10,000 events at a time. A page may be empty and say where to go on; no
/// match is lost, nothing is looked at twice, and times are places, wherever they are.
#[tokio::test]
async fn a_filter_without_an_index_looks_at_a_part() {
    let sequencer = Sequencer::new().await;
    let scope = scope(1, 2);
    for thousand in 0..21 {
        if thousand == 20 {
            sequencer.clock.set(START + 10_000_000);
        }
        let one = |n: u64| {
            Unsigned::new(scope, n).typed(match n {
                20_999 => "order.late",
                n if n.is_multiple_of(7_000) => "order.rare",
                _ => "order.created",
            })
        };
        let events: Vec<Unsigned> = (thousand * 1_000 + 1..=thousand * 1_000 + 1_000).map(one).collect();
        sequencer.ingest(&events).await;
    }
    let page = async |rest: &str| sequencer.get(&format!("/api/v1/ves/events?{}&{rest}", query(scope))).await.json();

    let (mut found, mut from, mut pages) = (Vec::new(), 1, Vec::new());
    loop {
        let page = page(&format!("event_type=order.rare&from={from}")).await;
        found.extend(sequences(&page));
        from = page["next_sequence"].as_u64().unwrap();
        pages.push((from, page["has_more"].as_bool().unwrap()));
        assert_eq!((&page["total_exact"], &page["diagnostics"]), (&json!(false), &Value::Null));
        if page["has_more"] == false {
            break;
        }
    }
    assert_eq!(found, [7_000, 14_000, 21_000]);
    assert_eq!(pages, [(10_001, true), (20_001, true), (21_001, false)]);

    let nothing = page("event_type=order.rar").await;
    assert_eq!((sequences(&nothing), &nothing["total"]), (vec![], &json!(0)));
    assert_eq!((&nothing["has_more"], &nothing["next_sequence"]), (&json!(true), &json!(10_001)));
    assert_eq!(nothing["diagnostics"]["without"][0]["total"], 21_000);
    let late = page("event_type=order.late").await;
    assert_eq!((sequences(&late), &late["has_more"]), (vec![], &json!(true)));
    assert_eq!(late["diagnostics"]["nearest_event_type"], Value::Null, "it is asked for, and further on");

    let since = format!("since={}", START + 10_000_000);
    for (rest, places) in [("", (20_001..=20_100).collect()), ("&event_type=order.rare", vec![21_000])] {
        let late = page(&format!("{since}{rest}")).await;
        assert_eq!((sequences(&late), &late["total"]), (places, &json!(if rest.is_empty() { 1_000 } else { 1 })));
        assert_eq!(late["total_exact"], true, "what is late is few");
    }
    let early = page(&format!("until={}&event_type=order.rare&from=13000", START + 1)).await;
    assert_eq!((sequences(&early), &early["has_more"]), (vec![14_000], &json!(false)));

    for (rest, places, next, more) in [
        ("from=5&upto=7", vec![5, 6, 7], 8, false),
        ("from=5&upto=7&limit=2", vec![5, 6], 7, true),
        ("from=20999&upto=99999", vec![20_999, 21_000], 21_001, false),
        ("from=9&upto=8", vec![], 9, false),
        ("from=6999&upto=7001&event_type=order.rare", vec![7_000], 7_002, false),
        ("order=newest&limit=2", vec![21_000, 20_999], 20_998, true),
        ("order=newest&limit=2&from=3&upto=5", vec![5, 4], 3, true),
        ("order=newest&limit=2&from=3&upto=3", vec![3], 2, false),
        ("order=newest&from=1&upto=1", vec![1], 0, false),
        ("order=newest&event_type=order.rare", vec![21_000, 14_000], 11_000, true),
        ("order=newest&event_type=order.rare&upto=11000", vec![7_000], 1_000, true),
        ("order=newest&event_type=order.rare&upto=1000", vec![], 0, false),
        ("order=newest&event_type=order.rare&limit=1", vec![21_000], 20_999, true),
        ("order=oldest&from=20998&limit=1", vec![20_998], 20_999, true),
    ] {
        let page = page(rest).await;
        assert_eq!((sequences(&page), &page["next_sequence"]), (places, &json!(next)), "{rest}");
        assert_eq!(page["has_more"], more, "{rest}");
    }
    let refused = sequencer.get(&format!("/api/v1/events/stream?{}&upto=7", query(scope))).await;
    assert_eq!(refused.status, 400, "{}", refused.text());
}

/// B05: an empty result says what each filter keeps out, and which type was probably meant.
#[tokio::test]
async fn empty_results_explain_themselves() {
    let sequencer = Sequencer::new().await;
    let scope = scope(1, 2);
    sequencer.ingest(&Unsigned::range(scope, 1..31)).await;
    sequencer.ingest(&[Unsigned::new(scope, 40).typed("order.shipped")]).await;
    let get = async |rest: &str| sequencer.get(&format!("/api/v1/events?{}&{rest}", query(scope))).await.json();
    let without = |filter: &str, total: u64| json!({ "filter": filter, "total": total, "total_exact": true });
    let page = get("event_type=order.creatd&entity_type=order&until=1").await;
    assert_eq!(
        page["diagnostics"],
        json!({
            "without": [without("entity_type", 0), without("event_type", 0), without("until", 0)],
            "nearest_event_type": "order.created",
        })
    );
    let page = get("event_type=Order.Shipped").await;
    assert_eq!(
        page["diagnostics"],
        json!({ "without": [without("event_type", 31)], "nearest_event_type": "order.shipped" })
    );
    let page = get("event_type=order.shipped&entity_id=o-1").await;
    assert_eq!(page["diagnostics"], json!({ "without": [without("entity_id", 1), without("event_type", 1)] }));
    let page = get("event_type=payment.captured").await;
    assert_eq!(page["diagnostics"], json!({ "without": [without("event_type", 31)] }));
    let page = get("from=32").await;
    assert_eq!((&page["diagnostics"], &page["total"]), (&Value::Null, &json!(31)));
    let nowhere = self::scope(1, 3);
    let page = sequencer.get(&format!("/api/v1/events?{}&entity_id=x", query(nowhere))).await.json();
    assert_eq!(page["diagnostics"], json!({ "without": [without("entity_id", 0)] }));
    assert_eq!((&page["head_sequence"], &page["next_sequence"]), (&json!(0), &json!(1)));
}

/// B06: a filtered total is exact up to ten thousand and says when it is not.
#[tokio::test]
async fn large_totals_are_lower_bounds() {
    let sequencer = Sequencer::new().await;
    let scope = scope(1, 2);
    sequencer.ingest(&Unsigned::range(scope, 1..10_002)).await;
    let get = async |rest: &str| sequencer.get(&format!("/api/v1/events?{}&limit=1{rest}", query(scope))).await.json();
    for (rest, total, exact) in [
        ("", 10_001, true),
        ("&entity_type=order", 10_000, false),
        ("&entity_type=order&from=9000", 10_000, false),
        ("&entity_type=order&entity_id=o-5", 1, true),
    ] {
        let page = get(rest).await;
        assert_eq!((&page["total"], &page["total_exact"]), (&json!(total), &json!(exact)), "{rest}");
    }
    let page = get("&entity_type=order&entity_id=none").await;
    assert_eq!(
        page["diagnostics"]["without"],
        json!([
            // One more than is looked at, without an index.
            { "filter": "entity_type", "total": 0, "total_exact": false },
            { "filter": "entity_id", "total": 10_000, "total_exact": false },
        ])
    );
}

/// A06: payloads come back in the bytes that were sent, in both spellings, whatever their numbers and white space.
#[tokio::test]
async fn payload_text_is_preserved() {
    const PAYLOAD: &str = "{\"b\":1.10, \"a\" :\n 1e2,\"c\":-0.0,\"d\":12345678901234567890123,\"e\":\"\\u00e9\"}";
    let sequencer = Sequencer::new().await;
    let scope = scope(1, 2);
    let metadata = json!({ "x": 1 });
    let event = Unsigned::new(scope, 1).payload(PAYLOAD).with("metadata", &metadata);
    sequencer.ingest(std::slice::from_ref(&event)).await;
    for path in
        ["/api/v1/events?", "/api/v1/ves/events?", "/api/v1/entities/order/o-1?", "/api/v1/ves/entities/order/o-1?"]
    {
        let reply = sequencer.get(&format!("{path}{}", query(scope))).await;
        assert!(reply.text().contains(&format!("\"payload\":{PAYLOAD}")), "{}", reply.text());
        assert_eq!(reply.json()["events"][0]["metadata"], metadata);
    }
    let reply = sequencer.get(&format!("/api/v1/events/{}?{}", event.id, query(scope))).await;
    assert!(reply.text().contains(&format!("\"payload\":{PAYLOAD}")), "{}", reply.text());
}

/// B08: the history of an entity in order, paged by sequence; its version is the number of its events.
#[tokio::test]
async fn entity_histories_are_paged() {
    let sequencer = Sequencer::new().await;
    let scope = scope(1, 2);
    let events: Vec<Unsigned> =
        (1..31).map(|n| Unsigned::new(scope, n).entity("order", if n % 3 == 0 { "o/1 é" } else { "o-2" })).collect();
    sequencer.ingest(&events).await;
    for prefix in ["/api/v1/entities", "/api/v1/ves/entities"] {
        let get = async |rest: &str| sequencer.get(&format!("{prefix}/{rest}&{}", query(scope))).await;
        let page = get("order/o%2F1%20%C3%A9?limit=4").await.json();
        assert_eq!(sequences(&page), [3, 6, 9, 12]);
        assert_eq!((&page["entity_type"], &page["entity_id"]), (&json!("order"), &json!("o/1 é")));
        assert_eq!((&page["total"], &page["current_version"]), (&json!(10), &json!(10)));
        assert_eq!((&page["next_sequence"], &page["has_more"]), (&json!(13), &json!(true)));
        let page = get("order/o%2F1%20%C3%A9?from=13").await.json();
        assert_eq!(sequences(&page), [15, 18, 21, 24, 27, 30]);
        assert_eq!((&page["next_sequence"], &page["head_sequence"]), (&json!(31), &json!(30)));
        let page = get("order/none?").await.json();
        assert_eq!((&page["total"], &page["current_version"]), (&json!(0), &json!(0)));
        assert_eq!(
            page["diagnostics"]["without"][0],
            json!({ "filter": "entity_type", "total": 0, "total_exact": true })
        );
        let fault = get("order/o-2?entity_id=o-2").await.problem();
        assert_eq!(fault, (400, "INVALID_PARAMETER".to_owned(), "entity_id".to_owned()));
    }
}

/// B07: the head of a stream is the one the ingest reply gave; a stream nobody wrote to is empty, not missing.
#[tokio::test]
async fn heads() {
    let sequencer = Sequencer::new().await;
    let scope = scope(1, 2);
    for route in ["/api/v1/head", "/api/v1/ves/head"] {
        let head = sequencer.get(&format!("{route}?{}", query(self::scope(7, 7)))).await.json();
        assert_eq!((&head["head_sequence"], &head["size"]), (&json!(0), &json!(0)));
        assert_eq!(head["root"], "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!((&head["signature"], &head["checkpoint"]), (&Value::Null, &Value::Null));
    }
    let reply = sequencer.ingest(&Unsigned::range(scope, 1..8)).await.remove(0);
    let head = sequencer.get(&format!("/api/v1/head?{}", query(scope))).await.json();
    assert_eq!((&head["head_sequence"], &head["size"]), (&json!(7), &json!(7)));
    let stream = &reply["stream"];
    for (name, given) in [
        ("root", "root"),
        ("stream_id", "streamId"),
        ("signature", "signature"),
        ("key_version", "keyVersion"),
        ("signed_at_us", "signedAtUs"),
    ] {
        assert_eq!(head[name], stream[given], "{name}");
        assert!(!head[name].is_null());
    }
}

/// B06: a page of large events is shorter than asked for, says so, and the next one goes on without a gap; whatever is asked
/// for, an answer stays of a bounded size.
#[tokio::test]
async fn pages_of_large_events_are_shorter() {
    let sequencer = Sequencer::new().await;
    let scope = scope(1, 2);
    let large = format!(r#"{{"text":"{}"}}"#, "x".repeat(90_000));
    for first in (1..301).step_by(60) {
        let events: Vec<Unsigned> =
            Unsigned::range(scope, first..first + 60).into_iter().map(|event| event.payload(&large)).collect();
        sequencer.ingest(&events).await;
    }
    let (mut from, mut seen, mut pages) = (1, Vec::new(), 0);
    while from <= 300 {
        let path = format!("/api/v1/events?{}&from={from}&limit=1000", query(scope));
        let reply = sequencer.get(&path).await;
        assert!(reply.body.len() < 24 << 20, "{}", reply.body.len());
        let page = reply.json();
        assert_eq!((&page["total"], &page["head_sequence"]), (&json!(300), &json!(300)));
        seen.extend(sequences(&page));
        assert_eq!(page["has_more"], seen.len() < 300);
        from = page["next_sequence"].as_u64().unwrap();
        pages += 1;
    }
    assert_eq!(seen, (1..=300).collect::<Vec<u64>>());
    assert!((2..=4).contains(&pages), "{pages}");
    let filtered = format!("/api/v1/events?{}&entity_type=order&limit=1000", query(scope));
    let page = sequencer.get(&filtered).await.json();
    assert_eq!((&page["total"], &page["total_exact"], &page["has_more"]), (&json!(300), &json!(true), &json!(true)));
}
