//! What the order service learns from the other services.

use sqlx::Transaction;
use stateset_contracts::catalogue::PaymentSucceeded;
use stateset_contracts::machine::OrderEvent;
use stateset_outbox::consumer::{Failure, Handler, Ignored, Incoming, Verdict};

use super::rules::{self, Goods, Paid, Step};
use super::store;
use crate::dialect::Dialect;
use crate::incoming::{data, order_number};

/// Moves the axes of orders.
#[derive(Clone, Copy, Debug)]
pub struct OrderConsumer;

/// The order an event is about, if there is one; after a verdict, its next state.
#[derive(Clone, Debug)]
pub struct State(Option<Step>);

impl<DB: Dialect> Handler<DB> for OrderConsumer {
    type State = State;

    async fn read(&self, tx: &mut Transaction<'static, DB>, event: &Incoming) -> Result<State, Failure> {
        let Some(id) = order_number(&event.key) else { return Ok(State(None)) };
        let order = store::lock::<DB>(tx, id).await?;
        Ok(State(order.map(|order| Step { order, goods: Goods::Stay })))
    }

    fn judge(&self, state: &State, event: &Incoming) -> Verdict<State> {
        let Some(kind) = OrderEvent::of(&event.event_type) else { return Verdict::Ignore(Ignored::NotOurs) };
        if order_number(&event.key).is_none() {
            return Verdict::Quarantine(format!("{:?} is no order of this shop: they are numbered", event.key));
        }
        let paid = match kind {
            OrderEvent::PaymentSucceeded => match data::<PaymentSucceeded>(event) {
                Ok(paid) => Some(Paid {
                    amount_cents: paid.amount_cents.0,
                    currency: paid.currency.0,
                    payment_id: paid.payment_id.0,
                }),
                Err(fault) => return Verdict::Quarantine(fault),
            },
            _ => None,
        };
        let order = state.0.as_ref().map(|step| &step.order);
        match rules::judge(order, kind, paid.as_ref()) {
            Verdict::Apply(step) => Verdict::Apply(State(Some(step))),
            Verdict::Ignore(why) => Verdict::Ignore(why),
            Verdict::Hold(what) => Verdict::Hold(what),
            Verdict::Quarantine(why) => Verdict::Quarantine(why),
        }
    }

    async fn apply(&self, tx: &mut Transaction<'static, DB>, next: State, _: &Incoming) -> Result<(), Failure> {
        if let Some(step) = next.0 {
            store::take::<DB>(tx, &step).await?;
        }
        Ok(())
    }
}
