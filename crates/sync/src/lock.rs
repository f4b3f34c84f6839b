//! One push and one pull at a time on a database, however many processes share it.
//!
//! The lock is the operating system's, on a file beside the database: it ends with its process, however that ends, so that
//! nobody waits for one that was killed. Correctness does not need it, every settlement is conditional; the agent's order
//! does.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::error::{Direction, SyncError};

const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Held until dropped.
pub(crate) struct Lock {
    _file: File,
}

/// Takes the lock, waiting at most `wait` for another process to give it back.
pub(crate) async fn acquire(database: &Path, direction: Direction, wait: Duration) -> Result<Lock, SyncError> {
    let path = lock_path(database, direction);
    let fault = |source| SyncError::File { path: path.clone(), source };
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&path).map_err(fault)?;
    let deadline = Instant::now() + wait;
    loop {
        match file.try_lock() {
            Ok(()) => {
                // For whoever has to wait. It is only a hint, so it may fail.
                name_holder(&mut file).ok();
                return Ok(Lock { _file: file });
            },
            Err(TryLockError::Error(source)) => return Err(fault(source)),
            Err(TryLockError::WouldBlock) if Instant::now() >= deadline => {
                let mut holder = String::new();
                file.rewind().and_then(|()| (&file).take(64).read_to_string(&mut holder)).ok();
                return Err(SyncError::Busy { direction, holder });
            },
            Err(TryLockError::WouldBlock) => sleep(LOOK_AGAIN).await,
        }
    }
}

fn name_holder(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    write!(file, "process {}", std::process::id())
}

fn lock_path(database: &Path, direction: Direction) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(format!("-{}.lock", direction.name()));
    PathBuf::from(name)
}
