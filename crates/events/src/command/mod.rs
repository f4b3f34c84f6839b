//! One file per command: its arguments, the question it asks, and the form of the answer for people.

pub(crate) mod ack;
pub(crate) mod audit;
pub(crate) mod breaker;
pub(crate) mod catalog;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod connector;
pub(crate) mod dashboard;
pub(crate) mod demo;
pub(crate) mod dlq;
pub(crate) mod doctor;
pub(crate) mod erase;
pub(crate) mod explain;
pub(crate) mod export;
pub(crate) mod idempotency;
pub(crate) mod inspect;
pub(crate) mod jobs;
pub(crate) mod list;
pub(crate) mod man;
pub(crate) mod mcp;
pub(crate) mod migrate;
pub(crate) mod outbox;
pub(crate) mod reconcile;
pub(crate) mod replay;
pub(crate) mod routes;
mod sheets;
pub(crate) mod state;
pub(crate) mod stats;
pub(crate) mod sync;
pub(crate) mod tail;
pub(crate) mod timeline;
pub(crate) mod top;
pub(crate) mod trace;
pub(crate) mod trigger;
pub(crate) mod verify;
pub(crate) mod worker;

use crate::cli::{Cli, Command};
use crate::context::Context;
use crate::exit::Ended;

/// Runs a command. Those that ask nothing run without any configuration.
pub(crate) async fn run(cli: Cli) -> Ended {
    match &cli.command {
        Command::Completions(args) => return args.run(),
        Command::Man(args) => return args.run(),
        Command::Verify(args) => return args.run(cli.global.format(), cli.global.quiet),
        Command::Catalog(args) => return args.run(cli.global.format(), cli.global.quiet),
        _ => {},
    }
    let context = Context::new(&cli.global)?;
    let context = &context;
    match cli.command {
        Command::List(args) => args.run(context).await,
        Command::Inspect(args) => args.run(context).await,
        Command::Outbox(args) => args.run(context).await,
        Command::Timeline(args) => args.run(context).await,
        Command::Trace(args) => args.run(context).await,
        Command::Stats(args) => args.run(context).await,
        Command::Sync(args) => Box::pin(args.run(context)).await,
        Command::Tail(args) => Box::pin(args.run(context)).await,
        Command::State(args) => args.run(context).await,
        Command::Dashboard(args) => Box::pin(args.run(context)).await,
        Command::Demo(args) => Box::pin(args.run(context)).await,
        Command::Top(args) => Box::pin(args.run(context)).await,
        Command::Explain(args) => args.run(context).await,
        Command::Replay(args) => args.run(context).await,
        Command::Ack(args) => args.run(context).await,
        Command::Dlq(args) => args.run(context).await,
        Command::Idempotency(args) => args.run(context).await,
        Command::Breaker(args) => args.run(context).await,
        Command::Jobs(args) => args.run(context).await,
        Command::Routes(args) => args.run(context).await,
        Command::Worker(args) => Box::pin(args.run(context)).await,
        Command::Reconcile(args) => args.run(context).await,
        Command::Audit(args) => args.run(context).await,
        Command::Erase(args) => args.run(context).await,
        Command::Trigger(args) => args.run(context).await,
        Command::Connector(args) => Box::pin(args.run(context)).await,
        Command::Mcp(args) => Box::pin(args.run(context)).await,
        Command::Export(args) => args.run(context).await,
        Command::Verify(args) => args.run(cli.global.format(), cli.global.quiet),
        Command::Catalog(args) => args.run(cli.global.format(), cli.global.quiet),
        Command::Migrate(args) => args.run(context).await,
        Command::Doctor(args) => args.run(context).await,
        Command::Config(args) => args.run(context),
        Command::Completions(args) => args.run(),
        Command::Man(args) => args.run(),
    }
}
