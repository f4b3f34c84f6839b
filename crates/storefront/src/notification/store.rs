//! Facts of the notification service, in and out.

use sqlx::Error;
use uuid::Uuid;

use crate::dialect::{Dialect, Row, look_once, statement, values};

/// Whom an order's mails go to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Recipient {
    pub(super) amount_cents: i64,
    pub(super) currency: String,
    pub(super) user_email: Option<String>,
}

/// A mail that was decided on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MailRow {
    pub(super) event_id: String,
    pub(super) order_key: String,
    pub(super) event_type: String,
    pub(super) recipient: String,
    pub(super) subject: String,
    pub(super) queued_at: String,
    pub(super) sent_at: Option<String>,
}

/// Whom an order's mails go to, if the order is known.
pub(super) async fn recipient<DB: Dialect>(
    connection: &mut DB::Connection,
    key: &str,
) -> Result<Option<Recipient>, Error> {
    let row = look_once::<DB>(connection, statement!("recipient_get"), values![key]).await?;
    let recipient =
        |mut row: Row| Ok(Recipient { amount_cents: row.int()?, currency: row.text()?, user_email: row.opt_text()? });
    row.map(recipient).transpose()
}

/// Notes whom an order's mails go to.
pub(super) async fn add_recipient<DB: Dialect>(
    connection: &mut DB::Connection,
    key: &str,
    recipient: &Recipient,
) -> Result<(), Error> {
    let values = values![key, recipient.amount_cents, &recipient.currency, recipient.user_email.as_deref()];
    DB::change(connection, statement!("recipient_add"), values).await.map(drop)
}

/// Notes that an event calls for a mail.
pub(super) async fn add_mail<DB: Dialect>(
    connection: &mut DB::Connection,
    (event_id, event_type, key): (Uuid, &str, &str),
    recipient: &str,
    subject: &str,
) -> Result<(), Error> {
    let values = values![event_id.to_string(), key, event_type, recipient, subject];
    DB::change(connection, statement!("mail_add"), values).await.map(drop)
}

/// Whether an event's mail was taken by the mail server.
pub(super) async fn is_sent<DB: Dialect>(connection: &mut DB::Connection, event_id: Uuid) -> Result<bool, Error> {
    let row = look_once::<DB>(connection, statement!("mail_sent_at"), values![event_id.to_string()]).await?;
    Ok(row.map(|mut row| row.opt_int()).transpose()?.flatten().is_some())
}

/// Notes that the mail server took an event's mail.
pub(super) async fn sent<DB: Dialect>(connection: &mut DB::Connection, event_id: Uuid) -> Result<(), Error> {
    DB::change(connection, statement!("mail_sent"), values![event_id.to_string()]).await.map(drop)
}

/// The mails of an order, the oldest first.
pub(super) async fn mails<DB: Dialect>(connection: &mut DB::Connection, key: &str) -> Result<Vec<MailRow>, Error> {
    let rows = DB::look(connection, statement!("mails_of"), values![key]).await?;
    let mail = |mut row: Row| {
        Ok(MailRow {
            event_id: row.text()?,
            order_key: row.text()?,
            event_type: row.text()?,
            recipient: row.text()?,
            subject: row.text()?,
            queued_at: row.instant()?,
            sent_at: row.opt_instant()?,
        })
    };
    rows.into_iter().map(mail).collect()
}
