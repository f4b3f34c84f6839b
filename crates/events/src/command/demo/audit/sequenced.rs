//! Whether every event of the shop has its one place in the sequencer's order, and whether that can be proved to somebody
//! who believes no server: the bundle of evidence is fetched and checked as `verify` checks it.

use std::collections::HashSet;

use serde_json::value::RawValue;
use stateset_inspect::{Fault, Scope};
use stateset_ledger::bundle::{Bundle, Trust, verify_bundle};
use stateset_ledger::bytes::PublicKeyBytes;
use stateset_ledger::note::VerifierKey;
use tokio::time::{Duration, Instant, sleep};

use super::super::expect::Difference;
use super::super::report::AuditReport;
use super::super::sequencer::LogServer;

/// How long until the head log covers what was sequenced last: it does so every 100 ms.
const LOGGED_WITHIN: Duration = Duration::from_secs(30);
/// Most differences of one kind that are named one by one.
const NAMED: usize = 20;

/// What the sequencer proved.
#[derive(Default)]
struct Proved {
    events: Vec<String>,
    included: u64,
    signatures: u64,
    receipts: u64,
    faults: Vec<Difference>,
}

pub(super) async fn check(
    log: &LogServer,
    scope: Scope,
    written: &[String],
    report: &mut AuditReport,
) -> Result<(), Fault> {
    let proved = prove(log, scope, written.len()).await?;
    let wanted: HashSet<&str> = written.iter().map(String::as_str).collect();
    let mut found = HashSet::new();
    let mut differences = Vec::new();
    for event in &proved.events {
        if !found.insert(event.as_str()) {
            differences.push(Difference::new(format!("event {event}"), "one place in the stream", "two"));
        }
    }
    let missing = wanted.difference(&found).map(|event| (event, "a place in the stream", "none"));
    let more = found.difference(&wanted).map(|event| (event, "an event of the shop's outboxes", "one that is in none"));
    let odd = missing.chain(more).take(NAMED);
    differences.extend(odd.map(|(event, expected, found)| Difference::new(format!("event {event}"), expected, found)));
    report.add("events have one place at the sequencer", proved.events.len(), differences);
    let many = u64::try_from(proved.events.len()).unwrap_or(u64::MAX);
    let mut faults = proved.faults;
    for (what, count) in [
        ("inclusion proofs", proved.included),
        ("the shop's signatures", proved.signatures),
        ("receipts", proved.receipts),
    ] {
        if count != many {
            faults.push(Difference::new(format!("{what} that hold"), many.to_string(), count.to_string()));
        }
    }
    faults.truncate(NAMED);
    report.add("events proved: signature, receipt, inclusion, nothing left out", proved.events.len(), faults);
    Ok(())
}

/// Fetches the whole stream as bundles, and checks each.
async fn prove(log: &LogServer, scope: Scope, expected: usize) -> Result<Proved, Fault> {
    let remote = log.remote(scope)?;
    let trust = trust(log)?;
    let mut proved = Proved::default();
    let mut from = Some(1_u64);
    let deadline = Instant::now() + LOGGED_WITHIN;
    while let Some(first) = from {
        let path = format!("/api/v1/proofs/bundle?{}&from={first}", remote.scope_query());
        let text: Box<RawValue> = match remote.get(&path).await {
            Ok(text) => text,
            // The log comes after the stream.
            Err(fault) if fault.code.contains("NOT_LOGGED") && Instant::now() < deadline => {
                sleep(Duration::from_millis(100)).await;
                continue;
            },
            // An empty stream has nothing to prove.
            Err(_) if expected == 0 => break,
            Err(fault) => return Err(fault),
        };
        let bundle =
            Bundle::parse(text.get().as_bytes()).map_err(|error| Fault::corrupt("a bundle of evidence", error))?;
        let all_there = bundle.next_from.is_some() || proved.events.len() + bundle.stream.events.len() >= expected;
        if !all_there && Instant::now() < deadline {
            sleep(Duration::from_millis(100)).await;
            continue;
        }
        let found = verify_bundle(&bundle, &trust);
        proved.events.extend(bundle.stream.events.iter().map(|event| event.event_id.to_string()));
        proved.included += found.included;
        proved.signatures += found.signatures;
        proved.receipts += found.receipts;
        if !found.complete {
            proved.faults.push(Difference::new(format!("the stream from {first}"), "complete", "not shown to be"));
        }
        let faults = found.faults.iter().map(|one| {
            let place = one.sequence.map(|sequence| format!(" event {sequence}")).unwrap_or_default();
            Difference::new(format!("{}{place}: {}", one.section, one.field), "as it was signed", &one.message)
        });
        proved.faults.extend(faults);
        from = bundle.next_from;
    }
    Ok(proved)
}

/// What was noted at the first contact, before there was an event.
fn trust(log: &LogServer) -> Result<Trust, Fault> {
    let log_key =
        VerifierKey::parse(log.enrolled.log_key.trim()).map_err(|error| Fault::corrupt("the log's key", error))?;
    let keys = log.enrolled.trusted.iter().map(|(_, key)| PublicKeyBytes::from_hex(key));
    let sequencer_keys =
        keys.collect::<Result<_, _>>().map_err(|error| Fault::corrupt("the sequencer's key", error))?;
    Ok(Trust { log_key, sequencer_keys, earlier: None })
}
