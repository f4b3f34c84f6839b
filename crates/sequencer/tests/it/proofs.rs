//! Commitments and proofs, made over HTTP and checked with nothing but the leaves from the ingest replies.

use std::sync::Arc;

use serde_json::{Value, json};
use stateset_ledger::bytes::Hash;
use stateset_ledger::id::{Scope, Sequence};
use stateset_ledger::receipt::{state_root, stream_id};
use stateset_ledger::tree::batch::{self, BatchProof};
use stateset_ledger::tree::frontier::Frontier;
use stateset_ledger::tree::proof::{verify_consistency, verify_inclusion, verify_range};
use stateset_ledger::tree::rfc6962::leaf_hash;
use stateset_sequencer::proofs::StreamTree;
use stateset_store::Store;
use stateset_store::memory::MemoryStore;
use tokio::time::Instant;

use crate::proof_harness::{Server, hash, hashes, query, scope, sqlite};

/// Roots of the RFC 6962 trees over the first 0, 1, 2, … leaves.
fn roots(leaves: &[Hash]) -> Vec<Hash> {
    let mut tree = Frontier::new();
    let mut roots = vec![tree.root()];
    for leaf in leaves {
        tree.push(leaf_hash(&leaf.0), &mut |_, _, _| {});
        roots.push(tree.root());
    }
    roots
}

fn at(leaves: &[Hash], index: u64) -> Hash {
    leaves[usize::try_from(index).unwrap()]
}

async fn check_inclusion(tree: &StreamTree<'_>, leaves: &[Hash], roots: &[Hash], index: u64, size: u64) {
    let proof = tree.inclusion(index, size).await.unwrap();
    let root = at(roots, size);
    assert_eq!((proof.leaf, proof.root), (at(leaves, index), root), "leaf {index} of {size}");
    let leaf = leaf_hash(&proof.leaf.0);
    verify_inclusion(&leaf, index, size, &proof.path, &root).unwrap();
    // Another place, another size, another leaf, a changed path: each is refused.
    assert!(verify_inclusion(&leaf, index ^ 1, size, &proof.path, &root).is_err());
    assert!(size == 1 || verify_inclusion(&leaf, index, size, &proof.path, &at(roots, size - 1)).is_err());
    assert!(verify_inclusion(&proof.leaf, index, size, &proof.path, &root).is_err());
    for place in 0..proof.path.len() {
        let mut forged = proof.path.clone();
        forged[place].0[7] ^= 1;
        assert!(verify_inclusion(&leaf, index, size, &forged, &root).is_err());
    }
}

async fn check_consistency(tree: &StreamTree<'_>, roots: &[Hash], old: u64, new: u64) {
    let proof = tree.consistency(old, new).await.unwrap();
    assert_eq!((proof.old_root, proof.new_root), (at(roots, old), at(roots, new)), "{old} to {new}");
    verify_consistency(old, new, &proof.old_root, &proof.new_root, &proof.path).unwrap();
    if 0 < old && old < new {
        assert!(verify_consistency(old, new, &at(roots, old - 1), &proof.new_root, &proof.path).is_err());
        assert!(verify_consistency(old, new, &proof.old_root, &at(roots, new - 1), &proof.path).is_err());
    }
}

/// N02, N08: every event at every interesting size, every pair of sizes, from tiles.
#[tokio::test]
async fn stream_proofs_verify_across_tile_boundaries() {
    let server = Server::start(Arc::new(MemoryStore::new())).await;
    let scope = scope(1);
    let mut leaves = Vec::new();
    for count in [1, 2, 252, 1, 1, 1, 252, 1, 1, 88] {
        leaves.extend(server.ingest(scope, count).await);
    }
    let roots = roots(&leaves);
    let row = server.row(scope).await;
    assert_eq!((row.size, row.root), (600, roots[600]));
    let store = server.service.store.as_ref();
    let tree = StreamTree::new(store, &server.service.stream_tiles, row.stream);
    let sizes = [1_u64, 2, 3, 4, 254, 255, 256, 257, 258, 511, 512, 513, 599, 600];
    for size in sizes {
        for index in 0..size {
            check_inclusion(&tree, &leaves, &roots, index, size).await;
        }
        for old in sizes.into_iter().filter(|&old| old <= size).chain([0]) {
            check_consistency(&tree, &roots, old, size).await;
            if old < size {
                let proof = tree.range(old, size, 600).await.unwrap();
                let range: Vec<Hash> = (old..size).map(|index| leaf_hash(&at(&leaves, index).0)).collect();
                verify_range(old, &range, 600, &proof, &roots[600]).unwrap();
            }
        }
        assert_eq!(tree.root(size).await.unwrap(), at(&roots, size));
    }
}

/// N02, N08: the same over HTTP, with what is refused.
#[tokio::test]
async fn stream_proofs_over_http() {
    let server = Server::start(Arc::new(MemoryStore::new())).await;
    let scope = scope(1);
    let leaves = server.ingest(scope, 300).await;
    let roots = roots(&leaves);
    let query = query(scope);
    for (sequence, size) in [(1_u64, 1_u64), (1, 300), (256, 256), (256, 257), (257, 257), (300, 300), (17, 258)] {
        for path in [
            format!("/api/v1/proofs/inclusion?{query}&sequence={sequence}&tree_size={size}"),
            format!("/api/v1/ves/proofs/{sequence}?{query}&tree=stream&tree_size={size}"),
        ] {
            let proof = server.get(&path).await;
            assert_eq!(proof["tree_size"], size);
            assert_eq!(
                (proof["leaf_index"].as_u64(), proof["leaf_kind"].as_str()),
                (Some(sequence - 1), Some("unsigned"))
            );
            assert_eq!(hash(&proof["stream_id"]), stream_id(scope));
            assert_eq!(
                (hash(&proof["leaf_hash"]), hash(&proof["root"])),
                (at(&leaves, sequence - 1), at(&roots, size))
            );
            let leaf = leaf_hash(&hash(&proof["leaf_hash"]).0);
            verify_inclusion(&leaf, sequence - 1, size, &hashes(&proof["path"]), &hash(&proof["root"])).unwrap();
            assert_eq!(proof.get("signed_head").is_some(), size == 300, "only the newest tree is signed");
            assert!(proof.get("logged_head").is_none(), "nothing is logged yet");
        }
    }
    for (old, new) in [(0_u64, 300_u64), (1, 300), (255, 256), (256, 257), (256, 300), (300, 300), (3, 7)] {
        let proof = server.get(&format!("/api/v1/proofs/consistency?{query}&from_size={old}&to_size={new}")).await;
        assert_eq!((hash(&proof["from_root"]), hash(&proof["to_root"])), (at(&roots, old), at(&roots, new)));
        verify_consistency(old, new, &at(&roots, old), &at(&roots, new), &hashes(&proof["path"])).unwrap();
    }
    let newest = server.get(&format!("/api/v1/proofs/consistency?{query}&from_size=5")).await;
    assert_eq!(newest["to_size"], 300);

    let other = crate::proof_harness::query(crate::proof_harness::scope(9));
    for (path, status, code) in [
        (format!("inclusion?{query}&sequence=301"), 404, "EVENT_NOT_FOUND"),
        (format!("inclusion?{other}&sequence=1"), 404, "EVENT_NOT_FOUND"),
        (format!("inclusion?{query}&event_id={}", uuid::Uuid::new_v4()), 404, "EVENT_NOT_FOUND"),
        (format!("inclusion?{query}&sequence=1&tree_size=301"), 400, "SEQUENCE_AHEAD"),
        (format!("inclusion?{query}&sequence=3&tree_size=2"), 400, "INVALID_PARAMETER"),
        (format!("inclusion?{query}&sequence=1&tree_size=0"), 400, "INVALID_PARAMETER"),
        (format!("inclusion?{query}&sequence=0"), 400, "INVALID_PARAMETER"),
        (format!("inclusion?{query}"), 400, "INVALID_PARAMETER"),
        ("inclusion?sequence=1".to_owned(), 400, "INVALID_PARAMETER"),
        (format!("inclusion?{query}&sequence={}", u64::MAX), 400, "INVALID_PARAMETER"),
        (format!("consistency?{query}"), 400, "INVALID_PARAMETER"),
        (format!("consistency?{query}&from_size=5&to_size=4"), 400, "INVALID_PARAMETER"),
        (format!("consistency?{query}&from_size=5&to_size=301"), 400, "SEQUENCE_AHEAD"),
        (format!("consistency?{query}&from_size=-1"), 400, "INVALID_PARAMETER"),
    ] {
        assert_eq!(server.fails(&format!("/api/v1/proofs/{path}")).await, (status, code.to_owned()), "{path}");
    }
}

fn commit_body(scope: Scope, start: Option<u64>, end: Option<u64>) -> Value {
    json!({"tenant_id": scope.tenant, "store_id": scope.store, "sequence_start": start, "sequence_end": end})
}

/// Ruling 29: inside a batch it is that batch; else it starts right behind the last one.
#[tokio::test]
async fn commit_requests() {
    let server = Server::start(Arc::new(MemoryStore::new())).await;
    let scope = scope(1);
    let path = "/api/v1/ves/commitments";
    let ask = async |start, end| {
        let (status, reply) = server.post(path, &commit_body(scope, start, end)).await;
        let code = reply["code"].as_str().unwrap_or_default().to_owned();
        (status, code, reply)
    };
    let refused = async |start, end| {
        let (status, code, _) = ask(start, end).await;
        (status, code)
    };
    let range = async |start, end| {
        let (status, _, reply) = ask(start, end).await;
        assert_eq!(status, 200, "{reply}");
        (reply["sequence_start"].as_u64().unwrap(), reply["sequence_end"].as_u64().unwrap())
    };
    assert_eq!(refused(None, None).await, (400, "SEQUENCE_AHEAD".to_owned()));
    server.ingest(scope, 30).await;
    let gap = (409, "SEQUENCE_GAP".to_owned());
    assert_eq!(refused(Some(2), Some(5)).await, gap, "the first batch starts at 1");
    assert!(ask(Some(2), None).await.2["detail"].as_str().unwrap().ends_with("sequence 1"));
    assert_eq!(refused(Some(1), Some(31)).await, (400, "SEQUENCE_AHEAD".to_owned()));
    assert_eq!(refused(Some(0), Some(3)).await, (400, "INVALID_REQUEST_BODY".to_owned()));
    assert_eq!(refused(Some(5), Some(3)).await, (400, "INVALID_REQUEST_BODY".to_owned()));
    assert_eq!(range(Some(1), Some(10)).await, (1, 10));
    for (start, end) in [(Some(1), Some(10)), (Some(3), Some(4)), (None, Some(7)), (Some(10), None)] {
        assert_eq!(range(start, end).await, (1, 10), "{start:?} to {end:?}");
    }
    assert_eq!(refused(Some(5), Some(12)).await, gap);
    assert_eq!(refused(Some(12), Some(13)).await, gap);
    assert!(ask(Some(12), None).await.2["detail"].as_str().unwrap().ends_with("sequence 11"));
    assert_eq!(range(None, Some(12)).await, (11, 12));
    assert_eq!(range(None, None).await, (13, 30));
    assert_eq!(range(None, None).await, (13, 30), "nothing is left");
    let (status, reply) = server.post(path, &json!({"tenant_id": scope.tenant})).await;
    assert_eq!((status, reply["code"].as_str()), (400, Some("INVALID_REQUEST_BODY")));

    let query = query(scope);
    let list = server.get(&format!("{path}?{query}&limit=2")).await;
    assert_eq!(
        (list["count"].as_u64(), list["has_more"].as_bool(), list["next_sequence"].as_u64()),
        (Some(2), Some(true), Some(13))
    );
    let rest = server.get(&format!("{path}?{query}&limit=2&from=13")).await;
    assert_eq!(
        (rest["count"].as_u64(), rest["has_more"].as_bool(), rest["next_sequence"].as_u64()),
        (Some(1), Some(false), Some(31))
    );
    let first = &list["commitments"][0];
    assert_eq!(*first, server.get(&format!("{path}/{}", first["batch_id"].as_str().unwrap())).await);
    assert_eq!(
        (first["is_anchored"].as_bool(), &first["chain_id"], first["ves_version"].as_u64()),
        (Some(false), &Value::Null, Some(1))
    );
    assert_eq!(
        (first["tree_depth"].as_u64(), first["leaf_count"].as_u64(), first["padded_leaf_count"].as_u64()),
        (Some(4), Some(10), Some(16))
    );
    let flat = server.get(&format!("/api/v1/commitments/{}", first["batch_id"].as_str().unwrap())).await;
    assert_eq!((&flat["events_root"], flat["event_count"].as_u64()), (&first["merkle_root"], Some(10)));
    assert!(flat.get("merkle_root").is_none());
    let nobody = uuid::Uuid::new_v4();
    assert_eq!(server.fails(&format!("{path}/{nobody}")).await, (404, "BATCH_NOT_FOUND".to_owned()));
    for options in ["limit=0", "limit=1001", "from=x"] {
        assert_eq!(server.fails(&format!("{path}?{query}&{options}")).await, (400, "INVALID_PARAMETER".to_owned()));
    }
    let empty = server.get(&format!("{path}?{}", crate::proof_harness::query(crate::proof_harness::scope(7)))).await;
    assert_eq!((empty["count"].as_u64(), empty["has_more"].as_bool()), (Some(0), Some(false)));
}

/// N01: the chain of state roots, recomputed from the commitments alone.
fn check_chain(scope: Scope, commitments: &[Value], leaves: &[Hash]) {
    let (mut previous, mut next) = (Hash::ZERO, 1);
    for commitment in commitments {
        let number = |name: &str| commitment[name].as_u64().unwrap();
        let (start, end, count) = (number("sequence_start"), number("sequence_end"), number("leaf_count"));
        assert_eq!((start, count), (next, end - start + 1), "batches are contiguous");
        let own = &leaves[usize::try_from(start - 1).unwrap()..usize::try_from(end).unwrap()];
        let merkle_root = hash(&commitment["merkle_root"]);
        assert_eq!(merkle_root, batch::root(own));
        assert_eq!(hash(&commitment["prev_state_root"]), previous);
        let (first, last) = (Sequence::new(start).unwrap(), Sequence::new(end).unwrap());
        let count = u32::try_from(count).unwrap();
        previous = state_root(&stream_id(scope), &previous, &merkle_root, first, last, count);
        assert_eq!(hash(&commitment["new_state_root"]), previous);
        next = end + 1;
    }
    assert_eq!(next, leaves.len() as u64 + 1);
}

/// N01, N02: batch proofs verify strictly, and nothing else does.
#[tokio::test]
async fn batch_proofs_verify_strictly() {
    let server = Server::start(Arc::new(MemoryStore::new())).await;
    let scope = scope(1);
    let query = query(scope);
    let mut leaves = server.ingest(scope, 1).await;
    let early = format!("/api/v1/ves/proofs/1?{query}");
    let (status, headers, body) = server.raw(&early).await;
    assert_eq!((status.as_u16(), crate::proof_harness::code(&body).as_str()), (404, "BATCH_NOT_FOUND"));
    assert_eq!(headers["retry-after"], "1");
    server.commit_all().await;
    for count in [255, 7, 600] {
        leaves.extend(server.ingest(scope, count).await);
        server.commit_all().await;
    }
    let list = server.get(&format!("/api/v1/ves/commitments?{query}")).await;
    let commitments = list["commitments"].as_array().unwrap();
    check_chain(scope, commitments, &leaves);
    for sequence in (1..=863_u64).filter(|n| n % 13 == 1 || [2, 256, 257, 263, 264, 519, 520, 863].contains(n)) {
        let proof = server.get(&format!("/api/v1/ves/proofs/{sequence}?{query}")).await;
        let commitment = commitments.iter().find(|c| c["batch_id"] == proof["batch_id"]).unwrap();
        assert_eq!(
            (&proof["merkle_root"], &proof["leaf_count"]),
            (&commitment["merkle_root"], &commitment["leaf_count"])
        );
        let leaf = at(&leaves, sequence - 1);
        assert_eq!((hash(&proof["leaf_hash"]), proof["leaf_kind"].as_str()), (leaf, Some("unsigned")));
        let path = hashes(&proof["proof_path"]);
        let (leaf_index, leaf_count) = (proof["leaf_index"].as_u64().unwrap(), proof["leaf_count"].as_u64().unwrap());
        assert_eq!(leaf_index, sequence - commitment["sequence_start"].as_u64().unwrap());
        let claim = BatchProof { leaf_index, leaf_count, path };
        claim.verify(&leaf, &hash(&proof["merkle_root"])).unwrap();
        assert_eq!(proof["directions"], json!(claim.directions()));

        let body = json!({"leaf_hash": proof["leaf_hash"], "merkle_root": proof["merkle_root"],
            "proof_path": proof["proof_path"], "leaf_index": leaf_index, "leaf_count": leaf_count});
        let verdict = async |change: &dyn Fn(&mut Value)| {
            let mut body = body.clone();
            change(&mut body);
            let (status, verdict) = server.post("/api/v1/ves/proofs/verify", &body).await;
            assert_eq!(status, 200, "{verdict}");
            verdict["valid"].as_bool().unwrap()
        };
        assert!(verdict(&|_| {}).await);
        assert!(verdict(&|body| body["leaf_count"] = Value::Null).await);
        assert!(!verdict(&|body| body["leaf_index"] = json!(leaf_index + 1)).await || leaf_count == 1);
        assert!(!verdict(&|body| body["leaf_hash"] = body["merkle_root"].clone()).await || leaf_count == 1);
        assert!(!verdict(&|body| body["leaf_count"] = json!(leaf_index)).await);
    }
    let batch_of = |n: usize| commitments[n]["batch_id"].as_str().unwrap();
    server.get(&format!("/api/v1/ves/proofs/1?{query}&batch_id={}", batch_of(0))).await;
    for path in [format!("1?{query}&batch_id={}", batch_of(1)), format!("1?{query}&batch_id={}", uuid::Uuid::new_v4())]
    {
        assert_eq!(server.fails(&format!("/api/v1/ves/proofs/{path}")).await, (404, "BATCH_NOT_FOUND".to_owned()));
    }
    let flat = server.get(&format!("/api/v1/proofs/300?{query}")).await;
    let (_, verdict) = server
        .post(
            "/api/v1/proofs/verify",
            &json!({"leaf_hash": flat["leaf_hash"], "events_root": flat["events_root"],
            "proof_path": flat["proof_path"], "leaf_index": flat["leaf_index"]}),
        )
        .await;
    assert_eq!((verdict["valid"].as_bool(), &verdict["events_root"]), (Some(true), &flat["events_root"]));
    assert_eq!(server.fails(&format!("/api/v1/ves/proofs/864?{query}")).await, (404, "EVENT_NOT_FOUND".to_owned()));
    let long = json!({"leaf_hash": Hash::ZERO, "merkle_root": Hash::ZERO, "proof_path": vec![Hash::ZERO; 65], "leaf_index": 0});
    assert_eq!(server.post("/api/v1/ves/proofs/verify", &long).await.0, 400);
}

/// N01, N02, N08 on SQLite, above the width of a tile of tiles.
#[tokio::test]
async fn a_large_stream_on_sqlite() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(sqlite(dir.path()).await).await;
    let scope = scope(1);
    let leaves = server.ingest(scope, 66_000).await;
    let roots = roots(&leaves);
    let started = Instant::now();
    server.commit_all().await;
    eprintln!("66,000 events committed in {:?}", started.elapsed());
    let query = query(scope);
    let list = server.get(&format!("/api/v1/ves/commitments?{query}")).await;
    check_chain(scope, list["commitments"].as_array().unwrap(), &leaves);
    assert_eq!(list["commitments"][0]["sequence_end"], 66_000);
    let row = server.row(scope).await;
    let tree = StreamTree::new(server.service.store.as_ref() as &dyn Store, &server.service.stream_tiles, row.stream);
    let places = [0_u64, 255, 256, 30_000, 65_279, 65_280, 65_535, 65_536, 65_791, 65_792, 65_999];
    let sizes = [1_u64, 256, 257, 40_000, 65_535, 65_536, 65_537, 65_793, 66_000];
    for size in sizes {
        for index in places.into_iter().filter(|&index| index < size) {
            check_inclusion(&tree, &leaves, &roots, index, size).await;
        }
        for old in sizes.into_iter().filter(|&old| old <= size) {
            check_consistency(&tree, &roots, old, size).await;
        }
    }
    for sequence in [1_u64, 256, 257, 65_536, 65_537, 66_000] {
        let proof = server.get(&format!("/api/v1/ves/proofs/{sequence}?{query}")).await;
        let (leaf_index, leaf_count) = (proof["leaf_index"].as_u64().unwrap(), proof["leaf_count"].as_u64().unwrap());
        let claim = BatchProof { leaf_index, leaf_count, path: hashes(&proof["proof_path"]) };
        claim.verify(&at(&leaves, sequence - 1), &hash(&proof["merkle_root"])).unwrap();
    }
    server.stop().await;
}
