//! Offline bundles from the real server, checked by the ledger without it (P01, P02, R11).

use serde_json::{Value, json};
use stateset_ledger::bundle::{Bundle, Report, Trust, verify_bundle};
use stateset_ledger::note::VerifierKey;
use stateset_testkit::http::Client;
use stateset_testkit::ves::Agent;
use uuid::Uuid;

use super::{client, embedded, scope, unsigned};

const VES: &str = "/api/v1/ves/events/ingest?wait=logged";

async fn push_signed(client: &Client, agent: &Agent, numbers: std::ops::Range<u32>) -> anyhow::Result<()> {
    let events: Vec<_> = numbers
        .map(|n| {
            let event = agent.event(&format!("o-{}", n % 3), "order.created", json!({ "n": n, "price": "1.10" }));
            event.version(1 + n % 2).sign()
        })
        .collect();
    let reply: Value = client.post_json(VES, &agent.batch(&events)).await?.expect_status(200)?.json()?;
    anyhow::ensure!(reply["eventsRejected"] == 0, "{reply}");
    Ok(())
}

async fn fetch(client: &Client, more: &str) -> anyhow::Result<Value> {
    let path = format!("/api/v1/proofs/bundle?{}{more}", scope(1, 2));
    Ok(client.get(&path).await?.expect_status(200)?.json()?)
}

fn check(bundle: &Value, trust: &Trust) -> Option<Report> {
    Some(verify_bundle(&Bundle::parse(bundle.to_string().as_bytes()).ok()?, trust))
}

/// A stream with signed and unsigned events and a change of the agent's key in the middle; answers whom to trust, with a
/// checkpoint from before the change.
async fn fill(client: &Client) -> anyhow::Result<Trust> {
    let (tenant, store) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let agent = Agent::new(7, tenant, store);
    client.post_json("/api/v1/agents/keys", &agent.registration()).await?.expect_status(200)?;
    push_signed(client, &agent, 0..20).await?;
    let earlier = client.get("/checkpoint").await?.expect_status(200)?.text();
    let second = agent.rotated(2);
    client.post_json("/api/v1/agents/keys", &second.registration()).await?.expect_status(200)?;
    client.delete(&format!("/api/v1/agents/{}/keys/1?tenant_id={tenant}", agent.id)).await?.expect_status(200)?;
    push_signed(client, &second, 20..30).await?;
    let body = unsigned(1, 2, 1, &["{\"n\": 1, \"x\": 1.10}", "{}"]);
    let path = "/api/v1/events/ingest?wait=logged";
    client.post(path, "application/json", body.as_bytes()).await?.expect_status(200)?;
    let keys: Value = client.get("/.well-known/ves-keys").await?.json()?;
    let log_key = VerifierKey::parse(keys["logVerifierKey"].as_str().unwrap_or_default())?;
    Ok(Trust { log_key, sequencer_keys: Vec::new(), earlier: Some(earlier) })
}

fn size_of(note: &str) -> u64 {
    note.lines().nth(1).and_then(|line| line.parse().ok()).expect("a checkpoint")
}

#[tokio::test]
async fn a_bundle_proves_itself_without_the_server() -> anyhow::Result<()> {
    let server = embedded()?.variable("PUBLISH_INTERVAL_MS", "10").start().await?;
    let client = client(&server);
    let empty = client.get(&format!("/api/v1/proofs/bundle?{}", scope(1, 2))).await?;
    assert_eq!(empty.status, 404, "{}", empty.text());
    let trust = fill(&client).await?;
    let size = size_of(trust.earlier.as_deref().unwrap_or_default());

    let all = fetch(&client, &format!("&log_size={size}")).await?;
    let report = check(&all, &trust).expect("a bundle");
    assert_eq!(report.faults, []);
    let counts = (report.events, report.payloads, report.signatures, report.unsigned, report.included);
    assert_eq!(counts, (32, 32, 30, 2, 32));
    assert_eq!((report.receipts, report.key_events, report.stream_size), (32, 3, 32));
    assert!(report.complete && report.continues == Some(size) && report.log_size > size, "{report:?}");

    // An entity, without payloads; what that does not show is said.
    let one = fetch(&client, "&entity_type=order&entity_id=o-1&payloads=false").await?;
    let report = check(&one, &Trust { earlier: None, ..trust.clone() }).expect("a bundle");
    assert_eq!((report.faults.len(), report.events, report.payloads, report.complete), (0, 11, 0, false), "{report:?}");
    assert!(report.unchecked.iter().any(|what| what.contains("left out")), "{report:?}");

    // In parts, which follow one another without a gap.
    let (mut from, mut seen) = (1, 0);
    loop {
        let part = fetch(&client, &format!("&from={from}&limit=7")).await?;
        let report = check(&part, &Trust { earlier: None, ..trust.clone() }).expect("a bundle");
        assert!(report.is_valid() && report.complete, "{report:?}");
        seen += report.events;
        let Some(next) = part["next_from"].as_u64() else { break };
        assert_eq!(next, from + 7);
        from = next;
    }
    assert_eq!(seen, 32);

    // Another log's key, another checkpoint.
    let stranger = format!("log.example+{}", "00000000+AQ==");
    assert!(VerifierKey::parse(&stranger).is_err());
    let gap = fetch(&client, "").await?;
    let report = check(&gap, &trust).expect("a bundle");
    assert!(report.faults.iter().any(|fault| fault.message.contains("log_size")), "{report:?}");
    for (more, status, code) in [
        ("&from=33", 404, "EVENT_NOT_FOUND"),
        ("&to=33", 404, "NOT_LOGGED"),
        ("&log_size=999999", 400, "INVALID_PARAMETER"),
        ("&limit=0", 400, "INVALID_PARAMETER"),
        ("&payloads=maybe", 400, "INVALID_PARAMETER"),
        ("&entity_id=o-1", 400, "INVALID_PARAMETER"),
        ("&entity_type=order&entity_id=none", 404, "EVENT_NOT_FOUND"),
    ] {
        let refused = client.get(&format!("/api/v1/proofs/bundle?{}{more}", scope(1, 2))).await?;
        assert_eq!((refused.status, refused.json::<Value>()?["code"].as_str()), (status, Some(code)), "{more}");
    }
    Ok(())
}

/// Places of all texts, numbers and flags in a JSON value.
fn scalars(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                scalars(member, &format!("{at}/{name}"), found);
            }
        },
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                scalars(item, &format!("{at}/{index}"), found);
            }
        },
        _ => found.push(at.to_owned()),
    }
}

/// Every single value of a bundle is changed, one at a time: none goes unnoticed but those that prove nothing, and the fault
/// names the event.
#[tokio::test]
async fn no_change_of_a_bundle_goes_unnoticed() -> anyhow::Result<()> {
    let server = embedded()?.variable("PUBLISH_INTERVAL_MS", "10").start().await?;
    let client = client(&server);
    let trust = fill(&client).await?;
    let size = size_of(trust.earlier.as_deref().unwrap_or_default());
    let bundle = fetch(&client, &format!("&from=15&to=31&log_size={size}")).await?;
    assert!(check(&bundle, &trust).is_some_and(|report| report.is_valid()));
    let mut places = Vec::new();
    scalars(&bundle, "", &mut places);
    assert!(places.len() > 300, "{}", places.len());
    let proves_nothing = |place: &str| place.ends_with("/sequenced_at_us") || place == "/next_from";
    for place in places.iter().filter(|place| !proves_nothing(place)) {
        let mut spoilt = bundle.clone();
        let value = spoilt.pointer_mut(place).expect("it is there");
        *value = match value.take() {
            Value::String(text) => {
                // In the middle: the ends of base64 and UUIDs have digits that carry nothing.
                let at = text.char_indices().nth(text.chars().count() / 2).map_or(0, |(at, _)| at);
                let (before, rest) = text.split_at(at);
                let mut rest = rest.chars();
                let other = if rest.next() == Some('1') { '2' } else { '1' };
                json!(format!("{before}{other}{}", rest.as_str()))
            },
            Value::Number(number) => json!(number.as_u64().map_or(0, |number| number + 1)),
            other => panic!("{place}: {other}"),
        };
        let Some(report) = check(&spoilt, &trust) else { continue };
        if place.starts_with("/sequencer_keys/") {
            // What another key signed is not taken for good, and said to be unchecked.
            assert!(!report.is_valid() || (report.receipts == 0 && report.unchecked.len() == 1), "{place}: {report:?}");
            continue;
        }
        assert!(!report.is_valid(), "{place} was changed to {:?}, and nothing was found", spoilt.pointer(place));
        if let Some(index) = place.strip_prefix("/stream/events/").and_then(|rest| rest.split('/').next()) {
            let index: u64 = index.parse()?;
            let named =
                report.faults.iter().any(|fault| fault.sequence.is_some_and(|found| found.abs_diff(15 + index) <= 1));
            assert!(named, "{place}: {:?}", report.faults);
        }
    }
    // Left out, and put in another order.
    for (what, change) in [
        (
            "an event",
            (|bundle: &mut Value| drop(bundle["stream"]["events"].as_array_mut().map(|e| e.remove(3))))
                as fn(&mut Value),
        ),
        ("the last event", |bundle| drop(bundle["stream"]["events"].as_array_mut().map(|events| events.pop()))),
        ("a key event", |bundle| drop(bundle["keys"]["events"].as_array_mut().map(|events| events.pop()))),
        ("the key history", |bundle| drop(bundle.as_object_mut().map(|members| members.remove("keys")))),
        ("two events", |bundle| bundle["stream"]["events"].as_array_mut().map(|events| events.swap(1, 2)).unwrap()),
    ] {
        let mut spoilt = bundle.clone();
        change(&mut spoilt);
        assert!(check(&spoilt, &trust).is_some_and(|report| !report.is_valid()), "{what}");
    }
    Ok(())
}
