//! Writing events: statement by statement, which costs nothing without a network.

use sqlx::{Error, SqliteConnection};
use uuid::Uuid;

use crate::engine::Identity;
use crate::scope::Scope;
use crate::write::Row;

pub(super) async fn insert_events(
    connection: &mut SqliteConnection,
    scope: Scope,
    rows: &[Row],
) -> Result<Vec<Option<i64>>, Error> {
    let mut places = Vec::with_capacity(rows.len());
    for row in rows {
        let place: Option<i64> = sqlx::query_scalar(include_str!("../../sql/sqlite/only/insert_identity.sql"))
            .bind(scope.tenant)
            .bind(scope.store)
            .bind(row.event_id)
            .bind(row.event_key.as_deref())
            .bind(row.payload_hash.as_slice())
            .fetch_optional(&mut *connection)
            .await?;
        if let Some(place) = place {
            insert_event(connection, scope, row, place).await?;
        }
        places.push(place);
    }
    Ok(places)
}

async fn insert_event(connection: &mut SqliteConnection, scope: Scope, row: &Row, place: i64) -> Result<(), Error> {
    sqlx::query(include_str!("../../sql/sqlite/insert_events.sql"))
        .bind(place)
        .bind(scope.tenant)
        .bind(scope.store)
        .bind(row.event_id)
        .bind(row.event_key.as_deref())
        .bind(row.shard)
        .bind(row.event_type.as_str())
        .bind(row.schema_version)
        .bind(row.entity_type.as_str())
        .bind(row.entity_id.as_str())
        .bind(row.order_key.as_deref())
        .bind(row.payload.as_str())
        .bind(row.metadata.as_deref())
        .bind(row.correlation_id.as_deref())
        .bind(row.causation_id.as_deref())
        .bind(row.command_id)
        .bind(row.traceparent.as_deref())
        .bind(row.agent_id)
        .bind(row.agent_key_id)
        .bind(row.created_at.as_str())
        .bind(row.deliverable)
        .execute(connection)
        .await?;
    Ok(())
}

pub(super) async fn identities(
    connection: &mut SqliteConnection,
    scope: Scope,
    ids: Vec<Uuid>,
    keys: Vec<String>,
) -> Result<Vec<Identity>, Error> {
    let by_id = ids.into_iter().map(|id| (Some(id), None));
    let by_key = keys.into_iter().map(|key| (None, Some(key)));
    let mut known = Vec::new();
    for (id, key) in by_id.chain(by_key) {
        let found: Vec<(Uuid, Option<String>, i64, Vec<u8>)> =
            sqlx::query_as(include_str!("../../sql/sqlite/identities.sql"))
                .bind(scope.tenant)
                .bind(scope.store)
                .bind(id)
                .bind(key)
                .fetch_all(&mut *connection)
                .await?;
        let identity =
            |(event_id, event_key, log_id, payload_hash)| Identity { event_id, event_key, log_id, payload_hash };
        known.extend(found.into_iter().map(identity));
    }
    Ok(known)
}
