//! The relay's mail sink, with a note of every mail that the mail server took.

use std::sync::Arc;
use std::time::Duration;

use stateset_relay::record::Record;
use stateset_relay::sink::by_lane::publish_by_lane;
use stateset_relay::sink::mail::{Letter, Mail, MailError, MailSecurity, MailSettings};
use stateset_relay::sink::{Batch, Outcome, Publishing, Sink, Why};

use super::letter::letter;
use super::store;
use crate::dialect::Dialect;
use crate::own::Own;
use crate::settings::SmtpPlace;

/// Connections to the mail server: so many mails are in doubt if the process dies.
const CONNECTIONS: u32 = 2;
/// For one step of the conversation.
const PATIENCE: Duration = Duration::from_secs(10);

struct PostOffice<DB: Dialect> {
    mail: Mail,
    own: Own<DB>,
}

/// What sends the mails of the notification service.
pub(crate) fn post_office<DB: Dialect>(own: Own<DB>, smtp: &SmtpPlace, from: &str) -> Result<Arc<dyn Sink>, MailError> {
    let settings = MailSettings {
        host: smtp.host.clone(),
        port: smtp.port,
        security: MailSecurity::None,
        credentials: None,
        from: from.to_owned(),
        timeout: PATIENCE,
        connections: CONNECTIONS,
    };
    Ok(Arc::new(PostOffice { mail: Mail::new(&settings, compose)?, own }))
}

/// The letter of an event in the service's own log: to the address beside it.
fn compose(record: &Record) -> Result<Option<Letter>, String> {
    let event = &record.event;
    let order = event.order_key.as_deref().unwrap_or_default();
    let Some(text) = letter(&event.event_type, order, &event.payload, event.schema_version)? else { return Ok(None) };
    let to = record.user_email().ok_or("the event has no address beside it")?;
    Ok(Some(Letter { to, subject: text.subject, text: text.text }))
}

impl<DB: Dialect> PostOffice<DB> {
    async fn send(&self, batch: Batch<'_>, record: &Record) -> Outcome {
        let id = record.event.event_id;
        let noted = async { store::is_sent::<DB>(&mut *self.own.connection().await?, id).await };
        match noted.await {
            // The process died between the note and the settlement of its batch.
            Ok(true) => return Outcome::Accepted(None),
            Ok(false) => {},
            Err(error) => return Outcome::Unavailable(Why::new("database", error.to_string())),
        }
        let outcomes = self.mail.publish(batch.with_records(std::slice::from_ref(record))).await;
        let outcome = outcomes.into_iter().next().unwrap_or(Outcome::NotTried);
        if matches!(outcome, Outcome::Accepted(_)) {
            let note = async { store::sent::<DB>(&mut *self.own.connection().await?, id).await };
            if let Err(error) = note.await {
                tracing::warn!(%error, event = %id, "a mail was sent, and the note of it was not written");
            }
        }
        outcome
    }
}

impl<DB: Dialect> Sink for PostOffice<DB> {
    fn publish<'a>(&'a self, batch: Batch<'a>) -> Publishing<'a> {
        let lanes = usize::try_from(CONNECTIONS).unwrap_or(1);
        Box::pin(publish_by_lane(batch, lanes, move |record| self.send(batch, record)))
    }

    fn batch_limit(&self) -> usize {
        self.mail.batch_limit()
    }

    fn call_limit(&self) -> Duration {
        self.mail.call_limit()
    }
}
