//! Server-sent events.

use std::sync::Arc;
use std::time::Duration;

use axum::http::Method;
use serde_json::json;
use stateset_store::Store;
use stateset_store::memory::MemoryStore;
use stateset_store::sqlite::SqliteStore;

use crate::harness::{Sequencer, Setting, Unsigned, query, scope};

/// L21, A09: history first, then what is appended; a client that comes back goes on where it was.
#[tokio::test]
async fn history_then_live_then_resumed() {
    let sequencer = Sequencer::new().await;
    let scope = scope(1, 2);
    sequencer.ingest(&Unsigned::range(scope, 1..4)).await;
    let path = format!("/api/v1/events/stream?{}", query(scope));
    let mut stream = sequencer.stream(&path, &[]).await;
    assert_eq!(stream.sequences(3).await, [1, 2, 3]);
    assert!(stream.is_silent().await);
    sequencer.ingest(&Unsigned::range(scope, 4..6)).await;
    assert_eq!(stream.sequences(2).await, [4, 5]);
    drop(stream);
    sequencer.ingest(&Unsigned::range(scope, 6..8)).await;
    // What a browser does: the same address again, with the id it saw last.
    let mut stream = sequencer.stream(&format!("{path}&from=2"), &[("last-event-id", "5")]).await;
    assert_eq!(stream.sequences(2).await, [6, 7]);
    let mut stream = sequencer.stream(&format!("{path}&from=7"), &[]).await;
    assert_eq!(stream.sequences(1).await, [7]);
    let mut stream = sequencer.stream(&path, &[("last-event-id", "7")]).await;
    assert!(stream.is_silent().await);
    for (id, code) in [("8", "SEQUENCE_AHEAD"), ("x", "INVALID_PARAMETER"), ("-1", "INVALID_PARAMETER")] {
        let problem = sequencer.send(Method::GET, &path, &[("last-event-id", id)], "").await.problem();
        assert_eq!(problem, (400, code.to_owned(), "Last-Event-ID".to_owned()));
    }
}

/// A06: a payload with line breaks arrives whole, in one line, its numbers as sent.
#[tokio::test]
async fn an_event_is_one_line() {
    let sequencer = Sequencer::new().await;
    let scope = scope(1, 2);
    sequencer.ingest(&[Unsigned::new(scope, 1).payload("{\"a\":\r\n1.10,\r\"b\":\n\"\\n\"}")]).await;
    let mut stream = sequencer.stream(&format!("/api/v1/events/stream?{}", query(scope)), &[]).await;
    let event = stream.next().await.unwrap();
    assert!(event.data.contains(r#""payload":{"a":  1.10, "b": "\n"}"#), "{}", event.data);
    assert_eq!(event.json()["event_id"], json!(Unsigned::new(scope, 1).id));
    assert_eq!(event.json()["signature"], "absent");
}

/// The same filters as on pages, live too; a stream that does not exist yet can be waited for.
#[tokio::test]
async fn filtered_and_from_before_the_first_event() {
    let sequencer = Sequencer::new().await;
    let scope = scope(1, 2);
    let path = format!("/api/v1/events/stream?{}&event_type=order.s*", query(scope));
    let mut stream = sequencer.stream(&path, &[]).await;
    let mut events = Unsigned::range(scope, 1..700);
    for n in [3, 650, 699] {
        events[n - 1] = events[n - 1].clone().typed("order.shipped");
    }
    sequencer.ingest(&events).await;
    assert_eq!(stream.sequences(3).await, [3, 650, 699]);
    sequencer.ingest(&[Unsigned::new(scope, 700), Unsigned::new(scope, 701).typed("order.split")]).await;
    assert_eq!(stream.sequences(1).await, [701]);
}

/// A10: while many clients append, a stream and a pager see every place once, in order, none early.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gapless_while_many_append() {
    const WRITERS: u64 = 16;
    const EACH: u64 = 25;
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&directory.path().join("log.db"), 4).await.unwrap();
    store.migrate().await.unwrap();
    let sequencer = Sequencer::with(Setting { store: Arc::new(store), ..Setting::default() }).await;
    let scope = scope(1, 2);
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let sequencer = sequencer.clone();
            async move {
                for n in 0..EACH {
                    sequencer.ingest(&[Unsigned::new(scope, writer * EACH + n)]).await;
                }
            }
        })
        .collect();
    let total = WRITERS * EACH;
    let expected: Vec<u64> = (1..=total).collect();
    let streaming = async {
        let mut stream = sequencer.stream(&format!("/api/v1/events/stream?{}", query(scope)), &[]).await;
        stream.sequences(expected.len()).await
    };
    let paging = async {
        let mut seen = Vec::new();
        while seen.len() < expected.len() {
            let from = seen.len() + 1;
            let page = sequencer.get(&format!("/api/v1/events?{}&from={from}&limit=7", query(scope))).await.json();
            let events = page["events"].as_array().unwrap();
            seen.extend(events.iter().map(|event| event["sequence_number"].as_u64().unwrap()));
            assert_eq!(page["next_sequence"], seen.len() + 1);
            assert!(page["head_sequence"].as_u64().unwrap() >= seen.len() as u64);
            tokio::task::yield_now().await;
        }
        seen
    };
    let (streamed, paged, _) = tokio::join!(streaming, paging, futures_util::future::join_all(writers));
    assert_eq!(streamed, expected);
    assert_eq!(paged, expected);
}

/// A10: what another process appends arrives too, though nothing wakes this one.
#[tokio::test]
async fn appends_of_another_process_are_seen() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let here = Sequencer::with(Setting { store: Arc::clone(&store), ..Setting::default() }).await;
    let there = Sequencer::with(Setting { store, ..Setting::default() }).await;
    let scope = scope(1, 2);
    let mut stream = here.stream(&format!("/api/v1/events/stream?{}", query(scope)), &[]).await;
    for n in 1..4 {
        there.ingest(&[Unsigned::new(scope, n)]).await;
        assert_eq!(stream.sequences(1).await, [n]);
    }
}

/// The request timeout ends requests, not streams.
#[tokio::test]
async fn streams_outlive_the_request_timeout() {
    let timeout = Duration::from_millis(300);
    let sequencer = Sequencer::with(Setting { timeout, ..Setting::default() }).await;
    let scope = scope(1, 2);
    let mut stream = sequencer.stream(&format!("/api/v1/events/stream?{}", query(scope)), &[]).await;
    assert!(stream.is_silent().await);
    sequencer.ingest(&[Unsigned::new(scope, 1)]).await;
    assert_eq!(stream.sequences(1).await, [1]);
}

/// A stopping server ends its streams at once, waiting ones and busy ones.
#[tokio::test]
async fn streams_end_with_the_server() {
    let sequencer = Sequencer::new().await;
    let (busy, idle) = (scope(1, 2), scope(1, 3));
    sequencer.ingest(&Unsigned::range(busy, 1..200)).await;
    let mut busy = sequencer.stream(&format!("/api/v1/events/stream?{}", query(busy)), &[]).await;
    let mut idle = sequencer.stream(&format!("/api/v1/events/stream?{}", query(idle)), &[]).await;
    assert_eq!(busy.sequences(2).await, [1, 2]);
    let stop = async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        sequencer.stop.cancel();
    };
    let (end, ()) = tokio::join!(idle.next(), stop);
    assert!(end.is_none());
    assert!(busy.next().await.is_none());
}
