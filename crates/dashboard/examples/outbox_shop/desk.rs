//! What people and programs did by hand: keys, jobs, a breaker.

use std::time::Duration;

use serde_json::{Value, json};
use stateset_outbox::filter::Filter;
use stateset_outbox::job::{Job, JobKind, JobOptions, Request};
use stateset_outbox::{
    Claim, Command, Engine, Entity, Event, EventType, Operation, OperationPolicy, Outbox, Payload, StoredResponse,
};

use super::Done;

const CREATE: &str = "create_order";

async fn claim<DB: Engine>(
    outbox: &Outbox<DB>,
    tx: &mut sqlx::Transaction<'_, DB>,
    key: &str,
    lease: Duration,
) -> Done<Operation> {
    let policy = OperationPolicy { lease, ..OperationPolicy::default() };
    match outbox.claim(tx, Command { operation: CREATE, key, fingerprint: [7; 32], policy }).await? {
        Claim::Fresh(operation) => Ok(operation),
        other => Err(format!("the key is not free: {other:?}").into()),
    }
}

fn answer(status: u16, body: &Value) -> StoredResponse {
    StoredResponse { status, headers: Vec::new(), body: body.to_string().into_bytes() }
}

/// A key of every kind.
pub(crate) async fn keys<DB: Engine>(outbox: &Outbox<DB>) -> Done<()> {
    let minute = Duration::from_mins(1);
    let mut tx = outbox.begin().await?;
    let mut made = claim(outbox, &mut tx, "create_order_ORD-2001", minute).await?;
    let body = json!({ "order_id": "ORD-2001", "amount_cents": 4_980 });
    let event = Event::new(EventType::new("order.created"), Payload::new(body.clone()), None);
    made.write_event(outbox, &mut tx, event.about(Entity::new("order", "ORD-2001")).order_key("ORD-2001")).await?;
    made.complete(outbox, &mut tx, &answer(201, &body)).await?;
    outbox.commit(tx).await?;

    let mut tx = outbox.begin().await?;
    let refused = claim(outbox, &mut tx, "create_order_ORD-2002", minute).await?;
    refused.fail(outbox, &mut tx, &answer(409, &json!({ "code": "CART_IS_EMPTY" }))).await?;
    outbox.commit(tx).await?;

    let mut tx = outbox.begin().await?;
    let lost = claim(outbox, &mut tx, "create_order_ORD-2003", Duration::ZERO).await?;
    lost.before_external_call(outbox, &mut tx, "card charged at the bank, reference ch_77").await?;
    outbox.commit(tx).await?;

    outbox.operator("mira")?.create_key(CREATE, "create_order_ORD-2004", Duration::from_hours(24)).await?;
    Ok(())
}

async fn applied<DB: Engine>(outbox: &Outbox<DB>, request: Request) -> Done<Job> {
    let operator = outbox.operator("mira")?;
    let plan = operator.plan(&request).await?;
    Ok(operator.apply(plan.job.id, None).await?)
}

fn request(kind: JobKind, filter: &str) -> Done<Request> {
    Ok(Request::new(kind, Filter::parse(filter, 0)?))
}

/// Jobs in every state, and a breaker that was opened and closed. Gives back the jobs' ids.
pub(crate) async fn jobs<DB: Engine>(outbox: &Outbox<DB>) -> Done<Value> {
    let operator = outbox.operator("mira")?;
    let discard = Request {
        reason: Some("test orders of the go-live rehearsal".to_owned()),
        ..request(JobKind::Discard, "key:ORD-1005")?
    };
    let done = applied(outbox, discard).await?;
    operator.run(&done, &mut |_| {}).await?;

    let to_kafka = || JobOptions { to: Some("kafka-orders".to_owned()), ..JobOptions::default() };
    let replay = Request { options: to_kafka(), rate: 5, ..request(JobKind::Replay, "type:payment.*")? };
    let running = applied(outbox, replay).await?;
    // Two chunks of it, then its process is gone.
    let mut chunks = 0;
    let mut some = |step| chunks += u32::from(matches!(step, stateset_outbox::job::Step::Committed { .. }));
    let cut = tokio::time::timeout(Duration::from_millis(1_300), operator.run(&running, &mut some)).await;
    if let Ok(ended) = cut {
        ended?;
    }

    let replay = Request { options: to_kafka(), ..request(JobKind::Replay, "type:shipping.*")? };
    let aborted = applied(outbox, replay).await?;
    operator.abort(aborted.id).await?;

    operator.open_breaker("kafka-orders", "the broker is being upgraded").await?;
    operator.close_breaker("kafka-orders", Some("upgraded to 4.1")).await?;
    Ok(json!({ "done": done.id, "running": running.id, "aborted": aborted.id }))
}
