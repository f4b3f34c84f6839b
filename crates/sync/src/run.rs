//! Keeping in step by itself, for as long as the program runs.

use std::time::Duration;

use tokio::time::sleep;

use crate::error::{Direction, SyncError};
use crate::push::Patience;
use crate::session::Session;

/// How often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rhythm {
    /// Between two rounds that went well.
    pub pause: Duration,
}

impl Default for Rhythm {
    fn default() -> Self {
        Self { pause: Duration::from_secs(5) }
    }
}

impl Session {
    /// Pushes and pulls until `stop` completes. An outage is waited out with growing pauses; what cannot heal by itself (a
    /// forked history, a key nobody knows) is an error at once.
    pub async fn run(&self, rhythm: Rhythm, stop: impl Future<Output = ()>) -> Result<(), SyncError> {
        tokio::pin!(stop);
        loop {
            let round = async {
                let push = self.push(Patience::default()).await;
                let pull = self.pull(Patience::default()).await;
                push.map(drop).and(pull.map(drop))
            };
            let result = tokio::select! {
                () = &mut stop => return Ok(()),
                result = round => result,
            };
            let pause = match result {
                Ok(()) => rhythm.pause,
                Err(error) if error.is_retryable() => self.pause_after_failure(rhythm).await?,
                Err(error) => return Err(error),
            };
            tokio::select! {
                () = &mut stop => return Ok(()),
                () = sleep(pause) => {},
            }
        }
    }

    async fn pause_after_failure(&self, rhythm: Rhythm) -> Result<Duration, SyncError> {
        let now = self.replica.clock.now().0;
        let mut pause = rhythm.pause;
        for direction in [Direction::Push, Direction::Pull] {
            if let Some(next) = self.replica.progress(direction).await?.next_at {
                let micros = u64::try_from(next.saturating_sub(now)).unwrap_or(0);
                pause = pause.max(Duration::from_micros(micros));
            }
        }
        Ok(pause)
    }
}
