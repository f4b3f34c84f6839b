//! The command line. Each command's arguments and work are in its file under `command/`.

use clap::{CommandFactory as _, Parser, Subcommand};
use stateset_inspect::exit;

use crate::command::{
    ack, audit, breaker, catalog, completions, config, connector, dashboard, demo, dlq, doctor, erase, explain, export,
    idempotency, inspect, jobs, list, man, mcp, migrate, outbox, reconcile, replay, routes, state, stats, sync, tail,
    timeline, top, trace, trigger, verify, worker,
};
use crate::settings::Global;

/// Look into the event log and the outbox, and mend what needs mending.
///
/// Reads change nothing. A command that writes only says what it would do, until it is given --apply.
#[derive(Debug, Parser)]
#[command(name = "stateset-events", version, propagate_version = true, arg_required_else_help = true, after_help = exit::table())]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Events that pass a filter
    List(list::Args),
    /// One event: payload, signature, where it went
    Inspect(inspect::Args),
    /// Deliveries that wait or failed, and how their destinations stand
    Outbox(outbox::Args),
    /// History of an entity, with its order's other events
    Timeline(timeline::Args),
    /// Events of one operation or correlation
    Trace(trace::Args),
    /// Numbers of events, by type
    Stats(stats::Args),
    /// Follow the log: what was missed, then live
    Tail(tail::Args),
    /// State of an entity at a time, from its events
    State(state::Args),
    /// Live view of destinations
    Top(top::Args),
    /// Pages over the outbox, in your browser
    Dashboard(dashboard::Args),
    /// Why something is where it is, and what to do
    Explain(explain::Args),
    /// Deliver events again (writes with --apply)
    Replay(replay::Args),
    /// Acknowledge deliveries (writes with --apply)
    Ack(ack::Args),
    /// Dead letters: list, redrive, discard
    Dlq(dlq::Args),
    /// Idempotency keys: get, create, reset
    Idempotency(idempotency::Args),
    /// Whether a destination is up; close or open its breaker
    Breaker(breaker::Args),
    /// Bulk actions: list, watch, abort, resume
    Jobs(jobs::Args),
    /// Routes: list, apply
    Routes(routes::Args),
    /// Deliver: the worker
    Worker(worker::Args),
    /// What a destination has not got (delivers it with --apply)
    Reconcile(reconcile::Args),
    /// Who did what; and whether the log is sound
    Audit(audit::Args),
    /// Make a person's data unreadable for ever (writes with --apply)
    Erase(erase::Args),
    /// Write an event, for trying things out (writes with --apply)
    Trigger(trigger::Args),
    /// Shops elsewhere: take their webhooks, read them from the beginning, change and apply prices
    Connector(connector::Args),
    /// Serve agents over the Model Context Protocol (writes with --apply)
    Mcp(mcp::Args),
    /// An agent's own machine: write offline, push, pull and check (write, resolve and rebase write with --apply)
    Sync(sync::Args),
    /// A whole shop to watch: started, walked through, broken, audited
    Demo(demo::Args),
    /// Event types, with examples
    Catalog(catalog::Args),
    /// Evidence of events in a file that can be checked offline
    Export(export::Args),
    /// Check a file of evidence, without network
    Verify(verify::Args),
    /// Create the outbox tables, or bring them to this version (writes with --apply)
    Migrate(migrate::Args),
    /// Find out what is wrong with source, destinations and configuration
    Doctor(doctor::Args),
    /// Configuration: show, path, example
    Config(config::Args),
    /// Completions for a shell
    Completions(completions::Args),
    /// Manual pages
    Man(man::Args),
}

/// The whole tree, for completions, manuals and tests.
pub(crate) fn tree() -> clap::Command {
    Cli::command()
}
