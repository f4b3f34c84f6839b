//! What people ask of the notification service.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use stateset_contracts::envelope::{OrderId, OrderIdMode};

use super::Notifications;
use super::store::{self, MailRow};
use crate::dialect::Dialect;
use crate::http::{Answer, Params};

/// A mail: decided on at `at`, and taken by the mail server at `sent_at`.
#[derive(Debug, Serialize)]
pub(super) struct Shown {
    event_id: String,
    order_id: Option<OrderId>,
    #[serde(rename = "type")]
    event_type: String,
    to: String,
    subject: String,
    at: String,
    sent_at: Option<String>,
}

/// Of which order.
#[derive(Debug, Deserialize)]
pub(super) struct Of {
    order_id: String,
}

pub(super) async fn mails<DB: Dialect>(
    State(service): State<Arc<Notifications<DB>>>,
    Params(of): Params<Of>,
) -> Answer<Vec<Shown>> {
    let mails = store::mails::<DB>(&mut *service.own.connection().await?, &of.order_id).await?;
    let shown = |mail: MailRow| Shown {
        event_id: mail.event_id,
        order_id: OrderId::from_key(&mail.order_key, OrderIdMode::IntegerOrString),
        event_type: mail.event_type,
        to: mail.recipient,
        subject: mail.subject,
        at: mail.queued_at,
        sent_at: mail.sent_at,
    };
    Ok((StatusCode::OK, Json(mails.into_iter().map(shown).collect())))
}
