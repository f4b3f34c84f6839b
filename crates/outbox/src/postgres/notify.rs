//! NOTIFY from a connection of its own: inside the application's transaction it would make commits wait for each other.

use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgListener};
use sqlx::{ConnectOptions as _, PgConnection, PgPool};
use tokio::sync::mpsc::Receiver;

use crate::hint::{DEBOUNCE, Notifier};
use crate::schema::Schema;

/// The channel of a schema.
pub(super) fn channel(schema: &Schema) -> String {
    format!("{}_events", schema.name())
}

pub(super) fn notifier(pool: &PgPool, schema: &Schema) -> Notifier {
    let options = pool.connect_options();
    let channel = channel(schema);
    Box::new(move |hints| Box::pin(notify(hints, options, channel)))
}

async fn notify(mut hints: Receiver<()>, options: Arc<PgConnectOptions>, channel: String) {
    let mut slot: Option<PgConnection> = None;
    while hints.recv().await.is_some() {
        match send(&mut slot, &options, &channel).await {
            Ok(()) => {},
            Err(error) => {
                slot = None;
                tracing::debug!(%error, "workers of other processes were not notified; they poll");
            },
        }
        tokio::time::sleep(DEBOUNCE).await;
    }
}

async fn send(slot: &mut Option<PgConnection>, options: &PgConnectOptions, channel: &str) -> Result<(), sqlx::Error> {
    let connection = match slot {
        Some(connection) => connection,
        None => slot.insert(options.connect().await?),
    };
    sqlx::query(include_str!("../../sql/postgres/only/notify.sql")).bind(channel).execute(connection).await?;
    Ok(())
}

/// Waits on a connection that is taken out of the pool for good. It may complete early.
pub(super) async fn listen(
    pool: &PgPool,
    schema: &Schema,
    slot: &mut Option<PgListener>,
    most: Duration,
) -> Result<(), sqlx::Error> {
    // Taken out: should the wait be given up half-way, the next one begins with a new connection.
    let mut listener = if let Some(listener) = slot.take() {
        listener
    } else {
        let mut listener = PgListener::connect_with(pool).await?;
        listener.listen(&channel(schema)).await?;
        listener
    };
    let heard = tokio::time::timeout(most, listener.recv()).await;
    match heard {
        Ok(Ok(_)) | Err(_) => *slot = Some(listener),
        Ok(Err(error)) => return Err(error),
    }
    Ok(())
}
