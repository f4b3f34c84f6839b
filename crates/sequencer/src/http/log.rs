//! The head log: its checkpoint and tiles (C2SP tlog-tiles), and waiting for it.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{Uri, header};
use axum::response::{IntoResponse as _, Response};
use stateset_api::code::Code;
use stateset_ledger::head_log::Record;
use stateset_ledger::id::Scope;
use stateset_ledger::tree::TileId;
use stateset_ledger::tree::tile::{BundleId, TILE_WIDTH};
use stateset_store::StoreError;
use tokio::time::Instant;

use super::credential::{Caller, Valid};
use super::problem::{ApiError, ApiResult};
use crate::service::Service;

/// Longest wait for a checkpoint.
const LOGGED_WITHIN: Duration = Duration::from_secs(5);
/// How often to look when another process may be the publisher.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// When to ask again for what is not logged yet.
const RETRY_SECONDS: u32 = 1;

/// A reader of the log: anybody, unless `LOG_PUBLIC=false`; then whoever has a credential, whatever it permits. What is
/// served depends on neither.
pub struct LogReader {
    public: bool,
}

impl FromRequestParts<Arc<Service>> for LogReader {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, service: &Arc<Service>) -> Result<Self, ApiError> {
        if !service.public_log {
            Caller::<Valid>::from_request_parts(parts, service).await?;
        }
        Ok(Self { public: service.public_log })
    }
}

/// The newest checkpoint.
pub async fn checkpoint(State(service): State<Arc<Service>>, _: LogReader) -> ApiResult<Response> {
    let Some(checkpoint) = service.store.checkpoint().await? else {
        return Err(ApiError::new(Code::NotLogged, "nothing has been logged yet").retry_after(RETRY_SECONDS));
    };
    let kind = (header::CONTENT_TYPE, "text/plain; charset=utf-8");
    Ok(([kind, (header::CACHE_CONTROL, "no-cache")], checkpoint.note).into_response())
}

/// A tile of hashes or a bundle of entries, by its exact path.
pub async fn tile(State(service): State<Arc<Service>>, reader: LogReader, uri: Uri) -> ApiResult<Response> {
    // The path as sent: an escaped spelling names nothing.
    let path = uri.path().strip_prefix('/').unwrap_or_default();
    let bytes = if let Ok(tile) = TileId::parse_path(path) {
        check_reached(&service, tile).await?;
        service.log_tiles.tile(tile).await?.iter().flat_map(|hash| hash.0).collect()
    } else if let Ok(BundleId { index, width }) = BundleId::parse_path(path) {
        check_reached(&service, TileId { level: 0, index, width }).await?;
        bundle(&service, index, width).await?
    } else {
        return Err(ApiError::new(Code::RouteNotFound, "this is not the path of a tile or bundle"));
    };
    // A partial tile, too, will always begin with these very bytes.
    let cache =
        if reader.public { "public, max-age=31536000, immutable" } else { "private, max-age=31536000, immutable" };
    let kind = (header::CONTENT_TYPE, "application/octet-stream");
    Ok(([kind, (header::CACHE_CONTROL, cache)], bytes).into_response())
}

/// Entries, each behind its length in two bytes.
async fn bundle(service: &Service, index: u64, width: u16) -> Result<Vec<u8>, StoreError> {
    let entries = service.log_tiles.entries(index * u64::from(TILE_WIDTH), u64::from(width)).await?;
    Ok(entries.iter().flat_map(|entry| [0, 32].into_iter().chain(entry.0)).collect())
}

/// Only what a published checkpoint covers is served.
async fn check_reached(service: &Service, wanted: TileId) -> ApiResult<()> {
    let size = service.store.checkpoint().await?.map_or(0, |checkpoint| checkpoint.size);
    match TileId::in_tree(wanted.level, wanted.index, size) {
        Some(there) if there.width >= wanted.width => Ok(()),
        _ => Err(ApiError::new(Code::NotLogged, format!("the published log has {size} entries"))),
    }
}

/// Waits until a published checkpoint covers `size` events of the stream.
pub async fn wait_until_logged(service: &Service, scope: Scope, size: u64) -> ApiResult<()> {
    let deadline = Instant::now() + LOGGED_WITHIN;
    let Some(row) = service.store.stream(scope).await? else { return Ok(()) };
    loop {
        let published = service.published.notified();
        tokio::pin!(published);
        published.as_mut().enable();
        let newest = service.store.head_record(row.stream).await?;
        let record = newest.and_then(|newest| Record::from_bytes(&newest.record).ok());
        if matches!(record, Some(Record::Head { size: logged, .. }) if logged >= size) {
            return Ok(());
        }
        if Instant::now() >= deadline {
            return Err(ApiError::new(
                Code::Timeout,
                "the events are sequenced and durable, but no checkpoint covers them yet; they need not be sent again",
            ));
        }
        service.log_wanted.notify_one();
        tokio::select! {
            () = published => {},
            () = tokio::time::sleep(LOOK_AGAIN) => {},
        }
    }
}
