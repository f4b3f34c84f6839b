//! The worker on real databases.

mod crash;
pub(crate) mod harness;
#[cfg(feature = "health")]
mod health;
#[cfg(feature = "kafka")]
mod kafka;
mod kills;
pub(crate) mod ledger;
mod paused;
#[cfg(feature = "personal")]
mod personal;
mod poison;
mod replays;
mod scenarios;
mod sequencer;

/// One list of scenarios, a line per database.
macro_rules! engine_suite {
    ($name:ident, $database:ty) => {
        mod $name {
            engine_suite!(@cases $database, scenarios:
                delivers_in_order_without_rows,
                a_failure_parks_its_key_only,
                a_dead_letter_holds_its_key_until_it_is_redriven,
                a_discarded_letter_lets_its_key_go_on,
                continue_skips_what_is_dead,
                an_outage_dead_letters_nothing,
                once_drains_and_gives_back,
                a_stop_hands_over_at_once,
                each_subscriber_is_a_delivery_of_its_own,
                an_event_without_a_form_waits_for_one,
                a_stopped_destination_waits_for_an_operator,
                a_long_publish_keeps_its_lease,
                two_workers_share_the_groups,
                a_commit_wakes_an_idle_worker,
                statistics_survive_a_restart,
            );
            engine_suite!(@cases $database, replays:
                a_replay_goes_beside_live_events,
                a_new_destination_gets_what_it_misses,
            );
            engine_suite!(@cases $database, poison:
                an_unreadable_row_parks_its_key_only,
                a_poisoned_order_is_redriven_while_others_flow,
            );
            engine_suite!(@cases $database, kills:
                killed_workers_lose_nothing,
                a_paused_worker_is_replaced,
                a_rolling_restart_repeats_nothing,
            );
        }
    };
    (@cases $database:ty, $module:ident: $($case:ident,)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                super::$module::$case::<$database>().await;
            }
        )*
    };
}

engine_suite!(postgres, super::harness::Postgres);
engine_suite!(sqlite, super::harness::Sqlite);
