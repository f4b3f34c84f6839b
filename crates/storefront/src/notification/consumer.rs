//! What the notification service learns: whom an order belongs to, and what its customer should hear of.

use serde_json::value::RawValue;
use sqlx::Transaction;
use stateset_contracts::catalogue::{OrderCreated, PaymentSucceeded, canonical};
use stateset_contracts::machine::check_amount;
use stateset_outbox::consumer::{Failure, Handler, Ignored, Incoming, Verdict};
use stateset_outbox::contracts::marked;
use stateset_outbox::{Entity, Event, EventId, EventType, Outbox, Payload};

use super::letter::letter;
use super::store::{self, Recipient};
use crate::dialect::Dialect;
use crate::http::Context;
use crate::incoming::{address, data};

/// Decides on mails.
pub struct NotificationConsumer<DB: Dialect> {
    outbox: Outbox<DB>,
}

impl<DB: Dialect> NotificationConsumer<DB> {
    /// Writes what calls for a mail into this outbox, from which the relay sends it.
    pub fn new(outbox: Outbox<DB>) -> Self {
        Self { outbox }
    }
}

/// Whom an event's order belongs to; after a verdict, what is written.
#[derive(Clone, Debug)]
pub struct State(Known);

#[derive(Clone, Debug)]
enum Known {
    Facts(Option<Recipient>),
    Recipient(Recipient),
    Mail { to: String, subject: String },
}

impl<DB: Dialect> Handler<DB> for NotificationConsumer<DB> {
    type State = State;

    async fn read(&self, tx: &mut Transaction<'static, DB>, event: &Incoming) -> Result<State, Failure> {
        Ok(State(Known::Facts(store::recipient::<DB>(tx, &event.key).await?)))
    }

    fn judge(&self, state: &State, event: &Incoming) -> Verdict<State> {
        let Known::Facts(recipient) = &state.0 else { return Verdict::Apply(state.clone()) };
        match judge(recipient.as_ref(), event) {
            Ok(verdict) => verdict,
            Err(fault) => Verdict::Quarantine(fault),
        }
    }

    /// D03, P03: once per event id, by the inbox; the same id in this service's own log is the mail's `Message-ID`.
    async fn apply(&self, tx: &mut Transaction<'static, DB>, next: State, event: &Incoming) -> Result<(), Failure> {
        match next.0 {
            Known::Facts(_) => {},
            Known::Recipient(recipient) => store::add_recipient::<DB>(tx, &event.key, &recipient).await?,
            Known::Mail { to, subject } => {
                let names = (event.event_id, event.event_type.as_str(), event.key.as_str());
                store::add_mail::<DB>(tx, names, &to, &subject).await?;
                self.outbox.write_event_with_outbox(tx, forwarded(event, to)?).await?;
            },
        }
        Ok(())
    }
}

/// What becomes of an event. An error is data that does not keep its contract.
fn judge(recipient: Option<&Recipient>, event: &Incoming) -> Result<Verdict<State>, String> {
    let event_type = canonical(&event.event_type);
    let Some(recipient) = recipient else {
        if event_type != "order.created" {
            return Ok(Verdict::Hold("order.created".to_owned()));
        }
        let created: OrderCreated = data(event)?;
        let (amount_cents, currency) = (created.amount_cents.0, created.currency.0);
        let recipient = Recipient { amount_cents, currency, user_email: address(event) };
        return Ok(Verdict::Apply(State(Known::Recipient(recipient))));
    };
    if event_type == "order.created" {
        return Ok(Verdict::Ignore(Ignored::Past));
    }
    if event_type == "payment.succeeded" {
        let paid: PaymentSucceeded = data(event)?;
        let order = (recipient.amount_cents, recipient.currency.as_str());
        if let Err(mismatch) = check_amount(order, (paid.amount_cents.0, &paid.currency.0)) {
            return Ok(Verdict::Quarantine(mismatch.to_string()));
        }
    }
    let Some(text) = letter(event_type, &event.key, &event.payload, event.schema_version)? else {
        return Ok(Verdict::Ignore(Ignored::NotOurs));
    };
    let Some(to) = address(event).or_else(|| recipient.user_email.clone()) else {
        return Ok(Verdict::Ignore(Ignored::NotOurs));
    };
    Ok(Verdict::Apply(State(Known::Mail { to, subject: text.subject })))
}

/// The event in this service's own log: as it came, under its own id, with the address to write to beside it.
fn forwarded(event: &Incoming, to: String) -> Result<stateset_outbox::Draft<Box<RawValue>>, serde_json::Error> {
    let payload = RawValue::from_string(event.payload.clone())?;
    let mut own = Event::new(EventType::new(event.event_type.as_str()), Payload::new(payload), None);
    own.id = EventId(event.event_id);
    let draft = own.about(Entity::new("mail", event.event_id.to_string()));
    let draft = draft.order_key(&event.key).schema_version(event.schema_version);
    let metadata = [("user_email".to_owned(), to.into())].into_iter().collect();
    Ok(marked(Context::of(event).on(draft.metadata(metadata)), format!("order/{}", event.key)))
}
