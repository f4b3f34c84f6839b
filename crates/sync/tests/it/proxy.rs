//! A man in the middle: passes requests on and does to the answers what a test wants.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, Response, StatusCode, Uri};
use serde_json::Value;
use tokio::net::TcpListener;

/// Changes the answer to a path; answers whether it wants the connection broken instead.
type Change = Box<dyn Fn(&str, &mut Value) + Send + Sync>;

pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    upstream: String,
    client: reqwest::Client,
    change: Mutex<Option<Change>>,
    /// Answers that are still to be lost: the request reaches the server.
    pub(crate) lose: AtomicU32,
    /// Which path loses them.
    lossy: Mutex<String>,
}

impl Proxy {
    pub(crate) async fn start(upstream: &str) -> Self {
        let inner = Arc::new(Inner {
            upstream: upstream.to_owned(),
            client: reqwest::Client::new(),
            change: Mutex::new(None),
            lose: AtomicU32::new(0),
            lossy: Mutex::new(String::new()),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let routes = Router::new().fallback(pass).with_state(Arc::clone(&inner));
        #[expect(clippy::disallowed_methods, reason = "ends with the test's runtime")]
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { address, inner }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on, answers with JSON go through `change`.
    pub(crate) fn change(&self, change: impl Fn(&str, &mut Value) + Send + Sync + 'static) {
        *self.inner.change.lock().unwrap() = Some(Box::new(change));
    }

    pub(crate) fn change_nothing(&self) {
        *self.inner.change.lock().unwrap() = None;
    }

    /// Loses the next answers of a path.
    pub(crate) fn lose(&self, path: &str, count: u32) {
        path.clone_into(&mut self.inner.lossy.lock().unwrap());
        self.inner.lose.store(count, Ordering::SeqCst);
    }
}

async fn pass(
    State(inner): State<Arc<Inner>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let path = uri.path_and_query().unwrap().as_str().to_owned();
    let mut request = inner.client.request(method, format!("{}{path}", inner.upstream)).body(body);
    for name in ["authorization", "content-type"] {
        if let Some(value) = headers.get(name) {
            request = request.header(name, value);
        }
    }
    let Ok(answer) = request.send().await else { return broken() };
    let status = answer.status();
    let Ok(bytes) = answer.bytes().await else { return broken() };
    let lossy = path.starts_with(inner.lossy.lock().unwrap().as_str());
    let lost = |left: u32| left.checked_sub(1);
    if lossy && inner.lose.fetch_update(Ordering::SeqCst, Ordering::SeqCst, lost).is_ok() {
        return broken();
    }
    let mut bytes = bytes.to_vec();
    if let Some(change) = inner.change.lock().unwrap().as_ref()
        && let Ok(mut value) = serde_json::from_slice(&bytes)
    {
        change(&path, &mut value);
        bytes = value.to_string().into_bytes();
    }
    Response::builder().status(status).body(Body::from(bytes)).unwrap()
}

/// A body that ends before it was to end: the connection is cut.
fn broken() -> Response<Body> {
    Response::builder().status(StatusCode::OK).header("content-length", "1000").body(Body::from("{")).unwrap()
}
