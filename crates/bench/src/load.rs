//! Closed-loop clients: each sends its next request when it has the whole answer to the last.
//!
//! All of them live on one thread and do next to nothing: bytes ready to send, a glance at the answer. What the
//! generator costs is measured too, because on a small machine it is taken from the server.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use hdrhistogram::Histogram;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::{JoinSet, LocalSet};
use tokio::time::{Instant, timeout};

use crate::cpu::{CpuTimes, Meters};
use crate::numbers::{micros_u64, per_second};

const BUFFER_BYTES: usize = 256 * 1024;
/// The counts stand within this many bytes of a reply's beginning.
const COUNTS_WITHIN: usize = 256;
const LONGEST_REPLY: Duration = Duration::from_mins(1);

/// What to send, how, for how long.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    pub(crate) address: SocketAddr,
    pub(crate) requests: Arc<Vec<Vec<u8>>>,
    /// What each answer must say.
    pub(crate) expect: Expect,
    pub(crate) clients: usize,
    /// Sent, answered, not counted.
    pub(crate) warm_up: Duration,
    /// Ends earlier if the requests run out, unless `again`.
    pub(crate) measure: Duration,
    /// Start over when all requests have been sent.
    pub(crate) again: bool,
    pub(crate) meters: Meters,
    /// Note the time whenever so many more events have been answered.
    pub(crate) mark_every: Option<u64>,
}

impl Load {
    /// All requests, once, without a warm-up.
    pub(crate) fn until_sent(self) -> Self {
        const LONGEST: Duration = Duration::from_hours(1);
        Self { warm_up: Duration::ZERO, measure: LONGEST, again: false, ..self }
    }
}

/// What a right answer says. Any other ends the measurement with an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expect {
    /// Status 200 and so many new events.
    Accepted(u64),
    /// Status 200 and so many events known before.
    Duplicate(u64),
    /// Status 200; counts as one.
    Answer,
}

impl Expect {
    fn events(self) -> u64 {
        match self {
            Self::Accepted(events) | Self::Duplicate(events) => events,
            Self::Answer => 1,
        }
    }
}

/// What came of it.
#[derive(Clone, Debug)]
pub(crate) struct Measured {
    pub(crate) events: u64,
    pub(crate) elapsed: Duration,
    /// Microseconds from the first byte sent to the last received, per request.
    pub(crate) latency: Histogram<u64>,
    pub(crate) cpu: CpuTimes,
    /// Requests of the client that had the fewest answered.
    pub(crate) fewest_requests: u64,
    /// When each next [`Load::mark_every`] events had been answered, from the first request on.
    pub(crate) marks: Vec<Duration>,
}

impl Measured {
    pub(crate) fn rate(&self) -> f64 {
        per_second(self.events, self.elapsed)
    }

    pub(crate) fn quantile(&self, quantile: f64) -> Duration {
        Duration::from_micros(self.latency.value_at_quantile(quantile))
    }
}

/// Runs the load on a thread of its own.
pub(crate) async fn drive(load: Load) -> anyhow::Result<Measured> {
    tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        LocalSet::new().block_on(&runtime, run(load))
    })
    .await?
}

struct Shared {
    load: Load,
    next: Cell<usize>,
    phase: Cell<Phase>,
    /// Answered since the beginning, also in the warm-up.
    answered: Cell<u64>,
    latency: RefCell<Histogram<u64>>,
    requests: RefCell<Vec<u64>>,
    began: Instant,
    marks: RefCell<Vec<Duration>>,
    /// Requests have run out, or a client has failed.
    over: Notify,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    WarmUp,
    Measure,
    End,
}

async fn run(load: Load) -> anyhow::Result<Measured> {
    ensure!(load.requests.len() >= load.clients, "fewer requests than clients");
    let connections = connect(&load).await?;
    let shared = Rc::new(Shared {
        next: Cell::new(0),
        phase: Cell::new(Phase::WarmUp),
        answered: Cell::new(0),
        latency: RefCell::new(Histogram::new_with_bounds(1, micros_u64(LONGEST_REPLY), 3)?),
        requests: RefCell::new(vec![0; load.clients]),
        began: Instant::now(),
        marks: RefCell::default(),
        over: Notify::new(),
        load,
    });
    let mut clients = JoinSet::new();
    for (number, connection) in connections.into_iter().enumerate() {
        clients.spawn_local(client(Rc::clone(&shared), number, connection));
    }
    let window = window(&shared).await;
    shared.phase.set(Phase::End);
    while let Some(ended) = clients.join_next().await {
        ended??;
    }
    let Window { events, elapsed, cpu } = window?;
    Ok(Measured {
        events,
        elapsed,
        cpu,
        latency: shared.latency.borrow().clone(),
        fewest_requests: shared.requests.borrow().iter().copied().min().unwrap_or_default(),
        marks: shared.marks.take(),
    })
}

async fn connect(load: &Load) -> anyhow::Result<Vec<TcpStream>> {
    let mut connections = Vec::new();
    for _ in 0..load.clients {
        let connection = TcpStream::connect(load.address).await.context("connecting to the server")?;
        connection.set_nodelay(true)?;
        connections.push(connection);
    }
    Ok(connections)
}

struct Window {
    events: u64,
    elapsed: Duration,
    cpu: CpuTimes,
}

async fn window(shared: &Shared) -> anyhow::Result<Window> {
    let load = &shared.load;
    let enough_left = timeout(load.warm_up, shared.over.notified()).await.is_err();
    ensure!(enough_left, "the warm-up ended early");
    let (first, begun, before) = (shared.answered.get(), Instant::now(), load.meters.read()?);
    shared.phase.set(Phase::Measure);
    // Either end is a good one.
    timeout(load.measure, shared.over.notified()).await.ok();
    shared.phase.set(Phase::End);
    let elapsed = begun.elapsed();
    Ok(Window { events: shared.answered.get() - first, elapsed, cpu: load.meters.read()? - before })
}

async fn client(shared: Rc<Shared>, number: usize, mut connection: TcpStream) -> anyhow::Result<()> {
    let mut buffer = vec![0; BUFFER_BYTES];
    while let Some(request) = shared.take() {
        let begun = Instant::now();
        let exchange = async {
            connection.write_all(&shared.load.requests[request]).await.context("sending a request")?;
            read_reply(&mut connection, &mut buffer, shared.load.expect).await
        };
        let outcome = exchange.await;
        if outcome.is_err() {
            shared.over.notify_one();
            return outcome;
        }
        shared.record(number, begun.elapsed());
    }
    Ok(())
}

impl Shared {
    /// The next request to send.
    fn take(&self) -> Option<usize> {
        if self.phase.get() == Phase::End {
            return None;
        }
        let count = self.load.requests.len();
        let next = self.next.get();
        if next >= count && !self.load.again {
            self.over.notify_one();
            return None;
        }
        self.next.set(next + 1);
        Some(next % count)
    }

    fn record(&self, client: usize, latency: Duration) {
        let before = self.answered.get();
        let answered = before + self.load.expect.events();
        self.answered.set(answered);
        if let Some(every) = self.load.mark_every
            && answered / every > before / every
        {
            self.marks.borrow_mut().push(self.began.elapsed());
        }
        if self.phase.get() == Phase::Measure {
            self.latency.borrow_mut().saturating_record(micros_u64(latency).max(1));
            self.requests.borrow_mut()[client] += 1;
        }
    }
}

async fn read_reply(connection: &mut TcpStream, buffer: &mut [u8], expect: Expect) -> anyhow::Result<()> {
    let mut filled = 0;
    let head = loop {
        filled += read_some(connection, &mut buffer[filled..]).await?;
        if let Some(head) = Head::parse(&buffer[..filled])? {
            break head;
        }
    };
    let counts_end = head.end + head.body.min(COUNTS_WITHIN);
    while filled < counts_end {
        filled += read_some(connection, &mut buffer[filled..]).await?;
    }
    let mut received = filled - head.end;
    while received < head.body {
        received += read_some(connection, &mut buffer[counts_end..]).await?;
    }
    ensure!(received == head.body, "the server sent more than its answer");
    let counts = &buffer[head.end..counts_end];
    if head.status == 200 && is_expected(counts, expect) {
        return Ok(());
    }
    bail!("expected {expect:?}, got {}: {}", head.status, String::from_utf8_lossy(counts));
}

async fn read_some(connection: &mut TcpStream, buffer: &mut [u8]) -> anyhow::Result<usize> {
    let count = connection.read(buffer).await.context("reading an answer")?;
    ensure!(count > 0, "the server closed the connection, or its header is too long");
    Ok(count)
}

/// Both routes tell the counts first, under names that end alike.
fn is_expected(body: &[u8], expect: Expect) -> bool {
    match expect {
        Expect::Accepted(events) => count_after(body, b"ccepted\":") == Some(events),
        Expect::Duplicate(events) => count_after(body, b"uplicate\":") == Some(events),
        Expect::Answer => true,
    }
}

fn count_after(body: &[u8], name: &[u8]) -> Option<u64> {
    let at = body.windows(name.len()).position(|part| part == name)?;
    digits(body.get(at + name.len()..)?)
}

fn digits(bytes: &[u8]) -> Option<u64> {
    let length = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(&bytes[..length]).ok()?.parse().ok()
}

#[derive(Debug, PartialEq, Eq)]
struct Head {
    status: u64,
    /// Where the body begins.
    end: usize,
    /// Bytes of the body.
    body: usize,
}

impl Head {
    /// `None` until the header is complete. The server is ours: it writes names in lower case and states the length.
    fn parse(bytes: &[u8]) -> anyhow::Result<Option<Self>> {
        const LENGTH: &[u8] = b"\r\ncontent-length: ";
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
        let at = bytes[..end].windows(LENGTH.len()).position(|part| part == LENGTH);
        let status = bytes.get("HTTP/1.1 ".len()..).and_then(digits).context("no status")?;
        let length = at.and_then(|at| digits(&bytes[at + LENGTH.len()..])).context("no content-length")?;
        Ok(Some(Self { status, end: end + 4, body: usize::try_from(length)? }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_understood_at_a_glance() {
        let text = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 42\r\n\r\n{\"batch";
        let head = Head::parse(text).unwrap().unwrap();
        assert_eq!(head, Head { status: 200, end: text.len() - 7, body: 42 });
        assert_eq!(Head::parse(b"HTTP/1.1 200 OK\r\ncontent-length: 42\r\n").unwrap(), None);
        let ves = br#"{"batchId":"x","eventsAccepted":100,"eventsDuplicate":0,"eventsRejected":0"#;
        assert!(is_expected(ves, Expect::Accepted(100)) && is_expected(ves, Expect::Duplicate(0)));
        let first = br#"{"batch_id":"x","events_accepted":0,"events_duplicate":7"#;
        assert!(is_expected(first, Expect::Duplicate(7)) && !is_expected(first, Expect::Accepted(7)));
    }
}
