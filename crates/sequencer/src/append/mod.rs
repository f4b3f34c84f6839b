//! Appending: from a request's bytes to places in the log.
//!
//! [`prepare`] does everything that needs no order, many requests at a time; `flush` is the one task that gives places,
//! one group commit after the other. Nothing waits on a timer: an idle flusher takes what is there at once, and what
//! arrives while a commit is in flight is the next group.

pub mod batch;
mod flush;
mod heads;
pub mod prepare;
mod recent;
mod round;

use std::sync::Arc;

use stateset_ledger::agent_key::KeyChange;
use stateset_ledger::bytes::Hash;
use stateset_ledger::event::{Candidate, ReceiptSignature};
use stateset_ledger::growth::Growth;
use stateset_ledger::id::{Micros, Scope, Sequence};
use stateset_ledger::rejection::Cause;
use stateset_store::stream::HeadSignature;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tracing::Instrument as _;

use crate::agent_keys::AgentKeys;
use crate::metrics::Metrics;

pub use flush::{Flusher, FlusherParts};

/// Events that may wait for their place at any time; beyond it requests are told to come back. At the targeted rate this is
/// about a second of work.
const MAX_WAITING_EVENTS: usize = 32_768;

/// Which proof of acceptance the sender wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReceiptMode {
    /// The published form: a signature per event.
    #[default]
    Each,
    /// The signature on the stream head with a range proof; a signature per event costs a quarter of the throughput.
    Flush,
}

/// Candidates of one scope that are admissible in themselves, with verified signatures.
#[derive(Debug)]
pub struct Submission {
    /// Tenant and store of all of them.
    pub scope: Scope,
    /// In request order.
    pub candidates: Arc<Vec<Candidate>>,
    /// The keys their signatures were verified under; none if nothing is signed.
    pub keys: Option<Arc<AgentKeys>>,
    /// Which proof is wanted.
    pub receipts: ReceiptMode,
    /// What a candidate of this index changes in the key registry; only in a key stream.
    pub key_changes: Vec<(usize, KeyChange)>,
}

/// What became of one candidate.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It has this place now.
    Placed(Place),
    /// It had this place before.
    Duplicate(Place),
    /// It has none.
    Rejected(Cause),
}

/// An event's place and its evidence.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// Where.
    pub sequence: Sequence,
    /// Since when.
    pub at: Micros,
    /// Leaf in both trees.
    pub leaf: Hash,
    /// Signature on the receipt, if one was made.
    pub receipt: Option<ReceiptSignature>,
}

/// A signed stream head.
#[derive(Clone, Copy, Debug)]
pub struct SignedHead {
    /// Events in the stream.
    pub size: u64,
    /// Root of the stream tree.
    pub root: Hash,
    /// When it was signed.
    pub at: Micros,
    /// The signature.
    pub signed: HeadSignature,
}

/// What became of a submission.
#[derive(Clone, Debug)]
pub struct Placed {
    /// One per candidate, in request order.
    pub outcomes: Vec<Outcome>,
    /// The head of the flush that placed them; `None` if nothing was placed.
    pub head: Option<SignedHead>,
    /// The nodes of that flush, for proofs.
    pub growth: Option<Arc<Growth>>,
}

/// Why a submission got no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// Too much is waiting; nothing was done.
    #[error("too many events are waiting for their place")]
    Overloaded,
    /// The database is away; it is unknown whether the events were placed, and safe to send them again.
    #[error("the database is not available")]
    Unavailable,
    /// The database holds something impossible.
    #[error("the database is inconsistent")]
    Corrupt,
}

struct Waiting {
    submission: Submission,
    reply: oneshot::Sender<Result<Placed, AppendError>>,
    /// The sender's wait, which the group commit is linked to.
    span: tracing::Span,
    _room: Room,
}

/// Room for the events of a submission, and their place in the count of those that wait.
struct Room {
    count: i64,
    metrics: Arc<Metrics>,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Room {
    fn drop(&mut self) {
        self.metrics.append.waiting.dec_by(self.count);
    }
}

/// The way into the log.
#[derive(Clone)]
pub struct Appender {
    queue: mpsc::UnboundedSender<Waiting>,
    room: Arc<Semaphore>,
    metrics: Arc<Metrics>,
}

impl Appender {
    /// A queue and the receiving end for the [`Flusher`].
    fn channel(metrics: Arc<Metrics>) -> (Self, mpsc::UnboundedReceiver<Waiting>) {
        // Unbounded in form only: every entry holds permits of `room`.
        let (queue, waiting) = mpsc::unbounded_channel();
        (Self { queue, room: Arc::new(Semaphore::new(MAX_WAITING_EVENTS)), metrics }, waiting)
    }

    /// Waits until the submission's events have their places, durably.
    pub async fn append(&self, submission: Submission) -> Result<Placed, AppendError> {
        if submission.candidates.is_empty() {
            return Ok(Placed { outcomes: Vec::new(), head: None, growth: None });
        }
        let events = u32::try_from(submission.candidates.len()).map_err(|_| AppendError::Overloaded)?;
        let room = Arc::clone(&self.room).try_acquire_many_owned(events).map_err(|_| {
            self.metrics.append.overloaded.inc();
            AppendError::Overloaded
        })?;
        let room = Room { count: i64::from(events), metrics: Arc::clone(&self.metrics), _permit: room };
        room.metrics.append.waiting.inc_by(room.count);
        let (reply, answer) = oneshot::channel();
        let span = tracing::debug_span!("append", events);
        let waiting = Waiting { submission, reply, span: span.clone(), _room: room };
        self.queue.send(waiting).map_err(|_| AppendError::Unavailable)?;
        answer.instrument(span).await.unwrap_or(Err(AppendError::Unavailable))
    }
}
