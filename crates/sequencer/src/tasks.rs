//! The background tasks of a running server.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::Config;
use crate::service::Service;
use crate::startup::DataDir;

/// Starts them on `tracker`; they end when `stop` is given.
pub async fn spawn(
    _tracker: &TaskTracker,
    _service: &Arc<Service>,
    _config: &Config,
    _data_dir: &DataDir,
    _stop: &CancellationToken,
) -> anyhow::Result<()> {
    Ok(())
}
