//! `GET` and `PUT /api/v1/ves/cursors/{agent_id}`: how far a puller has come.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use stateset_api::code::Code;
use stateset_api::event::{AdvanceCursor, Cursor};
use stateset_ledger::id::{AgentId, Micros, Scope, StoreId, TenantId};

use super::body::Body;
use super::credential::{Caller, Read, Write};
use super::parameters::{Parameters, ScopeParameters, Segments, parse};
use super::problem::{ApiError, ApiResult};
use crate::service::Service;

/// The acknowledged position of a puller; 0 if it never acknowledged.
pub async fn read(
    State(service): State<Arc<Service>>,
    caller: Caller<Read>,
    Segments(agent): Segments<String>,
    Parameters(parameters): Parameters<ScopeParameters>,
) -> ApiResult<Json<Cursor>> {
    let agent = AgentId(parse("agent_id", &agent, "a UUID")?);
    let scope = parameters.scope()?;
    caller.store(scope)?;
    let Some(row) = service.store.stream(scope).await? else { return Ok(Json(cursor(0, None))) };
    let position = service.store.cursor(row.stream, agent).await?;
    Ok(Json(cursor(row.size, position)))
}

/// Acknowledges everything up to a place. A lower place than before changes nothing: retries and stragglers are harmless.
pub async fn advance(
    State(service): State<Arc<Service>>,
    caller: Caller<Write>,
    Segments(agent): Segments<String>,
    Body(body): Body<AdvanceCursor>,
) -> ApiResult<Json<Cursor>> {
    let agent = AgentId(parse("agent_id", &agent, "a UUID")?);
    let scope = Scope::new(TenantId(body.tenant_id), StoreId(body.store_id));
    caller.append(scope)?;
    caller.also_read(scope)?;
    caller.agent(agent)?;
    let row = service.store.stream(scope).await?;
    let head = row.as_ref().map_or(0, |row| row.size);
    if body.sequence_number > head {
        return Err(ApiError::fault(
            Code::SequenceAhead,
            "/sequenceNumber",
            format!("is {}, above the stream's head {head}", body.sequence_number),
        ));
    }
    let Some(row) = row else { return Ok(Json(cursor(0, None))) };
    let now = service.clock.now();
    let position = service.store.advance_cursor(row.stream, agent, body.sequence_number, now).await?;
    Ok(Json(cursor(head, Some(position))))
}

/// Another process may have acknowledged beyond a head that was read before.
fn cursor(head: u64, position: Option<(u64, Micros)>) -> Cursor {
    let acknowledged = position.map_or(0, |(acknowledged, _)| acknowledged);
    let head = head.max(acknowledged);
    Cursor {
        acknowledged_sequence: acknowledged,
        head_sequence: head,
        lag: head - acknowledged,
        updated_at: position.map(|(_, at)| at.to_rfc3339()),
    }
}
