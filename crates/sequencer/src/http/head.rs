//! `GET /api/v1/head` and `GET /api/v1/ves/head`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use stateset_api::event::Head;
use stateset_ledger::receipt::stream_id;
use stateset_ledger::stream::StreamHead;

use super::credential::{Caller, Read};
use super::parameters::{Parameters, ScopeParameters};
use super::problem::ApiResult;
use crate::service::Service;

/// Where a stream stands. One that nobody has written to yet is empty, not missing.
pub async fn head(
    State(service): State<Arc<Service>>,
    caller: Caller<Read>,
    Parameters(parameters): Parameters<ScopeParameters>,
) -> ApiResult<Json<Head>> {
    let scope = parameters.scope()?;
    caller.store(scope)?;
    let row = service.store.stream(scope).await?;
    let checkpoint = service.store.checkpoint().await?;
    let size = row.as_ref().map_or(0, |row| row.size);
    let signed = row.as_ref().and_then(|row| row.signed);
    Ok(Json(Head {
        head_sequence: size,
        size,
        root: row.as_ref().map_or_else(|| StreamHead::empty().root(), |row| row.root),
        stream_id: stream_id(scope),
        signature: signed.map(|signed| signed.signature),
        key_version: signed.map(|signed| signed.key.0),
        signed_at_us: row.and_then(|row| row.last_at).map(|at| at.0),
        checkpoint: checkpoint.map(|checkpoint| checkpoint.note),
    }))
}
