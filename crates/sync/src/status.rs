//! Where things stand, for people and programs; asks nobody but the file.

use std::collections::BTreeMap;

use serde::Serialize;
use sqlx::Row as _;
use stateset_ledger::id::Micros;
use uuid::Uuid;

use crate::error::{Direction, SyncError, unreadable};
use crate::history::{Fork, SeenHead};
use crate::keys::LocalKey;
use crate::profile::Profile;
use crate::progress::Progress;
use crate::replica::{Replica, number};
use crate::session::Stream;
use crate::sql;
use crate::write::state_of;

/// All that `sync status` says.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// Whose machine this is.
    pub profile: Profile,
    /// Own events by state.
    pub states: BTreeMap<String, u64>,
    /// The same in the words Pending, Synced, Failed, Acknowledged.
    pub statuses: BTreeMap<&'static str, u64>,
    /// Events of the log that name no key of this agent, so that nobody pushes them.
    pub unsigned: u64,
    /// The oldest event that is not at the sequencer.
    pub oldest_pending: Option<OldestPending>,
    /// Conflicts that wait for a decision.
    pub conflicts: u64,
    /// Pulled events that are not believed.
    pub quarantined: u64,
    /// Events pulled and checked.
    pub pulled: u64,
    /// The newest signed head that was seen.
    pub head: Option<SeenHead>,
    /// Events that are known to be there and are not here.
    pub lag: u64,
    /// The newest checkpoint of the head log that was checked.
    pub checkpoint: Option<SeenCheckpoint>,
    /// The last pushes.
    pub push: Progress,
    /// The last pulls.
    pub pull: Progress,
    /// The agent's keys.
    pub keys: Vec<LocalKey>,
    /// Histories that contradict the one seen before, with both sides' evidence, until the old one is shown again.
    pub forks: Vec<Fork>,
    /// The same in sentences: what is wrong comes first, with what to do.
    pub words: Vec<String>,
}

/// An event that waits.
#[derive(Clone, Debug, Serialize)]
pub struct OldestPending {
    /// Which.
    pub event_id: Uuid,
    /// What happened.
    pub event_type: String,
    /// When it was written, microseconds since 1970 UTC.
    pub written_at: i64,
    /// How long ago, in seconds.
    pub age_seconds: i64,
}

/// A checkpoint that was checked.
#[derive(Clone, Debug, Serialize)]
pub struct SeenCheckpoint {
    /// Entries of the head log.
    pub size: u64,
    /// Its root, hexadecimal.
    pub root: String,
    /// When it was seen, microseconds since 1970 UTC.
    pub seen_at: i64,
    /// The signed note.
    pub note: String,
}

impl Replica {
    /// Where things stand.
    pub async fn status(&self) -> Result<Status, SyncError> {
        let (states, statuses) = self.counts().await?;
        let events = self.stream_state(Stream::Events).await?;
        let lag = events.seen.map_or(0, |head| head.size.saturating_sub(events.size));
        let forks: Vec<String> = sqlx::query_scalar(sql!("forks")).fetch_all(&self.pool).await?;
        let forks = forks.iter().map(|text| serde_json::from_str(text).map_err(unreadable));
        let (unsigned, conflicts, quarantined) = self.other_counts().await?;
        let mut status = Status {
            profile: self.profile.clone(),
            states,
            statuses,
            unsigned,
            oldest_pending: self.oldest_pending().await?,
            conflicts,
            quarantined,
            pulled: events.size,
            head: events.seen,
            lag,
            checkpoint: self.last_checkpoint().await?,
            push: self.progress(Direction::Push).await?,
            pull: self.progress(Direction::Pull).await?,
            keys: self.keys().await?,
            forks: forks.collect::<Result<_, _>>()?,
            words: Vec::new(),
        };
        status.words = words(&status, self.clock.now());
        Ok(status)
    }

    async fn counts(&self) -> Result<(BTreeMap<String, u64>, BTreeMap<&'static str, u64>), SyncError> {
        let rows: Vec<(String, i64)> = sqlx::query_as(sql!("state_counts")).fetch_all(&self.pool).await?;
        let mut states = BTreeMap::new();
        let mut statuses = BTreeMap::from([("Pending", 0), ("Synced", 0), ("Failed", 0), ("Acknowledged", 0)]);
        for (state, count) in rows {
            let count = number(count)?;
            *statuses.entry(state_of(&state)?.sync_status()).or_insert(0) += count;
            states.insert(state, count);
        }
        Ok((states, statuses))
    }

    async fn other_counts(&self) -> Result<(u64, u64, u64), SyncError> {
        let row: (i64, i64, i64) = sqlx::query_as(sql!("other_counts"))
            .bind(self.profile.tenant)
            .bind(self.profile.store)
            .bind(self.profile.agent)
            .fetch_one(&self.pool)
            .await?;
        Ok((number(row.0)?, number(row.1)?, number(row.2)?))
    }

    async fn oldest_pending(&self) -> Result<Option<OldestPending>, SyncError> {
        let row: Option<(Uuid, String, i64)> =
            sqlx::query_as(sql!("oldest_pending")).fetch_optional(&self.pool).await?;
        let now = self.clock.now().0;
        Ok(row.map(|(event_id, event_type, written_at)| OldestPending {
            event_id,
            event_type,
            written_at,
            age_seconds: now.saturating_sub(written_at) / 1_000_000,
        }))
    }

    async fn last_checkpoint(&self) -> Result<Option<SeenCheckpoint>, SyncError> {
        let Some(row) = sqlx::query(sql!("checkpoint_row")).fetch_optional(&self.pool).await? else { return Ok(None) };
        let root: Vec<u8> = row.try_get(1)?;
        Ok(Some(SeenCheckpoint {
            size: number(row.try_get(0)?)?,
            root: stateset_ledger::bytes::Hash::try_from(root.as_slice()).map_err(unreadable)?.to_hex(),
            seen_at: row.try_get(2)?,
            note: row.try_get(3)?,
        }))
    }
}

/// What is wrong first, each with what to do; then how far things are.
fn words(status: &Status, now: Micros) -> Vec<String> {
    let mut words: Vec<String> = status.forks.iter().map(ToString::to_string).collect();
    if status.conflicts > 0 {
        words.push(format!(
            "{} open: `sync conflicts` shows them, `sync resolve` or `sync rebase` settles them",
            counted(status.conflicts, "conflict")
        ));
    }
    if status.quarantined > 0 {
        let events = counted(status.quarantined, "pulled event");
        words.push(format!("{events} in quarantine, with the reason: table sync_quarantine"));
    }
    if let Some(rejected) = status.states.get("rejected").and_then(|all| all.checked_sub(status.conflicts))
        && rejected > 0
    {
        let events = counted(rejected, "event");
        words.push(format!("{events} refused for good, with the reason: view sync_outbox"));
    }
    if status.unsigned > 0 {
        let events = counted(status.unsigned, "event");
        words.push(format!("{events} of the log name no key of this agent and are not pushed"));
    }
    for (what, progress) in [("push", &status.push), ("pull", &status.pull)] {
        if let (Some(error), failures @ 1..) = (&progress.error, progress.failures) {
            let again = match progress.next_at {
                Some(next) if next > now.0 => format!("tried again in {} s", seconds(next - now.0)),
                Some(_) => "due to be tried again".to_owned(),
                None => "not tried again by itself".to_owned(),
            };
            words.push(format!("the last {what} failed ({}, {again}): {error}", counted(failures.into(), "time")));
        }
    }
    let count = |state: &str| status.states.get(state).copied().unwrap_or(0);
    let waiting = ["pending", "in_flight", "retry_wait", "held"].iter().map(|state| count(state)).sum::<u64>();
    let waiting = match &status.oldest_pending {
        Some(oldest) => format!("{} to push, the oldest for {} s", counted(waiting, "event"), oldest.age_seconds),
        None => "nothing to push".to_owned(),
    };
    words.push(format!("{waiting}; {} acknowledged", counted(count("acknowledged"), "event")));
    words.push(match status.lag {
        0 => format!("{} pulled, none known to be missing", counted(status.pulled, "event")),
        lag => format!("{} pulled, {} behind the newest head seen", counted(status.pulled, "event"), lag),
    });
    words
}

fn counted(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// A pause as people count it.
fn seconds(micros: i64) -> i64 {
    (micros + 999_999) / 1_000_000
}
