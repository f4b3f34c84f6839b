//! Openings of a stream's records, back to its first one (P04, R11): the tenant holds what makes a fork visible.

use std::sync::Arc;

use serde_json::Value;
use stateset_ledger::bytes::{Hash, Salt};
use stateset_ledger::head_log::{Record, blind};
use stateset_ledger::receipt::stream_id;
use stateset_ledger::tree::rfc6962::leaf_hash;
use stateset_store::memory::MemoryStore;

use crate::proof_harness::{Server, query, scope};

/// Every opening of the stream of this kind, page by page.
async fn all(server: &Server, kind: &str, turn: &str, limit: u32) -> Vec<Value> {
    let (mut openings, mut at) = (Vec::new(), String::new());
    loop {
        let path = format!("/api/v1/log/openings?{}&kind={kind}&limit={limit}{at}", query(scope(1)));
        let page = server.get(&path).await;
        assert_eq!(page["count"].as_u64(), page["openings"].as_array().map(|list| list.len() as u64));
        openings.extend(page["openings"].as_array().unwrap().iter().cloned());
        let Some(next) = page["next"].as_u64() else { return openings };
        at = format!("&{turn}={next}");
    }
}

/// The record, if salt and record open the public entry at the stated index.
async fn opened(server: &Server, opening: &Value) -> Record {
    let bytes = const_hex::decode(opening["record"].as_str().unwrap()).unwrap();
    let salt = Salt::from_hex(opening["salt"].as_str().unwrap()).unwrap();
    let index = opening["log_index"].as_u64().unwrap();
    let (_, _, tile) = server.raw(&format!("/tile/0/000.p/{}", index + 1)).await;
    let public = Hash::try_from(&tile[tile.len() - 32..]).unwrap();
    assert_eq!(leaf_hash(&blind(&salt, &bytes).0), public, "{opening}");
    Record::from_bytes(&bytes).unwrap()
}

#[tokio::test]
async fn a_tenant_opens_all_its_records() {
    let server = Server::start(Arc::new(MemoryStore::new())).await;
    let nothing = server.get(&format!("/api/v1/log/openings?{}", query(scope(1)))).await;
    assert_eq!(nothing["count"], 0);
    let mut publisher = server.publisher(None);
    for round in 0..7 {
        server.ingest(scope(1), 2).await;
        server.ingest(scope(2), 1).await;
        if round % 2 == 0 {
            server.commit_all().await;
        }
        server.publish_all(&mut publisher).await;
    }
    for limit in [1, 3, 100] {
        let mut sizes = Vec::new();
        let heads = all(&server, "heads", "before", limit).await;
        for opening in &heads {
            match opened(&server, opening).await {
                Record::Head { stream_id: of, size, .. } => {
                    assert_eq!((of, opening["kind"].as_str()), (stream_id(scope(1)), Some("HEAD")));
                    sizes.push(size);
                },
                Record::Open { stream_id: of, .. } => {
                    assert_eq!((of, opening["kind"].as_str()), (stream_id(scope(1)), Some("OPEN")));
                    sizes.push(0);
                },
                other @ Record::Batch { .. } => panic!("{other:?}"),
            }
        }
        assert_eq!(sizes, [14, 12, 10, 8, 6, 4, 2, 0], "limit {limit}");
        let mut ends = Vec::new();
        for opening in all(&server, "batches", "from", limit).await {
            let Record::Batch { start, end, .. } = opened(&server, &opening).await else { panic!("{opening}") };
            ends.push((start, end));
        }
        assert_eq!(ends, [(1, 2), (3, 6), (7, 10), (11, 14)], "limit {limit}");
    }
    // Nothing of another stream, and nothing that is no head, is opened.
    let foreign = all(&server, "heads", "before", 100).await;
    let own: Vec<u64> = foreign.iter().filter_map(|opening| opening["log_index"].as_u64()).collect();
    let size = server.checkpoint().await.size;
    for before in (1..=size).filter(|before| !own[..7].contains(&(before - 1))) {
        let path = format!("/api/v1/log/openings?{}&before={before}", query(scope(1)));
        assert_eq!(server.fails(&path).await, (400, "INVALID_PARAMETER".to_owned()), "{before}");
    }
    for more in ["&kind=all", "&limit=0", "&limit=101", "&from=1", "&kind=batches&before=1", "&before=x"] {
        let path = format!("/api/v1/log/openings?{}{more}", query(scope(1)));
        assert_eq!(server.fails(&path).await, (400, "INVALID_PARAMETER".to_owned()), "{more}");
    }
}
