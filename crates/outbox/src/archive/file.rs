//! Segments on disk. A file appears under its name only when it is whole and synced; beside it lies its manifest.

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, BufWriter, Write as _};
use std::path::Path;

use serde_json::json;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::Segment;
use super::line::Line;
use super::tree::Tree;

/// Longest line that is read: four times the largest payload, whose quotes may all be escaped, and the rest.
const LINE_BYTES: usize = 64 * 1024 * 1024;

/// What a file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Summary {
    pub(super) file: String,
    pub(super) first_id: i64,
    pub(super) last_id: i64,
    pub(super) events: i64,
    pub(super) bytes: i64,
    pub(super) sha256: Vec<u8>,
    pub(super) root: Vec<u8>,
}

impl Summary {
    /// Pure: what differs from the segment as it was sealed.
    pub(super) fn compare(&self, segment: &Segment) -> Result<(), String> {
        let differs = |what: &str| Err(format!("its {what} are not those that were sealed"));
        if (self.events, self.first_id, self.last_id) != (segment.events, segment.first_id, segment.last_id) {
            return differs("events");
        }
        if self.root != segment.root {
            return differs("lines (Merkle root)");
        }
        if self.sha256 != segment.sha256 || self.bytes != segment.bytes {
            return differs("bytes (SHA-256)");
        }
        Ok(())
    }
}

/// Running hashes over lines.
#[derive(Default)]
struct Sums {
    hash: Sha256,
    tree: Tree,
    bytes: u64,
    events: i64,
    first_id: i64,
    last_id: i64,
}

impl Sums {
    /// `text` without its newline.
    fn add(&mut self, text: &[u8], id: i64) {
        self.hash.update(text);
        self.hash.update(b"\n");
        self.tree.push(text);
        self.bytes += u64::try_from(text.len()).unwrap_or(u64::MAX) + 1;
        if self.events == 0 {
            self.first_id = id;
        }
        self.events += 1;
        self.last_id = id;
    }

    fn summary(self, file: String) -> Summary {
        Summary {
            file,
            first_id: self.first_id,
            last_id: self.last_id,
            events: self.events,
            bytes: i64::try_from(self.bytes).unwrap_or(i64::MAX),
            sha256: self.hash.finalize().to_vec(),
            root: self.tree.root().to_vec(),
        }
    }
}

/// A segment that is being written.
pub(super) struct Writer {
    temporary: String,
    file: BufWriter<File>,
    sums: Sums,
}

impl Writer {
    pub(super) fn create(folder: &Path) -> io::Result<Self> {
        let temporary = format!("unfinished-{}", Uuid::now_v7());
        let file = File::create_new(folder.join(&temporary))?;
        Ok(Self { temporary, file: BufWriter::new(file), sums: Sums::default() })
    }

    pub(super) fn add(&mut self, line: &Line) -> io::Result<()> {
        let text = line.to_json();
        self.sums.add(text.as_bytes(), line.id);
        self.file.write_all(text.as_bytes())?;
        self.file.write_all(b"\n")
    }

    pub(super) fn bytes(&self) -> u64 {
        self.sums.bytes
    }

    /// Syncs the file, gives it its name, writes its manifest, syncs the folder.
    pub(super) fn finish(self, folder: &Path) -> io::Result<Summary> {
        let Self { temporary, file, sums } = self;
        file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        let mut summary = sums.summary(String::new());
        let hash = crate::hex(&summary.sha256);
        let short = hash.get(..12).unwrap_or_default();
        summary.file = format!("events-{:012}-{:012}-{short}.jsonl", summary.first_id, summary.last_id);
        fs::rename(folder.join(temporary), folder.join(&summary.file))?;
        let manifest = json!({
            "format": "stateset-outbox-segment",
            "version": 1,
            "file": summary.file,
            "first_id": summary.first_id,
            "last_id": summary.last_id,
            "events": summary.events,
            "bytes": summary.bytes,
            "sha256": hash,
            "root": crate::hex(&summary.root),
        });
        let mut beside = File::create(folder.join(format!("{}.manifest.json", summary.file)))?;
        writeln!(beside, "{manifest}")?;
        beside.sync_all()?;
        File::open(folder)?.sync_all()?;
        Ok(summary)
    }
}

/// Reads a file from end to end. An error says what is wrong with it.
pub(super) fn read(folder: &Path, name: &str, mut take: impl FnMut(Line)) -> Result<Summary, String> {
    let file = File::open(folder.join(name)).map_err(|error| format!("it cannot be opened: {error}"))?;
    let mut reader = BufReader::new(file);
    let mut sums = Sums::default();
    let mut text = Vec::new();
    loop {
        text.clear();
        let mut bounded = io::Read::take(&mut reader, u64::try_from(LINE_BYTES).unwrap_or(u64::MAX));
        let number = sums.events + 1;
        let read = bounded.read_until(b'\n', &mut text).map_err(|error| format!("line {number}: {error}"))?;
        if read == 0 {
            return Ok(sums.summary(name.to_owned()));
        }
        let Some(line) = text.strip_suffix(b"\n") else { return Err(format!("line {number} is cut off")) };
        let parsed: Line = serde_json::from_slice(line).map_err(|fault| format!("line {number}: {fault}"))?;
        sums.add(line, parsed.id);
        take(parsed);
    }
}
