//! Secrets of a run, kept in its folder, so that it can be started again.

use std::io;
use std::path::Path;

use uuid::Uuid;

/// The secret in this file; if there is none yet, `make` gets 64 random hexadecimal digits. For the owner alone.
pub(super) fn secret(path: &Path, make: impl FnOnce(&str) -> String) -> io::Result<String> {
    match std::fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let secret = make(&format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple()));
            write_private(path, &secret)?;
            Ok(secret)
        },
        read => read,
    }
}

fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    io::Write::write_all(&mut options.open(path)?, text.as_bytes())
}
