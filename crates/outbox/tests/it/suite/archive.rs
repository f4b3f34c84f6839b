//! Old events leave for sealed files, and are still read.

use std::fs;
use std::time::Duration;

use serde_json::Value;
use stateset_outbox::archive::{Archive, ArchiveError, Archived, Retention, SegmentState};
use stateset_outbox::delivery::{LoggedEvent, Settlement, Start};
use stateset_outbox::{Draft, Entity, Outbox, ReplayFilter, Scope};
use uuid::Uuid;

use super::operation::give_up_after;
use super::{Factory, Plain, Reader, event, number, order, write};

fn rule(name: &str, type_glob: &str, keep: Duration) -> Retention {
    let reason = "the test".to_owned();
    Retention {
        name: name.into(),
        tenant: None,
        store: None,
        type_glob: type_glob.into(),
        keep,
        legal_hold: false,
        reason,
    }
}

/// Every event may leave at once.
async fn ready<F: Factory>(factory: &F) -> (Outbox<F::Engine>, tempfile::TempDir, Archive<F::Engine>) {
    let outbox = factory.outbox();
    let folder = tempfile::tempdir().expect("a folder");
    let archive = Archive::new(outbox.clone(), folder.path());
    archive.set_retention(&rule("all", "*", Duration::ZERO)).await.expect("set");
    (outbox, folder, archive)
}

/// Until the database's clock has moved past the last event and everything that may leave has left.
async fn run<F: Factory>(archive: &Archive<F::Engine>, events: u64) -> Archived {
    let mut all = Archived::default();
    while all.events < events {
        let one = archive.run(4).await.expect("it runs");
        all.segments += one.segments;
        all.events += one.events;
        all.damaged = one.damaged;
    }
    all
}

async fn hot<F: Factory>(factory: &F, outbox: &Outbox<F::Engine>) -> i64 {
    let mut tx = outbox.begin().await.expect("a transaction");
    F::Engine::number(&mut tx, format!("SELECT count(*) FROM {}", factory.table("event_log"))).await
}

async fn all<F: Factory>(archive: &Archive<F::Engine>) -> Vec<LoggedEvent> {
    archive.events(&ReplayFilter::default(), 1_000).await.expect("read")
}

fn shipped(id: &str, number: i64) -> Draft<Value> {
    let payload = serde_json::json!({ "number": number });
    event("shipping.ready", Some(&format!("ready {id}")), payload).about(Entity::new("shipment", id)).order_key(id)
}

/// B13, R01, R02, B10: what is old enough leaves, in order, into files whose root is in the database; reading finds all of
/// it wherever it is, by every filter and page by page; another tenant's events are not ours; what was written once is not
/// written again.
pub(crate) async fn old_events_leave_and_are_still_read<F: Factory>(factory: &F) {
    let (outbox, folder, archive) = ready(factory).await;
    for at in 0..10 {
        write(&outbox, if at % 3 == 0 { shipped(&at.to_string(), at) } else { order("1", at) }).await;
    }
    let other = outbox.for_scope(Scope { tenant: Uuid::from_u128(7), store: Uuid::from_u128(7) });
    write(&other, order("1", 99)).await;
    let before = all::<F>(&archive).await;
    let done = run::<F>(&archive, 11).await;
    assert_eq!((done.segments, done.events, done.damaged), (3, 11, Vec::new()));
    assert_eq!(hot(factory, &outbox).await, 0);
    write(&outbox, order("1", 10)).await;
    let after = all::<F>(&archive).await;
    assert_eq!(after.iter().map(|it| number(&it.payload)).collect::<Vec<_>>(), (0..11).collect::<Vec<_>>());
    let plain = |event: &LoggedEvent| LoggedEvent { xid: 0, ..event.clone() };
    assert_eq!(after[..10], before.iter().map(plain).collect::<Vec<_>>()[..], "every column as before");

    let count = async |filter: ReplayFilter| archive.events(&filter, 100).await.expect("read").len();
    let glob = |glob: &str| ReplayFilter { type_glob: Some(glob.into()), ..ReplayFilter::default() };
    assert_eq!((count(glob("shipping.*")).await, count(glob("order.created")).await), (4, 7));
    let key = ReplayFilter { order_key: Some("1".into()), ..ReplayFilter::default() };
    assert_eq!(count(key).await, 7);
    let entity = ReplayFilter { entity: Some(Entity::new("shipment", "3")), ..ReplayFilter::default() };
    assert_eq!(count(entity).await, 1);
    let times = (before[2].written_at, before[5].written_at);
    let between = ReplayFilter { since: Some(times.0), until: Some(times.1), ..ReplayFilter::default() };
    assert_eq!(count(between).await, before.iter().filter(|it| (times.0..times.1).contains(&it.written_at)).count());
    let (mut paged, mut filter) = (Vec::new(), ReplayFilter::default());
    loop {
        let page = archive.events(&filter, 3).await.expect("a page");
        let Some(last) = page.last() else { break };
        filter.after = last.log_id;
        paged.extend(page);
    }
    assert_eq!(paged, after);
    assert_eq!(Archive::new(other, folder.path()).events(&ReplayFilter::default(), 9).await.expect("read").len(), 1);

    let again = write(&outbox, shipped("3", 3)).await;
    assert!(again.is_duplicate() && again.written().event_id == before[3].event_id, "{again:?}");
    for segment in archive.segments().await.expect("segments") {
        assert_eq!(segment.state, SegmentState::Archived);
        archive.verify(&segment).await.expect("as it was sealed");
        let manifest = fs::read(folder.path().join(format!("{}.manifest.json", segment.file))).expect("a manifest");
        let manifest: Value = serde_json::from_slice(&manifest).expect("JSON");
        assert_eq!((&manifest["events"], &manifest["bytes"]), (&segment.events.into(), &segment.bytes.into()));
    }
}

/// R01, A24: without a rule nothing leaves; the longest rule counts; a legal hold keeps everything until it is lifted.
pub(crate) async fn rules_keep_events<F: Factory>(factory: &F) {
    let (outbox, _folder, archive) = ready(factory).await;
    for at in 0..4 {
        write(&outbox, if at == 3 { shipped("9", at) } else { order("1", at) }).await;
    }
    assert!(archive.remove_retention("all").await.expect("removed"));
    assert_eq!(archive.run(9).await.expect("it runs"), Archived::default(), "no rule, no leaving");
    archive.set_retention(&rule("orders", "order.*", Duration::ZERO)).await.expect("set");
    archive.set_retention(&rule("long", "shipping.*", Duration::from_hours(1))).await.expect("set");
    archive.set_retention(&rule("short", "*", Duration::ZERO)).await.expect("set");
    let hold = Retention {
        tenant: Some(outbox.scope().tenant),
        legal_hold: true,
        ..rule("case 4711", "order.*", Duration::ZERO)
    };
    archive.set_retention(&hold).await.expect("set");
    assert_eq!(archive.retentions().await.expect("rules").len(), 4);
    assert!(archive.retentions().await.expect("rules").contains(&hold));
    assert_eq!(archive.run(9).await.expect("it runs"), Archived::default(), "held, or too young");
    assert!(archive.remove_retention("case 4711").await.expect("lifted"));
    assert_eq!(run::<F>(&archive, 3).await.events, 3);
    assert_eq!(hot(factory, &outbox).await, 1, "the one with the longer rule stays");
    let unreasoned = Retention { reason: " ".into(), ..rule("x", "*", Duration::ZERO) };
    for bad in [rule("x", "Order.*", Duration::ZERO), unreasoned] {
        let refused = archive.set_retention(&bad).await;
        assert!(matches!(refused, Err(ArchiveError::Rule(_))), "{refused:?}");
    }
}

/// R02: an event stays while a destination has not got to it.
pub(crate) async fn undelivered_events_stay<F: Factory>(factory: &F) {
    let (outbox, _folder, archive) = ready(factory).await;
    let reader = Reader::new(&outbox, 1, Start::Beginning).await;
    for at in 0..3 {
        write(&outbox, order("1", at)).await;
    }
    assert_eq!(archive.run(9).await.expect("it runs"), Archived::default());
    let chunk = reader.store.poll(&reader.leases[0], 100).await.expect("a chunk");
    assert_eq!(chunk.events.len(), 3);
    write(&outbox, order("1", 3)).await;
    let plan = Settlement { advance: Some(chunk.advance()), events: 3, ..Settlement::default() };
    reader.store.settle(&reader.leases[0], &plan).await.expect("settled");
    assert_eq!(run::<F>(&archive, 3).await.events, 3);
    assert_eq!(hot(factory, &outbox).await, 1);
    let rest = reader.store.poll(&reader.leases[0], 100).await.expect("a chunk").events;
    assert_eq!(rest.iter().map(|it| number(&it.payload)).collect::<Vec<_>>(), [3], "delivery goes on");
}

/// R02, A11: given up at every point, run again: every event is in the log or in a segment, once. Rows that no verified
/// segment has cannot be deleted.
pub(crate) async fn an_interrupted_archive_loses_nothing<F: Factory>(factory: &F) {
    let (outbox, _folder, archive) = ready(factory).await;
    for at in 0..6 {
        write(&outbox, order("1", at)).await;
    }
    let log = factory.table("event_log");
    let mut tx = outbox.begin().await.expect("a transaction");
    let delete = F::Engine::run(&mut tx, format!("DELETE FROM {log}")).await;
    assert!(delete.expect_err("refused").to_string().contains("append-only"));
    drop(tx);
    let step = async || drop(archive.run(2).await.expect("it runs"));
    let mut given_up = 0;
    while !give_up_after(given_up, step()).await {
        given_up += 1;
        let seen: Vec<i64> = all::<F>(&archive).await.iter().map(|it| number(&it.payload)).collect();
        assert_eq!(seen, [0, 1, 2, 3, 4, 5], "after {given_up} wakes");
    }
    run::<F>(&archive, 0).await;
    while hot(factory, &outbox).await > 0 {
        archive.run(2).await.expect("it runs");
    }
    let segments = archive.segments().await.expect("segments");
    assert_eq!(segments.iter().map(|it| it.events).sum::<i64>(), 6, "{segments:?}");
    assert!(given_up > 5, "{given_up}");
}

/// R02: a damaged segment is found, by name, and a damaged row never leaves.
pub(crate) async fn damage_is_found<F: Factory>(factory: &F) {
    let (outbox, folder, archive) = ready(factory).await;
    for at in 0..3 {
        write(&outbox, order("1", at)).await;
    }
    let identities = factory.table("event_identity");
    let mut tx = outbox.begin().await.expect("a transaction");
    let sql = format!("UPDATE {identities} SET payload_hash = (SELECT payload_hash FROM {identities} WHERE log_id = 1) WHERE log_id = 2");
    F::Engine::run(&mut tx, sql).await.expect("the second event's hash is another's now");
    tx.commit().await.expect("it commits");
    let done = run::<F>(&archive, 2).await;
    assert_eq!((done.events, done.damaged), (2, vec![2]));
    assert_eq!(hot(factory, &outbox).await, 1);

    let segment = archive.segments().await.expect("segments").remove(0);
    let file = folder.path().join(&segment.file);
    let good = fs::read_to_string(&file).expect("the file");
    for (bad, why) in [
        (good.replace("\\\"number\\\":0", "\\\"number\\\":7"), "Merkle root"),
        (good.lines().take(1).fold(String::new(), |text, line| text + line + "\n"), "events"),
        (good.trim_end().to_owned(), "cut off"),
        (good.replacen('{', "[", 1), "line 1"),
    ] {
        fs::write(&file, bad).expect("written");
        let error = archive.verify(&segment).await.expect_err("it is damaged");
        let text = error.to_string();
        assert!(text.contains(&segment.file) && text.contains(why), "{text}");
    }
    fs::remove_file(&file).expect("removed");
    let missing = archive.events(&ReplayFilter::default(), 10).await.expect_err("what is missing is not left out");
    assert!(missing.to_string().contains("cannot be opened"), "{missing}");
}
