//! The background tasks of a running server.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::commit::Committer;
use crate::config::Config;
use crate::publish::Publisher;
use crate::publish::checkpoint_file::CheckpointFile;
use crate::service::Service;
use crate::startup::DataDir;

/// Starts them on `tracker`; they end when `stop` is given. Refuses a database that forgot what was published.
pub async fn spawn(
    tracker: &TaskTracker,
    service: &Arc<Service>,
    config: &Config,
    data_dir: &DataDir,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    let file = CheckpointFile::open(&data_dir.path, service).await?;
    let publisher = Publisher::new(Arc::clone(service), config.publish_interval, Some(file));
    tracker.spawn(publisher.run(stop.clone()));
    if let Some(interval) = config.commit_interval {
        tracker.spawn(Committer::new(Arc::clone(service), interval).run(stop.clone()));
    }
    Ok(())
}
