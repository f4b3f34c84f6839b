//! What the shop wrote.

use serde_json::{Value, json};
use sqlx::Transaction;
use stateset_outbox::{Draft, Engine, Entity, Event, EventType, Outbox, Payload};
use uuid::Uuid;

use super::Done;

/// Orders of the day.
pub(crate) const ORDERS: u32 = 48;
/// Breaks out of text, attributes, comments and scripts, turns what follows around, and looks like another id.
pub(crate) const HOSTILE: &str = "--></script><img src=x onerror=\"alert(1)\">'\"&{{7*7}}\u{202e}redro\u{200b}";

/// Events that tests look at.
pub(crate) struct Written {
    pub(crate) refused: Uuid,
    pub(crate) retried: Uuid,
    pub(crate) delivered: Uuid,
    pub(crate) hostile: Uuid,
    pub(crate) large: Uuid,
}

pub(crate) fn order_id(number: u32) -> String {
    format!("ORD-{}", 1_000 + number)
}

fn draft(event_type: &str, entity: Entity, order: &str, payload: Value) -> Draft<Value> {
    Event::new(EventType::new(event_type), Payload::new(payload), None).about(entity).order_key(order)
}

async fn add<DB: Engine>(outbox: &Outbox<DB>, tx: &mut Transaction<'_, DB>, draft: Draft<Value>) -> Done<Uuid> {
    Ok(outbox.write_event_with_outbox(tx, draft).await?.written().event_id)
}

/// One order, as far as its number says. Gives back its first event.
async fn order<DB: Engine>(outbox: &Outbox<DB>, number: u32) -> Done<Uuid> {
    let (id, payment, shipment) = (order_id(number), format!("pm_{number:04}"), format!("shp_{number:04}"));
    let amount = 1_990 + 735 * number;
    let lines = json!([{ "sku": "TEA-01", "quantity": 1 + number % 3, "unit_price_cents": 1_990 }]);
    let story = [
        (
            "order.created",
            "order",
            &id,
            json!({ "order_id": id, "currency": "EUR", "amount_cents": amount, "lines": lines }),
        ),
        ("payment.succeeded", "payment", &payment, json!({ "order_id": id, "amount_cents": amount, "method": "card" })),
        ("shipping.ready", "shipment", &shipment, json!({ "order_id": id, "warehouse": "HAM-2" })),
        (
            "shipping.dispatched",
            "shipment",
            &shipment,
            json!({ "order_id": id, "carrier": "DHL", "tracking": "JJD0190000" }),
        ),
    ];
    let mut tx = outbox.begin().await?;
    let mut first = None;
    for (event_type, kind, entity, payload) in story.into_iter().take(2 + (number as usize) % 3) {
        let draft =
            draft(event_type, Entity::new(kind, entity), &id, payload).correlation_id(format!("checkout-{number}"));
        first = first.or(Some(add(outbox, &mut tx, draft).await?));
    }
    outbox.commit(tx).await?;
    Ok(first.unwrap_or_default())
}

/// The day, and among it what others could write.
pub(crate) async fn write<DB: Engine>(outbox: &Outbox<DB>) -> Done<Written> {
    let mut firsts = Vec::new();
    for number in 0..ORDERS {
        firsts.push(order(outbox, number).await?);
    }
    let mut tx = outbox.begin().await?;
    let entity = Entity::new(HOSTILE.chars().take(64).collect::<String>(), HOSTILE);
    let nasty =
        draft("customer.updated", entity, HOSTILE, json!({ HOSTILE: HOSTILE, "note": "\u{2066}\u{202e}\u{2069}" }));
    let hostile = add(outbox, &mut tx, nasty.correlation_id(HOSTILE).causation_id(HOSTILE)).await?;
    // The longest names there can be, in one piece, and the largest payload.
    let entity = Entity::new("w".repeat(64), "W".repeat(256));
    let lines: Vec<Value> =
        (0..9_000).map(|line| json!({ "sku": format!("SKU-{line:05}"), "note": "x".repeat(80) })).collect();
    let large = draft("audit_event.recorded", entity, &"k".repeat(256), json!({ "lines": lines }));
    let large = add(outbox, &mut tx, large.correlation_id("c".repeat(256))).await?;
    outbox.commit(tx).await?;
    Ok(Written { refused: firsts[1], retried: firsts[3], delivered: firsts[2], hostile, large })
}

/// Orders that nobody has delivered yet. Gives back the last.
pub(crate) async fn write_late<DB: Engine>(outbox: &Outbox<DB>) -> Done<Uuid> {
    let mut last = Uuid::nil();
    for number in ORDERS..ORDERS + 6 {
        last = order(outbox, number).await?;
    }
    Ok(last)
}

/// Another tenant's order of the same name.
pub(crate) async fn of_a_stranger<DB: Engine>(outbox: &Outbox<DB>) -> Done<Uuid> {
    let mut tx = outbox.begin().await?;
    let theirs = draft("order.created", Entity::new("order", order_id(1)), &order_id(1), json!({ "secret": "theirs" }));
    let id = add(outbox, &mut tx, theirs).await?;
    outbox.commit(tx).await?;
    Ok(id)
}
