//! An async function of the application, called once per event and lane by lane.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::time::timeout;

use super::by_lane::publish_by_lane;
use super::{Batch, Outcome, Publishing, Sink, Why};
use crate::record::Record;

/// How a handler says that it failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HandlerError {
    /// This time; try again.
    #[error("{0}")]
    Retry(String),
    /// This event will never work: a dead letter.
    #[error("{0}")]
    Refuse(String),
    /// What the handler needs is down; no event is to blame.
    #[error("{0}")]
    Unavailable(String),
}

type Function = dyn Fn(Record) -> BoxFuture<'static, Result<(), HandlerError>> + Send + Sync;

/// A function as a destination. Each subscriber is a destination of its own, so the success of one is never repeated
/// because of another's failure.
#[derive(Clone)]
pub struct Handler {
    function: Arc<Function>,
    lanes: usize,
    limit: Duration,
}

impl Handler {
    /// Calls `function` for each event: at most 8 lanes at a time, 15 minutes per call.
    pub fn new<F, Fut>(function: F) -> Self
    where
        F: Fn(Record) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), HandlerError>> + Send + 'static,
    {
        Self { function: Arc::new(move |record| function(record).boxed()), lanes: 8, limit: Duration::from_mins(15) }
    }

    /// How many lanes are handled at a time.
    #[must_use]
    pub fn lanes(self, lanes: usize) -> Self {
        Self { lanes: lanes.max(1), ..self }
    }

    /// How long one call may take. The lease is extended meanwhile.
    #[must_use]
    pub fn limit(self, limit: Duration) -> Self {
        Self { limit, ..self }
    }

    async fn call(&self, record: &Record) -> Outcome {
        // A panic of the application must not take the worker down, nor count as success.
        let call = AssertUnwindSafe(async { (self.function)(record.clone()).await }).catch_unwind();
        match timeout(self.limit, call).await {
            Ok(Ok(Ok(()))) => Outcome::Accepted(None),
            Ok(Ok(Err(HandlerError::Retry(why)))) => Outcome::retry("handler", why),
            Ok(Ok(Err(HandlerError::Refuse(why)))) => Outcome::Refused(Why::new("handler", why)),
            Ok(Ok(Err(HandlerError::Unavailable(why)))) => Outcome::Unavailable(Why::new("handler", why)),
            Ok(Err(panic)) => Outcome::retry("panic", panic_text(panic.as_ref())),
            Err(_) => Outcome::retry("timeout", format!("the handler took longer than {:?}", self.limit)),
        }
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("the handler panicked: {}", text.unwrap_or("without a text"))
}

impl Sink for Handler {
    fn publish<'a>(&'a self, batch: Batch<'a>) -> Publishing<'a> {
        Box::pin(publish_by_lane(batch, self.lanes, |record| self.call(record)))
    }

    fn batch_limit(&self) -> usize {
        // A batch is settled as a whole: with slow handlers a large one would delay the first result.
        256
    }

    fn call_limit(&self) -> Duration {
        self.limit
    }
}
