use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use serde_json::Value;
use stateset_relay::clock::SystemClock;
use stateset_relay::record::Record;
use stateset_relay::sink::Sink;
use stateset_relay::sink::webhook::{Secrets, Webhook, WebhookSettings};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::{Peer, event};

pub(crate) const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// One request as it came in.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

#[derive(Default)]
pub(crate) struct Receiver {
    pub(crate) calls: Vec<Call>,
    pub(crate) taken: Vec<Uuid>,
    /// What every call is answered with, instead of by its content.
    pub(crate) answer: Option<(u16, &'static str, &'static str)>,
}

/// A real HTTP server that takes webhooks.
pub(crate) struct WebhookPeer {
    pub(crate) address: SocketAddr,
    pub(crate) receiver: Arc<Mutex<Receiver>>,
    server: Option<JoinSet<()>>,
}

async fn take(State(receiver): State<Arc<Mutex<Receiver>>>, headers: HeaderMap, body: Bytes) -> Response {
    let json: Value = serde_json::from_slice(&body).unwrap();
    let mut receiver = receiver.lock().unwrap();
    receiver.calls.push(Call { headers, body });
    if let Some((status, name, value)) = receiver.answer {
        let status = StatusCode::from_u16(status).unwrap();
        return (status, [(header::HeaderName::from_static(name), value)], "as scripted").into_response();
    }
    if json["type"] == "order.poison" {
        return (StatusCode::UNPROCESSABLE_ENTITY, "an order without items").into_response();
    }
    receiver.taken.push(json["event_id"].as_str().unwrap().parse().unwrap());
    StatusCode::NO_CONTENT.into_response()
}

impl WebhookPeer {
    pub(crate) fn settings(&self) -> WebhookSettings {
        let url = format!("http://{}/hooks", self.address).parse().unwrap();
        let mut settings = WebhookSettings::new(url, Secrets::new(SECRET).unwrap());
        settings.allow_private = true;
        settings.timeout = Duration::from_secs(5);
        settings
    }

    fn serve(&mut self, listener: TcpListener) {
        let router = Router::new().route("/hooks", post(take)).with_state(Arc::clone(&self.receiver));
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, router).await.unwrap() });
        self.server = Some(server);
    }
}

impl Peer for WebhookPeer {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut peer = Self { address: listener.local_addr().unwrap(), receiver: Arc::default(), server: None };
        peer.serve(listener);
        peer
    }

    fn sink(&self) -> Arc<dyn Sink> {
        Arc::new(Webhook::new(self.settings(), Arc::new(SystemClock)).unwrap())
    }

    async fn received(&self) -> Vec<Uuid> {
        self.receiver.lock().unwrap().taken.clone()
    }

    async fn vanish(&mut self) {
        // Open connections are served by tasks of their own; they end with the answer that says so.
        self.receiver.lock().unwrap().answer = Some((503, "connection", "close"));
        self.server.take().unwrap().shutdown().await;
    }

    async fn come_back(&mut self) {
        self.receiver.lock().unwrap().answer = None;
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.serve(listener);
    }

    fn poison(&self, number: i64, key: &str) -> Record {
        let mut record = event(number, key);
        record.event.event_type = "order.poison".to_owned();
        record
    }
}
