//! What a job would do.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::chunk::{Task, next_chunk};
use super::effect::Effect;
use super::rules::check;
use super::{JobError, Operator, Outlook, Preview, Request, Sample};
use crate::engine::Engine;
use crate::read::COUNTED;
use crate::sql::{args, fetch_optional, statement};

/// Changes that people are shown.
const SAMPLE: usize = 20;
/// Events or letters read at a time.
const STEP: u16 = 500;
/// Events or letters that a plan looks at.
const EXAMINED: usize = 20_000;

#[derive(Default)]
struct Sums {
    changes: i64,
    examined: usize,
    sample: Vec<Sample>,
    destinations: BTreeMap<String, i64>,
    lanes: BTreeSet<(String, String)>,
    letters: Vec<Uuid>,
    skipped: BTreeMap<&'static str, i64>,
}

impl Sums {
    fn add(&mut self, effects: Vec<(Effect, Option<Sample>)>) {
        for (effect, sample) in effects {
            self.examined += 1;
            match effect {
                Effect::Skip(why) => {
                    *self.skipped.entry(why).or_default() += 1;
                    continue;
                },
                Effect::Redrive { letter, .. } | Effect::Discard { letter, .. } => self.letters.push(letter),
                _ => {},
            }
            self.changes += 1;
            let Some(sample) = sample else { continue };
            *self.destinations.entry(sample.destination.clone()).or_default() += 1;
            self.lanes.insert((sample.destination.clone(), sample.lane.clone()));
            if self.sample.len() < SAMPLE {
                self.sample.push(sample);
            }
        }
    }
}

impl<DB: Engine> Operator<DB> {
    /// Says what a change would do, and keeps it as a plan for 15 minutes. Nothing is delivered, opened or closed.
    ///
    /// # Errors
    /// [`JobError::EmptyFilter`]; [`JobError::Invalid`] if a reason or a name is missing.
    pub async fn plan(&self, request: &Request) -> Result<Preview, JobError> {
        let outlook = self.preview(request).await?;
        let mut tx = self.outbox.begin().await?;
        let job = self.add_job(&mut tx, request, outlook.upto, outlook.changes).await?;
        tx.commit().await?;
        Ok(Preview {
            job,
            changes: outlook.changes,
            exact: outlook.exact,
            sample: outlook.sample,
            destinations: outlook.destinations,
            lanes: outlook.lanes,
            followers: outlook.followers,
            skipped: outlook.skipped,
        })
    }

    /// Says the same and keeps nothing, so that it works on a database that was opened for reading.
    ///
    /// # Errors
    /// As of [`Self::plan`].
    pub async fn preview(&self, request: &Request) -> Result<Outlook, JobError> {
        check(request)?;
        let reader = self.outbox.reader();
        let mut tx = self.outbox.begin_read().await?;
        let facts = reader.facts(&mut tx, &[]).await?;
        if let Some(name) = &request.options.to
            && !facts.destinations.iter().any(|one| one.name == *name)
        {
            let known: Vec<&str> = facts.destinations.iter().map(|one| one.name.as_str()).collect();
            return Err(JobError::Invalid(format!("there is no destination {name:?}; there are {}", known.join(", "))));
        }
        let head = fetch_optional::<DB>(&mut tx, &self.outbox.schema, statement!("log_head"), Vec::new()).await?;
        let upto: i64 = head.ok_or(sqlx::Error::RowNotFound)?.int()?;
        let planned_at = reader.now_in(&mut tx).await?;
        let task = Task { kind: request.kind, filter: &request.filter, options: &request.options, upto, planned_at };
        let mut sums = Sums::default();
        let mut cursor = (-1, Uuid::nil());
        let mut ended = false;
        while !ended && sums.changes < COUNTED && sums.examined < EXAMINED {
            let chunk = next_chunk(&reader, &mut tx, task, cursor, STEP).await?;
            (cursor, ended) = (chunk.cursor, chunk.ended);
            // A chunk in which nothing matched was looked at too.
            sums.examined += if chunk.effects.is_empty() { EXAMINED / 10 } else { 0 };
            sums.add(chunk.effects);
        }
        let letters: Vec<String> = sums.letters.iter().map(|id| id.simple().to_string()).collect();
        let letters = serde_json::to_string(&letters).map_err(|error| sqlx::Error::Decode(error.into()))?;
        let followers =
            fetch_optional::<DB>(&mut tx, &self.outbox.schema, statement!("job_followers"), args![letters]).await?;
        let followers = followers.ok_or(sqlx::Error::RowNotFound)?.int()?;
        Ok(Outlook {
            upto,
            planned_at,
            changes: sums.changes.min(COUNTED),
            exact: ended && sums.changes <= COUNTED,
            sample: sums.sample,
            destinations: sums.destinations.into_iter().collect(),
            lanes: i64::try_from(sums.lanes.len()).unwrap_or(i64::MAX),
            followers,
            skipped: sums.skipped.into_iter().map(|(why, count)| (why.to_owned(), count)).collect(),
        })
    }
}
