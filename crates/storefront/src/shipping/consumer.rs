//! What the shipping service learns of orders and payments.

use sqlx::Transaction;
use stateset_contracts::catalogue::{OrderCreated, PaymentSucceeded, ShippingCancelled, ShippingReady};
use stateset_contracts::commerce::Commerce;
use stateset_contracts::machine::{Shipment, ShipmentEvent};
use stateset_outbox::consumer::{Failure, Handler, Incoming, Verdict};
use stateset_outbox::contracts::draft;
use stateset_outbox::{IdempotencyToken, Outbox};

use super::rules::{self, News};
use super::store::{self, ShipmentRow};
use crate::dialect::Dialect;
use crate::http::{Context, addressed};
use crate::incoming::{address, data};

/// Plans shipments, and lets them go once they are paid.
pub struct ShippingConsumer<DB: Dialect> {
    outbox: Outbox<DB>,
}

impl<DB: Dialect> ShippingConsumer<DB> {
    /// Writes its events through this outbox.
    pub fn new(outbox: Outbox<DB>) -> Self {
        Self { outbox }
    }
}

/// The shipment of an event's order, if there is one.
#[derive(Clone, Debug)]
pub struct State(Option<ShipmentRow>);

impl<DB: Dialect> Handler<DB> for ShippingConsumer<DB> {
    type State = State;

    async fn read(&self, tx: &mut Transaction<'static, DB>, event: &Incoming) -> Result<State, Failure> {
        Ok(State(store::lock_of_order::<DB>(tx, &event.key).await?))
    }

    fn judge(&self, state: &State, event: &Incoming) -> Verdict<State> {
        let news = match news(event) {
            Ok(news) => news,
            Err(fault) => return Verdict::Quarantine(fault),
        };
        match rules::judge(state.0.as_ref(), &news) {
            Verdict::Apply(shipment) => Verdict::Apply(State(Some(shipment))),
            Verdict::Ignore(why) => Verdict::Ignore(why),
            Verdict::Hold(what) => Verdict::Hold(what),
            Verdict::Quarantine(why) => Verdict::Quarantine(why),
        }
    }

    /// D02: the shipment's next state and the event that tells of it are one transaction.
    async fn apply(&self, tx: &mut Transaction<'static, DB>, next: State, event: &Incoming) -> Result<(), Failure> {
        let Some(shipment) = next.0 else { return Ok(()) };
        let id = store::put::<DB>(tx, &shipment).await?;
        let (context, email) = (Context::of(event), shipment.user_email.as_deref());
        match shipment.status {
            Shipment::ReadyToShip => {
                // C14: once per shipment, whatever happens.
                let once = IdempotencyToken::new(format!("shipping.ready#{id}"));
                let ready = Commerce::new(ShippingReady { shipment_id: id.into() }).order(&event.key);
                let ready = context.on(draft(addressed(ready, email), Some(once))?);
                self.outbox.write_event_with_outbox(tx, ready).await?;
            },
            Shipment::Cancelled => {
                let once = IdempotencyToken::new(format!("shipping.cancelled#{id}"));
                let cancelled = ShippingCancelled { shipment_id: id.into(), reason: "order_cancelled".into() };
                let cancelled = addressed(Commerce::new(cancelled).order(&event.key), email);
                self.outbox.write_event_with_outbox(tx, context.on(draft(cancelled, Some(once))?)).await?;
            },
            Shipment::Unknown | Shipment::PendingPayment | Shipment::Dispatched | Shipment::Delivered => {},
        }
        Ok(())
    }
}

/// What an event says. An error is data that does not keep its contract.
fn news(event: &Incoming) -> Result<News, String> {
    Ok(match ShipmentEvent::of(&event.event_type) {
        Some(ShipmentEvent::Created) if event.event_type == "order.created" => {
            let created = data::<OrderCreated>(event)?;
            News::Created(ShipmentRow {
                id: 0,
                order_key: event.key.clone(),
                amount_cents: created.amount_cents.0,
                currency: created.currency.0,
                user_email: address(event),
                status: Shipment::Unknown,
                carrier: None,
                tracking_number: None,
                created_at: String::new(),
            })
        },
        // `shipping.ready` is this service's own word.
        Some(ShipmentEvent::Ready) if event.event_type != "shipping.ready" => {
            let paid = data::<PaymentSucceeded>(event)?;
            News::Paid(paid.amount_cents.0, paid.currency.0)
        },
        Some(ShipmentEvent::Cancelled) if event.event_type == "order.cancelled" => News::Cancelled,
        _ => News::Other,
    })
}
