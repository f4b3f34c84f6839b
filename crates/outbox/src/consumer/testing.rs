//! Every order and every duplication of one key's events, each on a fresh SQLite database, must end in one state.
//!
//! A topic per kind of event keeps each topic's order and mixes the topics; redeliveries repeat any of them. A consumer
//! is right if none of that shows in the end. [`Permutations::converge`] runs a handler on all of it: every order up to
//! a bound, a seeded sample beyond; each order as it is, with every event coming twice in a row, with everything coming
//! again at the end, and with every event lost once in a rollback before it is taken.
//!
//! ```no_run
//! # use stateset_outbox::consumer::{Handler, Incoming, testing::Permutations};
//! # async fn example<H: Handler<sqlx::Sqlite>>(events: Vec<Incoming>, handler: H) {
//! let found = Permutations::of(events)
//!     .schema("CREATE TABLE shipment (order_id TEXT PRIMARY KEY, status TEXT NOT NULL)")
//!     .observe("SELECT order_id || ' ' || status FROM shipment ORDER BY 1")
//!     .converge(&handler)
//!     .await
//!     .expect("every order ends in the same state");
//! println!("{} runs, all ended as {:?}", found.runs, found.state);
//! # }
//! ```

use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{AssertSqlSafe, Sqlite, SqlitePool};

use super::{ConsumeError, Consumer, Handler, Incoming, Taken, Upcasts};
use crate::outbox::Outbox;

/// Orders of so many events are all tried; of more, a sample. 5 events have 120 orders, and four runs of each.
const EXHAUSTIVE: usize = 5;
/// Orders that are tried of more events.
const SAMPLE: usize = 200;
/// What the handler is known as.
const CONSUMER: &str = "permuted";

/// A set of events of one key and how to look at what they lead to.
#[derive(Clone, Debug)]
pub struct Permutations {
    events: Vec<Incoming>,
    schema: String,
    observe: String,
    exhaustive: usize,
    sample: usize,
    seed: u64,
    upcasts: Upcasts,
}

/// What was tried, and the one state it ended in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Convergence {
    /// Runs, each on a database of its own.
    pub runs: usize,
    /// What the observation gave, row by row; then what was left held, and what in quarantine.
    pub state: Vec<String>,
}

/// Why events do not converge.
#[derive(Debug, thiserror::Error)]
pub enum Divergence {
    /// Two orders, two states.
    #[error(
        "the events {first:?} (places in the given list) end in {first_state:#?}\nbut {other:?} end in {other_state:#?}\n\
         (seed {seed})"
    )]
    Diverged {
        /// The order of the first run.
        first: Vec<usize>,
        /// Its end.
        first_state: Vec<String>,
        /// The order that ended elsewhere.
        other: Vec<usize>,
        /// Its end.
        other_state: Vec<String>,
        /// Of the sample.
        seed: u64,
    },
    /// The handler failed.
    #[error("the events {order:?} (places in the given list) failed at place {place}")]
    Failed {
        /// The order.
        order: Vec<usize>,
        /// The event it failed at.
        place: usize,
        /// How.
        #[source]
        source: ConsumeError,
    },
    /// The database of a run could not be made or looked at: a fault of the schema or of the observation.
    #[error("the database of a run")]
    Database(#[source] sqlx::Error),
    /// There is no room for the files.
    #[error("a temporary folder")]
    Folder(#[source] std::io::Error),
}

impl Permutations {
    /// Events of one key. What is observed must be given; all else has defaults.
    pub fn of(events: Vec<Incoming>) -> Self {
        Self {
            events,
            schema: String::new(),
            observe: "SELECT name FROM sqlite_schema WHERE 0".to_owned(),
            exhaustive: EXHAUSTIVE,
            sample: SAMPLE,
            seed: 1,
            upcasts: Upcasts::new(),
        }
    }

    /// SQL that makes the consumer's own tables, and the rows that are there before the first event.
    #[must_use]
    pub fn schema(mut self, sql: impl Into<String>) -> Self {
        self.schema = sql.into();
        self
    }

    /// A SELECT of one text column: the state, in an order of its own. Leave out what may differ, such as times.
    #[must_use]
    pub fn observe(mut self, sql: impl Into<String>) -> Self {
        self.observe = sql.into();
        self
    }

    /// Up to how many events every order is tried (default 5), and how many orders of more (default 200).
    #[must_use]
    pub fn bound(mut self, exhaustive: usize, sample: usize) -> Self {
        self.exhaustive = exhaustive.min(crate::MOST_PERMUTED);
        self.sample = sample;
        self
    }

    /// Of the sample; another one tries other orders.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// As the consumer reads old payloads.
    #[must_use]
    pub fn upcasts(mut self, upcasts: Upcasts) -> Self {
        self.upcasts = upcasts;
        self
    }

    /// Runs the handler on every order and demands one end.
    pub async fn converge<H: Handler<Sqlite>>(&self, handler: &H) -> Result<Convergence, Divergence> {
        let folder = tempfile::tempdir().map_err(Divergence::Folder)?;
        let template = folder.path().join("template.db");
        self.prepare(&template).await.map_err(Divergence::Database)?;
        let mut first: Option<(Vec<usize>, Vec<String>)> = None;
        let mut runs = 0;
        for order in self.orders() {
            for (steps, crashes) in variations(&order) {
                runs += 1;
                let file = folder.path().join("run.db");
                std::fs::copy(&template, &file).map_err(Divergence::Folder)?;
                let state = self.run(&file, handler, &steps, crashes).await?;
                match &first {
                    None => first = Some((steps, state)),
                    Some((_, expected)) if *expected == state => {},
                    Some((first, first_state)) => {
                        return Err(Divergence::Diverged {
                            first: first.clone(),
                            first_state: first_state.clone(),
                            other: steps,
                            other_state: state,
                            seed: self.seed,
                        });
                    },
                }
            }
        }
        Ok(Convergence { runs, state: first.map(|(_, state)| state).unwrap_or_default() })
    }

    /// Pure: the orders that are tried.
    fn orders(&self) -> Vec<Vec<usize>> {
        let count = self.events.len();
        if count <= self.exhaustive {
            // The first third are the plain ones; repetitions are variations here.
            let mut all = crate::permutations(count);
            all.truncate(all.len() / 3);
            return all;
        }
        let mut random = SplitMix(self.seed);
        (0..self.sample).map(|_| random.shuffled(count)).collect()
    }

    async fn prepare(&self, file: &Path) -> Result<(), sqlx::Error> {
        let pool = open(file).await?;
        Outbox::new(pool.clone()).migrate().await?;
        sqlx::raw_sql(AssertSqlSafe(self.schema.clone())).execute(&pool).await?;
        pool.close().await;
        Ok(())
    }

    async fn run<H: Handler<Sqlite>>(
        &self,
        file: &Path,
        handler: &H,
        steps: &[usize],
        crashes: bool,
    ) -> Result<Vec<String>, Divergence> {
        let pool = open(file).await.map_err(Divergence::Database)?;
        let outbox = Outbox::new(pool.clone());
        let consumer = Consumer::new(outbox.clone(), CONSUMER, Borrowed(handler)).with_upcasts(self.upcasts.clone());
        for place in steps {
            let Some(event) = self.events.get(*place) else { continue };
            let failed = |source| Divergence::Failed { order: steps.to_vec(), place: *place, source };
            if crashes {
                let mut tx = outbox.begin().await.map_err(Divergence::Database)?;
                consumer.take(&mut tx, event).await.map_err(failed)?;
                tx.rollback().await.map_err(Divergence::Database)?;
            }
            let _: Taken = consumer.take_alone(event).await.map_err(failed)?;
        }
        let state = self.look(&pool).await.map_err(Divergence::Database)?;
        pool.close().await;
        Ok(state)
    }

    /// The observation, and what was not taken.
    async fn look(&self, pool: &SqlitePool) -> Result<Vec<String>, sqlx::Error> {
        let mut state: Vec<String> = sqlx::query_scalar(AssertSqlSafe(self.observe.clone())).fetch_all(pool).await?;
        for sql in [
            "SELECT 'held: ' || event_type FROM held_event ORDER BY event_type, event_id",
            "SELECT 'quarantined: ' || event_type || ' (' || class || ')' FROM quarantine ORDER BY event_type, event_id",
        ] {
            let left: Vec<String> = sqlx::query_scalar(sql).fetch_all(pool).await?;
            state.extend(left);
        }
        Ok(state)
    }
}

/// An order as it is, twice in a row, again at the end, and with every event lost once before it is taken.
fn variations(order: &[usize]) -> [(Vec<usize>, bool); 4] {
    let in_a_row = order.iter().flat_map(|place| [*place, *place]).collect();
    let again = order.iter().chain(order).copied().collect();
    [(order.to_vec(), false), (in_a_row, false), (again, false), (order.to_vec(), true)]
}

async fn open(file: &Path) -> Result<SqlitePool, sqlx::Error> {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        // One file, so that copying it copies everything; a run that is cut short is thrown away.
        .journal_mode(SqliteJournalMode::Memory)
        .synchronous(SqliteSynchronous::Off);
    SqlitePoolOptions::new().max_connections(1).connect_with(options).await
}

/// A handler that many runs share.
struct Borrowed<'a, H>(&'a H);

impl<H: Handler<Sqlite>> Handler<Sqlite> for Borrowed<'_, H> {
    type State = H::State;

    async fn read(
        &self,
        tx: &mut sqlx::Transaction<'static, Sqlite>,
        event: &Incoming,
    ) -> Result<Self::State, super::Failure> {
        self.0.read(tx, event).await
    }

    fn judge(&self, state: &Self::State, event: &Incoming) -> super::Verdict<Self::State> {
        self.0.judge(state, event)
    }

    async fn apply(
        &self,
        tx: &mut sqlx::Transaction<'static, Sqlite>,
        next: Self::State,
        event: &Incoming,
    ) -> Result<(), super::Failure> {
        self.0.apply(tx, next, event).await
    }
}

/// Steele, Lea and Flood's generator: enough to choose orders, the same ones for the same seed.
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn shuffled(&mut self, count: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..count).collect();
        for last in (1..count).rev() {
            let bound = u64::try_from(last).unwrap_or(0) + 1;
            order.swap(last, usize::try_from(self.next() % bound).unwrap_or(0));
        }
        order
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn few_events_are_tried_in_every_order_and_many_in_a_sample() {
        let of = |count: usize| Permutations::of(vec![event(); count]).bound(4, 50);
        assert_eq!(of(4).orders().iter().collect::<HashSet<_>>().len(), 24);
        let sample = of(9).orders();
        assert_eq!(sample.len(), 50);
        assert!(sample.iter().all(|order| order.iter().collect::<HashSet<_>>().len() == 9));
        assert_eq!(sample, of(9).orders());
        assert_ne!(sample, of(9).seed(2).orders());
    }

    fn event() -> Incoming {
        Incoming {
            event_id: uuid::Uuid::nil(),
            scope: crate::Scope::single_tenant(),
            event_type: "a.b".into(),
            schema_version: 1,
            key: "1".into(),
            sequence: None,
            payload: "{}".into(),
            notes: super::super::Notes::default(),
        }
    }
}
