//! The published vectors: everything a client of the existing protocol computes, to the byte.

use serde_json::Value;
use stateset_ledger::agent_key::AgentKey;
use stateset_ledger::bytes::{Hash, PublicKeyBytes, Salt, Signature};
use stateset_ledger::clock::parse_rfc3339;
use stateset_ledger::envelope::{Admission, EnvelopeKind, read};
use stateset_ledger::event::{Candidate, Seal};
use stateset_ledger::id::{AgentId, EventId, KeyId, Micros, Scope, Sequence, StoreId, TenantId};
use stateset_ledger::receipt::{legacy_leaf, receipt_hash, state_root, stream_id};
use stateset_ledger::rejection::Cause;
use stateset_ledger::signature::{PublicKey, SeedSigner, Signer as _, proof_of_possession_challenge};
use stateset_ledger::tree::batch;
use uuid::Uuid;

macro_rules! vectors {
    ($name:literal) => {
        serde_json::from_str::<Value>(include_str!(concat!("../vectors/", $name, ".json"))).unwrap()
    };
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn hash(value: &Value) -> Hash {
    Hash::from_hex(text(value)).unwrap()
}

fn uuid(value: &Value) -> Uuid {
    text(value).parse().unwrap()
}

fn scope(value: &Value) -> Scope {
    Scope::new(TenantId(uuid(&value["tenant_id"])), StoreId(uuid(&value["store_id"])))
}

fn key(value: &Value) -> PublicKey {
    PublicKey::new(&PublicKeyBytes::from_hex(text(value)).unwrap()).unwrap()
}

fn read_ves(envelope: &Value) -> Result<Candidate, Cause> {
    let admission = Admission {
        kind: EnvelopeKind::Ves,
        agent: AgentId(uuid(&envelope["source_agent_id"])),
        scope: scope(envelope),
        max_payload_bytes: 1 << 20,
        max_future_skew_ms: None,
        now: Micros(0),
        traceparent: None,
    };
    read(&envelope.to_string(), &admission, Salt::ZERO)
}

/// A07, L03: signing hash, signature and leaf of every published envelope, versions 1 and 2.
#[test]
fn valid_envelopes() {
    for case in vectors!("events")["valid"].as_array().unwrap() {
        let name = text(&case["name"]);
        let candidate = read_ves(&case["envelope"]).unwrap_or_else(|cause| panic!("{name}: {cause}"));
        assert_eq!(candidate.header.content_hash, hash(&case["event_signing_hash"]), "{name}");
        candidate.verify(&key(&case["public_key"])).unwrap();
        let seed: [u8; 32] = hash(&case["seed"]).0;
        let Seal::Signed { signature, .. } = candidate.header.seal else { panic!("{name}: signed") };
        assert_eq!(SeedSigner::new(&seed).sign(&candidate.header.content_hash.0), signature, "{name}");
        for (sequence, leaf) in case["leaf_hash_at_seq"].as_object().unwrap() {
            // Places above 2^63 - 1 are in the vectors and cannot be in a database.
            let Ok(sequence) = Sequence::new(sequence.parse().unwrap()) else { continue };
            assert_eq!(candidate.header.leaf(scope(&case["envelope"]), sequence), hash(leaf), "{name}");
        }
    }
}

/// A20: an envelope that was changed in any way is refused, and by the right name.
#[test]
fn invalid_envelopes() {
    for case in vectors!("events")["invalid"].as_array().unwrap() {
        let name = text(&case["name"]);
        match read_ves(&case["envelope"]) {
            Err(Cause::PayloadHash(_)) => assert_eq!(case["payload_hash_valid"], false, "{name}"),
            Err(other) => panic!("{name}: {other}"),
            Ok(candidate) => {
                assert_eq!(case["signature_valid"], false, "{name}");
                assert_eq!(candidate.verify(&key(&case["public_key"])), Err(Cause::Signature), "{name}");
            },
        }
    }
}

/// M01: receipts of the published sequencers verify, and ours are the same bytes.
#[test]
fn receipts() {
    for case in vectors!("receipts").as_array().unwrap() {
        let sequence = Sequence::new(case["sequence_number"].as_u64().unwrap()).unwrap();
        let event = EventId(uuid(&case["event_id"]));
        let hashed = receipt_hash(scope(case), event, sequence, &hash(&case["event_signing_hash"]));
        assert_eq!(hashed, hash(&case["receipt_hash"]));
        let signature = Signature::from_hex(text(&case["sequencer_signature"])).unwrap();
        key(&case["sequencer_public_key"]).verify(&hashed.0, &signature).unwrap();
    }
}

/// N01: the chain of state roots.
#[test]
fn commitment_chain() {
    let chain = vectors!("commitment_chain");
    let stream = stream_id(scope(&chain));
    assert_eq!(stream, hash(&chain["stream_id"]));
    let mut previous = Hash::ZERO;
    for case in chain["batches"].as_array().unwrap() {
        assert_eq!(previous, hash(&case["prev_state_root"]));
        let place = |name: &str| Sequence::new(case[name].as_u64().unwrap()).unwrap();
        let count = u32::try_from(case["leaf_count"].as_u64().unwrap()).unwrap();
        previous = state_root(
            &stream,
            &previous,
            &hash(&case["merkle_root"]),
            place("sequence_start"),
            place("sequence_end"),
            count,
        );
        assert_eq!(previous, hash(&case["new_state_root"]));
    }
    assert_eq!(batch::pad_leaf(), hash(&vectors!("constants")["pad_leaf"]));
}

/// M05: proof of possession, and validity windows with both ends inclusive.
#[test]
fn agent_keys() {
    let keys = vectors!("keys");
    let pop = &keys["proof_of_possession"];
    let public = PublicKeyBytes::from_hex(text(&pop["public_key"])).unwrap();
    let challenge = proof_of_possession_challenge(&public);
    assert_eq!(challenge, hash(&pop["challenge"]));
    let signature = Signature::from_hex(text(&pop["pop_signature"])).unwrap();
    PublicKey::new(&public).unwrap().verify(&challenge.0, &signature).unwrap();

    for case in keys["validity_windows"].as_array().unwrap() {
        let at = |name: &str| case[name].as_str().map(|text| parse_rfc3339(text).unwrap());
        let key = AgentKey {
            agent: AgentId::NIL,
            key: KeyId(1),
            public_key: public,
            valid_from: at("valid_from"),
            valid_to: at("valid_to"),
            revoked_at: at("revoked"),
            registered: Sequence::FIRST,
        };
        assert_eq!(key.status(at("at").unwrap()).name(), text(&case["status"]));
    }
}

/// The first sequencer's leaf, for verifying old exports.
#[test]
fn legacy() {
    let case = vectors!("legacy");
    let payload_hash = hash(&case["payload_hash"]);
    assert_eq!(stateset_ledger::json::legacy::payload_hash(text(&case["payload"]).as_bytes()).unwrap(), payload_hash);
    let leaf =
        legacy_leaf(scope(&case), Sequence::FIRST, &payload_hash, text(&case["entity_type"]), text(&case["entity_id"]));
    assert_eq!(leaf, hash(&case["leaf"]));
}
