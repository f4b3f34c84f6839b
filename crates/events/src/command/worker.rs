use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::get;
use clap::Subcommand;
use serde_json::json;
use stateset_inspect::{Fault, Kind, OpenMode};
use stateset_relay::engine::{Options, Relay, Running, StartError};
use tokio::net::TcpListener;

use super::idempotency::duration;
use super::routes::{compared, database, line};
use crate::context::Context;
use crate::exit::{Done, Ended};
use crate::output;
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
    /// How long a worker that vanished keeps its share
    #[arg(long, default_value = "15s", value_parser = duration)]
    lease: Duration,
    /// How long to wait at the end for what is under way
    #[arg(long, default_value = "20s", value_parser = duration)]
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
        tracing_subscriber::fmt().with_writer(std::io::stderr).with_env_filter("info").init();
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
            let all: Vec<_> = stats
                .iter()
                .map(|(name, one)| {
                    json!({ "destination": name, "delivered": one.delivered, "retried": one.retried, "dead": one.dead,
                            "rejected": one.rejected, "unavailable": one.unavailable })
                })
                .collect();
            output::Output::line(&json!({ "destinations": all }).to_string())?;
            return Ok(Done::Well);
        }
        let running = Arc::new(relay.start().await.map_err(starting)?);
        context.output.note("delivering; stop with Ctrl-C or SIGTERM");
        let served = self.serve(&running).await?;
        until_told(&running).await;
        if let Some(server) = served {
            server.abort();
            server.await.ok();
        }
        let Some(running) = Arc::into_inner(running) else {
            return Err(Fault::unavailable("the worker", "it is still being asked how it is").into());
        };
        if running.is_finished() {
            running.ended().await.map_err(database)?;
            return Ok(Done::Well);
        }
        if !running.stop(self.grace).await.map_err(database)? {
            output::talk("cut off after the grace period: what was under way is delivered again");
        }
        Ok(Done::Well)
    }

    async fn serve(&self, running: &Arc<Running>) -> Result<Option<tokio::task::JoinHandle<()>>, Fault> {
        let Some(address) = self.listen else { return Ok(None) };
        let listener = TcpListener::bind(address).await.map_err(|error| {
            Fault::usage(format!("{address} cannot be listened on"), "another process may have it; see --listen")
                .because(error)
        })?;
        let router = Router::new()
            .route("/health", get(health))
            .route("/ready", get(ready))
            .route("/metrics", get(metrics))
            .with_state(Arc::downgrade(running));
        let serving = async move {
            axum::serve(listener, router).await.ok();
        };
        #[expect(clippy::disallowed_methods, reason = "the handle is kept, aborted and awaited at the end")]
        Ok(Some(tokio::spawn(serving)))
    }
}

fn starting(error: StartError) -> Fault {
    match error {
        StartError::Delivery(error) => database(error),
        other => Fault::usage(other.to_string(), "`stateset-events routes apply` writes them anew").because(other),
    }
}

/// Ends at Ctrl-C, SIGTERM, or when the worker has ended by itself.
async fn until_told(running: &Running) {
    let by_itself = async {
        while !running.is_finished() {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    tokio::select! {
        () = stop_signal() => {},
        () = by_itself => {},
    }
}

/// Ctrl-C or SIGTERM.
pub(super) async fn stop_signal() {
    let terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate());
    match terminate {
        Ok(mut terminate) => {
            tokio::select! {
                _ = terminate.recv() => {},
                _ = tokio::signal::ctrl_c() => {},
            }
        },
        Err(_) => {
            tokio::signal::ctrl_c().await.ok();
        },
    }
}

/// Connections outlive the worker: they must not keep it.
type Watched = State<Weak<Running>>;

const ENDED: (StatusCode, &str) = (StatusCode::SERVICE_UNAVAILABLE, "ended\n");

/// The process answers.
async fn health(State(running): Watched) -> impl IntoResponse {
    match running.upgrade() {
        Some(running) if !running.is_finished() => (StatusCode::OK, "ok\n"),
        _ => ENDED,
    }
}

/// Every destination can be read, with how it stands.
async fn ready(State(running): Watched) -> impl IntoResponse {
    let Some(running) = running.upgrade() else { return ENDED.into_response() };
    match running.health().await {
        Ok(all) => {
            let all: Vec<_> = all
                .iter()
                .map(|one| {
                    json!({ "destination": one.destination, "groups": one.groups, "outage": one.outage,
                            "pending": one.counts.pending, "dead_letters": one.counts.dead_letters })
                })
                .collect();
            axum::Json(json!({ "status": "ready", "destinations": all })).into_response()
        },
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")).into_response(),
    }
}

async fn metrics(State(running): Watched) -> impl IntoResponse {
    let Some(running) = running.upgrade() else { return ENDED.into_response() };
    match running.prometheus().await {
        Ok(text) => text.into_response(),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, format!("# {error}\n")).into_response(),
    }
}
