//! The `ingest` command: bound, cell, bound, cell, …

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use clap::{Args, ValueEnum};

use tokio::time::{Instant, sleep};

use crate::bound::{Bound, Bounds, PostgresBounds, SqliteBounds};
use crate::cells::{BoundKind, Cell, Engine, FLAT, Kind, POSTGRES, SQLITE};
use crate::conditions::{self, Conditions, signature_check_cost};
use crate::cpu::machine_time;
use crate::event::{Author, Ids, Order};
use crate::judge::{Result, one_stream_to_sixteen};
use crate::load::{Expect, Load, Measured, drive};
use crate::numbers::{grouped, latency, micros_each, per_second};
use crate::report::{self, Style};
use crate::stage::{Postgres, Stage};
use crate::{ServerOptions, existing};

#[derive(Args, Debug)]
pub(crate) struct Options {
    #[command(flatten)]
    server: ServerOptions,
    /// A server built for this very processor, to be measured as well.
    #[arg(long)]
    native_server: Option<PathBuf>,
    /// The databases to measure on.
    #[arg(long, value_enum, default_value = "all")]
    engine: Engines,
    /// Seconds for which a cell is measured, after one second of warm-up.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// Seconds for each measurement of the raw database.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=600))]
    bound_seconds: u64,
    /// Only the cells of these names, separated by commas.
    #[arg(long, value_delimiter = ',')]
    cells: Vec<String>,
    /// Also load one stream with so many events as `--flat-events` says, and watch the rate.
    #[arg(long)]
    flat: bool,
    /// Events of the cell `flat`.
    #[arg(long, default_value_t = 1_000_000)]
    flat_events: usize,
    /// Most seconds to wait, before each measurement, for others on this machine to finish what they do.
    #[arg(long, default_value_t = 30)]
    patience: u64,
    /// How event ids are made.
    #[arg(long, value_enum, default_value = "v7")]
    ids: Ids,
    /// Write tables for a Markdown document.
    #[arg(long)]
    markdown: bool,
    /// Also write the results to this file.
    #[arg(long)]
    json: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Engines {
    Postgres,
    Sqlite,
    All,
}

const WARM_UP: Duration = Duration::from_secs(1);
const FLAT_MARK: u64 = 100_000;
/// Events first accepted, then sent again and again.
const DUPLICATES: usize = 160_000;
/// Requests are kept in memory; a cell that would need more of them ends early.
const MOST_EVENTS: usize = 1_200_000;
/// Room between the event numbers of two loads.
const NUMBERS_PER_LOAD: u64 = 10_000_000;

impl Options {
    fn style(&self) -> Style {
        if self.markdown { Style::Markdown } else { Style::Plain }
    }

    fn engines(&self) -> Vec<Engine> {
        match self.engine {
            Engines::Postgres => vec![Engine::Postgres],
            Engines::Sqlite => vec![Engine::Sqlite],
            Engines::All => vec![Engine::Postgres, Engine::Sqlite],
        }
    }

    fn servers(&self) -> anyhow::Result<Vec<Server>> {
        let mut servers = vec![Server { name: "portable", program: self.server.path()? }];
        if let Some(native) = &self.native_server {
            servers.push(Server { name: "native", program: existing(native)? });
        }
        Ok(servers)
    }

    fn cells_of(&self, engine: Engine) -> Vec<Cell> {
        let cells = match engine {
            Engine::Postgres => POSTGRES.as_slice(),
            Engine::Sqlite => SQLITE.as_slice(),
        };
        let mut cells = cells.to_vec();
        if self.flat || self.cells.iter().any(|name| name == FLAT.name) {
            cells.push(FLAT);
        }
        cells.retain(|cell| self.cells.is_empty() || self.cells.iter().any(|name| name == cell.name));
        cells
    }

    fn check_names(&self) -> anyhow::Result<()> {
        let known: Vec<&str> = POSTGRES.iter().chain(&SQLITE).chain([&FLAT]).map(|cell| cell.name).collect();
        for name in &self.cells {
            ensure!(known.contains(&name.as_str()), "there is no cell {name:?}; there are {}", known.join(", "));
        }
        Ok(())
    }
}

struct Server {
    name: &'static str,
    program: PathBuf,
}

/// Runs everything that was asked for and prints it. A cell that fails does not keep the others from running.
pub(crate) async fn run(options: Options) -> anyhow::Result<()> {
    options.check_names()?;
    let servers = options.servers()?;
    let signature_check = signature_check_cost();
    let mut conditions = conditions::of_machine(&options.server.label, options.ids);
    conditions.push((
        "checking a signature".to_owned(),
        format!("{:.1} µs in this program, all cores at it", micros_each(signature_check, 1)),
    ));
    let mut results = Vec::new();
    let mut failures = Vec::new();
    for engine in options.engines() {
        let mut session = Session::begin(engine, &options, &mut conditions).await?;
        for server in &servers {
            for cell in options.cells_of(engine) {
                match session.cell(server, cell, signature_check).await {
                    Ok(result) => results.push(result),
                    Err(error) => {
                        let failure = format!("{} {} {}: {error:#}", engine.name(), server.name, cell.name);
                        eprintln!("{failure}");
                        failures.push(failure);
                    },
                }
            }
        }
    }
    print(&options, &conditions, &results)?;
    ensure!(failures.is_empty(), "{} cells failed:\n{}", failures.len(), failures.join("\n"));
    Ok(())
}

fn print(options: &Options, conditions: &Conditions, results: &[Result]) -> anyhow::Result<()> {
    let style = options.style();
    report::print_conditions(conditions, style);
    report::print_results(results, style);
    report::print_verdicts(&one_stream_to_sixteen(results), style);
    for result in results.iter().filter(|result| result.cell.kind == Kind::Flat) {
        println!("\n{}, {} server: rate of each next 100 000 events of one stream", result.engine, result.server);
        let mut rows = vec![vec!["up to".to_owned(), "events/s".to_owned()]];
        let mut last = Duration::ZERO;
        for (number, mark) in (1..).zip(&result.measured.marks) {
            let rate = per_second(FLAT_MARK, mark.saturating_sub(last));
            rows.push(vec![grouped(crate::numbers::float(number * FLAT_MARK)), grouped(rate)]);
            last = *mark;
        }
        report::print_table(&rows, style);
    }
    match &options.json {
        Some(path) => report::write_json(path, conditions, results),
        None => Ok(()),
    }
}

/// One database, with its bounds.
struct Session<'a> {
    options: &'a Options,
    postgres: Option<Postgres>,
    bounds: Bounds,
    /// The last measured bound: what is after one cell is before the next.
    last: Option<(BoundKind, Bound)>,
    loads: u64,
}

impl<'a> Session<'a> {
    async fn begin(engine: Engine, options: &'a Options, conditions: &mut Conditions) -> anyhow::Result<Self> {
        let (postgres, bounds) = match engine {
            Engine::Postgres => {
                let postgres = Postgres::start().await?;
                conditions.push(conditions::of_postgres(&postgres).await?);
                let bounds = Bounds::Postgres(PostgresBounds::create(&postgres.server).await?);
                (Some(postgres), bounds)
            },
            Engine::Sqlite => {
                conditions.push(conditions::of_sqlite());
                (None, Bounds::Sqlite(SqliteBounds::create()?))
            },
        };
        Ok(Self { options, postgres, bounds, last: None, loads: 0 })
    }

    async fn cell(&mut self, server: &Server, cell: Cell, signature_check: Duration) -> anyhow::Result<Result> {
        eprintln!("{} {} {} …", self.bounds.engine().name(), server.name, cell.name);
        let before = match self.last.take() {
            Some((kind, bound)) if kind == cell.bound => bound,
            _ => self.bound(cell.bound).await?,
        };
        let Run { measured, accept_rate, peak_resident_bytes } = self.run(&server.program, cell).await?;
        let after = self.bound(cell.bound).await?;
        self.last = Some((cell.bound, after));
        let signature_check = (server.name == "portable").then_some(signature_check);
        eprintln!(
            "  {} events/s, p50 {}, p99 {}",
            grouped(measured.rate()),
            latency(measured.quantile(0.5)),
            latency(measured.quantile(0.99))
        );
        Ok(Result {
            cell,
            engine: self.bounds.engine().name(),
            server: server.name,
            measured,
            bound: before.between(after),
            peak_resident_bytes,
            accept_rate,
            signature_check,
        })
    }

    async fn bound(&self, kind: BoundKind) -> anyhow::Result<Bound> {
        self.settle().await?;
        let bound = self.bounds.measure(kind, Duration::from_secs(self.options.bound_seconds)).await?;
        eprintln!("  bound {kind:?}: {}/s, p50 {}", grouped(bound.rate), latency(bound.p50));
        Ok(bound)
    }

    async fn settle(&self) -> anyhow::Result<()> {
        if let Some(postgres) = &self.postgres {
            postgres.settle().await?;
        }
        wait_for_calm(Duration::from_secs(self.options.patience)).await
    }

    async fn run(&mut self, program: &Path, cell: Cell) -> anyhow::Result<Run> {
        let author = Author::new(cell.streams);
        self.loads += 1;
        let requests = Arc::new(author.requests(self.order(cell), self.loads * NUMBERS_PER_LOAD));
        let stage = Stage::set(program, self.postgres.as_ref(), &[]).await?;
        if cell.route.is_signed() {
            stage.register(&author).await?;
        }
        self.settle().await?;
        let load = self.load(cell, requests, &stage)?;
        let (accept_rate, measured) = match cell.kind {
            Kind::Fresh | Kind::Flat => (None, drive(load).await),
            Kind::Duplicates => {
                let rate = accept_all(&load).await?;
                stage.tidy_up(self.postgres.as_ref()).await?;
                (Some(rate), drive(load).await)
            },
        };
        let measured = measured.with_context(|| format!("the server's log:\n{}", stage.server.log()))?;
        let peak_resident_bytes = stage.peak_resident_bytes()?;
        stage.strike().await?;
        Ok(Run { measured, accept_rate, peak_resident_bytes })
    }

    fn order(&self, cell: Cell) -> Order {
        let seconds = usize::try_from(self.options.seconds + WARM_UP.as_secs()).unwrap_or(usize::MAX);
        let events = match cell.kind {
            Kind::Fresh => cell.supply_rate.saturating_mul(seconds).min(MOST_EVENTS),
            Kind::Duplicates => DUPLICATES,
            Kind::Flat => self.options.flat_events,
        };
        let requests = (events / cell.batch).max(cell.clients);
        Order { route: cell.route, ids: self.options.ids, streams: cell.streams, batch: cell.batch, requests }
    }

    fn load(&self, cell: Cell, requests: Arc<Vec<Vec<u8>>>, stage: &Stage) -> anyhow::Result<Load> {
        let events = cell.batch as u64;
        let load = Load {
            address: stage.server.address(),
            requests,
            expect: Expect::Accepted(events),
            clients: cell.clients,
            warm_up: WARM_UP,
            measure: Duration::from_secs(self.options.seconds),
            again: false,
            meters: stage.meters()?,
            mark_every: None,
        };
        Ok(match cell.kind {
            Kind::Fresh => load,
            Kind::Duplicates => Load { expect: Expect::Duplicate(events), again: true, ..load },
            Kind::Flat => Load { mark_every: Some(FLAT_MARK), ..load.until_sent() },
        })
    }
}

/// Waits until the processors are nearly idle, or patience ends: then the report tells that others were at work.
pub(crate) async fn wait_for_calm(patience: Duration) -> anyhow::Result<()> {
    const LOOK: Duration = Duration::from_millis(300);
    const CALM: Duration = Duration::from_millis(30);
    let deadline = Instant::now() + patience;
    while Instant::now() < deadline {
        let before = machine_time()?;
        sleep(LOOK).await;
        if machine_time()?.saturating_sub(before) <= CALM {
            return Ok(());
        }
    }
    eprintln!("  others are at work on this machine");
    Ok(())
}

struct Run {
    measured: Measured,
    accept_rate: Option<f64>,
    peak_resident_bytes: u64,
}

/// The first pass over events that will be sent again; tells how fast they were accepted.
async fn accept_all(load: &Load) -> anyhow::Result<f64> {
    let Expect::Duplicate(events) = load.expect else { anyhow::bail!("not a load of duplicates") };
    let first = Load { expect: Expect::Accepted(events), again: false, ..load.clone().until_sent() };
    let measured = drive(first).await?;
    Ok(measured.rate())
}
