//! `GET /api/v1/entities/{type}/{id}` and `GET /api/v1/ves/entities/{type}/{id}`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use stateset_api::event::{EntityHistory, Envelope, FlatEvent};
use stateset_ledger::id::Scope;

use super::credential::{Caller, Read};
use super::events::page;
use super::filters::EventParameters;
use super::parameters::{Parameters, Segments};
use super::problem::ApiResult;
use super::view;
use crate::read::OpenedEvent;
use crate::service::Service;

/// The history of one entity under the names of the first API.
pub async fn legacy(
    State(service): State<Arc<Service>>,
    caller: Caller<Read>,
    Segments(entity): Segments<(String, String)>,
    Parameters(parameters): Parameters<EventParameters>,
) -> ApiResult<Json<EntityHistory<FlatEvent>>> {
    history(&service, &caller, entity, parameters, view::flat).await.map(Json)
}

/// The history of one entity as envelopes.
pub async fn ves(
    State(service): State<Arc<Service>>,
    caller: Caller<Read>,
    Segments(entity): Segments<(String, String)>,
    Parameters(parameters): Parameters<EventParameters>,
) -> ApiResult<Json<EntityHistory<Envelope>>> {
    history(&service, &caller, entity, parameters, view::envelope).await.map(Json)
}

async fn history<E>(
    service: &Service,
    caller: &Caller<Read>,
    (entity_type, entity_id): (String, String),
    parameters: EventParameters,
    view: fn(Scope, OpenedEvent) -> E,
) -> ApiResult<EntityHistory<E>> {
    let asked = parameters.read()?.of_entity(&entity_type, &entity_id)?;
    caller.store(asked.scope)?;
    let page = page(service, &asked, view).await?;
    let entity = [(entity_type, entity_id)];
    // After the page, so that no event on it is newer than the version.
    let versions = match service.store.stream(asked.scope).await? {
        Some(row) => service.store.entity_versions(row.stream, &entity).await?,
        None => Vec::new(),
    };
    let [(entity_type, entity_id)] = entity;
    Ok(EntityHistory {
        entity_type,
        entity_id,
        events: page.events,
        count: page.count,
        total: page.total,
        total_exact: page.total_exact,
        current_version: versions.first().copied().unwrap_or(0),
        next_sequence: page.next_sequence,
        has_more: page.has_more,
        head_sequence: page.head_sequence,
        diagnostics: page.diagnostics,
    })
}
