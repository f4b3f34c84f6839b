//! The last published checkpoint, kept in the data directory too.
//!
//! Restoring an old backup is the commonest way in which real logs forked: the database forgets what the world has seen,
//! and goes on differently. The file remembers, and a start behind it, or beside it, is refused.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use stateset_ledger::note;
use stateset_store::head_log::Checkpoint;

use crate::clock::random;
use crate::service::Service;
use crate::startup::write_durably;

const NAME: &str = "checkpoint";

/// The file `checkpoint` of the data directory.
#[derive(Debug)]
pub struct CheckpointFile {
    path: PathBuf,
    /// Size of the checkpoint in it, as far as this process knows.
    size: u64,
}

impl CheckpointFile {
    /// Opens the file, refusing a database that does not continue what it says.
    pub async fn open(data_dir: &Path, service: &Service) -> anyhow::Result<Self> {
        let path = data_dir.join(NAME);
        let note = match std::fs::read_to_string(&path) {
            Ok(note) => note,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self { path, size: 0 }),
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
        };
        let seen = read(&note).with_context(|| {
            format!("{} does not hold a checkpoint; move it away if nothing else is damaged", path.display())
        })?;
        if seen.origin != service.log_origin {
            tracing::warn!(
                was = seen.origin,
                is = service.log_origin,
                "LOG_ORIGIN has changed; to others this is another log"
            );
        }
        check(&seen, service, &path).await?;
        Ok(Self { path, size: seen.size })
    }

    /// Keeps `checkpoint` if it is newer. A failure is reported and does not stop the log: the file then only knows less.
    pub async fn keep(&mut self, checkpoint: &Checkpoint) {
        if checkpoint.size <= self.size {
            return;
        }
        let (path, note) = (self.path.clone(), checkpoint.note.clone());
        match tokio::task::spawn_blocking(move || write_durably(&path, &note)).await {
            Ok(Ok(())) => self.size = checkpoint.size,
            Ok(Err(error)) => tracing::error!(path = %self.path.display(), %error, "cannot keep the checkpoint"),
            Err(error) => tracing::error!(%error, "cannot keep the checkpoint"),
        }
    }
}

/// The file is this service's own, so its signature, perhaps of an earlier key, says nothing more.
fn read(note: &str) -> anyhow::Result<note::Checkpoint> {
    let (text, _) = note.rsplit_once("\n\n").context("there is no blank line before the signatures")?;
    Ok(note::Checkpoint::parse(&format!("{text}\n"))?)
}

async fn check(seen: &note::Checkpoint, service: &Service, path: &Path) -> anyhow::Result<()> {
    let way_out = format!(
        "Restore the newer database. Only if the published entries are lost for good: move {} away, which starts a fork \
         that everybody who holds an older checkpoint can prove",
        path.display()
    );
    let size = service.store.log_state(random()).await?.frontier.size();
    if size < seen.size {
        anyhow::bail!(
            "the database's head log has {size} entries, but {} have been published: was an old backup restored, or is \
             this another database? {way_out}",
            seen.size
        );
    }
    let root = service.log_tiles.frontier(seen.size).await?.root();
    if root != seen.root {
        anyhow::bail!(
            "the first {} entries of the database's head log are not those that have been published: was it restored \
             from an old backup and written to since, or is this another database? {way_out}",
            seen.size
        );
    }
    Ok(())
}
