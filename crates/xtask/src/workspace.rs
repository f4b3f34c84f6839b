//! Where the repository is and which files belong to it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};

use crate::program::program;

pub(crate) struct Workspace {
    root: PathBuf,
}

/// A file of the repository.
pub(crate) struct SourceFile {
    /// Path from the root, with `/`.
    pub(crate) path: String,
    /// `None` for a file that is not text.
    pub(crate) text: Option<String>,
}

impl Workspace {
    /// By where this crate was compiled: `cargo xtask` runs in any folder of the repository.
    pub(crate) fn find() -> anyhow::Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let root = fs::canonicalize(&root).with_context(|| format!("looking for {}", root.display()))?;
        ensure!(root.join("Cargo.lock").is_file(), "{} is not the root of the workspace", root.display());
        Ok(Self { root })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Every file that is or would be committed.
    pub(crate) fn files(&self) -> anyhow::Result<Vec<SourceFile>> {
        let arguments = ["ls-files", "--cached", "--others", "--exclude-standard", "--deduplicate", "-z"];
        let list = program(self, "git", &arguments).output()?;
        let mut files = Vec::new();
        for path in list.split('\0').filter(|path| !path.is_empty()) {
            // A file that is deleted but not yet from the index is not there to be read.
            let Ok(bytes) = fs::read(self.root.join(path)) else { continue };
            files.push(SourceFile { path: path.to_owned(), text: String::from_utf8(bytes).ok() });
        }
        Ok(files)
    }
}

impl SourceFile {
    pub(crate) fn has_extension(&self, extensions: &[&str]) -> bool {
        let extension = Path::new(&self.path).extension().and_then(|extension| extension.to_str());
        extension.is_some_and(|extension| extensions.contains(&extension))
    }
}
