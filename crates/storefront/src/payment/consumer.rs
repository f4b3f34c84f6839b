//! What the payment service learns of orders: what they cost, and when money must go back.

use sqlx::Transaction;
use stateset_contracts::catalogue::{OrderCreated, PaymentRefunded, canonical};
use stateset_contracts::commerce::Commerce;
use stateset_outbox::consumer::{Failure, Handler, Incoming, Verdict};
use stateset_outbox::contracts::draft;
use stateset_outbox::{IdempotencyToken, Outbox};

use super::PROVIDER;
use super::rules::{self, Step};
use super::store::{self, Payable, PaymentRow, Standing};
use crate::dialect::Dialect;
use crate::http::{Context, addressed};
use crate::incoming::{address, data};

/// Opens orders for payment, and gives money back.
pub struct PaymentConsumer<DB: Dialect> {
    outbox: Outbox<DB>,
}

impl<DB: Dialect> PaymentConsumer<DB> {
    /// Writes its events through this outbox.
    pub fn new(outbox: Outbox<DB>) -> Self {
        Self { outbox }
    }
}

/// What is known of an order; after a verdict, what becomes of its money.
#[derive(Clone, Debug)]
pub struct State(Known);

#[derive(Clone, Debug)]
enum Known {
    Facts(Option<Payable>, Vec<PaymentRow>),
    Next(Step),
}

impl<DB: Dialect> Handler<DB> for PaymentConsumer<DB> {
    type State = State;

    async fn read(&self, tx: &mut Transaction<'static, DB>, event: &Incoming) -> Result<State, Failure> {
        let payable = store::known::<DB>(tx, &event.key).await?;
        Ok(State(Known::Facts(payable, store::payments::<DB>(tx, &event.key).await?)))
    }

    fn judge(&self, state: &State, event: &Incoming) -> Verdict<State> {
        let Known::Facts(payable, payments) = &state.0 else { return Verdict::Apply(state.clone()) };
        let event_type = canonical(&event.event_type);
        let created = match (event_type == "order.created").then(|| data::<OrderCreated>(event)) {
            Some(Err(fault)) => return Verdict::Quarantine(fault),
            Some(Ok(created)) => Some(Payable {
                amount: Some((created.amount_cents.0, created.currency.0)),
                user_email: address(event),
                standing: Standing::Open,
            }),
            None => None,
        };
        match rules::judge(payable.as_ref(), payments, event_type, created) {
            Verdict::Apply(step) => Verdict::Apply(State(Known::Next(step))),
            Verdict::Ignore(why) => Verdict::Ignore(why),
            Verdict::Hold(what) => Verdict::Hold(what),
            Verdict::Quarantine(why) => Verdict::Quarantine(why),
        }
    }

    async fn apply(&self, tx: &mut Transaction<'static, DB>, next: State, event: &Incoming) -> Result<(), Failure> {
        let Known::Next(Step { payable, refunds, reason }) = next.0 else { return Ok(()) };
        store::set::<DB>(tx, &event.key, &payable).await?;
        for payment in refunds {
            let PaymentRow { payment_id, amount_cents, currency, .. } = payment;
            let refund_id = payment_id.replacen("pm_", "re_", 1);
            store::refund::<DB>(tx, &payment_id, &refund_id).await?;
            let once = IdempotencyToken::new(format!("payment.refunded#{payment_id}"));
            let refunded = PaymentRefunded {
                amount_cents: amount_cents.into(),
                currency: currency.into(),
                provider: PROVIDER.to_owned(),
                payment_id: payment_id.into(),
                refund_id: Some(refund_id.into()),
                reason: Some(reason.into()),
            };
            let refunded = addressed(Commerce::new(refunded).order(&event.key), payable.user_email.as_deref());
            let refunded = Context::of(event).on(draft(refunded, Some(once))?);
            self.outbox.write_event_with_outbox(tx, refunded).await?;
        }
        Ok(())
    }
}
