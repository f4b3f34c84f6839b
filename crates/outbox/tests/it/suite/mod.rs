//! The shared suite: one list of cases that both engines must pass.
//!
//! A case is a function over a [`Factory`]; its comment names the requirement rows it proves. An engine is one file with a
//! factory and `outbox_suite!(ItsFactory);`. To add a case, write the function and put its name into the list.

pub(crate) mod archive;
pub(crate) mod consumer;
pub(crate) mod deliver;
pub(crate) mod inbox;
pub(crate) mod integrity;
pub(crate) mod job;
pub(crate) mod kill;
pub(crate) mod leases;
#[cfg(feature = "contracts")]
pub(crate) mod marks;
pub(crate) mod operation;
pub(crate) mod read;
pub(crate) mod scale;
#[cfg(feature = "personal")]
pub(crate) mod subject;
pub(crate) mod views;
pub(crate) mod write;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use sqlx::Transaction;
use stateset_outbox::delivery::{DeliveryStore, Destination, Lease, NewRoute, Registration, Start};
use stateset_outbox::{AddOutcome, Draft, Engine, Entity, Event, EventType, IdempotencyToken, Outbox, Payload};

/// A fresh database for one test.
pub(crate) trait Factory: Sized + Send + Sync {
    /// The engine under test.
    type Engine: Plain;

    /// Makes the database, empty and migrated.
    async fn create() -> Self;

    /// A handle; every one is on the same database.
    fn outbox(&self) -> Outbox<Self::Engine>;

    /// Where another process finds the database.
    fn url(&self) -> String;

    /// A table as SQL names it.
    fn table(&self, name: &str) -> String;

    /// Takes the connection away from under a transaction, as a crash of either side does.
    async fn kill(&self, tx: Transaction<'static, Self::Engine>);
}

/// An engine on which a test may run a statement of its own.
pub(crate) trait Plain: Engine {
    /// Takes the guards of the tables away, as only their owner can.
    const UNPROTECT: &'static str;
    /// Moves a cursor behind the end of the log.
    const FAR: &'static str;
    /// Fills the log with {count} events, one a second.
    const FILL: &'static str;
    /// The statement of pages.
    const READ_EVENTS: &'static str;
    /// A UUID of 32 hexadecimal digits as SQL writes it.
    fn uuid(digits: &str) -> String;
    /// How the engine would answer a query.
    async fn plan(connection: &mut Self::Connection, sql: String) -> Vec<String>;
    /// Runs SQL without arguments.
    fn run(connection: &mut Self::Connection, sql: String) -> impl Future<Output = Result<u64, sqlx::Error>> + Send;
    /// The one number that SQL gives.
    async fn number(connection: &mut Self::Connection, sql: String) -> i64;
    /// The texts that SQL gives.
    fn texts(connection: &mut Self::Connection, sql: String) -> impl Future<Output = Vec<String>> + Send;
}

macro_rules! plain {
    ($engine:ty, $connection:ty, $unprotect:literal, $far:literal, $folder:literal, $explain:literal, $column:literal) => {
        impl Plain for $engine {
            const UNPROTECT: &'static str = $unprotect;
            const FAR: &'static str = $far;
            const FILL: &'static str = include_str!(concat!("fill_", $folder, ".sql"));
            const READ_EVENTS: &'static str = include_str!(concat!("../../../sql/", $folder, "/read_events.sql"));
            fn uuid(digits: &str) -> String {
                if $folder == "sqlite" { format!("x'{digits}'") } else { format!("'{digits}'::uuid") }
            }
            async fn plan(connection: &mut $connection, sql: String) -> Vec<String> {
                let sql = sqlx::AssertSqlSafe(format!("{} {sql}", $explain));
                let rows = sqlx::query(sql).fetch_all(connection).await.expect("a plan");
                rows.iter().map(|row| sqlx::Row::get(row, $column)).collect()
            }
            async fn run(connection: &mut $connection, sql: String) -> Result<u64, sqlx::Error> {
                Ok(sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(connection).await?.rows_affected())
            }
            async fn number(connection: &mut $connection, sql: String) -> i64 {
                sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(connection).await.expect("a number")
            }
            async fn texts(connection: &mut $connection, sql: String) -> Vec<String> {
                sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_all(connection).await.expect("texts")
            }
        }
    };
}
plain!(
    sqlx::Postgres,
    sqlx::PgConnection,
    "SET LOCAL session_replication_role = replica",
    "prev = pg_snapshot '1:999999999:'",
    "postgres",
    "EXPLAIN",
    "QUERY PLAN"
);
plain!(
    sqlx::Sqlite,
    sqlx::SqliteConnection,
    "DROP TRIGGER events_are_not_updated; DROP TRIGGER events_are_not_deleted",
    "prev = 1000000",
    "sqlite",
    "EXPLAIN QUERY PLAN",
    "detail"
);

macro_rules! outbox_suite {
    ($factory:ty) => {
        outbox_suite! { @ $factory;
            write:
                an_event_reads_back_exactly_as_written
                a_rolled_back_event_was_never_there
                a_known_key_gives_the_first_event_and_the_transaction_goes_on
                a_known_id_gives_the_first_event
                another_payload_under_a_known_key_is_a_conflict
                the_first_payload_may_win
                an_inadmissible_event_leaves_the_transaction_usable
                a_batch_keeps_its_order_and_takes_duplicates
                a_batch_with_a_conflict_leaves_nothing
                keys_belong_to_their_scope
                an_event_for_the_record_goes_nowhere
                many_writers_lose_nothing
                the_log_refuses_changes
                migrations_run_once
                the_log_is_read_again_by_filter;
            leases:
                a_shard_group_has_one_owner
                a_lost_lease_settles_nothing
                a_released_lease_is_free_at_once
                heartbeats_keep_a_lease;
            deliver:
                a_destination_gets_what_comes_after_its_registration
                a_backfill_gets_everything
                a_full_chunk_is_followed_by_the_next
                a_chunk_settles_in_part
                a_chunk_settles_once
                a_restarted_worker_gets_what_was_not_settled
                two_workers_share_a_destination
                a_failure_parks_its_lane_and_nothing_else
                a_dead_letter_is_redriven_once
                a_dead_letter_is_discarded_once
                a_lane_with_open_deliveries_cannot_flow
                routes_are_versions
                a_breaker_is_compared_and_set
                counts_add_up
                finished_rows_are_collected
                counts_of_minutes_survive_and_expire
                a_rebase_delivers_again
                a_commit_wakes_a_worker;
            operation:
                a_command_answers_the_same_for_ever
                a_key_of_another_request_is_refused
                a_refusal_is_stored_and_a_crash_is_not
                a_duplicate_waits_for_the_first
                a_command_at_work_is_seen
                a_duplicate_does_not_wait_for_ever
                an_expired_key_is_done_anew
                a_reserved_key_is_used_once
                a_reset_key_is_done_anew
                an_external_call_leaves_the_outcome_uncertain
                a_dead_worker_s_local_work_is_done_again
                a_crash_at_every_step_leaves_one_order_and_one_event
                a_command_given_up_at_every_await_happens_once;
            views:
                one_state_has_many_words;
            read:
                a_list_is_what_the_filter_says
                nothing_found_is_explained
                states_are_those_of_the_view
                one_event_is_inspected
                timelines_join_by_order_key
                sums_are_per_scope
                dead_letters_are_listed
                reading_and_writing_do_not_meet
                what_is_stuck_is_explained
                an_entity_is_what_its_events_say;
            scale:
                every_filter_has_an_index;
            archive:
                old_events_leave_and_are_still_read
                rules_keep_events
                undelivered_events_stay
                an_interrupted_archive_loses_nothing
                damage_is_found;
            consumer:
                an_illegal_event_changes_nothing
                an_event_waits_for_its_predecessor
                a_rollback_leaves_nothing_held
                what_waits_is_bounded
                a_deadline_ends_waiting
                quarantine_is_released_or_discarded
                an_unreadable_record_is_kept_once
                old_payloads_are_read_as_new_ones
                predecessor_and_successor_at_once;
            job:
                a_plan_is_applied_once_and_in_time
                letters_are_closed_once_and_on_the_record
                only_what_was_delivered_is_acknowledged
                a_job_goes_on_where_it_was
                an_aborted_replay_is_withdrawn
                single_changes_are_on_the_record;
            integrity:
                every_fault_is_found;
            kill:
                a_killed_redrive_opens_each_letter_once
                a_killed_replay_delivers_each_event_once;
            inbox:
                an_event_has_one_effect
                every_order_and_duplication_ends_in_one_state;
        }
    };
    (@ $factory:ty; $($file:ident: $($case:ident)+;)+) => { $($(
        #[tokio::test(flavor = "multi_thread")]
        async fn $case() {
            let factory = <$factory as crate::suite::Factory>::create().await;
            Box::pin(crate::suite::$file::$case(&factory)).await;
        }
    )+)+ };
}
pub(crate) use outbox_suite;

#[cfg(feature = "personal")]
macro_rules! subject_suite {
    ($factory:ty) => {
        crate::suite::outbox_suite! { @ $factory;
            subject:
                an_erased_person_is_gone_and_the_log_is_as_it_was
                the_same_personal_fact_is_a_duplicate
                master_keys_are_exchanged;
        }
    };
}
#[cfg(feature = "personal")]
pub(crate) use subject_suite;

#[cfg(feature = "contracts")]
macro_rules! marks_suite {
    ($factory:ty) => {
        crate::suite::outbox_suite! { @ $factory;
            marks:
                the_marks_of_the_catalogue_are_enough;
        }
    };
}
#[cfg(feature = "contracts")]
pub(crate) use marks_suite;

/// An event about an order, with a number as its payload.
pub(crate) fn order(id: &str, number: i64) -> Draft<Value> {
    event("order.created", None, json!({ "number": number })).about(Entity::new("order", id)).order_key(id)
}

pub(crate) fn event(event_type: &str, token: Option<&str>, payload: Value) -> Event<Value> {
    Event::new(EventType::new(event_type), Payload::new(payload), token.map(IdempotencyToken::new))
}

/// Writes one event in a transaction of its own.
pub(crate) async fn write<DB: Engine>(outbox: &Outbox<DB>, draft: Draft<Value>) -> AddOutcome {
    let mut tx = outbox.begin().await.expect("a transaction");
    let outcome = outbox.write_event_with_outbox(&mut tx, draft).await.expect("the event is written");
    outbox.commit(tx).await.expect("it commits");
    outcome
}

/// The number of an event's payload.
pub(crate) fn number(payload: &str) -> i64 {
    let value: Value = serde_json::from_str(payload).expect("JSON");
    value["number"].as_i64().expect("a number")
}

/// A destination that takes everything, its one worker and its leases.
pub(crate) struct Reader {
    pub(crate) store: Arc<dyn DeliveryStore>,
    pub(crate) destination: Destination,
    pub(crate) leases: Vec<Lease>,
}

pub(crate) const LEASE: Duration = Duration::from_mins(1);

pub(crate) fn registration(name: &str, shard_groups: u16, glob: &str, start: Start) -> Registration {
    let route = NewRoute { name: "all".into(), type_glob: glob.into(), policy: "{}".into() };
    Registration { name: name.into(), kind: "handler".into(), shard_groups, routes: vec![route], start }
}

impl Reader {
    pub(crate) async fn new<DB: Engine>(outbox: &Outbox<DB>, shard_groups: u16, start: Start) -> Self {
        let store = outbox.deliveries();
        let destination = store.register(&registration("all", shard_groups, "*", start)).await.expect("registered");
        let leases = store.acquire(destination.id, "reader", LEASE, 64).await.expect("leases");
        Self { store, destination, leases }
    }
}

/// SHA-256 of a text, in hexadecimal.
pub(crate) fn sha256(text: &str) -> String {
    Sha256::digest(text).iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}
