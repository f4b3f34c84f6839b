//! Connections: accepting, TLS, and what a slow or greedy client may not do.
//!
//! | attack | bound |
//! |---|---|
//! | many connections | [`Acceptor::limit`]; beyond it a new one is closed at once |
//! | a request head that never ends | 10 s, 16 KiB, 100 fields (hyper answers 431) |
//! | a body that never ends | 30 s (`http::body`), `MAX_BODY_SIZE_BYTES` |
//! | a response nobody reads | 30 s without a byte of progress |
//! | a TLS handshake that never ends | 10 s |

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Sleep;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Layer as _;

use crate::http::edge::Peer;
use crate::metrics::Metrics;

/// A request head must arrive within this, from the end of the request before on.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// Largest request head, and how much of a body is read at a time. Ten thousand clients that send all of it and then
/// nothing hold 160 MB for ten seconds.
const READ_BUFFER_BYTES: usize = 16 * 1024;
/// A client that takes nothing of its response for this long is gone.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Requests still running at a stop get this long; then their connections are closed, so that a client which never finishes
/// its request cannot keep the process beyond the ten seconds that most supervisors grant.
const REQUEST_GRACE: Duration = Duration::from_secs(6);

/// Accepts connections and serves them.
pub struct Acceptor {
    /// The routes.
    pub router: Router,
    /// Most connections at a time.
    pub limit: usize,
    /// Certificate and key, if this process speaks TLS.
    pub tls: Option<TlsAcceptor>,
    /// Where connections are counted.
    pub metrics: Arc<Metrics>,
}

/// What a connection's task works with.
#[derive(Clone)]
struct Serving {
    http: http1::Builder,
    router: Router,
    tls: Option<TlsAcceptor>,
    cut: CancellationToken,
}

impl Acceptor {
    /// Serves until told to stop, and then what is in flight.
    pub async fn run(self, listener: TcpListener, tracker: &TaskTracker, stop: &CancellationToken) {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT).max_buf_size(READ_BUFFER_BYTES);
        let cut = CancellationToken::new();
        let serving = Serving { http, router: self.router, tls: self.tls, cut: cut.clone() };
        let graceful = GracefulShutdown::new();
        let room = Arc::new(Semaphore::new(self.limit));
        while let Some((stream, peer)) = accept(&listener, stop).await {
            let Ok(place) = Arc::clone(&room).try_acquire_owned() else {
                self.metrics.http.connections_refused.inc();
                continue;
            };
            let open = Open::enter(Arc::clone(&self.metrics), place);
            let (serving, watcher) = (serving.clone(), graceful.watcher());
            tracker.spawn(async move {
                let cut = serving.cut.clone();
                if let Some(Err(error)) = cut.run_until_cancelled(serving.serve(stream, peer, watcher)).await {
                    tracing::debug!(error, "connection ended early");
                }
                drop(open);
            });
        }
        drop((listener, serving));
        if tokio::time::timeout(REQUEST_GRACE, graceful.shutdown()).await.is_err() {
            tracing::warn!("some requests did not finish in time");
            cut.cancel();
        }
    }
}

/// The next connection; `None` when told to stop.
async fn accept(listener: &TcpListener, stop: &CancellationToken) -> Option<(TcpStream, SocketAddr)> {
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return None,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok(accepted) => return Some(accepted),
            Err(error) => {
                // Out of file descriptors, most likely: let connections end first.
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
            },
        }
    }
}

impl Serving {
    async fn serve(self, stream: TcpStream, peer: SocketAddr, watcher: Watcher) -> Result<(), String> {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "cannot switch Nagle's algorithm off");
        }
        let stream = Impatient::new(stream, WRITE_TIMEOUT);
        // Boxed, each for itself: a task is as large as its largest branch, and thousands of them only wait.
        match self.tls.clone() {
            None => Box::pin(self.http(stream, peer, watcher)).await,
            Some(tls) => Box::pin(self.https(tls, stream, peer, watcher)).await,
        }
    }

    async fn https(
        self,
        tls: TlsAcceptor,
        stream: Impatient<TcpStream>,
        peer: SocketAddr,
        watcher: Watcher,
    ) -> Result<(), String> {
        let shake = tokio::time::timeout(HANDSHAKE_TIMEOUT, tls.accept(stream)).await;
        let stream = shake.map_err(|_| "no TLS handshake in time".to_owned())?.map_err(|error| error.to_string())?;
        self.http(stream, peer, watcher).await
    }

    async fn http<S>(self, stream: S, peer: SocketAddr, watcher: Watcher) -> Result<(), String>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let service = TowerToHyperService::new(Extension(Peer(peer.ip())).layer(self.router));
        let connection = self.http.serve_connection(TokioIo::new(stream), service);
        watcher.watch(connection).await.map_err(|error| error.to_string())
    }
}

/// A connection that is counted for as long as this lives.
struct Open {
    metrics: Arc<Metrics>,
    _place: OwnedSemaphorePermit,
}

impl Open {
    fn enter(metrics: Arc<Metrics>, place: OwnedSemaphorePermit) -> Self {
        metrics.http.connections.inc();
        Self { metrics, _place: place }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.metrics.http.connections.dec();
    }
}

/// A stream that fails when the other end takes nothing of what is written for a while.
struct Impatient<S> {
    stream: S,
    patience: Duration,
    /// Runs while a write waits.
    stuck: Option<Pin<Box<Sleep>>>,
}

impl<S> Impatient<S> {
    fn new(stream: S, patience: Duration) -> Self {
        Self { stream, patience, stuck: None }
    }

    /// Passes on what a write said, unless it has waited for too long.
    fn watch<T>(&mut self, context: &mut Context<'_>, outcome: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            self.stuck = None;
            return outcome;
        }
        let patience = self.patience;
        let stuck = self.stuck.get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
        ready!(stuck.as_mut().poll(context));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client does not take its response")))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Impatient<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, to)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Impatient<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(context, from);
        self.watch(context, outcome)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_flush(context);
        self.watch(context, outcome)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_shutdown(context);
        self.watch(context, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        from: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(context, from);
        self.watch(context, outcome)
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::time::Duration;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::Impatient;

    /// A reader that takes everything gets everything; one that takes a part and then nothing is given up.
    #[tokio::test]
    async fn a_client_that_takes_nothing_is_given_up() {
        let (mut client, server) = tokio::io::duplex(16);
        let mut server = Impatient::new(server, Duration::from_millis(200));
        let mut received = [0; 64];
        let (sent, read) = tokio::join!(server.write_all(&[7; 64]), client.read_exact(&mut received));
        sent.unwrap();
        assert_eq!((read.unwrap(), received), (64, [7; 64]));
        let (sent, read) = tokio::join!(server.write_all(&[8; 64]), client.read_exact(&mut received[..16]));
        assert_eq!(sent.unwrap_err().kind(), ErrorKind::TimedOut);
        assert_eq!(read.unwrap(), 16);
    }
}
