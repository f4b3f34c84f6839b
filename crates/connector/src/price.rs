//! A price that was changed here, on its way to where it is in force.
//!
//! 1. *Change*: whoever sets prices writes `product.updated` with the new one ([`PriceBook::request`]).
//! 2. *Apply*: the connector, subscribed to `product.*`, takes that event ([`PriceBook::apply`]): it sets the row of the
//!    price, and writes `pricechange.applied`;
//! 3. *Audit*: and `audit_event.recorded`, who did it, all in one transaction with the inbox that makes it happen once.
//!
//! All three have one correlation id, and each names the one before as its cause: `stateset-events trace <correlation>`
//! shows them. Who did it is personal by the catalogue, so the outbox needs master keys.

use serde_json::{Map, Value, json};
use sqlx::Transaction;
use stateset_contracts::catalogue::{AuditEventRecorded, Payload, PriceChangeApplied, ProductCreated, ProductUpdated};
use stateset_contracts::commerce::Commerce;
use stateset_contracts::upcast;
use stateset_outbox::contracts::draft;
use stateset_outbox::delivery::LoggedEvent;
use stateset_outbox::subject::RevealError;
use stateset_outbox::{EventId, IdempotencyToken, Outbox, Receipt, Scope, WriteError};
use uuid::Uuid;

use crate::money::is_currency;
use crate::tables::Tables;

pub use crate::tables::PriceRow;

/// Under which it takes events: the consumer in the inbox, and the destination of a worker.
pub const CONSUMER: &str = "connector-prices";
/// What it subscribes to.
pub const TYPES: &str = "product.*";
/// The actor of a change that names none.
const UNKNOWN: &str = "unknown";

/// A price that shall be in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceRequest {
    /// The product.
    pub product_id: i64,
    /// In the currency's smallest unit, from 0.
    pub price_cents: i64,
    /// ISO 4217.
    pub currency: String,
    /// Why, for programs: `sale`.
    pub reason: Option<String>,
    /// Who wants it: an id, 1 to 200 characters.
    pub actor: String,
    /// What it belongs to; a new one if it is missing.
    pub correlation_id: Option<String>,
}

/// A change that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requested {
    /// Of `product.updated`.
    pub event_id: EventId,
    /// Finds all that follows.
    pub correlation_id: String,
}

/// What became of an event of a product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Applied {
    /// The price is in force; both events are written.
    Changed {
        /// Of `pricechange.applied`.
        event_id: EventId,
    },
    /// The first price of a product: there is nothing that it changes.
    First,
    /// It is the price already.
    Same,
    /// The event names no price.
    NoPrice,
    /// It was taken before.
    Seen,
}

/// Why a price was not changed; nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum PriceError {
    /// A part of the request.
    #[error("{0}")]
    Invalid(&'static str),
    /// The event is of another form than its contract.
    #[error("the event does not keep its contract")]
    Payload(#[source] serde_json::Error),
    /// Prices of one product are in one currency.
    #[error("the price is in {known}, the change in {wanted}")]
    Currency {
        /// Of the price that is in force.
        known: String,
        /// Of the event.
        wanted: String,
    },
    /// Who did it could not be read.
    #[error(transparent)]
    Reveal(#[from] RevealError),
    /// An event could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

impl PriceError {
    /// Whether trying again may help.
    pub fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::Write(WriteError::Retry(_) | WriteError::Database(_)) | Self::Reveal(RevealError::Database(_))
        )
    }
}

/// What a change is, from the price that is in force: pure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Decision {
    First,
    Same,
    From(i64),
}

fn decide(before: Option<&PriceRow>, wanted: &PriceRow) -> Result<Decision, PriceError> {
    match before {
        None => Ok(Decision::First),
        Some(before) if before.currency != wanted.currency => {
            Err(PriceError::Currency { known: before.currency.clone(), wanted: wanted.currency.clone() })
        },
        Some(before) if before.price_cents == wanted.price_cents => Ok(Decision::Same),
        Some(before) => Ok(Decision::From(before.price_cents)),
    }
}

/// Prices. Events are applied in their own scope. The tables must be there: [`crate::migrate`].
pub struct PriceBook<DB: Tables> {
    outbox: Outbox<DB>,
}

impl<DB: Tables> Clone for PriceBook<DB> {
    fn clone(&self) -> Self {
        Self { outbox: self.outbox.clone() }
    }
}

impl<DB: Tables> PriceBook<DB> {
    /// In this outbox's database, with its master keys.
    pub fn new(outbox: Outbox<DB>) -> Self {
        Self { outbox }
    }

    /// Asks for a price, in the caller's transaction.
    pub async fn request(&self, tx: &mut Transaction<'_, DB>, request: &PriceRequest) -> Result<Requested, PriceError> {
        check(request)?;
        let correlation_id = request.correlation_id.clone().unwrap_or_else(|| format!("price-{}", Uuid::new_v4()));
        let payload = ProductUpdated {
            product_id: request.product_id.into(),
            price_cents: Some(request.price_cents.into()),
            currency: Some(request.currency.as_str().into()),
            ..ProductUpdated::default()
        };
        let metadata = json!({ "actor": request.actor, "reason": request.reason });
        let event = draft(Commerce::new(payload), None).expect("a product names itself");
        let event = event
            .metadata(metadata.as_object().cloned().unwrap_or_default())
            .personal(subject(&request.actor), ["metadata:/actor"])
            .correlation_id(correlation_id.as_str());
        let outcome = self.outbox.write_event_with_outbox(tx, event).await?;
        Ok(Requested { event_id: EventId(outcome.written().event_id), correlation_id })
    }

    /// Applies the price that an event of a product names, in a transaction of its own, once.
    pub async fn apply(&self, event: &LoggedEvent) -> Result<Applied, PriceError> {
        let Some((product_id, wanted)) = wanted(event)? else { return Ok(Applied::NoPrice) };
        let by = self.by(event).await?;
        let book = Self::new(self.outbox.for_scope(Scope { tenant: event.tenant, store: event.store }));
        let mut tx = book.outbox.begin().await.map_err(WriteError::from)?;
        let applied = book.apply_in(&mut tx, event, product_id, &wanted, &by).await?;
        book.outbox.commit(tx).await.map_err(WriteError::from)?;
        Ok(applied)
    }

    /// Who wanted it, and why.
    async fn by(&self, event: &LoggedEvent) -> Result<By, PriceError> {
        let mut seen = [event.clone()];
        self.outbox.reveal(&mut seen).await?;
        let metadata = seen[0].metadata.as_deref().and_then(|text| serde_json::from_str::<Value>(text).ok());
        let text = |name: &str| metadata.as_ref()?.get(name)?.as_str().map(str::to_owned);
        // The name of an erased person is a commitment, and no text.
        Ok(By { actor: text("actor").unwrap_or_else(|| UNKNOWN.to_owned()), reason: text("reason") })
    }

    async fn apply_in(
        &self,
        tx: &mut Transaction<'_, DB>,
        event: &LoggedEvent,
        product_id: i64,
        wanted: &PriceRow,
        by: &By,
    ) -> Result<Applied, PriceError> {
        let receipt = self.outbox.receive(tx, CONSUMER, event.event_id).await.map_err(WriteError::from)?;
        if receipt == Receipt::Seen {
            return Ok(Applied::Seen);
        }
        let scope = self.outbox.scope();
        let before = DB::price(tx, scope, product_id).await.map_err(WriteError::from)?;
        let old = match decide(before.as_ref(), wanted)? {
            Decision::Same => return Ok(Applied::Same),
            Decision::First => None,
            Decision::From(old) => Some(old),
        };
        DB::set_price(tx, scope, product_id, wanted, event.event_id).await.map_err(WriteError::from)?;
        let Some(old) = old else { return Ok(Applied::First) };
        let change = Change { id: event.event_id, product_id, old, wanted, by };
        let correlation = event.correlation_id.clone().unwrap_or_else(|| EventId(event.event_id).display());
        let token = |name: &str| Some(IdempotencyToken::new(format!("{name}/{}", event.event_id)));
        let applied = draft(Commerce::new(change.applied()), token("pricechange.applied"))
            .expect("a change names itself")
            .correlation_id(correlation.as_str())
            .causation_id(event.event_id.to_string());
        let applied = self.outbox.write_event_with_outbox(tx, applied).await?.written().event_id;
        let audit = draft(Commerce::new(change.audit()).subject(subject(&by.actor)), token("audit_event.recorded"))
            .expect("an entry names itself")
            .correlation_id(correlation)
            .causation_id(applied.to_string());
        self.outbox.write_event_with_outbox(tx, audit).await?;
        Ok(Applied::Changed { event_id: EventId(applied) })
    }
}

struct By {
    actor: String,
    reason: Option<String>,
}

/// A change of a price, once it is decided.
struct Change<'a> {
    /// The event that asked for it.
    id: Uuid,
    product_id: i64,
    old: i64,
    wanted: &'a PriceRow,
    by: &'a By,
}

impl Change<'_> {
    fn applied(&self) -> PriceChangeApplied {
        PriceChangeApplied {
            price_change_id: format!("pc_{}", self.id.simple()).into(),
            product_id: self.product_id.into(),
            old_price_cents: self.old.into(),
            new_price_cents: self.wanted.price_cents.into(),
            currency: self.wanted.currency.as_str().into(),
            reason: self.by.reason.as_deref().filter(|reason| is_code(reason)).map(Into::into),
        }
    }

    fn audit(&self) -> AuditEventRecorded {
        let details: Map<String, Value> = [
            ("old_price_cents".to_owned(), self.old.into()),
            ("new_price_cents".to_owned(), self.wanted.price_cents.into()),
            ("currency".to_owned(), self.wanted.currency.as_str().into()),
        ]
        .into_iter()
        .collect();
        AuditEventRecorded {
            audit_id: format!("aud_{}", self.id.simple()).into(),
            action: "price_changed".into(),
            actor: self.by.actor.as_str().into(),
            subject: format!("product/{}", self.product_id).into(),
            details: Some(details),
        }
    }
}

/// Whose data the actor's name is.
fn subject(actor: &str) -> String {
    format!("user/{actor}")
}

/// The product and the price that an event names; `None`: it names none, or is no event of a product.
fn wanted(event: &LoggedEvent) -> Result<Option<(i64, PriceRow)>, PriceError> {
    let version = u32::try_from(event.schema_version).unwrap_or(1);
    let (product, cents, currency) = if event.event_type == ProductUpdated::CONTRACT.name {
        let payload: ProductUpdated = upcast::read(&event.payload, version).map_err(PriceError::Payload)?;
        (payload.product_id, payload.price_cents, payload.currency)
    } else if event.event_type == ProductCreated::CONTRACT.name {
        let payload: ProductCreated = upcast::read(&event.payload, version).map_err(PriceError::Payload)?;
        (payload.product_id, payload.price_cents, payload.currency)
    } else {
        return Ok(None);
    };
    let price = cents.zip(currency).map(|(cents, currency)| PriceRow { price_cents: cents.0, currency: currency.0 });
    Ok(price.map(|price| (product.0, price)))
}

fn check(request: &PriceRequest) -> Result<(), PriceError> {
    let reason = request.reason.as_deref();
    if request.product_id < 0 || request.price_cents < 0 {
        return Err(PriceError::Invalid("product and price are numbers from 0 on"));
    }
    if !is_currency(&request.currency) {
        return Err(PriceError::Invalid("a currency has three capital letters, such as USD"));
    }
    if reason.is_some_and(|reason| !is_code(reason)) {
        return Err(PriceError::Invalid(
            "a reason is a word of a-z, 0-9 and _ that begins with a letter, such as sale",
        ));
    }
    if !(1..=200).contains(&request.actor.chars().count()) || request.actor.contains(char::is_control) {
        return Err(PriceError::Invalid("an actor has 1 to 200 characters and no control characters"));
    }
    Ok(())
}

/// As the catalogue writes a word for programs.
fn is_code(text: &str) -> bool {
    let rest = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    text.len() <= 64 && text.starts_with(|first: char| first.is_ascii_lowercase()) && text.bytes().all(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_from_something_to_something_else() {
        let usd = |price_cents| PriceRow { price_cents, currency: "USD".into() };
        assert_eq!(decide(None, &usd(5)).unwrap(), Decision::First);
        assert_eq!(decide(Some(&usd(5)), &usd(5)).unwrap(), Decision::Same);
        assert_eq!(decide(Some(&usd(7)), &usd(5)).unwrap(), Decision::From(7));
        let euro = PriceRow { price_cents: 5, currency: "EUR".into() };
        assert_eq!(decide(Some(&usd(5)), &euro).unwrap_err().to_string(), "the price is in USD, the change in EUR");
    }
}
