//! Secrets that the file refers to, by variable or by file.

use std::path::Path;

use stateset_inspect::Fault;
use stateset_relay::secret::Secret;

use super::Of;
use crate::settings::secret_variable;

/// Longest file of a secret or a certificate chain.
const FILE_BYTES: u64 = 256 * 1024;

impl Of<'_> {
    /// The secret called `what` that exactly one of `what_env` and `what_file` names; `None`: neither does.
    pub(super) fn secret(
        self,
        what: &str,
        variable: Option<&String>,
        file: Option<&Path>,
    ) -> Result<Option<Secret>, Fault> {
        match (variable, file) {
            (None, None) => Ok(None),
            (Some(name), None) => Ok(Some(Secret::new(secret_variable(name)?))),
            (None, Some(path)) => {
                let text = self.text(path, &format!("{what}_file"))?;
                let secret = text.trim_end_matches(['\r', '\n']);
                if secret.is_empty() {
                    let fix = "write the secret into it, and nothing else";
                    return Err(self.fault(format_args!("{what}_file {} is empty", path.display()), fix));
                }
                Ok(Some(Secret::new(secret.as_bytes())))
            },
            (Some(_), Some(_)) => {
                Err(self.fault(format_args!("{what}_env and {what}_file are both given"), "keep one of them"))
            },
        }
    }

    /// A file that the destination names, as text.
    pub(super) fn text(self, path: &Path, member: &str) -> Result<String, Fault> {
        let path = self.folder.join(path);
        let unreadable = |error: std::io::Error| {
            let fix = "check the path, which is relative to the file of routes, and who may read it";
            self.fault(format_args!("{member} {} cannot be read", path.display()), fix).because(error)
        };
        let size = std::fs::metadata(&path).map_err(unreadable)?.len();
        if size > FILE_BYTES {
            return Err(self.fault(format_args!("{member} {} is too large", path.display()), "name the right file"));
        }
        std::fs::read_to_string(&path).map_err(unreadable)
    }
}
