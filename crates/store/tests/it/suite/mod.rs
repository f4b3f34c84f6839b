//! The shared suite: one list of cases that every store must pass.
//!
//! A case is a function over a [`Factory`]; its comment names the requirement row it proves, where there is one. A backend
//! is one file with a factory and `store_suite!(ItsFactory);`, so that a failing case is named `postgres::the_case`. To add
//! a case, write the function and put its name into the list below; one that is not in the list does not compile clean.

pub(crate) mod api_keys;
pub(crate) mod append;
pub(crate) mod batches;
pub(crate) mod events;
pub(crate) mod head_log;
pub(crate) mod keys;
pub(crate) mod known;
pub(crate) mod random;
pub(crate) mod schemas;
pub(crate) mod streams;
pub(crate) mod trees;
pub(crate) mod writer;

use stateset_store::Store;

/// A fresh database for one test.
pub(crate) trait Factory: Sized {
    /// The store under test.
    type Store: Store;

    /// Makes the database, empty and migrated.
    async fn create() -> Self;

    /// Opens it. A second store on the same database sees what the first one wrote.
    async fn open(&self) -> Self::Store;
}

macro_rules! store_suite {
    ($factory:ty) => {
        store_suite! { @ $factory;
            streams:
                opening_creates_the_stream_and_its_key_stream
                opening_answers_in_the_order_asked
                opening_at_once_creates_one_stream_each
                reopening_gives_the_same_head_and_goes_on
                a_database_that_is_ready_answers_ping
                sizes_count_streams_and_events
                cursors_never_go_back
                cursors_belong_to_one_stream_and_agent;
            append:
                appended_events_read_back_exactly
                append_refuses_a_stream_that_moved
                append_commits_the_streams_that_did_not_move
                append_is_atomic_across_streams
                append_refuses_a_key_stream_that_moved
                a_repeated_id_is_refused_and_writes_nothing
                an_id_twice_in_one_append_is_refused
                a_moved_stream_is_moved_even_with_a_known_id
                an_id_may_be_in_many_streams
                events_become_visible_in_order_and_without_gap
                writers_of_many_streams_do_not_disturb_each_other;
            known:
                known_events_read_back_exactly
                known_events_are_those_of_one_stream
                a_retry_is_recognised_after_a_conflict
                one_command_may_bring_many_events
                entity_versions_count_events_in_the_order_asked
                a_stale_base_version_is_refused;
            events:
                pages_follow_each_other
                a_page_behind_the_head_is_empty
                each_filter_selects_alone_and_with_others
                globs_know_only_the_star
                time_bounds_are_half_open
                totals_are_exact_up_to_the_cap
                segments_cover_the_events_of_a_page
                an_event_is_found_by_id_within_its_tenant
                an_ambiguous_id_finds_every_event;
            trees:
                leaves_and_tile_roots_across_tile_boundaries
                a_tree_with_tiles_of_level_one;
            keys:
                keys_are_registered_and_revoked_with_their_events
                keys_of_a_moved_key_stream_are_not_written
                keys_belong_to_one_tenant
                sequencer_keys_are_numbered_once
                sequencer_keys_are_numbered_once_by_many;
            api_keys:
                api_keys_read_back_exactly
                a_prefix_is_taken_once
                a_revocation_is_for_ever
                a_rotated_key_ends_when_it_should
                api_keys_are_listed_by_tenant_and_agent;
            schemas:
                schemas_read_back_exactly
                a_schemas_number_and_version_are_taken_once
                a_policy_takes_the_place_of_the_one_before;
            batches:
                batches_are_contiguous
                batches_at_once_do_not_overlap
                batches_are_found_by_id_place_and_page
                streams_to_commit_are_those_behind_their_batches
                streams_are_listed_by_tenant;
            head_log:
                the_log_is_created_once
                a_lease_keeps_others_out_until_it_lapses
                an_old_epoch_is_refused
                rounds_are_published_in_order
                unpublished_lists_exactly_what_is_new
                log_tiles_are_kept;
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
pub(crate) use store_suite;
