//! The Kafka consumer: records first, then a real broker and real databases.

mod decode;
mod harness;
mod kills;
mod scenarios;

/// One list of scenarios, a line per database.
macro_rules! consumer_suite {
    ($name:ident, $database:ty: $($case:ident,)*) => {
        mod $name {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    super::scenarios::$case::<$database>().await;
                }
            )*
        }
    };
}

macro_rules! on {
    ($($name:ident $database:ty;)*) => { $(
        consumer_suite!($name, $database:
            from_one_database_to_another,
            a_poisoned_record_blocks_nothing,
            a_failing_event_delays_no_other_order,
            members_share_and_repeat_nothing,
            a_full_partition_is_taken_in_order,
        );
    )* };
}

on! {
    postgres crate::engine::harness::Postgres;
    sqlite crate::engine::harness::Sqlite;
}
