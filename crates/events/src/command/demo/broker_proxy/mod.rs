//! A way to Kafka that can be cut: a proxy in front of every broker, which moves the addresses in the brokers' own answers
//! to itself, so that a client stays on it.
//!
//! Cutting drops every connection at once, in the middle of whatever is under way, and refuses new ones for a while.

mod frame;

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use stateset_inspect::Fault;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

use frame::{Question, correlation, moved, places};

/// Largest frame that is passed on: more than a broker sends.
const FRAME_BYTES: usize = 128 * 1024 * 1024;

/// The proxy. Dropping it closes everything.
pub(super) struct BrokerProxy {
    bootstrap: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    /// Our port for a broker, by its address.
    ports: Mutex<HashMap<(String, i32), u16>>,
    tasks: Mutex<JoinSet<()>>,
    state: watch::Sender<Line>,
}

/// How the line stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    Up,
    Down,
}

impl Drop for BrokerProxy {
    fn drop(&mut self) {
        // The listeners hold the shared state, and it holds them.
        guard(&self.shared.tasks).abort_all();
    }
}

impl BrokerProxy {
    /// In front of the first of these brokers (`host:port`); of the others it learns from the first one's answers.
    pub(super) async fn start(brokers: &str) -> Result<Self, Fault> {
        let first = brokers.split(',').next().unwrap_or_default();
        let (host, port) = first
            .rsplit_once(':')
            .and_then(|(host, port)| Some((host.to_owned(), port.parse::<u16>().ok()?)))
            .ok_or_else(|| Fault::usage(format!("{first:.100} is no broker"), "such as --kafka localhost:9094"))?;
        let shared = Arc::new(Shared {
            ports: Mutex::default(),
            tasks: Mutex::new(JoinSet::new()),
            state: watch::Sender::new(Line::Up),
        });
        let port = shared.port_for((host, i32::from(port))).await;
        let port = port.map_err(|error| Fault::unavailable("a port for the proxy of the broker", error))?;
        Ok(Self { bootstrap: SocketAddr::from((Ipv4Addr::LOCALHOST, port)), shared })
    }

    /// What clients connect to instead.
    pub(super) fn bootstrap(&self) -> String {
        self.bootstrap.to_string()
    }

    /// Drops every connection, and takes none for this long; how many there were.
    pub(super) async fn cut(&self, down_for: Duration) -> usize {
        // Every connection listens to the line.
        let dropped = self.shared.state.receiver_count();
        self.shared.state.send_replace(Line::Down);
        sleep(down_for).await;
        self.shared.state.send_replace(Line::Up);
        dropped
    }
}

impl Shared {
    /// Our port for this broker, listened on from now on.
    async fn port_for(self: &Arc<Self>, broker: (String, i32)) -> std::io::Result<u16> {
        if let Some(port) = guard(&self.ports).get(&broker) {
            return Ok(*port);
        }
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let mut ports = guard(&self.ports);
        // Another connection may have been faster.
        let port = *ports.entry(broker.clone()).or_insert(port);
        drop(ports);
        if port == listener.local_addr()?.port() {
            guard(&self.tasks).spawn(accept(listener, broker, Arc::clone(self)));
        }
        Ok(port)
    }
}

fn guard<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Boxed: a connection may find brokers, whose listeners have connections.
fn accept(
    listener: TcpListener,
    broker: (String, i32),
    shared: Arc<Shared>,
) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    Box::pin(async move {
        let mut connections = JoinSet::new();
        while let Ok((client, _)) = listener.accept().await {
            while connections.try_join_next().is_some() {}
            if *shared.state.borrow() == Line::Down {
                continue;
            }
            let mut line = shared.state.subscribe();
            let (broker, shared) = (broker.clone(), Arc::clone(&shared));
            connections.spawn(async move {
                tokio::select! {
                    _ = line.wait_for(|line| *line == Line::Down) => {},
                    // Either side may hang up; the other is told by the drop.
                    _ = pass(client, &broker, &shared) => {},
                }
            });
        }
    })
}

async fn pass(client: TcpStream, broker: &(String, i32), shared: &Arc<Shared>) -> std::io::Result<()> {
    let port = u16::try_from(broker.1).map_err(std::io::Error::other)?;
    let server = TcpStream::connect((broker.0.as_str(), port)).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let asked: Mutex<HashMap<[u8; 4], Question>> = Mutex::default();
    tokio::select! {
        ended = requests(from_client, to_server, &asked) => ended,
        ended = answers(from_server, to_client, &asked, shared) => ended,
    }
}

async fn requests(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    asked: &Mutex<HashMap<[u8; 4], Question>>,
) -> std::io::Result<()> {
    loop {
        let frame = read(&mut from).await?;
        if let Some(question) = Question::read(&frame) {
            guard(asked).insert(question.correlation, question);
        }
        write(&mut to, &frame).await?;
    }
}

async fn answers(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    asked: &Mutex<HashMap<[u8; 4], Question>>,
    shared: &Arc<Shared>,
) -> std::io::Result<()> {
    loop {
        let frame = read(&mut from).await?;
        let question = correlation(&frame).and_then(|number| guard(asked).remove(&number));
        match question.and_then(|question| places(question, &frame)) {
            None => write(&mut to, &frame).await?,
            Some(found) => {
                let mut ours = HashMap::new();
                for place in found.iter().filter(|place| !place.host.is_empty() && place.port > 0) {
                    let broker = (place.host.clone(), place.port);
                    let port = shared.port_for(broker.clone()).await?;
                    ours.insert(broker, port);
                }
                let to_us = |place: &frame::Place| {
                    ours.get(&(place.host.clone(), place.port)).map(|port| (Ipv4Addr::LOCALHOST.to_string(), *port))
                };
                write(&mut to, &moved(&frame, &found, to_us)).await?;
            },
        }
    }
}

async fn read(from: &mut OwnedReadHalf) -> std::io::Result<Vec<u8>> {
    let length = usize::try_from(from.read_i32().await?).unwrap_or(usize::MAX);
    if length > FRAME_BYTES {
        return Err(std::io::Error::other("a frame that is too large"));
    }
    let mut frame = vec![0; length];
    from.read_exact(&mut frame).await?;
    Ok(frame)
}

async fn write(to: &mut OwnedWriteHalf, frame: &[u8]) -> std::io::Result<()> {
    let length = i32::try_from(frame.len()).map_err(std::io::Error::other)?;
    let mut whole = Vec::with_capacity(frame.len() + 4);
    whole.extend_from_slice(&length.to_be_bytes());
    whole.extend_from_slice(frame);
    to.write_all(&whole).await
}
