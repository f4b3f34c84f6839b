//! Clients that push signed events and never forget what they were not told.
//!
//! A batch without an answer is kept and sent again unchanged; now and then a batch with an answer is sent again too.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use serde_json::{Value, json};
use stateset_ledger::id::{EventId, Scope, StoreId, TenantId};
use stateset_testkit::http::{Client, HttpError, Response};
use stateset_testkit::ves::{Agent, SignedEvent};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::promises::Promises;
use crate::random::Random;

const LARGEST_BATCH: u64 = 50;
/// Answered batches that are kept for a second push.
const REMEMBERED: usize = 8;
/// Pause of a client that was told to come back.
const REFUSED_PAUSE: Duration = Duration::from_millis(25);

/// Some clients of several streams.
pub(crate) struct Crowd {
    pub(crate) promises: Arc<Promises>,
    pub(crate) scopes: Vec<Scope>,
    pub(crate) tally: Arc<Tally>,
    pub(crate) members: Vec<Member>,
}

#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) accepted: AtomicU64,
    pub(crate) duplicate: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) lost: AtomicU64,
}

/// One client: an agent, and the batches it still remembers.
pub(crate) struct Member {
    pub(crate) agent: Agent,
    random: Random,
    pub(crate) pending: Option<Batch>,
    answered: Vec<Batch>,
    /// Longest pause between two pushes, in milliseconds.
    idle_ms: u64,
    promises: Arc<Promises>,
    tally: Arc<Tally>,
}

#[derive(Clone)]
pub(crate) struct Batch {
    pub(crate) events: Vec<SignedEvent>,
    body: Vec<u8>,
    path: &'static str,
}

enum Push {
    Answered,
    ToldToComeBack,
    Unanswered,
}

impl Crowd {
    /// `clients` agents in three stores of two tenants; the same for the same seed.
    pub(crate) fn new(seed: u64, clients: u64, idle_ms: u64) -> Self {
        let (promises, tally) = (Arc::<Promises>::default(), Arc::<Tally>::default());
        let tenant = |number: u128| Uuid::from_u128((u128::from(seed) << 64) | number);
        let places = [(tenant(1), tenant(11)), (tenant(1), tenant(12)), (tenant(2), tenant(11))];
        let members = (0..clients).zip(places.iter().cycle()).map(|(number, (tenant, store))| Member {
            agent: Agent::new(seed ^ number, *tenant, *store),
            random: Random::new(seed.wrapping_mul(31).wrapping_add(number)),
            pending: None,
            answered: Vec::new(),
            idle_ms,
            promises: Arc::clone(&promises),
            tally: Arc::clone(&tally),
        });
        let members = members.collect();
        let scopes = places.map(|(tenant, store)| Scope::new(TenantId(tenant), StoreId(store))).to_vec();
        Self { promises, scopes, tally, members }
    }

    /// Registers every member's key; safe to repeat.
    pub(crate) async fn register(&self, client: &Client) -> anyhow::Result<()> {
        for member in &self.members {
            client.post_json("/api/v1/agents/keys", &member.agent.registration()).await?.expect_status(200)?;
        }
        Ok(())
    }

    /// Lets all members push to the servers in turn, until each has met the end of a connection or `stop` is given.
    pub(crate) fn start(&mut self, servers: &[Client], stop: &CancellationToken) -> Work {
        let mut tasks = JoinSet::new();
        for member in std::mem::take(&mut self.members) {
            // No two members share connections, so that each sees its own fate.
            tasks.spawn(member.work(servers.to_vec(), stop.clone()));
        }
        Work { tasks }
    }

    /// Takes the members back.
    pub(crate) async fn finish(&mut self, mut work: Work) -> anyhow::Result<()> {
        while let Some(member) = work.tasks.join_next().await {
            self.members.push(member??);
        }
        self.members.sort_by_key(|member| member.agent.id);
        Ok(())
    }

    /// Pushes what is still without an answer.
    pub(crate) async fn drain(&mut self, client: &Client) -> anyhow::Result<()> {
        for member in &mut self.members {
            while let Some(batch) = member.pending.clone() {
                match member.push(client, &batch).await? {
                    Push::Answered => member.pending = None,
                    Push::ToldToComeBack => tokio::time::sleep(REFUSED_PAUSE).await,
                    Push::Unanswered => bail!("no answer to a batch that was pushed in peace"),
                }
            }
        }
        Ok(())
    }

    pub(crate) fn summary(&self) -> String {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let Tally { accepted, duplicate, refused, lost } = &*self.tally;
        format!(
            "{} events accepted, {} duplicates, {} batches told to come back, {} without an answer",
            count(accepted),
            count(duplicate),
            count(refused),
            count(lost)
        )
    }

    pub(crate) fn accepted(&self) -> u64 {
        self.tally.accepted.load(Ordering::Relaxed)
    }
}

/// Members at work.
pub(crate) struct Work {
    tasks: JoinSet<anyhow::Result<Member>>,
}

impl Member {
    pub(crate) fn scope(&self) -> Scope {
        Scope::new(TenantId(self.agent.tenant), StoreId(self.agent.store))
    }

    async fn work(mut self, servers: Vec<Client>, stop: CancellationToken) -> anyhow::Result<Self> {
        for server in servers.iter().cycle() {
            if stop.is_cancelled() {
                break;
            }
            if self.pending.is_none() && !self.answered.is_empty() && self.random.once_in(8) {
                let again = self.random.pick(&self.answered).clone();
                if matches!(self.push(server, &again).await?, Push::Unanswered) {
                    break;
                }
            }
            let batch = match self.pending.take() {
                Some(batch) => batch,
                None => self.next_batch(),
            };
            self.pending = Some(batch.clone());
            match self.push(server, &batch).await? {
                Push::Answered => {
                    self.pending = None;
                    self.answered.truncate(REMEMBERED - 1);
                    self.answered.insert(0, batch);
                },
                Push::ToldToComeBack => tokio::time::sleep(REFUSED_PAUSE).await,
                Push::Unanswered => break,
            }
            tokio::time::sleep(Duration::from_millis(self.random.between(0, self.idle_ms))).await;
        }
        Ok(self)
    }

    fn next_batch(&mut self) -> Batch {
        // Mostly small: a flush of many small batches is the common case.
        let most = *self.random.pick(&[1, 4, 16, LARGEST_BATCH]);
        let events: Vec<SignedEvent> = (0..self.random.between(1, most)).map(|_| self.next_event()).collect();
        let body = self.agent.batch(&events).to_string().into_bytes();
        let path = if self.random.once_in(5) {
            "/api/v1/ves/events/ingest?receipts=flush"
        } else {
            "/api/v1/ves/events/ingest"
        };
        Batch { events, body, path }
    }

    fn next_event(&mut self) -> SignedEvent {
        let entity = format!("order-{}", self.random.between(1, 100));
        let padding = "ä\u{0}".repeat(usize::try_from(self.random.between(0, 60)).unwrap());
        let payload = json!({ "total": "19.99", "count": self.random.number(), "note": padding });
        let event = self.agent.event(&entity, "order.changed", payload);
        match self.random.between(0, 3) {
            0 => event.version(2).command_id(Uuid::from_u128(self.random.number().into())).sign(),
            1 => event.version(2).sign(),
            _ => event.sign(),
        }
    }

    async fn push(&self, server: &Client, batch: &Batch) -> anyhow::Result<Push> {
        match server.post(batch.path, "application/json", &batch.body).await {
            Ok(response) if response.status == 200 => {
                self.check(batch, &response).with_context(|| response.text())?;
                Ok(Push::Answered)
            },
            Ok(response) if response.status == 503 => {
                check_unavailable(&response)?;
                self.tally.refused.fetch_add(1, Ordering::Relaxed);
                Ok(Push::ToldToComeBack)
            },
            Ok(response) => bail!("unexpected answer {}: {}", response.status, response.text()),
            Err(HttpError::Connect(_)) => Ok(Push::Unanswered),
            Err(HttpError::Lost(_)) => {
                self.tally.lost.fetch_add(1, Ordering::Relaxed);
                Ok(Push::Unanswered)
            },
            Err(error) => Err(error.into()),
        }
    }

    fn check(&self, batch: &Batch, response: &Response) -> anyhow::Result<()> {
        let reply: Value = response.json()?;
        let count = |name: &str| reply.get(name).and_then(Value::as_u64).with_context(|| format!("{name} is missing"));
        let (accepted, duplicate) = (count("eventsAccepted")?, count("eventsDuplicate")?);
        let sent = batch.events.len() as u64;
        ensure!(count("eventsRejected")? == 0 && accepted + duplicate == sent, "{sent} sound events were sent");
        let receipts = reply.get("receipts").and_then(Value::as_array).context("there are no receipts")?;
        ensure!(receipts.len() == batch.events.len(), "{} receipts for {sent} events", receipts.len());
        for (event, receipt) in batch.events.iter().zip(receipts) {
            self.promises.note(self.scope(), event, receipt)?;
            let place = receipt.get("sequenceNumber").and_then(Value::as_u64);
            ensure!(place <= Some(count("headSequence")?), "place {place:?} is above the head");
        }
        self.tally.accepted.fetch_add(accepted, Ordering::Relaxed);
        self.tally.duplicate.fetch_add(duplicate, Ordering::Relaxed);
        Ok(())
    }

    /// Events of the pending batch that nobody has acknowledged.
    pub(crate) fn unacknowledged(&self) -> Vec<EventId> {
        let events = self.pending.iter().flat_map(|batch| &batch.events).map(|event| EventId(event.id));
        events.filter(|event| !self.promises.is_made(self.scope(), *event)).collect()
    }
}

/// The one shape in which the server says that its database is away.
pub(crate) fn check_unavailable(response: &Response) -> anyhow::Result<()> {
    let problem: Value = response.json()?;
    ensure!(response.status == 503, "status {}: {problem}", response.status);
    ensure!(response.header("content-type") == Some("application/problem+json"), "{:?}", response.headers);
    let seconds = response.header("retry-after").and_then(|text| text.parse::<u32>().ok());
    ensure!(seconds.is_some_and(|seconds| (1..=60).contains(&seconds)), "Retry-After: {seconds:?}");
    let code = problem.get("code").and_then(Value::as_str).unwrap_or_default();
    ensure!(["SERVICE_UNAVAILABLE", "OVERLOADED"].contains(&code), "{problem}");
    Ok(())
}
