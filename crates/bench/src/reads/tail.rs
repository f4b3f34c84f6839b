//! From a commit to the page of a tail that has it.

use std::time::Duration;

use anyhow::ensure;
use hdrhistogram::Histogram;
use stateset_outbox::{Engine, Outbox, TailListener, TailStart};
use tokio::time::{Instant, sleep};

use super::ask::Table;
use super::ground::write;
use crate::numbers::micros_u64;

const SAMPLES: u32 = 200;
const TARGET: Duration = Duration::from_millis(50);
/// Between two events, so that each finds everybody idle.
const PAUSE: Duration = Duration::from_millis(20);

/// A writer commits; a reader that waits for hints, as `tail` does, has the event.
pub(super) async fn measure<DB: Engine>(outbox: &Outbox<DB>, table: &mut Table) -> anyhow::Result<()> {
    let mut times = Histogram::<u64>::new(3)?;
    let mut cursor = outbox.tail_from(TailStart::Now).await?;
    let mut listener = TailListener::default();
    // The first wait only begins to listen.
    outbox.tail_wait(&mut listener, Duration::from_millis(10)).await?;
    for _ in 0..SAMPLES {
        sleep(PAUSE).await;
        write(outbox, 1).await?;
        let committed = Instant::now();
        loop {
            let page = outbox.tail(&cursor, 100).await?;
            cursor = page.cursor;
            if !page.events.is_empty() {
                break;
            }
            ensure!(committed.elapsed() < Duration::from_secs(5), "a committed event did not come");
            outbox.tail_wait(&mut listener, Duration::from_secs(1)).await?;
        }
        times.record(micros_u64(committed.elapsed()))?;
    }
    table.add("tail, commit to page", "1", &times, TARGET, None);
    Ok(())
}
