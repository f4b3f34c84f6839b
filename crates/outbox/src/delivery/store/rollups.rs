//! Counts of minutes.

use std::time::Duration;

use super::{Deliveries, DeliveryError, Rollup, args, statement};
use crate::engine::Engine;
use crate::sql::{Cells, decode};

const MINUTE_US: i64 = 60_000_000;

impl<DB: Engine> Deliveries<DB> {
    pub(super) async fn put_rollups(&self, rollups: &[Rollup], keep: Duration) -> Result<(), DeliveryError> {
        let list = serde_json::to_string(rollups).map_err(|error| sqlx::Error::Encode(error.into()))?;
        let oldest = self.minutes_ago(keep).await?;
        let mut tx = self.begin().await?;
        self.change(&mut tx, statement!("rollup_put"), args![list]).await?;
        self.change(&mut tx, statement!("collect_rollups"), args![oldest]).await?;
        tx.commit().await?;
        Ok(())
    }

    pub(super) async fn read_rollups(&self, window: Duration) -> Result<Vec<Rollup>, DeliveryError> {
        let oldest = self.minutes_ago(window).await?;
        let rows = self.fetch(statement!("rollups"), args![oldest]).await?;
        Ok(rows.into_iter().map(read).collect::<Result<_, _>>()?)
    }

    /// By the database's clock.
    async fn minutes_ago(&self, span: Duration) -> Result<i64, DeliveryError> {
        let mut row =
            self.fetch(statement!("now"), Vec::new()).await?.into_iter().next().ok_or(DeliveryError::Conflict)?;
        let span = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
        Ok(row.int::<i64>()?.saturating_sub(span).div_euclid(MINUTE_US))
    }
}

fn read(mut row: Cells) -> Result<Rollup, sqlx::Error> {
    let (minute, destination) = (row.int()?, row.int()?);
    let (event_type, worker) = (row.text()?, row.text()?);
    let mut count = || row.int();
    let (delivered, retried, failed, slowest_us) = (count()?, count()?, count()?, count()?);
    let latencies = serde_json::from_str(&row.text()?).map_err(|_| decode("a histogram is none"))?;
    Ok(Rollup { minute, destination, event_type, worker, delivered, retried, failed, slowest_us, latencies })
}
