//! What an entity was.

use serde_json::{Value, json};
use stateset_outbox::read::{EntityState, ReadError};
use stateset_outbox::{Entity, ReplayFilter};

use super::{Factory, event, order, write};

/// H05: the state at a time is what was written before it.
pub(crate) async fn an_entity_is_what_its_events_say<F: Factory>(factory: &F) {
    let outbox = factory.outbox();
    let about = |event_type: &str, payload: Value| event(event_type, None, payload).about(Entity::new("order", "o1"));
    write(&outbox, about("order.created", json!({ "total": 5, "status": "new" }))).await;
    // SQLite's clock has milliseconds: another order's events, until it has moved.
    let all = loop {
        write(&outbox, order("o2", 1)).await;
        let all = outbox.events_for_replay(&ReplayFilter::default(), 1_000).await.expect("all");
        if all.last().expect("two").written_at > all[0].written_at {
            break all;
        }
    };
    let moved = all.last().expect("two").written_at;
    write(&outbox, about("order.noted", json!({ "note": "a gift" }))).await;
    write(&outbox, about("order.paid", json!({ "status": "paid" }))).await;
    let reader = outbox.reader();
    let order = Entity::new("order", "o1");
    let now = reader.state_at(&order, None).await.expect("a state");
    let value = |state: &EntityState, name: &str| state.members.get(name).map(|(value, _)| value.clone());
    assert_eq!((now.events, value(&now, "status"), value(&now, "total")), (3, Some(json!("paid")), Some(json!(5))));
    let then = reader.state_at(&order, Some(moved)).await.expect("a state");
    assert_eq!((then.events, value(&then, "status"), value(&then, "note")), (1, Some(json!("new")), None));
    assert_eq!(then.last.expect("an event").event_type, "order.created");
    let before = reader.state_at(&order, Some(all[0].written_at)).await.expect_err("there was nothing");
    assert!(matches!(before, ReadError::NotFound(_)), "{before}");
}
