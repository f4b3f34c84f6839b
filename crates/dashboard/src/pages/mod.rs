//! The pages, a file per subject: ask the API, answer markup.

pub mod agents;
pub mod catalogue;
pub mod entity;
pub mod event;
pub mod events;
pub mod log;
pub mod login;
pub mod overview;
pub mod server;
pub mod streams;
pub mod style;

use std::sync::Arc;

use axum::extract::{FromRequestParts, Path};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use uuid::Uuid;

use crate::api::Fault;
use crate::place::Scope;
use crate::web::{Dashboard, Visitor};

/// A visitor on a page about one stream, with the rest of the path and the query's pairs.
pub struct InStream {
    /// The visitor.
    pub visitor: Visitor,
    /// The stream.
    pub scope: Scope,
    /// The last segment of the path, if the route has one more.
    pub rest: Option<String>,
    /// The query.
    pub query: Vec<(String, String)>,
}

impl InStream {
    /// A parameter's value; empty text is none.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, value)| known == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }
}

impl FromRequestParts<Arc<Dashboard>> for InStream {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, dashboard: &Arc<Dashboard>) -> Result<Self, Response> {
        let visitor = Visitor::from_request_parts(parts, dashboard).await?;
        let Ok(Path(segments)) = Path::<Vec<(String, String)>>::from_request_parts(parts, dashboard).await else {
            return Err(missing(visitor).await);
        };
        let mut segments = segments.into_iter().map(|(_, value)| value);
        let mut id = || segments.next().and_then(|text| Uuid::try_parse(&text).ok());
        let (Some(tenant), Some(store)) = (id(), id()) else { return Err(missing(visitor).await) };
        let scope = Scope { tenant, store };
        let query = crate::place::pairs(parts.uri.query().unwrap_or_default());
        Ok(Self { visitor: visitor.in_stream(scope), scope, rest: segments.next(), query })
    }
}

/// There is no such page.
pub async fn missing(visitor: Visitor) -> Response {
    visitor.page(
        "",
        Err(Fault::new(StatusCode::NOT_FOUND, "NO_SUCH_PAGE", "there is no such page", "Look at the address.")),
    )
}
