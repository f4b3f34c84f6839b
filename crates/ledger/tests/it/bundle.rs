//! The vector of the offline bundle, which a verifier in Python has checked too (`scripts/interop/bundle.py`).

use serde_json::Value;
use stateset_ledger::bundle::{Bundle, FORMAT, NotABundle, Report, Trust, verify_bundle};
use stateset_ledger::note::VerifierKey;
use stateset_ledger::signature::{PublicKey, SeedSigner, Signer as _};

fn vector() -> Value {
    serde_json::from_str(include_str!("../vectors/bundle.json")).unwrap()
}

fn trust(vector: &Value) -> Trust {
    Trust {
        log_key: VerifierKey::parse(vector["log_key"].as_str().unwrap()).unwrap(),
        sequencer_keys: Vec::new(),
        earlier: vector["earlier"].as_str().map(str::to_owned),
    }
}

fn check(bundle: &Value, trust: &Trust) -> Report {
    verify_bundle(&Bundle::parse(bundle.to_string().as_bytes()).unwrap(), trust)
}

#[test]
fn the_vector_holds() {
    let vector = vector();
    let trust = trust(&vector);
    let report = check(&vector["bundle"], &trust);
    assert_eq!(report.faults, []);
    for (member, found) in [
        ("events", report.events),
        ("payloads", report.payloads),
        ("signatures", report.signatures),
        ("unsigned", report.unsigned),
        ("receipts", report.receipts),
    ] {
        assert_eq!(vector["expected"][member].as_u64(), Some(found), "{member}");
    }
    assert!(report.complete && report.continues.is_some() && report.key_events == 3, "{report:?}");
    assert_eq!(report.unchecked, [""; 0]);
    // What is written reads back as itself.
    let bundle = Bundle::parse(vector["bundle"].to_string().as_bytes()).unwrap();
    assert_eq!(serde_json::to_value(&bundle).unwrap(), vector["bundle"]);
}

/// P02: each fault names the event and the member.
#[test]
fn faults_are_named() {
    let vector = vector();
    let trust = trust(&vector);
    for (pointer, value, section, sequence, field) in [
        ("/stream/events/2/payload", "{}".into(), "stream", Some(3), "payload"),
        ("/stream/events/2/entity_id", "x".into(), "stream", Some(3), "signature"),
        ("/stream/events/2/path/0", "00".repeat(32).into(), "stream", Some(3), "path"),
        ("/stream/events/2/receipt/signature", "00".repeat(64).into(), "stream", Some(3), "receipt"),
        ("/stream/events/0/sequenced_at_us", i64::MAX.into(), "stream", Some(1), "signature"),
        ("/stream/events/7/salt", "00".repeat(16).into(), "stream", Some(8), "path"),
        ("/stream/root", "00".repeat(32).into(), "stream", None, "tlog_proof"),
        ("/keys/events/1/payload", "{}".into(), "keys", Some(2), "payload"),
        ("/keys/events/1/signature", "00".repeat(64).into(), "keys", None, "root"),
        ("/log_consistency/from_size", 1.into(), "log", None, "log_consistency"),
        ("/selection/to", 7.into(), "stream", Some(8), "sequence"),
    ] {
        let mut bundle = vector["bundle"].clone();
        *bundle.pointer_mut(pointer).unwrap() = value;
        let faults = check(&bundle, &trust).faults;
        let named = |fault: &stateset_ledger::bundle::Fault| {
            (fault.section, fault.sequence, fault.field) == (section, sequence, field)
        };
        assert!(faults.iter().any(named), "{pointer}: {faults:?}");
    }
}

/// A bundle under another log's key proves nothing; without an earlier checkpoint that is said.
#[test]
fn trust_decides() {
    let vector = vector();
    let trust = trust(&vector);
    let stranger = PublicKey::new(&SeedSigner::new(&[1; 32]).public_key()).unwrap();
    let log_key = VerifierKey::new(trust.log_key.name(), stranger).unwrap();
    let report = check(&vector["bundle"], &Trust { log_key, ..trust.clone() });
    assert!(report.faults.iter().any(|fault| fault.field == "tlog_proof") && report.receipts == 0, "{report:?}");
    let report = check(&vector["bundle"], &Trust { earlier: None, ..trust });
    assert!(report.is_valid() && report.continues.is_none() && report.unchecked.len() == 1, "{report:?}");
}

#[test]
fn other_formats_are_named() {
    let mut bundle = vector()["bundle"].take();
    bundle["format"] = "stateset-bundle-v2".into();
    let fault = Bundle::parse(bundle.to_string().as_bytes()).unwrap_err();
    assert!(matches!(&fault, NotABundle::Format(found) if found == "stateset-bundle-v2"), "{fault}");
    assert!(fault.to_string().contains(FORMAT));
    bundle["format"] = FORMAT.into();
    bundle["surprise"] = 1.into();
    assert!(matches!(Bundle::parse(bundle.to_string().as_bytes()), Err(NotABundle::Malformed(_))));
    assert!(matches!(Bundle::parse(b"{}"), Err(NotABundle::Format(_))));
}
