//! Acknowledged positions of pullers.

use serde_json::{Value, json};

use crate::harness::{START, Sequencer, Unsigned, query, scope};

const AGENT: &str = "00000000-0000-0000-0000-00000000000a";

/// L21: a position never goes back, is the puller's own, and is refused above the head.
#[tokio::test]
async fn positions_only_move_forward() {
    let sequencer = Sequencer::new().await;
    let scope = scope(1, 2);
    let path = format!("/api/v1/ves/cursors/{AGENT}");
    let read = async || sequencer.get(&format!("{path}?{}", query(scope))).await.json();
    let put = async |sequence: u64| {
        let body = json!({ "tenantId": scope.tenant, "storeId": scope.store, "sequenceNumber": sequence });
        sequencer.put(&path, &body.to_string()).await
    };
    let view = |acknowledged: u64, head: u64, at: Value| {
        json!({
            "acknowledgedSequence": acknowledged,
            "headSequence": head,
            "lag": head - acknowledged,
            "updatedAt": at,
        })
    };
    assert_eq!(read().await, view(0, 0, Value::Null));
    assert_eq!(put(0).await.json(), view(0, 0, Value::Null));
    assert_eq!(put(1).await.problem(), (400, "SEQUENCE_AHEAD".to_owned(), "/sequenceNumber".to_owned()));
    sequencer.ingest(&Unsigned::range(scope, 1..11)).await;
    assert_eq!(read().await, view(0, 10, Value::Null));
    assert_eq!(put(7).await.json(), view(7, 10, json!("2023-11-14T22:13:20.000000Z")));
    sequencer.clock.set(START + 1_000_000);
    for lower in [7, 3, 0] {
        assert_eq!(put(lower).await.json(), view(7, 10, json!("2023-11-14T22:13:20.000000Z")));
    }
    assert_eq!(put(11).await.problem().1, "SEQUENCE_AHEAD");
    let body = json!({ "tenant_id": scope.tenant, "store_id": scope.store, "sequence_number": 10 });
    let moved = view(10, 10, json!("2023-11-14T22:13:21.000000Z"));
    assert_eq!(sequencer.put(&path, &body.to_string()).await.json(), moved);
    assert_eq!(read().await, moved);
    let other = path.replace("0a", "0b");
    assert_eq!(sequencer.get(&format!("{other}?{}", query(scope))).await.json(), view(0, 10, Value::Null));
}
