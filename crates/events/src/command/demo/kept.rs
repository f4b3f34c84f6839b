//! Secrets of a run, kept in its folder, so that it can be started again.

use std::io::{Error, ErrorKind, Result, Write as _};
use std::path::Path;

use tempfile::NamedTempFile;
use uuid::Uuid;

/// The secret in this file; if there is none yet, `make` gets 64 random hexadecimal digits. For the owner alone, and whole or
/// not there: a start that is killed leaves no empty one.
pub(super) fn secret(path: &Path, make: impl FnOnce(&str) -> String) -> Result<String> {
    match std::fs::read_to_string(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {},
        read => return read,
    }
    let folder = path.parent().ok_or_else(|| Error::from(ErrorKind::InvalidInput))?;
    // Only its owner may read it, from the beginning.
    let mut file = NamedTempFile::new_in(folder)?;
    file.write_all(make(&format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple())).as_bytes())?;
    file.as_file().sync_all()?;
    match file.persist_noclobber(path) {
        // Another start was first.
        Err(error) if error.error.kind() != ErrorKind::AlreadyExists => Err(error.error),
        _ => std::fs::read_to_string(path),
    }
}

#[cfg(test)]
mod tests {
    use super::secret;

    #[test]
    fn a_secret_is_made_once_for_its_owner() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("key");
        let made = secret(&path, |random| format!("demo={random}")).expect("made");
        assert_eq!(made.len(), "demo=".len() + 64);
        assert_eq!(secret(&path, |_| unreachable!("it is there")).expect("read"), made);
        #[cfg(unix)]
        {
            let mode = std::os::unix::fs::MetadataExt::mode(&path.metadata().expect("there"));
            assert_eq!(mode & 0o777, 0o600);
        }
        assert_eq!(folder.path().read_dir().expect("read").count(), 1, "nothing beside it");
    }
}
