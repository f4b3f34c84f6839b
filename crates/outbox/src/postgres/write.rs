//! Writing events.

use std::collections::HashMap;

use sqlx::{Error, PgConnection};
use uuid::Uuid;

use super::copy;
use crate::engine::Identity;
use crate::schema::Schema;
use crate::scope::Scope;
use crate::write::Row;

pub(super) async fn insert_events(
    connection: &mut PgConnection,
    schema: &Schema,
    scope: Scope,
    rows: &[Row],
    bulk_from: usize,
) -> Result<Vec<Option<i64>>, Error> {
    if let [row] = rows {
        return Ok(vec![insert_event(connection, schema, scope, row).await?]);
    }
    if copy::suits(rows, bulk_from)
        && let Some(places) = copy::copy_events(connection, schema, scope, rows).await?
    {
        return Ok(places.into_iter().map(Some).collect());
    }
    macro_rules! column {
        ($name:ident) => {
            rows.iter().map(|row| row.$name.clone()).collect::<Vec<_>>()
        };
    }
    let inserted: Vec<(Uuid, i64)> = sqlx::query_as(schema.sql(include_str!("../../sql/postgres/insert_events.sql")))
        .bind(scope.tenant)
        .bind(scope.store)
        .bind(column!(event_id))
        .bind(column!(event_key))
        .bind(column!(payload_hash))
        .bind(rows.iter().map(|row| i16::from(row.shard)).collect::<Vec<_>>())
        .bind(column!(event_type))
        .bind(column!(schema_version))
        .bind(column!(entity_type))
        .bind(column!(entity_id))
        .bind(column!(order_key))
        .bind(column!(payload))
        .bind(column!(metadata))
        .bind(column!(correlation_id))
        .bind(column!(causation_id))
        .bind(column!(command_id))
        .bind(column!(traceparent))
        .bind(column!(agent_id))
        .bind(column!(agent_key_id))
        .bind(column!(created_at))
        .bind(column!(deliverable))
        .fetch_all(connection)
        .await?;
    let mut places: HashMap<Uuid, i64> = inserted.into_iter().collect();
    // An id that is in the batch twice was added with its first row.
    Ok(rows.iter().map(|row| places.remove(&row.event_id)).collect())
}

async fn insert_event(
    connection: &mut PgConnection,
    schema: &Schema,
    scope: Scope,
    row: &Row,
) -> Result<Option<i64>, Error> {
    sqlx::query_scalar(schema.sql(include_str!("../../sql/postgres/only/insert_event.sql")))
        .bind(scope.tenant)
        .bind(scope.store)
        .bind(row.event_id)
        .bind(&row.event_key)
        .bind(&row.payload_hash)
        .bind(i16::from(row.shard))
        .bind(&row.event_type)
        .bind(row.schema_version)
        .bind(&row.entity_type)
        .bind(&row.entity_id)
        .bind(&row.order_key)
        .bind(&row.payload)
        .bind(&row.metadata)
        .bind(&row.correlation_id)
        .bind(&row.causation_id)
        .bind(row.command_id)
        .bind(&row.traceparent)
        .bind(row.agent_id)
        .bind(row.agent_key_id)
        .bind(&row.created_at)
        .bind(row.deliverable)
        .fetch_optional(connection)
        .await
}

pub(super) async fn identities(
    connection: &mut PgConnection,
    schema: &Schema,
    scope: Scope,
    ids: Vec<Uuid>,
    keys: Vec<String>,
) -> Result<Vec<Identity>, Error> {
    let found: Vec<(Uuid, Option<String>, i64, Vec<u8>)> =
        sqlx::query_as(schema.sql(include_str!("../../sql/postgres/identities.sql")))
            .bind(scope.tenant)
            .bind(scope.store)
            .bind(ids)
            .bind(keys)
            .fetch_all(connection)
            .await?;
    let identity = |(event_id, event_key, log_id, payload_hash)| Identity { event_id, event_key, log_id, payload_hash };
    Ok(found.into_iter().map(identity).collect())
}
