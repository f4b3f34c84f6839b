//! Secrets in files that only their owner may read.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use stateset_relay::secret::Secret;

use crate::error::SyncError;

/// Longest file that can be a secret of ours.
const MOST_BYTES: u64 = 8 * 1024;

/// Writes a new file with mode 0600, durably. One that is there already is an error.
pub(crate) fn create(path: &Path, text: &str) -> Result<(), SyncError> {
    write_new(path, text).map_err(|source| SyncError::File { path: path.to_owned(), source })
}

/// Replaces a file, or creates it, in one step.
pub(crate) fn replace(path: &Path, text: &str) -> Result<(), SyncError> {
    let draft = path.with_extension("new");
    let done = (|| {
        match fs::remove_file(&draft) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {},
        }
        write_new(&draft, text)?;
        fs::rename(&draft, path)?;
        sync_folder(path)
    })();
    done.map_err(|source| SyncError::File { path: path.to_owned(), source })
}

/// Reads a file, without the space around its text.
pub(crate) fn read(path: &Path) -> Result<Secret, SyncError> {
    let fault = |source| SyncError::File { path: path.to_owned(), source };
    if fs::metadata(path).map_err(fault)?.len() > MOST_BYTES {
        return Err(fault(io::Error::new(io::ErrorKind::InvalidData, "too long to be a secret")));
    }
    let text = zeroize::Zeroizing::new(fs::read_to_string(path).map_err(fault)?);
    Ok(Secret::new(text.trim().as_bytes()))
}

fn write_new(path: &Path, text: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    sync_folder(path)
}

/// A new name in a folder is durable once the folder is.
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    /// A secret is its owner's alone from the first byte on, and is never written over by accident.
    #[test]
    fn files_are_private_and_made_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("agent-1.key");
        create(&path, "secret").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(read(&path).unwrap().reveal(), b"secret");
        assert!(create(&path, "other").is_err());
        replace(&path, "third").unwrap();
        assert_eq!(read(&path).unwrap().reveal(), b"third");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
