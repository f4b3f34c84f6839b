//! What only a file can be: opened for reading.

use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions};
use stateset_outbox::explain::Subject;
use stateset_outbox::filter::{EventRef, Filter};
use stateset_outbox::job::{JobKind, Request};
use stateset_outbox::read::{KeySearch, LetterFilter, PageRequest};
use stateset_outbox::{AuditFilter, Entity, Outbox};

use crate::suite::{order, write};

/// J04: every question is answered from a file that was opened for reading only, while another process writes to it.
#[tokio::test]
async fn a_file_that_is_read_only_answers_everything() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let options = SqliteConnectOptions::new()
        .filename(folder.path().join("shop.sqlite"))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .busy_timeout(Duration::from_secs(20));
    let writing = Outbox::new(SqlitePoolOptions::new().connect_with(options.clone()).await.expect("the file opens"));
    writing.migrate().await.expect("the migrations run");
    let written = write(&writing, order("1", 1)).await.written();
    let options = SqliteConnectOptions::new().filename(folder.path().join("shop.sqlite")).read_only(true);
    let outbox = Outbox::new(SqlitePoolOptions::new().connect_with(options).await.expect("the file opens"));
    let reader = outbox.reader();
    let open = writing.begin().await.expect("a writer is at work");
    let page = reader.list(&Filter::default(), PageRequest::default()).await.expect("a page");
    assert_eq!(page.total, 1);
    reader
        .list(&Filter::parse("state:dead type:order.*", 0).expect("a filter"), PageRequest::default())
        .await
        .expect("one");
    reader.inspect(&EventRef::Id(written.event_id)).await.expect("an event");
    reader.timeline(&Entity::new("order", "1"), PageRequest::default()).await.expect("a timeline");
    reader.state_at(&Entity::new("order", "1"), None).await.expect("a state");
    reader.destinations().await.expect("destinations");
    reader.dead_letters(&LetterFilter::default(), None, 10).await.expect("letters");
    reader.idempotency_keys(&KeySearch::default(), None, 10).await.expect("keys");
    reader.stats(&Filter::default()).await.expect("sums");
    reader.audit(&AuditFilter::default(), None, 10).await.expect("the audit");
    reader.jobs(10).await.expect("jobs");
    reader.explain(&Subject::OrderKey("1".to_owned())).await.expect("an explanation");
    let faults = reader.verify(None, None).await.expect("a check").findings;
    assert_eq!(faults, []);
    open.rollback().await.expect("the writer goes on");
    let operator = outbox.operator("ada").expect("an operator");
    let refused = operator.plan(&Request::new(JobKind::Replay, Filter::parse("type:*", 0).expect("a filter"))).await;
    assert!(refused.is_err(), "nothing is changed through it");
}
