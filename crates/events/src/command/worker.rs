use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::time::Duration;

use clap::Subcommand;
use serde::Serialize;
use stateset_inspect::{Fault, Kind, OpenMode};
use stateset_relay::engine::{DestinationStats, Options, Relay, Running, StartError};
use stateset_relay::health::{Limits, Watched, serve};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::idempotency::duration;
use super::routes::{compared, database, line};
use crate::context::Context;
use crate::exit::{Done, Ended};
use crate::output::{self, Sheet};
use crate::personal;
use crate::sinks::RoutesFile;

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Worker,
}

#[derive(Debug, Subcommand)]
enum Worker {
    /// Deliver until it is told to stop; events, retries and replays
    Run(Run),
}

#[derive(clap::Args, Debug)]
struct Run {
    /// Destinations and routes, which must be those of the database: see `routes apply`
    #[arg(long, value_name = "FILE")]
    routes: PathBuf,
    /// Deliver what can be delivered now, then end: for cron
    #[arg(long)]
    once: bool,
    /// Where /health, /ready and /metrics are served, such as 127.0.0.1:9464
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<std::net::SocketAddr>,
    /// How old the oldest pending event of a destination may be while /ready still says ready
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = duration)]
    max_lag: Duration,
    /// How long a worker that vanished keeps its share
    #[arg(long, value_name = "DURATION", default_value = "15s", value_parser = duration)]
    lease: Duration,
    /// How long to wait at the end for what is under way
    #[arg(long, value_name = "DURATION", default_value = "20s", value_parser = duration)]
    grace: Duration,
}

impl Args {
    pub(crate) async fn run(self, context: &Context) -> Ended {
        let Worker::Run(run) = self.command;
        run.run(context).await
    }
}

impl Run {
    async fn run(self, context: &Context) -> Ended {
        let colors = !context.settings.no_color && std::io::stderr().is_terminal();
        tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(colors).with_env_filter("info").init();
        let file = RoutesFile::read(&self.routes)?;
        let groups: u32 = 4;
        let opened = context.database(OpenMode::Write, groups + 4).await?;
        let store = opened.deliveries();
        let found = compared(&*store, &file).await?;
        if !found.is_empty() {
            let lines: Vec<String> = found.iter().map(|one| format!("\n  {}", line(one))).collect();
            let message = format!("the database has other routes than {}:{}", self.routes.display(), lines.concat());
            let fix = format!("`stateset-events routes apply {} --apply`, or mend the file", self.routes.display());
            return Err(Fault::new(Kind::Conflict, "ROUTES_DIFFER", message, fix).into());
        }
        let mut options = Options::new(format!("{}-{}", context.settings.actor, std::process::id()));
        options.lease = self.lease;
        let mut relay = Relay::new(store, options);
        let people = personal::source(&opened)?;
        for described in &file.destinations {
            let sink = personal::on_the_way(&described.name, described.wants(), described.sink()?, people.as_ref())?;
            relay = relay.destination(described.registration()?, sink);
        }
        if self.once {
            let stats = relay.run_once().await.map_err(starting)?;
            context.output.print(&done(&stats), sheet)?;
            return Ok(Done::Well);
        }
        let listener = self.listener().await?;
        let stop = stop_signal();
        let running = relay.start().await.map_err(starting)?;
        let served = listener.map(|listener| self.serve(listener, &running));
        context.output.note("delivering; stop with Ctrl-C or SIGTERM");
        until_told(&running, stop).await;
        let ended = self.end(running).await;
        if let Some((server, stop)) = served {
            stop.cancel();
            // A client that holds on must not hold the end up.
            tokio::time::timeout(Duration::from_secs(1), server).await.ok();
        }
        ended
    }

    async fn end(&self, running: Running) -> Ended {
        if running.is_finished() {
            running.ended().await.map_err(database)?;
        } else if !running.stop(self.grace).await.map_err(database)? {
            output::talk("cut off after the grace period: what was under way is delivered again");
        }
        Ok(Done::Well)
    }

    async fn listener(&self) -> Result<Option<TcpListener>, Fault> {
        let Some(address) = self.listen else { return Ok(None) };
        TcpListener::bind(address).await.map(Some).map_err(|error| {
            Fault::usage(format!("{address} cannot be listened on"), "another process may have it; see --listen")
                .because(error)
        })
    }

    fn serve(&self, listener: TcpListener, running: &Running) -> (JoinHandle<()>, CancellationToken) {
        let limits = Limits { lag: self.max_lag, ..Limits::default() };
        let watched = Watched { limits, ..Watched::worker(running.monitor()) };
        let stop = CancellationToken::new();
        let serving = serve(listener, watched, stop.clone());
        #[expect(clippy::disallowed_methods, reason = "the handle is kept and awaited at the end")]
        let task = tokio::spawn(async move {
            serving.await.ok();
        });
        (task, stop)
    }
}

/// What one run did.
#[derive(Serialize)]
struct Rounds {
    destinations: Vec<Round>,
}

#[derive(Serialize)]
struct Round {
    destination: String,
    delivered: u64,
    retried: u64,
    dead: u64,
    rejected: u64,
    /// Calls that found the destination down.
    unavailable: u64,
}

fn done(stats: &BTreeMap<String, DestinationStats>) -> Rounds {
    let round = |(name, one): (&String, &DestinationStats)| Round {
        destination: name.clone(),
        delivered: one.delivered,
        retried: one.retried,
        dead: one.dead,
        rejected: one.rejected,
        unavailable: one.unavailable,
    };
    Rounds { destinations: stats.iter().map(round).collect() }
}

fn sheet(rounds: &Rounds) -> Sheet {
    let mut sheet = Sheet::new(&["destination", "delivered", "retried", "dead", "rejected", "unavailable"]);
    for one in &rounds.destinations {
        let counts =
            [one.delivered, one.retried, one.dead, one.rejected, one.unavailable].map(|count| count.to_string());
        sheet = sheet.row(std::iter::once(one.destination.clone()).chain(counts));
    }
    sheet
}

fn starting(error: StartError) -> Fault {
    match error {
        StartError::Delivery(error) => database(error),
        other => Fault::usage(other.to_string(), "`stateset-events routes apply` writes them anew").because(other),
    }
}

/// Ends at Ctrl-C, SIGTERM, or when the worker has ended by itself.
async fn until_told(running: &Running, stop: impl Future<Output = ()>) {
    let by_itself = async {
        while !running.is_finished() {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    tokio::select! {
        () = stop => {},
        () = by_itself => {},
    }
}

/// Ctrl-C or SIGTERM, from the moment of the call on: before it, a signal ends the process as it ends any.
pub(super) fn stop_signal() -> impl Future<Output = ()> {
    use tokio::signal::unix::{SignalKind, signal};
    let signals = signal(SignalKind::interrupt()).and_then(|first| Ok((first, signal(SignalKind::terminate())?)));
    async move {
        match signals {
            Ok((mut interrupt, mut terminate)) => {
                tokio::select! {
                    _ = interrupt.recv() => {},
                    _ = terminate.recv() => {},
                }
            },
            Err(_) => {
                tokio::signal::ctrl_c().await.ok();
            },
        }
    }
}
