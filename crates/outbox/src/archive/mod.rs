//! Old events leave the database for sealed files, and are still read.
//!
//! Nothing leaves by itself: [`Retention`] rules say which events may, and when; a legal hold keeps them. [`Archive::run`]
//! writes what may leave into a *segment*, a file of one JSON line per event with the root of a hash tree over its lines;
//! reads it back from the disk and compares it with the rows, byte for byte; and only then deletes the rows, which the
//! database permits for exactly those events. An event leaves only when every destination is past it and nothing waits for
//! it. What it is known by (`event_identity`) stays, so that nothing is ever written twice.
//!
//! It may be interrupted anywhere and run again. Deliberately absent: deleting segments. They are the log.

mod file;
mod line;
mod tree;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::SqlSafeStr as _;
use uuid::Uuid;

use crate::delivery::{LoggedEvent, type_matches};
use crate::engine::Engine;
use crate::outbox::Outbox;
use crate::replay::ReplayFilter;
use crate::sql::{Cells, args, decode, execute, fetch, fetch_optional, micros, statement};
use file::{Summary, Writer};
use line::{Line, read_row};

/// Rows read at a time: at most this many payloads are in memory.
const PAGE: u16 = 100;
/// A segment ends behind the event that takes it past this size.
const SEGMENT_BYTES: u64 = 64 * 1024 * 1024;

/// A rule for events that may leave the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Its name; setting it again replaces it.
    pub name: String,
    /// Of this tenant; `None`: of every one.
    pub tenant: Option<Uuid>,
    /// Of this store; `None`: of every one.
    pub store: Option<Uuid>,
    /// `product.*`, `*`.
    pub type_glob: String,
    /// How long after it was written an event stays.
    pub keep: Duration,
    /// They stay whatever other rules say, until this rule is removed or set without it.
    pub legal_hold: bool,
    /// For people: who wants it and why.
    pub reason: String,
}

/// A sealed file of events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Its number.
    pub id: i64,
    /// Its name in the archive's folder.
    pub file: String,
    /// How far it is.
    pub state: SegmentState,
    /// Its first event's place in the log.
    pub first_id: i64,
    /// Its last one's. Events in between may be elsewhere.
    pub last_id: i64,
    /// How many it has.
    pub events: i64,
    /// Size of the file.
    pub bytes: i64,
    /// SHA-256 of the file.
    pub sha256: Vec<u8>,
    /// RFC 6962 tree over its lines, each without its newline.
    pub root: Vec<u8>,
}

/// How far a segment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SegmentState {
    /// Written; its rows are in the log.
    Sealed,
    /// Read back and compared; its rows are in the log.
    Verified,
    /// Its rows have left the log.
    Archived,
}

impl std::str::FromStr for SegmentState {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        match word {
            "sealed" => Ok(Self::Sealed),
            "verified" => Ok(Self::Verified),
            "archived" => Ok(Self::Archived),
            _ => Err(()),
        }
    }
}

/// What a run did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Archived {
    /// Segments whose rows have left.
    pub segments: u64,
    /// Events in them.
    pub events: u64,
    /// Events that stay because their payload is not what was written: their places in the log.
    pub damaged: Vec<i64>,
}

/// Why archiving or reading stopped. Nothing has left the log that is not in a verified segment.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The folder or a file cannot be used.
    #[error("the archive's file {file}")]
    File {
        /// Which.
        file: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A segment is not what it was when it was sealed. Restore it from a copy; nothing else has been changed.
    #[error("the segment {file} is damaged: {why}")]
    Damaged {
        /// Which.
        file: String,
        /// What differs.
        why: String,
    },
    /// A rule that is none.
    #[error("{0}")]
    Rule(String),
    /// The database.
    #[error("the database")]
    Database(#[from] sqlx::Error),
}

/// The archive of one log: its database and a folder. One process at a time archives.
pub struct Archive<DB: Engine> {
    outbox: Outbox<DB>,
    folder: PathBuf,
}

impl<DB: Engine> Archive<DB> {
    /// Segments lie in this folder, which exists; back it up like the database. Under row-level security the outbox's role
    /// must be the service's, because segments hold the events of all tenants.
    pub fn new(outbox: Outbox<DB>, folder: impl Into<PathBuf>) -> Self {
        Self { outbox, folder: folder.into() }
    }

    /// Sets a rule.
    pub async fn set_retention(&self, rule: &Retention) -> Result<(), ArchiveError> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_.*".contains(&byte);
        if rule.type_glob.is_empty() || !rule.type_glob.bytes().all(plain) {
            return Err(ArchiveError::Rule(format!("{:?} is no glob of a-z, 0-9, _, . and *", rule.type_glob)));
        }
        if rule.name.is_empty() || rule.name.len() > 100 || rule.reason.trim().is_empty() {
            return Err(ArchiveError::Rule("a rule has a name of 1 to 100 bytes, and a reason".to_owned()));
        }
        let mut args = args![&rule.name, rule.tenant, rule.store, &rule.type_glob, micros(rule.keep)];
        args.extend(args![rule.legal_hold, &rule.reason]);
        let mut tx = self.outbox.begin().await?;
        execute::<DB>(&mut tx, &self.outbox.schema, statement!("retention_set"), args).await?;
        Ok(tx.commit().await?)
    }

    /// Removes a rule. `false`: there is none of this name.
    pub async fn remove_retention(&self, name: &str) -> Result<bool, ArchiveError> {
        let mut tx = self.outbox.begin().await?;
        let gone = execute::<DB>(&mut tx, &self.outbox.schema, statement!("retention_remove"), args![name]).await?;
        tx.commit().await?;
        Ok(gone == 1)
    }

    /// All rules, by name.
    pub async fn retentions(&self) -> Result<Vec<Retention>, ArchiveError> {
        let mut tx = self.outbox.begin().await?;
        let rows = fetch::<DB>(&mut tx, &self.outbox.schema, statement!("retention_list"), Vec::new()).await?;
        Ok(rows.into_iter().map(read_rule).collect::<Result<_, _>>()?)
    }

    /// Finishes what was begun, then moves what may leave, in segments of at most `most` events, until nothing more may.
    pub async fn run(&self, most: u32) -> Result<Archived, ArchiveError> {
        let mut report = Archived::default();
        for segment in self.segments().await? {
            if segment.state != SegmentState::Archived {
                self.finish(&segment).await?;
                report.segments += 1;
                report.events += u64::try_from(segment.events).unwrap_or(0);
            }
        }
        while let Some(segment) = self.seal(most, &mut report.damaged).await? {
            self.finish(&segment).await?;
            report.segments += 1;
            report.events += u64::try_from(segment.events).unwrap_or(0);
        }
        self.give_room_back().await;
        Ok(report)
    }

    /// Every segment, oldest first.
    pub async fn segments(&self) -> Result<Vec<Segment>, ArchiveError> {
        let mut all: Vec<Segment> = Vec::new();
        loop {
            let after = all.last().map_or(0, |segment| segment.id);
            let mut tx = self.outbox.begin().await?;
            let args = args![after, i64::from(PAGE)];
            let rows = fetch::<DB>(&mut tx, &self.outbox.schema, statement!("archive_segments"), args).await?;
            let full = rows.len() == usize::from(PAGE);
            for row in rows {
                all.push(read_segment(row)?);
            }
            if !full {
                return Ok(all);
            }
        }
    }

    /// Reads a segment's file from end to end and compares it with what was sealed.
    pub async fn verify(&self, segment: &Segment) -> Result<(), ArchiveError> {
        let found = self.read_file(segment, |_| ()).await?;
        found.compare(segment).map_err(|why| ArchiveError::Damaged { file: segment.file.clone(), why })
    }

    /// The next events of the outbox's scope that match, in the order of the log, at most `most`, wherever they are: as
    /// [`Outbox::events_for_replay`], archived ones included. Those have no transaction any more (`xid` 0).
    pub async fn events(&self, filter: &ReplayFilter, most: u16) -> Result<Vec<LoggedEvent>, ArchiveError> {
        // The log first: what leaves it meanwhile is then found twice, never not at all.
        let mut found = self.outbox.events_for_replay(filter, most).await?;
        let mut tx = self.outbox.begin().await?;
        let args = args![filter.after, i64::from(i32::MAX)];
        let rows = fetch::<DB>(&mut tx, &self.outbox.schema, statement!("archive_overlapping"), args).await?;
        drop(tx);
        let most = usize::from(most);
        for row in rows {
            let segment = read_segment(row)?;
            // Segments come by their first event: no later one has anything before the last one that is wanted.
            if found.len() >= most && found.last().is_some_and(|last| last.log_id < segment.first_id) {
                break;
            }
            let (scope, wanted) = (self.outbox.scope, filter.clone());
            let (sender, mut events) = tokio::sync::mpsc::unbounded_channel();
            let take = move |line: Line| {
                let event = LoggedEvent::from(line);
                if matches(&wanted, &event) && (event.tenant, event.store) == (scope.tenant, scope.store) {
                    sender.send(event).ok();
                }
            };
            self.read_file(&segment, take).await?;
            while let Ok(event) = events.try_recv() {
                found.push(event);
            }
            found.sort_by_key(|event| event.log_id);
            found.dedup_by_key(|event| event.log_id);
            found.truncate(most);
        }
        Ok(found)
    }

    /// Writes what may leave into the next segment; `None`: nothing may.
    async fn seal(&self, most: u32, damaged: &mut Vec<i64>) -> Result<Option<Segment>, ArchiveError> {
        let mut writer: Option<Writer> = None;
        let mut ids: Vec<i64> = Vec::new();
        let mut after = 0;
        'pages: loop {
            let page = self.rows(None, after, PAGE).await?;
            let full = page.len() == usize::from(PAGE);
            for (line, intact) in page {
                after = line.id;
                if !intact {
                    if !damaged.contains(&line.id) {
                        damaged.push(line.id);
                    }
                    continue;
                }
                if writer.is_none() {
                    writer = Some(self.file_task(Writer::create).await?);
                }
                let Some(open) = &mut writer else { continue };
                ids.push(line.id);
                open.add(&line).map_err(|source| self.broken("a new segment", source))?;
                if ids.len() >= usize::try_from(most).unwrap_or(usize::MAX) || open.bytes() >= SEGMENT_BYTES {
                    break 'pages;
                }
            }
            if !full {
                break;
            }
        }
        let Some(writer) = writer else { return Ok(None) };
        let summary = self.file_task(move |folder| writer.finish(folder)).await?;
        self.record(summary, &ids).await.map(Some)
    }

    async fn record(&self, summary: Summary, ids: &[i64]) -> Result<Segment, ArchiveError> {
        let mut tx = self.outbox.begin().await?;
        let mut args = args![&summary.file, summary.first_id, summary.last_id, summary.events, summary.bytes];
        args.extend(args![summary.sha256.as_slice(), summary.root.as_slice()]);
        let schema = &self.outbox.schema;
        let row = fetch_optional::<DB>(&mut tx, schema, statement!("archive_seal"), args).await?;
        let id: i64 = row.ok_or(sqlx::Error::RowNotFound)?.int()?;
        let list = serde_json::to_string(ids).expect("numbers have a JSON form");
        execute::<DB>(&mut tx, schema, statement!("archive_pend"), args![list, id]).await?;
        tx.commit().await?;
        let Summary { file, first_id, last_id, events, bytes, sha256, root } = summary;
        let state = SegmentState::Sealed;
        Ok(Segment { id, file, state, first_id, last_id, events, bytes, sha256, root })
    }

    /// From sealed to archived.
    async fn finish(&self, segment: &Segment) -> Result<(), ArchiveError> {
        self.verify(segment).await?;
        self.compare_with_rows(segment).await?;
        let schema = &self.outbox.schema;
        let mut tx = self.outbox.begin().await?;
        execute::<DB>(&mut tx, schema, statement!("archive_verified"), args![segment.id]).await?;
        let dropped = execute::<DB>(&mut tx, schema, statement!("archive_drop"), args![segment.id]).await?;
        if i64::try_from(dropped) != Ok(segment.events) {
            let why = format!("it has {} events, and {dropped} rows were to leave; none has", segment.events);
            return Err(ArchiveError::Damaged { file: segment.file.clone(), why });
        }
        execute::<DB>(&mut tx, schema, statement!("archive_unpend"), args![segment.id]).await?;
        execute::<DB>(&mut tx, schema, statement!("archive_done"), args![segment.id]).await?;
        Ok(tx.commit().await?)
    }

    /// Every row that is about to leave is in the file, byte for byte.
    async fn compare_with_rows(&self, segment: &Segment) -> Result<(), ArchiveError> {
        let mut tree = tree::Tree::default();
        let (mut after, mut count) = (0, 0);
        loop {
            let page = self.rows(Some(segment.id), after, PAGE).await?;
            let full = page.len() == usize::from(PAGE);
            for (line, _) in page {
                after = line.id;
                count += 1;
                tree.push(line.to_json().as_bytes());
            }
            if !full {
                break;
            }
        }
        if count == segment.events && tree.root().as_slice() == segment.root {
            return Ok(());
        }
        let why = format!("{count} rows of the log are not its {} events", segment.events);
        Err(ArchiveError::Damaged { file: segment.file.clone(), why })
    }

    /// Rows of a segment that have not left, or with `None` those that may leave; each with whether its payload is what
    /// was written.
    async fn rows(&self, segment: Option<i64>, after: i64, most: u16) -> Result<Vec<(Line, bool)>, ArchiveError> {
        let mut tx = self.outbox.begin().await?;
        let schema = &self.outbox.schema;
        let rows = match segment {
            None => fetch::<DB>(&mut tx, schema, statement!("archive_eligible"), args![after, most]).await?,
            Some(id) => fetch::<DB>(&mut tx, schema, statement!("archive_rows"), args![id, after, most]).await?,
        };
        Ok(rows.into_iter().map(read_row).collect::<Result<_, _>>()?)
    }

    /// Files block, so they are read on a thread of their own.
    async fn read_file(
        &self,
        segment: &Segment,
        take: impl FnMut(Line) + Send + 'static,
    ) -> Result<Summary, ArchiveError> {
        let name = segment.file.clone();
        let read = self.file_task(move |folder| Ok(file::read(folder, &name, take))).await?;
        read.map_err(|why| ArchiveError::Damaged { file: segment.file.clone(), why })
    }

    async fn file_task<T: Send + 'static>(
        &self,
        task: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
    ) -> Result<T, ArchiveError> {
        let folder = self.folder.clone();
        let done = tokio::task::spawn_blocking(move || task(&folder)).await;
        done.unwrap_or_else(|panic| Err(io::Error::other(panic))).map_err(|source| self.broken("segment", source))
    }

    fn broken(&self, what: &str, source: io::Error) -> ArchiveError {
        ArchiveError::File { file: format!("{} in {}", what, self.folder.display()), source }
    }

    /// Best effort: an empty partition costs little.
    async fn give_room_back(&self) {
        let dropped = async {
            let mut connection = self.outbox.pool.begin_with(DB::BEGIN.into_sql_str()).await?;
            DB::give_room_back(&mut connection, &self.outbox.schema).await?;
            connection.commit().await
        };
        if let Err(error) = dropped.await {
            tracing::debug!(%error, "empty partitions stay for now");
        }
    }
}

/// As the statement of `events_for_replay` judges rows: pure.
fn matches(filter: &ReplayFilter, event: &LoggedEvent) -> bool {
    let same = |wanted: &Option<String>, value: Option<&String>| wanted.as_ref().is_none_or(|it| Some(it) == value);
    event.log_id > filter.after
        && filter.type_glob.as_ref().is_none_or(|glob| type_matches(glob, &event.event_type))
        && same(&filter.correlation_id, event.correlation_id.as_ref())
        && same(&filter.order_key, event.order_key.as_ref())
        && filter.entity.as_ref().is_none_or(|it| it.kind == event.entity_type && it.id == event.entity_id)
        && filter.since.is_none_or(|since| event.written_at >= since)
        && filter.until.is_none_or(|until| event.written_at < until)
}

fn read_rule(mut row: Cells) -> Result<Retention, sqlx::Error> {
    Ok(Retention {
        name: row.text()?,
        tenant: row.opt_id()?,
        store: row.opt_id()?,
        type_glob: row.text()?,
        keep: Duration::from_micros(row.int()?),
        legal_hold: row.flag()?,
        reason: row.text()?,
    })
}

fn read_segment(mut row: Cells) -> Result<Segment, sqlx::Error> {
    Ok(Segment {
        id: row.int()?,
        file: row.text()?,
        state: row.word()?,
        first_id: row.int()?,
        last_id: row.int()?,
        events: row.int()?,
        bytes: row.int()?,
        sha256: row.opt_bytes()?.ok_or_else(|| decode("a hash is NULL"))?,
        root: row.opt_bytes()?.ok_or_else(|| decode("a root is NULL"))?,
    })
}
