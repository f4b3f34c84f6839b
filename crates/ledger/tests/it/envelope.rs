//! Bad envelopes: each refused by name, none with a panic.

use proptest::prelude::*;
use serde_json::{Value, json};
use stateset_ledger::bytes::Salt;
use stateset_ledger::envelope::{Admission, EnvelopeKind, identify, read};
use stateset_ledger::event::{Candidate, PayloadForm};
use stateset_ledger::id::{AgentId, Micros, Scope, StoreId, TenantId};
use stateset_ledger::rejection::Cause;
use uuid::Uuid;

const TENANT: &str = "64527dd3-a654-4410-9327-e58a1492ce77";
const STORE: &str = "91def158-819a-4461-b5c9-7759750ad157";
const AGENT: &str = "80441726-74e2-430a-95ae-97ce21c6351b";

fn uuid(text: &str) -> Uuid {
    text.parse().unwrap()
}

fn admission(kind: EnvelopeKind) -> Admission<'static> {
    Admission {
        kind,
        agent: AgentId(uuid(AGENT)),
        scope: Scope::new(TenantId(uuid(TENANT)), StoreId(uuid(STORE))),
        max_payload_bytes: 1_000,
        max_future_skew_ms: Some(60_000),
        now: Micros(1_767_323_045_000_000),
        traceparent: None,
    }
}

fn ves() -> Value {
    let vectors: Value = serde_json::from_str(include_str!("../vectors/events.json")).unwrap();
    vectors["valid"][0]["envelope"].clone()
}

fn legacy() -> Value {
    json!({
        "event_id": "6e9ec900-b3d1-44f6-a7b3-47a2c77d6d1c", "tenant_id": TENANT, "store_id": STORE,
        "entity_type": "order", "entity_id": "ORD-1", "event_type": "order.created", "payload": {"a": 1},
        "payload_hash": "015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862",
        "created_at": "2026-01-01T00:00:00Z", "source_agent": AGENT,
    })
}

fn with(mut envelope: Value, member: &str, value: Value) -> String {
    envelope[member] = value;
    envelope.to_string()
}

fn read_ves(raw: &str) -> Result<Candidate, Cause> {
    read(raw, &admission(EnvelopeKind::Ves), Salt::ZERO)
}

fn read_legacy(raw: &str) -> Result<Candidate, Cause> {
    read(raw, &admission(EnvelopeKind::Legacy), Salt::ZERO)
}

/// A01, A03, A05, A06, A08, A19, A20 and the published table of refusals: one bad member at a time.
#[test]
fn each_bad_member_is_refused_by_name() {
    let long = |n: usize| json!("x".repeat(n));
    let cases: Vec<(&str, Value, &str)> = vec![
        ("ves_version", json!(3), "UNSUPPORTED_VERSION"),
        ("ves_version", json!(null), "MISSING_REQUIRED_FIELD"),
        ("event_id", json!("evt_001"), "INVALID_FIELD_VALUE"),
        ("tenant_id", json!("00000000-0000-4000-8000-000000000000"), "SCOPE_MISMATCH"),
        ("source_agent_id", json!(STORE), "AGENT_MISMATCH"),
        ("agent_key_id", json!(-1), "INVALID_FIELD_VALUE"),
        ("agent_key_id", json!(4_294_967_296_u64), "INVALID_FIELD_VALUE"),
        ("entity_type", json!(""), "INVALID_FIELD_VALUE"),
        ("entity_type", long(129), "INVALID_FIELD_VALUE"),
        ("entity_id", json!("a\u{0}b"), "INVALID_FIELD_VALUE"),
        ("entity_id", long(513), "INVALID_FIELD_VALUE"),
        ("event_type", long(257), "INVALID_FIELD_VALUE"),
        ("created_at", json!("yesterday"), "INVALID_FIELD_VALUE"),
        ("created_at", json!("2030-01-02T03:04:05Z"), "CREATED_AT_IN_FUTURE"),
        ("payload_kind", json!(2), "INVALID_FIELD_VALUE"),
        ("payload_kind", json!(1), "INVALID_FIELD_VALUE"),
        ("payload", json!(null), "INVALID_FIELD_VALUE"),
        ("payload", json!({"other": 1}), "INVALID_PAYLOAD_HASH"),
        ("payload", long(1_001), "PAYLOAD_TOO_LARGE"),
        ("payload_plain_hash", json!("0x12"), "INVALID_FIELD_VALUE"),
        ("payload_cipher_hash", long(64), "INVALID_FIELD_VALUE"),
        ("agent_signature", json!("zz"), "INVALID_FIELD_VALUE"),
        ("agent_signature_scheme", json!(2), "UNSUPPORTED_SIGNATURE_SCHEME"),
        ("base_version", json!(-1), "INVALID_FIELD_VALUE"),
        ("base_verison", json!(1), "INVALID_FIELD_VALUE"),
        ("metadata", json!([1]), "INVALID_FIELD_VALUE"),
        ("schema_version", json!(0), "INVALID_FIELD_VALUE"),
        ("order_key", long(257), "INVALID_FIELD_VALUE"),
    ];
    for (member, value, code) in cases {
        let cause = read_ves(&with(ves(), member, value.clone())).expect_err(member);
        assert_eq!(cause.code(), code, "{member} = {value:.60}: {cause}");
        assert!(!cause.reason().is_empty() && !cause.to_string().is_empty());
    }
}

/// Rulings 7 and 8: a misspelt optional member is a fault, any other unknown member a warning.
#[test]
fn unknown_members() {
    let candidate = read_ves(&with(ves(), "colour", json!("red"))).unwrap();
    assert!(candidate.warnings[0].contains("colour"));
    let cause = read_ves(&with(ves(), "base_verison", json!(1))).unwrap_err();
    assert!(cause.to_string().contains("base_version"), "{cause}");
}

/// Nulls for optional members are sent by published clients.
#[test]
fn nulls_and_upper_case_and_base64_are_tolerated() {
    let mut envelope = ves();
    for member in ["command_id", "base_version", "payload_encrypted", "kernel", "recipient_wraps"] {
        envelope[member] = json!(null);
    }
    envelope["event_id"] = json!(envelope["event_id"].as_str().unwrap().to_uppercase());
    assert!(read_ves(&envelope.to_string()).is_ok());
}

/// Hostile JSON: nesting, duplicate members, surrogates, huge numbers, raw control characters.
#[test]
fn hostile_json_is_refused_and_never_panics() {
    let payload = |raw: &str| legacy().to_string().replace("{\"a\":1}", raw);
    let deep = format!("{}1{}", "[".repeat(400), "]".repeat(400));
    for raw in [deep.as_str(), "{\"a\":1,\"a\":2}", "\"\\ud800\"", "1E400", "{\"a\":1,}"] {
        assert!(read_legacy(&payload(raw)).is_err(), "{raw:.40}");
    }
    assert!(read_legacy(&legacy().to_string().replacen('{', "{\"event_id\":null,\"event_id\":1,", 1)).is_err());
    for raw in ["", "null", "[]", "7", "\"x\"", "{}", "{\"event_id\":", "\u{0}"] {
        assert!(read_ves(raw).is_err());
        assert!(identify(raw).scope.is_none());
    }
}

/// A06, rulings 2 and 5: payload bytes stay as received; both legacy hash forms are taken and told apart.
#[test]
fn legacy_hash_forms() {
    let candidate = read_legacy(&legacy().to_string()).unwrap();
    assert_eq!(candidate.header.payload_form, PayloadForm::LegacySorted);
    let raw = legacy().to_string().replace("{\"a\":1}", "{ \"b\": 1.10, \"a\": \"x\" }");
    let sorted = stateset_ledger::bytes::Hash::of(&[b"{\"a\":\"x\",\"b\":1.10}"]);
    let canonical = stateset_ledger::bytes::Hash::of(&[b"{\"a\":\"x\",\"b\":1.1}"]);
    for (hash, form) in [(sorted, PayloadForm::LegacySorted), (canonical, PayloadForm::LegacyCanonical)] {
        let candidate = read_legacy(
            &raw.replace("015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862", &hash.to_hex()),
        )
        .unwrap();
        assert_eq!(candidate.header.payload_form, form);
        assert_eq!(&*candidate.payload, b"{ \"b\": 1.10, \"a\": \"x\" }");
    }
}

proptest! {
    /// Arbitrary text, and sound envelopes cut or changed anywhere, never panic.
    #[test]
    fn reading_never_panics(raw in ".{0,200}", cut in 0_usize..900, byte in any::<char>()) {
        drop(read_ves(&raw));
        drop(read_legacy(&raw));
        let mut text: String = ves().to_string().chars().take(cut).collect();
        drop(read_ves(&text));
        text.push(byte);
        drop(read_ves(&text));
    }
}
