//! Random operations: whatever is asked in whatever order, a database answers what the oracle answers.
//!
//! A seed gives a sequence of [`Step`]s, the same for both stores; after each, the answers and the rows of all streams are
//! compared as text. Answers without a promised order are sorted first, and a stream's number, which each database gives as
//! it likes, is replaced by its scope's.

mod world;

use std::collections::HashMap;
use std::fmt::Debug;

use stateset_ledger::id::{Micros, Scope};
use stateset_store::append::Appended;
use stateset_store::batch::{Batch, BatchFrontier};
use stateset_store::head_log::{PublisherLease, Unpublished};
use stateset_store::read::EventQuery;
use stateset_store::stream::{OpenStream, StreamNo, StreamRow};
use stateset_store::{Store, StoreError};

use self::world::{Part, Step, World, batch_id};
use crate::memory::MemoryFactory;
use crate::postgres::PostgresFactory;
use crate::sqlite::SqliteFactory;
use crate::suite::Factory;
use crate::suite::batches::batch;
use crate::suite::head_log::round;
use crate::suite::random::Random;
use crate::suite::writer::{NOW, Writer, all_events, sequence};

const STEPS: usize = 400;
const SEEDS: [u64; 4] = [1, 2, 3, 4];

/// One store and the two writers that use it, each with its own idea of where the streams stand.
struct Side<'f, F: Factory> {
    factory: &'f F,
    store: F::Store,
    scopes: Vec<Scope>,
    rows: Vec<Option<StreamRow>>,
    writers: [HashMap<usize, OpenStream>; 2],
    leases: HashMap<&'static str, PublisherLease>,
}

impl<'f, F: Factory> Side<'f, F> {
    async fn new(factory: &'f F, scopes: &[Scope]) -> Self {
        Self {
            factory,
            store: factory.open().await,
            scopes: scopes.to_vec(),
            rows: vec![None; scopes.len()],
            writers: [HashMap::new(), HashMap::new()],
            leases: HashMap::new(),
        }
    }

    /// The answer to `step` as text, and the rows of all streams behind it.
    async fn answer(&mut self, step: &Step, now: Micros) -> String {
        let answer = Box::pin(self.take(step, now)).await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(StoreError::Conflict) => "conflict".to_owned(),
            Err(other) => panic!("{step:?}: {other:?}"),
        };
        for (place, &scope) in self.scopes.iter().enumerate() {
            self.rows[place] = self.store.stream(scope).await.expect("answer");
        }
        let rows: Vec<_> = self.rows.iter().flatten().map(|row| self.row(row)).collect();
        format!("{answer}\n{rows:?}")
    }

    /// The same number for a scope on every side.
    fn number(&self, stream: StreamNo) -> StreamNo {
        let place = self.rows.iter().position(|row| row.as_ref().is_some_and(|row| row.stream == stream));
        StreamNo(i64::try_from(place.expect("a stream of this test")).expect("few streams"))
    }

    fn row(&self, row: &StreamRow) -> StreamRow {
        StreamRow { stream: self.number(row.stream), ..row.clone() }
    }

    fn batch(&self, batch: &Batch) -> Batch {
        Batch { stream: self.number(batch.stream), ..batch.clone() }
    }

    async fn take(&mut self, step: &Step, now: Micros) -> Result<String, StoreError> {
        match step {
            Step::Open { writer, scopes } => self.open(*writer, scopes.iter().copied(), now).await,
            Step::Append { writer, parts, reload } => {
                let answer = self.append(*writer, parts, now).await;
                if *reload && !matches!(&answer, Ok(answers) if answers.iter().all(|a| *a == Appended::Committed)) {
                    self.open(*writer, parts.iter().map(|part| part.scope), now).await?;
                }
                answer.map(text)
            },
            Step::Keys { tenant, agent } => {
                let (size, mut keys) = self.store.agent_keys(*tenant, *agent).await?;
                keys.sort_by_key(|key| (key.agent, key.key));
                Ok(text((size, keys)))
            },
            Step::Event { tenant, stores, id } => {
                let mut found = self.store.event(*tenant, stores.as_deref(), *id).await?;
                found.sort_by_key(|found| found.scope);
                let found = found.iter().map(|found| (found.scope, &found.event, &found.segment, found.head_size));
                Ok(text(found.collect::<Vec<_>>()))
            },
            Step::Batch { id } => {
                let found = self.store.batch(*id).await?;
                Ok(text(found.map(|(scope, batch)| (scope, self.batch(&batch)))))
            },
            Step::Due => {
                let mut due: Vec<_> =
                    self.store.streams_to_commit(100).await?.iter().map(|row| self.row(row)).collect();
                due.sort_by_key(|row| row.stream);
                Ok(text(due))
            },
            Step::Log { .. } | Step::Lease { .. } | Step::Publish { .. } | Step::Records { .. } => {
                self.log(step, now).await
            },
            Step::SequencerKey { public_key } => Ok(text(self.store.register_sequencer_key(*public_key, now).await?)),
            Step::SequencerKeys => Ok(text(self.store.sequencer_keys().await?)),
            Step::Reopen => {
                self.store = self.factory.open().await;
                self.store.ping().await.map(text)
            },
            Step::Known { scope, .. }
            | Step::Versions { scope, .. }
            | Step::Events { scope, .. }
            | Step::Tree { scope, .. }
            | Step::AddBatch { scope, .. }
            | Step::Batches { scope, .. }
            | Step::Cursor { scope, .. }
            | Step::Advance { scope, .. } => match self.rows[*scope].clone() {
                Some(row) => self.of_stream(&row, step, now).await,
                None => Ok("not opened".to_owned()),
            },
        }
    }

    async fn open(
        &mut self,
        writer: usize,
        places: impl Iterator<Item = usize> + Clone,
        now: Micros,
    ) -> Result<String, StoreError> {
        let wanted: Vec<Scope> = places.clone().map(|place| self.scopes[place]).collect();
        let opened = self.store.open_streams(&wanted, now).await?;
        let heads = opened.iter().map(|open| (open.scope, &open.head, open.key_stream.map(|(_, size)| size)));
        let answer = text(heads.collect::<Vec<_>>());
        self.writers[writer].extend(places.zip(opened));
        Ok(answer)
    }

    async fn append(&mut self, writer: usize, parts: &[Part], now: Micros) -> Result<Vec<Appended>, StoreError> {
        let views: Vec<(Writer, &Part)> = parts
            .iter()
            .filter_map(|part| Some((self.writers[writer].get(&part.scope)?.clone(), part)))
            .map(|(opened, part)| (Writer { opened, now }, part))
            .collect();
        let plans: Vec<_> = views.iter().map(|(view, part)| view.plan(&part.candidates)).collect();
        let appends: Vec<_> = views
            .iter()
            .zip(&plans)
            .map(|((view, part), plan)| {
                let mut append = view.append_of(plan);
                append.key_changes =
                    append.events.iter().map(|event| event.sequence).zip(part.changes.iter().cloned()).collect();
                append
            })
            .collect();
        let answers = self.store.append(&appends).await?;
        for ((_, part), (plan, answer)) in views.iter().zip(plans.iter().zip(&answers)) {
            let view = self.writers[writer].get_mut(&part.scope).expect("it was just used");
            if *answer == Appended::Committed {
                view.head = plan.head.clone();
            }
        }
        Ok(answers)
    }

    async fn of_stream(&self, row: &StreamRow, step: &Step, now: Micros) -> Result<String, StoreError> {
        let (store, stream) = (&self.store, row.stream);
        match step {
            Step::Known { ids, .. } => {
                let mut ids = ids.clone();
                ids.sort_unstable();
                ids.dedup();
                let mut known = store.known_events(stream, &ids).await?;
                known.sort_by_key(|known| known.sequence);
                Ok(text(known))
            },
            Step::Versions { entities, .. } => Ok(text(store.entity_versions(stream, entities).await?)),
            Step::Events { from, limit, filter, count, .. } => {
                let filter = (**filter).clone();
                let query = EventQuery { filter, count: *count, ..EventQuery::new(stream, sequence(*from), *limit) };
                store.events(&query).await.map(text)
            },
            Step::Tree { first, count, .. } => {
                let (first, tiles) = (first % (row.size + 1), row.size / 256);
                let leaves = store.leaves(stream, first, count % (row.size - first + 1)).await?;
                let first_tile = first % (tiles + 1);
                Ok(text((leaves, store.tile_roots(stream, 0, first_tile, tiles - first_tile).await?)))
            },
            Step::AddBatch { seed, misplaced, events, .. } => {
                let BatchFrontier { end, state_root } = store.batch_frontier(stream).await?;
                let behind = BatchFrontier { end: end + misplaced, state_root };
                let mut new = batch(&mut Random::new(*seed), stream, behind, behind.end + events);
                new.batch = batch_id(*seed);
                store.add_batch(&new).await.map(text)
            },
            Step::Batches { from, limit, .. } => {
                let covering = store.batch_covering(stream, sequence(*from)).await?;
                let batches = store.batches(stream, sequence(*from), *limit).await?;
                let bare = batches.iter().map(|found| Batch { chunk_roots: Vec::new(), ..self.batch(found) });
                let frontier = store.batch_frontier(stream).await?;
                Ok(text((frontier, covering.map(|found| self.batch(&found)), bare.collect::<Vec<_>>())))
            },
            Step::Cursor { agent, .. } => {
                let record = store.head_record(stream).await?;
                Ok(text((store.cursor(stream, *agent).await?, record.map(|record| (record.index, record.record)))))
            },
            Step::Advance { agent, acknowledged, .. } => {
                store.advance_cursor(stream, *agent, *acknowledged, now).await.map(text)
            },
            other => panic!("{other:?} is not about one stream"),
        }
    }

    async fn log(&mut self, step: &Step, now: Micros) -> Result<String, StoreError> {
        match step {
            Step::Log { blinding_key } => self.store.log_state(*blinding_key).await.map(text),
            Step::Lease { owner, for_micros } => {
                let lease = self.store.lease_publisher(owner, now, Micros(now.0 + for_micros)).await?;
                self.leases.extend(lease.map(|lease| (*owner, lease)));
                Ok(text(lease))
            },
            Step::Publish { owner, misplaced } => {
                let Some(&lease) = self.leases.get(owner) else { return Ok("never held".to_owned()) };
                let mut unpublished = self.store.unpublished(100).await?;
                unpublished.heads.sort_by_key(|(row, _)| self.number(row.stream));
                unpublished.batches.sort_by_key(|(row, batch)| (self.number(row.stream), batch.start));
                let answer = self.unpublished(&unpublished);
                if unpublished.heads.is_empty() && unpublished.batches.is_empty() {
                    return Ok(answer);
                }
                let state = self.store.log_state([0; 32]).await?;
                let mut next = round(&state.frontier, &unpublished);
                next.expected_size += misplaced;
                self.store.publish(lease, &next).await.map(|()| answer)
            },
            Step::Records { first, count } => {
                let records = self.store.log_records(*first, *count).await?;
                let records: Vec<_> =
                    records.iter().map(|found| (found.index, self.number(found.stream), &found.record)).collect();
                Ok(text((records, self.store.checkpoint().await?, self.store.log_tile(0, 0).await?)))
            },
            other => panic!("{other:?} is not about the head log"),
        }
    }

    fn unpublished(&self, unpublished: &Unpublished) -> String {
        let heads: Vec<_> = unpublished.heads.iter().map(|(row, previous)| (self.row(row), previous)).collect();
        let batches: Vec<_> =
            unpublished.batches.iter().map(|(row, batch)| (self.row(row), self.batch(batch))).collect();
        text((heads, batches))
    }
}

/// Where two answers part, with what leads there; whole answers fill screens.
fn difference(step: &Step, oracle: &str, database: &str) -> String {
    let equal = oracle.chars().zip(database.chars()).take_while(|(left, right)| left == right).count();
    let excerpt = |text: &str, from: usize, count: usize| text.chars().skip(from).take(count).collect::<String>();
    let around = |text| excerpt(text, equal.saturating_sub(300), 600);
    let step = excerpt(&format!("{step:?}"), 0, 600);
    format!("{step}\n  oracle: …{}…\ndatabase: …{}…", around(oracle), around(database))
}

fn text(answer: impl Debug) -> String {
    format!("{answer:?}")
}

async fn answers_as_the_oracle_does<F: Factory>(seed: u64) {
    let (oracle, database) = (MemoryFactory::create().await, F::create().await);
    let mut world = World::new(seed);
    let mut expected = Side::new(&oracle, &world.scopes).await;
    let mut found = Side::new(&database, &world.scopes).await;
    for number in 0..STEPS {
        let step = world.step();
        let now = Micros(NOW.0 + i64::try_from(number).expect("few steps"));
        let (left, right) = (expected.answer(&step, now).await, found.answer(&step, now).await);
        assert!(left == right, "seed {seed}, step {number}: {}", difference(&step, &left, &right));
    }
    let (mut events, mut batches) = (0, 0);
    for (left, right) in expected.rows.iter().flatten().zip(found.rows.iter().flatten()) {
        let all = all_events(&expected.store, left.stream).await;
        assert!(all == all_events(&found.store, right.stream).await, "seed {seed}: the events of {:?}", left.scope);
        events += all.len();
        batches += expected.store.batches(left.stream, sequence(1), 1_000).await.expect("answer").len();
    }
    let records = expected.store.log_records(0, 1_000).await.expect("answer").len();
    // A seed under which the two writers only ever disagree would prove little.
    assert!(events > 1_000 && batches > 5 && records > 10, "seed {seed}: {events}, {batches}, {records}");
}

macro_rules! model_tests {
    ($($backend:ident: $factory:ty;)+) => { $(
        #[tokio::test(flavor = "multi_thread")]
        async fn $backend() {
            for seed in SEEDS {
                Box::pin(answers_as_the_oracle_does::<$factory>(seed)).await;
            }
        }
    )+ };
}

model_tests! {
    sqlite_answers_as_the_oracle_does: SqliteFactory;
    postgres_answers_as_the_oracle_does: PostgresFactory;
}
