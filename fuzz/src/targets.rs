//! One function for each kind of bytes that comes from outside.

use std::sync::LazyLock;

use serde_json::Value;
use stateset_api::proof::{BatchProof, ConsistencyProof, FlatBatchProof, InclusionProof, VerifyRequest};
use stateset_ledger::bundle::{Bundle, BundledEvent, TlogProof, Trust, verify_bundle};
use stateset_ledger::bytes::{Hash, PublicKeyBytes, Salt};
use stateset_ledger::clock::parse_rfc3339;
use stateset_ledger::encryption::EncryptedPayload;
use stateset_ledger::envelope::{Admission, EnvelopeKind, identify, read};
use stateset_ledger::head_log::Record;
use stateset_ledger::id::{AgentId, Micros, Scope, StoreId, TenantId};
use stateset_ledger::json;
use stateset_ledger::note::{self, Checkpoint, VerifierKey};
use stateset_ledger::signature::PublicKey;
use stateset_ledger::tree::TileId;
use stateset_ledger::tree::batch;
use stateset_ledger::tree::proof::{verify_consistency, verify_inclusion};
use stateset_ledger::tree::rfc6962::leaf_hash;
use stateset_ledger::tree::tile::BundleId;
use uuid::Uuid;

/// A target and its name.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const ALL: &[Target] = &[
    ("envelope", envelope),
    ("canonical_json", canonical_json),
    ("note", note),
    ("proof", proof),
    ("key", key),
    ("bundle", bundle),
    ("tile_path", tile_path),
];

const TENANT: &str = "64527dd3-a654-4410-9327-e58a1492ce77";
const STORE: &str = "91def158-819a-4461-b5c9-7759750ad157";
const AGENT: &str = "80441726-74e2-430a-95ae-97ce21c6351b";

fn uuid(text: &str) -> Uuid {
    text.parse().expect("a constant")
}

/// An envelope of either kind. What is admitted has the hash that its fields give, and reads the same a second time.
pub fn envelope(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    identify(text);
    for kind in [EnvelopeKind::Ves, EnvelopeKind::Legacy] {
        let scope = Scope::new(TenantId(uuid(TENANT)), StoreId(uuid(STORE)));
        let admission = Admission {
            kind,
            agent: AgentId(uuid(AGENT)),
            scope,
            max_payload_bytes: 10_000,
            max_future_skew_ms: Some(60_000),
            now: Micros(1_767_323_045_000_000),
            traceparent: None,
        };
        match read(text, &admission, Salt::ZERO) {
            Ok(candidate) => {
                assert_eq!(candidate.header.content_hash, candidate.header.derive_content_hash(scope));
                assert!(candidate.payload.len() <= input.len());
                let again = read(text, &admission, Salt::ZERO).expect("read once");
                assert_eq!(again.header, candidate.header);
            },
            Err(cause) => assert!(!cause.code().is_empty() && !cause.reason().is_empty()),
        }
    }
    if let Ok(encrypted) = serde_json::from_str::<EncryptedPayload<'_>>(text) {
        let _ = encrypted.check();
    }
    let _ = parse_rfc3339(text);
}

/// Canonical JSON is canonical, and its canonical form is itself.
pub fn canonical_json(input: &[u8]) {
    if let Ok(canonical) = json::canonical(input) {
        // The quick check may say no to canonical JSON, but never yes to anything else.
        assert!(!json::is_canonical(input) || canonical == input);
        let again = json::canonical(&canonical).expect("canonical JSON is JSON");
        assert_eq!(again, canonical);
        assert!(serde_json::from_slice::<&serde_json::value::RawValue>(&canonical).is_ok());
    } else {
        assert!(!json::is_canonical(input));
    }
    if let Ok(sorted) = json::legacy::sorted_compact(input) {
        assert_eq!(json::legacy::sorted_compact(&sorted).expect("JSON"), sorted);
    }
}

/// Signed notes, checkpoints, verifier keys, records of the head log.
pub fn note(input: &[u8]) {
    if let Ok(record) = Record::from_bytes(input) {
        assert_eq!(record.to_bytes(), input);
    }
    let Ok(text) = std::str::from_utf8(input) else { return };
    if let Ok(checkpoint) = Checkpoint::parse(text) {
        assert_eq!(checkpoint.text(), text);
    }
    let _ = VerifierKey::parse(text);
    let key = PublicKey::new(&PublicKeyBytes(PUBLIC)).expect("a constant");
    let _ = note::verify(text, "log.example", &key);
    let _ = Checkpoint::open(text, "log.example", &key);
}

/// Public key of RFC 8032, test 1.
const PUBLIC: [u8; 32] = [
    0xd7, 0x5a, 0x98, 0x01, 0x82, 0xb1, 0x0a, 0xb7, 0xd5, 0x4b, 0xfe, 0xd3, 0xc9, 0x64, 0x07, 0x3a, 0x0e, 0xe1, 0x72,
    0xf3, 0xda, 0xa6, 0x23, 0x25, 0xaf, 0x02, 0x1a, 0x68, 0xf7, 0x07, 0x51, 0x1a,
];

/// Proofs as JSON: reading and checking ends without a panic, whatever numbers and lengths they hold.
pub fn proof(input: &[u8]) {
    if let Ok(proof) = serde_json::from_slice::<InclusionProof>(input) {
        let _ = verify_inclusion(
            &leaf_hash(&proof.leaf_hash.0),
            proof.leaf_index,
            proof.tree_size,
            &proof.path,
            &proof.root,
        );
    }
    if let Ok(proof) = serde_json::from_slice::<ConsistencyProof>(input) {
        let _ = verify_consistency(proof.from_size, proof.to_size, &proof.from_root, &proof.to_root, &proof.path);
    }
    let places = [
        serde_json::from_slice::<BatchProof>(input).map(|proof| (proof.place, proof.merkle_root)),
        serde_json::from_slice::<FlatBatchProof>(input).map(|proof| (proof.place, proof.events_root)),
    ];
    for (place, root) in places.into_iter().flatten() {
        let (leaf_index, leaf_count, path) = (place.leaf_index, place.leaf_count, place.proof_path);
        let _ = batch::BatchProof { leaf_index, leaf_count, path }.verify(&place.leaf_hash, &root);
    }
    if let Ok(VerifyRequest { leaf_hash, merkle_root, proof_path, leaf_index, leaf_count }) =
        serde_json::from_slice(input)
    {
        let _ = batch::verify_published(&leaf_hash, &merkle_root, &proof_path, leaf_index);
        if let Some(leaf_count) = leaf_count {
            let _ = batch::BatchProof { leaf_index, leaf_count, path: proof_path }.verify(&leaf_hash, &merkle_root);
        }
    }
}

/// Offline bundles: what is read is written the same way again, and checking ends without a panic. Only the vector itself
/// holds.
pub fn bundle(input: &[u8]) {
    static VECTOR: LazyLock<(Bundle, Trust)> = LazyLock::new(|| {
        let vector: Value = serde_json::from_str(VECTOR_FILE).expect("a constant");
        let trust = Trust {
            log_key: VerifierKey::parse(vector["log_key"].as_str().unwrap_or_default()).expect("a constant"),
            sequencer_keys: Vec::new(),
            earlier: None,
        };
        (serde_json::from_value(vector["bundle"].clone()).expect("a constant"), trust)
    });
    if let Ok(text) = std::str::from_utf8(input)
        && let Ok(proof) = TlogProof::parse(text)
    {
        assert_eq!(proof.text(), text);
    }
    let Ok(bundle) = Bundle::parse(input) else { return };
    let (known, trust) = &*VECTOR;
    let report = verify_bundle(&bundle, trust);
    let of_vector = |own: &BundledEvent| known.stream.events.iter().any(|event| event.event_id == own.event_id);
    assert!(!report.is_valid() || report.receipts == 0 || bundle.stream.events.iter().all(of_vector));
    let again = serde_json::to_vec(&bundle).expect("a bundle is JSON");
    assert_eq!(Bundle::parse(&again).expect("read once"), bundle);
}

const VECTOR_FILE: &str = include_str!("../../crates/ledger/tests/vectors/bundle.json");

/// Keys and hashes as text and as bytes.
pub fn key(input: &[u8]) {
    if let Ok(bytes) = PublicKeyBytes::try_from(input)
        && let Ok(key) = PublicKey::new(&bytes)
    {
        assert_eq!(key.to_bytes(), bytes);
    }
    let Ok(text) = std::str::from_utf8(input) else { return };
    if let Ok(hash) = Hash::from_hex(text) {
        assert_eq!(Hash::from_hex(&hash.to_prefixed_hex()), Ok(hash));
    }
    if let Ok(bytes) = PublicKeyBytes::from_hex(text) {
        let _ = PublicKey::new(&bytes);
    }
}

/// Paths of tiles: what is understood is written the same way again, so each tile has one path.
pub fn tile_path(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    if let Ok(tile) = TileId::parse_path(text) {
        assert_eq!(tile.path(), text);
    }
    if let Ok(bundle) = BundleId::parse_path(text) {
        assert_eq!(bundle.path(), text);
    }
}
