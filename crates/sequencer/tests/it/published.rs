//! The head log: what is published, who may, and what a start refuses.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use stateset_ledger::bytes::{Hash, Salt};
use stateset_ledger::head_log::{Record, blind};
use stateset_ledger::id::Scope;
use stateset_ledger::note::Checkpoint;
use stateset_ledger::receipt::stream_id;
use stateset_ledger::tree::frontier::Frontier;
use stateset_ledger::tree::proof::{verify_consistency, verify_inclusion};
use stateset_ledger::tree::rfc6962::leaf_hash;
use stateset_sequencer::identity::Access;
use stateset_sequencer::publish::Outcome;
use stateset_sequencer::publish::checkpoint_file::CheckpointFile;
use stateset_store::memory::MemoryStore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::proof_harness::{Server, batch, hash, hashes, query, scope, sqlite};

/// Everything the public sees of the log: its entries, read as bundles, which must hash to the signed root.
async fn public_entries(server: &Server) -> Vec<Hash> {
    let checkpoint = server.checkpoint().await;
    let mut tree = Frontier::new();
    let mut entries = Vec::new();
    while tree.size() < checkpoint.size {
        let width = (checkpoint.size - tree.size()).min(256);
        let partial = if width < 256 { format!(".p/{width}") } else { String::new() };
        let place = format!("{:03}{partial}", tree.size() / 256);
        let (status, headers, bundle) = server.raw(&format!("/tile/entries/{place}")).await;
        assert_eq!(status.as_u16(), 200);
        assert!(headers["cache-control"].to_str().unwrap().contains("immutable"));
        let (_, _, tile) = server.raw(&format!("/tile/0/{place}")).await;
        assert_eq!((bundle.len() as u64, tile.len() as u64), (width * 34, width * 32));
        for (entry, leaf) in bundle.chunks(34).zip(tile.chunks(32)) {
            assert_eq!(entry[..2], [0, 32]);
            assert_eq!(leaf_hash(&entry[2..]).0, leaf);
            tree.push(leaf_hash(&entry[2..]), &mut |_, _, _| {});
            entries.push(Hash::try_from(&entry[2..]).unwrap());
        }
    }
    assert_eq!(tree.root(), checkpoint.root);
    entries
}

/// The evidence of one event, checked from its leaf to the checkpoint's signature.
async fn check_evidence(server: &Server, scope: Scope, sequence: u64, entries: &[Hash]) {
    let proof = server.get(&format!("/api/v1/proofs/inclusion?{}&sequence={sequence}", query(scope))).await;
    let logged = &proof["logged_head"];
    assert_eq!(
        (&logged["size"], &logged["root"]),
        (&proof["tree_size"], &proof["root"]),
        "the proof is for the logged tree"
    );
    let size = proof["tree_size"].as_u64().unwrap();
    let leaf = leaf_hash(&hash(&proof["leaf_hash"]).0);
    verify_inclusion(&leaf, sequence - 1, size, &hashes(&proof["path"]), &hash(&proof["root"])).unwrap();

    let record = const_hex::decode(logged["record"].as_str().unwrap()).unwrap();
    assert_eq!(record.len(), 91);
    let Record::Head { stream_id: stream, size: logged_size, root, .. } = Record::from_bytes(&record).unwrap() else {
        panic!("not a HEAD record")
    };
    assert_eq!((stream, logged_size, root), (stream_id(scope), size, hash(&proof["root"])));
    let entry = blind(&Salt::from_hex(logged["salt"].as_str().unwrap()).unwrap(), &record);
    let index = logged["log_index"].as_u64().unwrap();
    assert_eq!(entry, entries[usize::try_from(index).unwrap()]);
    let note = logged["checkpoint"].as_str().unwrap();
    let checkpoint = Checkpoint::open(note, crate::proof_harness::ORIGIN, &server.sequencer_key()).unwrap();
    assert_eq!(logged["log_size"], checkpoint.size);
    verify_inclusion(&leaf_hash(&entry.0), index, checkpoint.size, &hashes(&logged["log_path"]), &checkpoint.root)
        .unwrap();
}

/// Rulings 24, 26: each round continues the log, is served as tlog-tiles, and opens for the tenant.
#[tokio::test]
async fn checkpoints_grow_consistently() {
    let server = Server::start(Arc::new(MemoryStore::new())).await;
    assert_eq!(server.fails("/checkpoint").await, (404, "NOT_LOGGED".to_owned()));
    assert_eq!(server.fails("/tile/0/000.p/1").await, (404, "NOT_LOGGED".to_owned()));
    let mut publisher = server.publisher(None);
    assert_eq!(publisher.publish().await.unwrap(), Outcome::Idle);
    let mut seen: Vec<Checkpoint> = Vec::new();
    for round in 0..90_u8 {
        for stream in 0..=round % 5 {
            server.ingest(scope(stream + 1), usize::from(stream) + 1).await;
        }
        if round % 3 == 0 {
            server.commit_all().await;
        }
        assert_eq!(publisher.publish().await.unwrap(), Outcome::Published { more: false });
        assert_eq!(publisher.publish().await.unwrap(), Outcome::Idle);
        seen.push(server.checkpoint().await);
    }
    let newest = seen.last().unwrap();
    assert!(newest.size > 300, "{} entries", newest.size);
    for old in &seen {
        let path = server.service.log_tiles.consistency(old.size, newest.size).await.unwrap();
        verify_consistency(old.size, newest.size, &old.root, &newest.root, &path).unwrap();
    }
    let entries = public_entries(&server).await;
    for stream in 1..=5 {
        for sequence in [1, 5, 18] {
            check_evidence(&server, scope(stream), sequence, &entries).await;
        }
    }
    // The records of one stream form a list from its OPEN on.
    let (stream, mut previous) = (server.row(scope(2)).await.stream, 0);
    let records = server.service.store.log_records(0, newest.size).await.unwrap();
    let own: Vec<_> = records.iter().filter(|record| record.stream == stream).collect();
    assert!(matches!(Record::from_bytes(&own[0].record).unwrap(), Record::Open { first_sequence: 1, .. }));
    let mut batch_end = 0;
    for stored in &own[1..] {
        match Record::from_bytes(&stored.record).unwrap() {
            Record::Head { previous_plus_one, .. } => {
                assert_eq!(previous_plus_one, previous);
                previous = stored.index + 1;
            },
            Record::Batch { start, end, .. } => {
                assert_eq!(start, batch_end + 1);
                batch_end = end;
            },
            Record::Open { .. } => panic!("a stream is opened once"),
        }
    }
}

/// A log with tiles of level one, and paths that name nothing.
#[tokio::test]
async fn tiles_are_served_by_their_exact_path() {
    let server = Server::start(Arc::new(MemoryStore::new())).await;
    let mut publisher = server.publisher(None);
    for _ in 0..300 {
        server.ingest(scope(1), 1).await;
        publisher.publish().await.unwrap();
    }
    let size = server.checkpoint().await.size;
    assert_eq!(size, 301, "one OPEN, three hundred HEADs");
    assert_eq!(public_entries(&server).await.len(), 301);
    let (_, _, full) = server.raw("/tile/0/000").await;
    let (status, _, narrow) = server.raw("/tile/0/000.p/17").await;
    assert_eq!((status.as_u16(), &narrow[..]), (200, &full[..17 * 32]), "also of a tile that has become full");
    let mut first = Frontier::new();
    for leaf in full.chunks(32) {
        first.push(Hash::try_from(leaf).unwrap(), &mut |_, _, _| {});
    }
    assert_eq!(server.raw("/tile/1/000.p/1").await.2[..], first.root().0);
    for path in
        ["0/001", "0/001.p/46", "0/002.p/1", "1/000", "1/000.p/2", "2/000.p/1", "entries/001", "entries/001.p/46"]
    {
        assert_eq!(server.fails(&format!("/tile/{path}")).await, (404, "NOT_LOGGED".to_owned()), "{path}");
    }
    for path in [
        "0",
        "0/0",
        "0/../000",
        "0/%2e%2e/000",
        "%30/000",
        "0%2F000",
        "0/000.p/0",
        "0/000.p/256",
        "64/000",
        "x/000",
        "entries/0",
        "0/000/",
    ] {
        let (status, code) = server.fails(&format!("/tile/{path}")).await;
        assert_eq!((status, code.as_str()), (404, "ROUTE_NOT_FOUND"), "{path}");
    }
}

/// The log is public unless configured otherwise; then any credential opens it.
#[tokio::test]
async fn a_private_log_asks_for_a_credential() {
    let store = Arc::new(MemoryStore::new());
    let server = Server::start_with(store, Access::Key("0123456789".to_owned()), false).await;
    for path in ["/checkpoint", "/tile/0/000.p/1"] {
        assert_eq!(server.fails(path).await, (401, "AUTH_REQUIRED".to_owned()));
        let request = Request::get(path).header("authorization", "ApiKey 0123456789").body(Body::empty()).unwrap();
        assert_eq!(server.request(request).await.0.as_u16(), 404);
    }
    let open = Server::start_with(Arc::new(MemoryStore::new()), Access::Key("0123456789".to_owned()), true).await;
    assert_eq!(open.fails("/checkpoint").await, (404, "NOT_LOGGED".to_owned()));
    assert_eq!(open.fails(&format!("/api/v1/proofs/inclusion?{}&sequence=1", query(scope(1)))).await.0, 401);
}

/// Ruling 24: of two publishers one publishes; when it vanishes the other goes on where it stopped, and who lost the lease
/// cannot publish what it has read before.
#[tokio::test]
async fn two_publishers_are_fenced() {
    let server = Server::start(Arc::new(MemoryStore::new())).await;
    let (mut first, mut second) = (server.publisher(None), server.publisher(None));
    let lapse = Duration::from_secs(3);
    server.ingest(scope(1), 3).await;
    assert_eq!(first.publish().await.unwrap(), Outcome::Published { more: false });
    server.ingest(scope(1), 3).await;
    assert_eq!(second.publish().await.unwrap(), Outcome::Standby);
    server.clock.advance(lapse);
    assert_eq!(second.publish().await.unwrap(), Outcome::Published { more: false });
    for _ in 0..4 {
        server.ingest(scope(1), 1).await;
        assert_eq!(first.publish().await.unwrap(), Outcome::Standby);
        server.clock.advance(lapse);
        assert_eq!(first.publish().await.unwrap(), Outcome::Published { more: false });
        server.ingest(scope(2), 1).await;
        server.clock.advance(lapse);
        assert_eq!(second.publish().await.unwrap(), Outcome::Published { more: false });
    }
    let entries = public_entries(&server).await;
    // Two OPENs, and a HEAD per round: nothing twice.
    assert_eq!(entries.len(), 2 + 2 + 8);
    check_evidence(&server, scope(1), 1, &entries).await;

    // Both believe that the lease is theirs: the clock of one stands still while the other takes over.
    server.ingest(scope(1), 1).await;
    let stolen = server.service.store.lease_publisher(
        "thief",
        stateset_ledger::id::Micros(i64::MAX - 1),
        stateset_ledger::id::Micros(i64::MAX),
    );
    assert!(stolen.await.unwrap().is_some());
    assert!(matches!(second.publish().await, Err(stateset_store::StoreError::Conflict)));
    assert_eq!(public_entries(&server).await, entries, "nothing was written under the old epoch");
}

/// Several tasks publishing at once, with takeovers all the time, write one log.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn publishers_at_once_write_one_log() {
    let dir = tempfile::tempdir().unwrap();
    let server = Arc::new(Server::start(sqlite(dir.path()).await).await);
    let mut tasks = JoinSet::new();
    for _ in 0..3 {
        let server = Arc::clone(&server);
        tasks.spawn(async move {
            let mut publisher = server.publisher(None);
            for _ in 0..60 {
                server.clock.advance(Duration::from_millis(900));
                match publisher.publish().await {
                    Ok(_) | Err(stateset_store::StoreError::Conflict) => {},
                    Err(error) => panic!("{error}"),
                }
                tokio::task::yield_now().await;
            }
        });
    }
    for round in 0..60_u8 {
        server.ingest(scope(round % 4 + 1), 1).await;
    }
    tasks.join_all().await;
    server.clock.advance(Duration::from_secs(3));
    server.publish_all(&mut server.publisher(None)).await;
    let entries = public_entries(&server).await;
    for stream in 1..=4 {
        check_evidence(&server, scope(stream), 15, &entries).await;
        let stream = server.row(scope(stream)).await.stream;
        let records = server.service.store.log_records(0, u64::from(u32::MAX)).await.unwrap();
        let mut previous = 0;
        for stored in records.iter().filter(|stored| stored.stream == stream) {
            if let Record::Head { previous_plus_one, .. } = Record::from_bytes(&stored.record).unwrap() {
                assert_eq!(previous_plus_one, previous, "the list of heads has no fork");
                previous = stored.index + 1;
            }
        }
    }
}

/// Ruling 30, L21: a restart goes on; a start behind or beside the kept checkpoint is refused with the way out.
#[tokio::test]
async fn a_restart_goes_on_and_an_old_backup_is_refused() {
    let (data, backup) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let server = Server::start(sqlite(data.path()).await).await;
    let file = CheckpointFile::open(data.path(), &server.service).await.unwrap();
    let mut publisher = server.publisher(Some(file));
    server.ingest(scope(1), 400).await;
    server.publish_all(&mut publisher).await;
    drop(publisher);
    server.stop().await;
    for entry in std::fs::read_dir(data.path()).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), backup.path().join(entry.file_name())).unwrap();
    }

    let server = Server::start(sqlite(data.path()).await).await;
    let file = CheckpointFile::open(data.path(), &server.service).await.unwrap();
    let mut publisher = server.publisher(Some(file));
    for _ in 0..300 {
        server.ingest(scope(1), 1).await;
        server.publish_all(&mut publisher).await;
    }
    check_evidence(&server, scope(1), 1, &public_entries(&server).await).await;
    let kept = std::fs::read_to_string(data.path().join("checkpoint")).unwrap();
    assert_eq!(kept.as_bytes(), server.raw("/checkpoint").await.2);
    drop(publisher);
    server.stop().await;
    let server = Server::start(sqlite(data.path()).await).await;
    CheckpointFile::open(data.path(), &server.service).await.unwrap();
    server.stop().await;

    // The backup is behind what was published.
    std::fs::copy(data.path().join("checkpoint"), backup.path().join("checkpoint")).unwrap();
    let server = Server::start(sqlite(backup.path()).await).await;
    let refusal = CheckpointFile::open(backup.path(), &server.service).await.unwrap_err().to_string();
    for part in ["has 2 entries", "302 have been published", "old backup", "move ", "checkpoint away"] {
        assert!(refusal.contains(part), "{part:?} in {refusal}");
    }
    // Grown to the same size and beyond, it is still another history.
    let mut publisher = server.publisher(None);
    for more in [300, 50] {
        for _ in 0..more {
            server.ingest(scope(2), 1).await;
            server.publish_all(&mut publisher).await;
        }
        let refusal = CheckpointFile::open(backup.path(), &server.service).await.unwrap_err().to_string();
        assert!(refusal.contains("not those that have been published"), "{refusal}");
    }
    std::fs::write(backup.path().join("checkpoint"), "what?").unwrap();
    assert!(CheckpointFile::open(backup.path(), &server.service).await.is_err());
    std::fs::remove_file(backup.path().join("checkpoint")).unwrap();
    CheckpointFile::open(backup.path(), &server.service).await.unwrap();
}

/// `?wait=logged` answers once a checkpoint covers the batch, without waiting for the publisher's pause.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waiting_until_logged() {
    let server = Server::start(Arc::new(MemoryStore::new())).await;
    let stop = CancellationToken::new();
    let publisher =
        stateset_sequencer::publish::Publisher::new(Arc::clone(&server.service), Duration::from_hours(1), None);
    let running = TaskTracker::new().spawn(publisher.run(stop.clone()));
    for _ in 0..5 {
        let (status, reply) = server.post("/api/v1/events/ingest?wait=logged", &batch(scope(1), 1)).await;
        assert_eq!(status, 200, "{reply}");
        let newest = server.service.store.head_record(server.row(scope(1)).await.stream).await.unwrap().unwrap();
        let record = Record::from_bytes(&newest.record).unwrap();
        assert_eq!(record.subject().1, reply["head_sequence"].as_u64().unwrap());
    }
    // What is sequenced before a stop is published by it.
    server.ingest(scope(2), 1).await;
    stop.cancel();
    running.await.unwrap();
    assert!(server.service.store.unpublished(10).await.unwrap().heads.is_empty());
    // And its successor does not wait for the lease to lapse.
    server.ingest(scope(2), 1).await;
    assert_eq!(server.publisher(None).publish().await.unwrap(), Outcome::Published { more: false });
}
