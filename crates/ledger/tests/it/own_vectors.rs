//! Our own formats against `scripts/vectors/own_vectors.py`, which writes them a second time in another language.

use serde_json::Value;
use stateset_ledger::bytes::{Hash, Salt, Signature};
use stateset_ledger::event::{Annotations, EnvelopeVersion, Header, PayloadForm, Seal};
use stateset_ledger::head_log::{Record, blind, salt};
use stateset_ledger::id::{AgentId, EventId, KeyId, Micros, Scope, Sequence, StoreId, TenantId};
use stateset_ledger::note::{Checkpoint, VerifierKey};
use stateset_ledger::receipt::{FlushHead, stream_id};
use stateset_ledger::signature::{PublicKey, SeedSigner, Signer as _};
use stateset_ledger::tree::proof::{verify_consistency, verify_inclusion, verify_range};
use stateset_ledger::tree::rfc6962::leaf_hash;
use stateset_ledger::tree::{Frontier, RangeProof, TileSet};
use uuid::Uuid;

fn vectors() -> Value {
    serde_json::from_str(include_str!("../vectors/own.json")).unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap()
}

fn hash(value: &Value) -> Hash {
    Hash::from_hex(text(value)).unwrap()
}

fn hashes(value: &Value) -> Vec<Hash> {
    value.as_array().unwrap().iter().map(hash).collect()
}

fn uuid(value: &Value) -> Uuid {
    text(value).parse().unwrap()
}

fn scope(vectors: &Value) -> Scope {
    Scope::new(TenantId(uuid(&vectors["tenant_id"])), StoreId(uuid(&vectors["store_id"])))
}

fn signer(vectors: &Value) -> SeedSigner {
    SeedSigner::new(&hash(&vectors["signing_seed"]).0)
}

fn record(vector: &Value, stream_id: Hash) -> Record {
    match text(&vector["kind"]) {
        "OPEN" => Record::Open {
            stream_id,
            first_sequence: number(&vector["first_sequence"]),
            created_at: Micros(vector["created_at_us"].as_i64().unwrap()),
        },
        "HEAD" => Record::Head {
            stream_id,
            size: number(&vector["size"]),
            root: hash(&vector["root"]),
            previous_plus_one: number(&vector["previous_plus_one"]),
        },
        "VCMT" => Record::Batch {
            stream_id,
            start: number(&vector["start"]),
            end: number(&vector["end"]),
            merkle_root: hash(&vector["merkle_root"]),
            previous_state_root: hash(&vector["previous_state_root"]),
            new_state_root: hash(&vector["new_state_root"]),
        },
        other => panic!("no record is called {other}"),
    }
}

/// Ruling 26: every field of every record has its width, and every entry opens.
#[test]
fn records_and_their_blinded_entries() {
    let vectors = vectors();
    let stream_id = stream_id(scope(&vectors));
    assert_eq!(stream_id, hash(&vectors["stream_id"]));
    let blinding_key = hash(&vectors["blinding_key"]).0;
    for vector in vectors["records"].as_array().unwrap() {
        let record = record(vector, stream_id);
        let bytes = const_hex::decode(text(&vector["record"])).unwrap();
        assert_eq!(record.to_bytes(), bytes);
        assert_eq!(Record::from_bytes(&bytes), Ok(record));
        for wrong in [&bytes[1..], &bytes[..bytes.len() - 1], &[&bytes[..], &[0]].concat()] {
            assert!(Record::from_bytes(wrong).is_err());
        }
        assert_eq!(record.subject(), (stream_id, number(&vector["salt_number"])));
        let salt = salt(&blinding_key, record.subject());
        assert_eq!(salt, Salt::from_hex(text(&vector["salt"])).unwrap());
        let entry = blind(&salt, &bytes);
        assert_eq!((entry, leaf_hash(&entry.0)), (hash(&vector["entry"]), hash(&vector["leaf_hash"])));
    }
}

/// Ruling 24: the checkpoint of every size, to the byte.
#[test]
fn checkpoints_of_the_log() {
    let vectors = vectors();
    let (signer, log) = (signer(&vectors), &vectors["log"]);
    let key = PublicKey::new(&signer.public_key()).unwrap();
    assert_eq!(key.to_bytes().to_hex(), text(&vectors["public_key"]));
    let origin = text(&log["origin"]);
    let verifier = VerifierKey::parse(text(&log["verifier_key"])).unwrap();
    assert_eq!(verifier, VerifierKey::new(origin, key.clone()).unwrap());
    let mut tree = Frontier::new();
    for (vector, record) in log["checkpoints"].as_array().unwrap().iter().zip(vectors["records"].as_array().unwrap()) {
        tree.push(hash(&record["leaf_hash"]), &mut |_, _, _| {});
        let checkpoint = Checkpoint::new(origin, tree.size(), tree.root());
        assert_eq!(number(&vector["size"]), tree.size());
        assert_eq!(checkpoint.sign(&signer).unwrap(), text(&vector["note"]));
        assert_eq!(Checkpoint::open(text(&vector["note"]), origin, &key), Ok(checkpoint));
    }
}

/// Ruling 1: the leaf of an event that nobody signed.
#[test]
fn unsigned_events_and_their_leaves() {
    let vectors = vectors();
    let scope = scope(&vectors);
    for vector in vectors["unsigned_events"].as_array().unwrap() {
        let optional = |name: &str| Some(&vector[name]).filter(|value| !value.is_null());
        let mut header = Header {
            event_id: EventId(uuid(&vector["event_id"])),
            version: EnvelopeVersion::Legacy,
            agent: AgentId(uuid(&vector["agent_id"])),
            entity_type: text(&vector["entity_type"]).to_owned(),
            entity_id: text(&vector["entity_id"]).to_owned(),
            event_type: text(&vector["event_type"]).to_owned(),
            created_at: text(&vector["created_at"]).to_owned(),
            payload_form: PayloadForm::from_number(u8::try_from(number(&vector["payload_form"])).unwrap()).unwrap(),
            payload_hash: hash(&vector["payload_hash"]),
            cipher_hash: hash(&vector["cipher_hash"]),
            content_hash: Hash::ZERO,
            seal: Seal::Unsigned { salt: Salt::from_hex(text(&vector["salt"])).unwrap() },
            command_id: optional("command_id").map(uuid),
            base_version: optional("base_version").map(number),
            order_key: None,
            correlation_id: None,
            annotations: Annotations::default(),
        };
        header.content_hash = header.derive_content_hash(scope);
        assert_eq!(header.content_hash, hash(&vector["content_hash"]));
        let sequence = Sequence::new(number(&vector["sequence"])).unwrap();
        assert_eq!(header.leaf(scope, sequence), hash(&vector["leaf"]));
    }
}

/// Ruling 23: the signature on a stream's head.
#[test]
fn flush_heads() {
    let vectors = vectors();
    let signer = signer(&vectors);
    for vector in vectors["flush_heads"].as_array().unwrap() {
        let head = FlushHead {
            stream_id: hash(&vectors["stream_id"]),
            size: number(&vector["size"]),
            root: hash(&vector["root"]),
            at: Micros(vector["signed_at_us"].as_i64().unwrap()),
            key: KeyId(u32::try_from(number(&vector["key"])).unwrap()),
        };
        assert_eq!(head.hash(), hash(&vector["hash"]));
        assert_eq!(signer.sign(&head.hash().0), Signature::from_hex(text(&vector["signature"])).unwrap());
    }
}

/// Ruling 18, N02, N08: what replies carry of the stream tree is made and accepted as written.
#[test]
fn proofs_of_the_stream_tree() {
    let vectors = vectors();
    let tree = &vectors["stream_tree"];
    let (entries, roots) = (hashes(&tree["entries"]), hashes(&tree["roots"]));
    let leaves: Vec<Hash> = entries.iter().map(|entry| leaf_hash(&entry.0)).collect();
    let at = |index: u64| usize::try_from(index).unwrap();
    let mut set = TileSet::new();
    set.insert_entries(0, &entries).unwrap();
    for (size, root) in (0..).zip(&roots) {
        assert_eq!(set.root(size).as_ref(), Ok(root));
    }
    for vector in tree["inclusion"].as_array().unwrap() {
        let (index, size, path) = (number(&vector["index"]), number(&vector["size"]), hashes(&vector["path"]));
        assert_eq!(set.inclusion(index, size).as_ref(), Ok(&path));
        verify_inclusion(&leaves[at(index)], index, size, &path, &roots[at(size)]).unwrap();
    }
    for vector in tree["consistency"].as_array().unwrap() {
        let (old, new, path) = (number(&vector["old"]), number(&vector["new"]), hashes(&vector["path"]));
        assert_eq!(set.consistency(old, new).as_ref(), Ok(&path));
        verify_consistency(old, new, &roots[at(old)], &roots[at(new)], &path).unwrap();
    }
    for vector in tree["ranges"].as_array().unwrap() {
        let (first, end, size) = (number(&vector["first"]), number(&vector["end"]), number(&vector["size"]));
        let proof = RangeProof { left: hashes(&vector["left"]), right: hashes(&vector["right"]) };
        assert_eq!(set.range(first, end, size).as_ref(), Ok(&proof));
        verify_range(first, &leaves[at(first)..at(end)], size, &proof, &roots[at(size)]).unwrap();
    }
}
