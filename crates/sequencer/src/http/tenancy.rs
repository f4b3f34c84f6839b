//! Recognises the caller once per request and runs the request for the caller's tenant, so that the database itself shows
//! it nothing else, whatever a handler forgets.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, HttpBody};
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use stateset_ledger::id::TenantId;
use stateset_store::tenancy::{as_tenant, as_tenant_now};

use super::credential::{Recognised, recognise};
use crate::service::Service;

/// Where credentials matter.
const API: [&str; 5] = ["/api/", "/subjects", "/schemas/", "/config", "/compatibility/"];

/// The layer. A request whose credential is not accepted goes on without one; the route then says what it thinks of that.
pub async fn layer(State(service): State<Arc<Service>>, mut request: Request, next: Next) -> Response {
    if !API.iter().any(|start| request.uri().path().starts_with(start)) {
        return next.run(request).await;
    }
    super::subjects::basic_as_key(&mut request);
    let recognised = recognise(&service, request.headers()).await;
    let tenant = recognised.as_ref().ok().and_then(|credential| credential.tenant);
    request.extensions_mut().insert(Recognised(recognised));
    match tenant {
        Some(tenant) => kept(tenant, as_tenant(tenant, next.run(request)).await),
        None => next.run(request).await,
    }
}

/// A stream of events goes on reading after the handler has answered; every other body is whole.
fn kept(tenant: TenantId, response: Response) -> Response {
    if response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind == "text/event-stream") {
        response.map(|body| Body::new(OfTenant { tenant, body }))
    } else {
        response
    }
}

/// A body whose every step is work for one tenant.
struct OfTenant {
    tenant: TenantId,
    body: Body,
}

impl HttpBody for OfTenant {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let tenant = self.tenant;
        as_tenant_now(tenant, || Pin::new(&mut self.body).poll_frame(context))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
