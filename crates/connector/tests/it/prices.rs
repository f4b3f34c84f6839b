//! A price from the change to the audit.

use std::task::Poll;

use serde_json::json;
use stateset_connector::price::{Applied, PriceBook, PriceError, PriceRequest};
use stateset_outbox::delivery::LoggedEvent;
use stateset_outbox::{ReplayFilter, WriteError};

use crate::harness::{Database, OnPostgres, on_both, payload};

on_both! {
    a_change_is_traced_from_its_request_to_its_audit
    a_failed_statement_leaves_the_price_as_it_was
    a_transaction_that_is_cut_off_leaves_nothing
}

fn request(price_cents: i64) -> PriceRequest {
    PriceRequest {
        product_id: 1,
        price_cents,
        currency: "USD".into(),
        reason: Some("sale".into()),
        actor: "ada".into(),
        correlation_id: Some(format!("to-{price_cents}")),
    }
}

/// Writes the change; gives its event as a worker is given it.
async fn changed<D: Database>(database: &D, wanted: &PriceRequest) -> LoggedEvent {
    let outbox = database.keyed();
    let mut tx = outbox.begin().await.unwrap();
    let requested = PriceBook::new(outbox.clone()).request(&mut tx, wanted).await.unwrap();
    outbox.commit(tx).await.unwrap();
    let all = database.events().await;
    all.into_iter().find(|event| event.event_id == requested.event_id.0).unwrap()
}

async fn price<D: Database>(database: &D) -> i64 {
    database.number("SELECT coalesce(max(price_cents), -1) FROM connector.price").await
}

/// D12, D13: change, applied, audit under one correlation id, each naming its cause; however often the change is delivered.
async fn a_change_is_traced_from_its_request_to_its_audit<D: Database>() {
    let database = D::create().await;
    let book = PriceBook::new(database.keyed());
    let first = changed(&database, &request(12_999)).await;
    assert_eq!(book.apply(&first).await.unwrap(), Applied::First);
    let change = changed(&database, &request(11_999)).await;
    assert!(!format!("{change:?}").contains("\"ada\""), "who did it is beside the log");
    assert!(matches!(book.apply(&change).await.unwrap(), Applied::Changed { .. }));
    assert_eq!(book.apply(&change).await.unwrap(), Applied::Seen);
    assert_eq!(price(&database).await, 11_999);

    let outbox = database.keyed();
    let of = ReplayFilter { correlation_id: Some("to-11999".to_owned()), ..ReplayFilter::default() };
    let mut trace = outbox.events_for_replay(&of, 10).await.unwrap();
    let types: Vec<&str> = trace.iter().map(|event| event.event_type.as_str()).collect();
    assert_eq!(types, ["product.updated", "pricechange.applied", "audit_event.recorded"]);
    assert_eq!(trace[1].causation_id.as_deref(), Some(trace[0].event_id.to_string().as_str()));
    assert_eq!(trace[2].causation_id.as_deref(), Some(trace[1].event_id.to_string().as_str()));
    let applied = payload(&trace[1]);
    assert_eq!((&applied["old_price_cents"], &applied["new_price_cents"]), (&json!(12_999), &json!(11_999)));
    assert_eq!(applied["reason"], json!("sale"));
    assert!(payload(&trace[2])["actor"]["$personal"].is_string());
    outbox.reveal(&mut trace).await.unwrap();
    assert_eq!(payload(&trace[2])["actor"], json!("ada"));

    let same = changed(&database, &PriceRequest { correlation_id: None, ..request(11_999) }).await;
    assert!(same.correlation_id.as_deref().unwrap().starts_with("price-"));
    assert_eq!(book.apply(&same).await.unwrap(), Applied::Same);
    let euro = changed(&database, &PriceRequest { currency: "EUR".into(), ..request(1) }).await;
    let refused = book.apply(&euro).await.unwrap_err();
    assert!(matches!(&refused, PriceError::Currency { .. }) && !refused.may_pass(), "{refused}");
    assert_eq!(price(&database).await, 11_999);
    for bad in [
        PriceRequest { price_cents: -1, ..request(1) },
        PriceRequest { currency: "usd".into(), ..request(1) },
        PriceRequest { reason: Some("It's cheap".into()), ..request(1) },
        PriceRequest { actor: String::new(), ..request(1) },
    ] {
        let mut tx = outbox.begin().await.unwrap();
        assert!(matches!(book.request(&mut tx, &bad).await, Err(PriceError::Invalid(_))), "{bad:?}");
    }
    // Erased, the entry stays, and nobody can tell who it was.
    let mut tx = outbox.begin().await.unwrap();
    outbox.erase_subject(&mut tx, "user/ada", "left", "bob").await.unwrap();
    tx.commit().await.unwrap();
    let mut trace = outbox.events_for_replay(&of, 10).await.unwrap();
    outbox.reveal(&mut trace).await.unwrap();
    assert!(payload(&trace[2])["actor"]["$personal"].is_string());
}

/// What a change leaves: rows of prices that are not the first one, events, inbox.
async fn left<D: Database>(database: &D) -> [i64; 4] {
    [
        database.number("SELECT count(*) FROM connector.price WHERE price_cents <> 12999").await,
        database.number("SELECT count(*) FROM outbox.event_log WHERE event_type = 'pricechange.applied'").await,
        database.number("SELECT count(*) FROM outbox.event_log WHERE event_type = 'audit_event.recorded'").await,
        database.number("SELECT count(*) FROM outbox.inbox").await,
    ]
}

/// D13: whichever of the two events fails, neither is there, the price is the old one, and the change can be taken again.
async fn a_failed_statement_leaves_the_price_as_it_was<D: Database>() {
    let database = D::create().await;
    let book = PriceBook::new(database.keyed());
    let first = changed(&database, &request(12_999)).await;
    book.apply(&first).await.unwrap();
    let change = changed(&database, &request(11_999)).await;
    for event_type in ["pricechange.applied", "audit_event.recorded"] {
        database.refuse(event_type).await;
        let failed = book.apply(&change).await.unwrap_err();
        assert!(matches!(&failed, PriceError::Write(WriteError::Database(_))) && failed.may_pass(), "{failed:?}");
        assert_eq!(left(&database).await, [0, 0, 0, 1], "{event_type}");
        database.admit(event_type).await;
    }
    // Nor without the keys that the actor's name needs.
    let keyless = PriceBook::new(database.outbox()).apply(&change).await.unwrap_err();
    assert!(matches!(keyless, PriceError::Reveal(_)), "{keyless:?}");
    assert_eq!(left(&database).await, [0, 0, 0, 1]);
    assert!(matches!(book.apply(&change).await.unwrap(), Applied::Changed { .. }));
    assert_eq!(left(&database).await, [1, 1, 1, 2]);
}

/// How many changes of a cent are there, in one look; -1: of one there is only a part.
const WHOLE: &str = "SELECT CASE WHEN applied = audited AND taken = applied + 1 AND price = 12999 - applied \
    THEN applied ELSE -1 END FROM (SELECT \
    (SELECT count(*) FROM outbox.event_log WHERE event_type = 'pricechange.applied') AS applied, \
    (SELECT count(*) FROM outbox.event_log WHERE event_type = 'audit_event.recorded') AS audited, \
    (SELECT count(*) FROM outbox.inbox) AS taken, (SELECT max(price_cents) FROM connector.price) AS price) AS facts";

/// D13: whoever applies it goes away at any point of the transaction: all of it, or nothing.
async fn a_transaction_that_is_cut_off_leaves_nothing<D: Database>() {
    let database = D::create().await;
    let book = PriceBook::new(database.keyed());
    let first = changed(&database, &request(12_999)).await;
    book.apply(&first).await.unwrap();
    let mut cuts = 0;
    for round in 1..=15 {
        let change = changed(&database, &request(12_999 - round)).await;
        // Polled so many times and then dropped: wherever it waits for the database, in turn.
        let mut polls = 1;
        while !cut_off(book.apply(&change), polls).await {
            (polls, cuts) = (polls + 1, cuts + 1);
            assert!(database.number(WHOLE).await >= 0, "cut off after {polls}: a part of it is there");
        }
        assert_eq!(database.number(WHOLE).await, round);
    }
    assert!(cuts >= 15, "it was cut off {cuts} times only");
}

/// Drops the future after so many polls; `true`: it had ended before.
async fn cut_off(applying: impl Future<Output = Result<Applied, PriceError>>, polls: u32) -> bool {
    let (mut applying, mut count) = (std::pin::pin!(applying), 0);
    std::future::poll_fn(|context| {
        count += 1;
        match applying.as_mut().poll(context) {
            Poll::Ready(applied) => {
                applied.unwrap();
                Poll::Ready(true)
            },
            Poll::Pending if count >= polls => Poll::Ready(false),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// D13: the server takes the connection away between the row of the price and its events.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_connection_leaves_nothing() {
    let database = OnPostgres::create().await;
    let book = PriceBook::new(database.keyed());
    let first = changed(&database, &request(12_999)).await;
    book.apply(&first).await.unwrap();
    let change = changed(&database, &request(11_999)).await;
    // Nobody may write events now, so the transaction stops right behind the price.
    let mut blocker = database.pool.begin().await.unwrap();
    sqlx::raw_sql("LOCK TABLE outbox.event_identity IN EXCLUSIVE MODE").execute(&mut *blocker).await.unwrap();
    let (applied, ()) = tokio::join!(book.apply(&change), async {
        let waiting =
            "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
        let pid: i32 = loop {
            if let Some(pid) = sqlx::query_scalar(waiting).fetch_optional(&database.pool).await.unwrap() {
                break pid;
            }
            tokio::task::yield_now().await;
        };
        sqlx::query("SELECT pg_terminate_backend($1)").bind(pid).execute(&database.pool).await.unwrap();
    });
    assert!(applied.unwrap_err().may_pass());
    blocker.rollback().await.unwrap();
    assert_eq!(left(&database).await, [0, 0, 0, 1]);
    assert!(matches!(book.apply(&change).await.unwrap(), Applied::Changed { .. }));
    assert_eq!(left(&database).await, [1, 1, 1, 2]);
}
