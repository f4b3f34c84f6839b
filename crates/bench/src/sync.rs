//! The `sync` command: what an agent's machine costs that was offline for long, beside a client that checks nothing.
//!
//! Pushing signs every event from its committed row, sends requests of 1,000 one after the other, checks every receipt and
//! keeps it. The bound is one client that sends requests of 1,000 signed beforehand, and looks at the count in the answer.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use clap::Args;
use serde_json::json;
use stateset_outbox::{Entity, Event, EventType, Payload, Scope};
use stateset_relay::secret::Secret;
use stateset_sync::enrol::{Enrolment, InitOptions, init};
use stateset_sync::{BaseVersion, Patience, Replica, Session};
use tokio::time::Instant;
use uuid::Uuid;

use crate::ServerOptions;
use crate::cells::Engine;
use crate::conditions;
use crate::cpu::CpuTimes;
use crate::event::{Author, Ids, Order, Route};
use crate::judge::{Verdict, at_least};
use crate::load::{Expect, Load, drive};
use crate::numbers::{float, grouped, micros_each, per_second};
use crate::report::{self, Style};
use crate::stage::{API_KEY, Postgres, Stage};

#[derive(Args, Debug)]
pub(crate) struct Options {
    #[command(flatten)]
    server: ServerOptions,
    /// The database under the server.
    #[arg(long, value_enum, default_value = "sqlite")]
    engine: Engine,
    /// Events that wait, in thousands.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    thousands: u64,
    /// Write tables for a Markdown document.
    #[arg(long)]
    markdown: bool,
}

const BATCH: usize = 1_000;
const LEAST_PUSHED: f64 = 5_000.0;

/// A way through so many events.
struct Timed {
    name: &'static str,
    events: u64,
    elapsed: Duration,
    cpu: CpuTimes,
}

pub(crate) async fn run(options: Options) -> anyhow::Result<()> {
    let program = options.server.path()?;
    let style = if options.markdown { Style::Markdown } else { Style::Plain };
    let (conditions, postgres) = conditions::with_engine(&options.server.label, options.engine).await?;
    let bound = send_prepared(&program, postgres.as_ref(), options.thousands).await?;
    let [written, pushed, pulled] = machines(&program, postgres.as_ref(), options.thousands).await?;
    report::print_conditions(&conditions, style);
    let headings = ["what", "events", "events/s", "client µs", "server µs", "database µs", "of the bound"];
    let mut rows = vec![headings.map(str::to_owned).to_vec()];
    let least = per_second(bound.events, bound.elapsed);
    rows.extend([&bound, &written, &pushed, &pulled].map(|one| line(one, least)));
    report::print_table(&rows, style);
    println!("\nµs: processor time per event, on two cores that all of them share.");
    let rate = per_second(pushed.events, pushed.elapsed);
    report::print_verdicts(&[verdict(rate)], style);
    Ok(())
}

fn verdict(rate: f64) -> Verdict {
    at_least(rate, LEAST_PUSHED, |rate| format!("sync push {} events/s", grouped(rate)))
}

fn line(one: &Timed, bound: f64) -> Vec<String> {
    let micros = |time| format!("{:.1}", micros_each(time, one.events));
    let rate = per_second(one.events, one.elapsed);
    vec![
        one.name.to_owned(),
        grouped(float(one.events)),
        grouped(rate),
        micros(one.cpu.generator),
        micros(one.cpu.server),
        micros(one.cpu.database),
        format!("{:.2}", rate / bound),
    ]
}

/// The bound.
async fn send_prepared(program: &Path, postgres: Option<&Postgres>, thousands: u64) -> anyhow::Result<Timed> {
    let stage = Stage::set(program, postgres, &[]).await?;
    let author = Author::new(1);
    stage.register(&author).await?;
    let requests = usize::try_from(thousands)?;
    let order = Order { route: Route::SignedEach, ids: Ids::V7, streams: 1, batch: BATCH, requests };
    let load = Load {
        address: stage.server.address(),
        requests: Arc::new(author.requests(order, 0)),
        expect: Expect::Accepted(BATCH as u64),
        clients: 1,
        warm_up: Duration::ZERO,
        measure: Duration::ZERO,
        again: false,
        meters: stage.meters()?,
        mark_every: None,
    };
    let measured = drive(load.until_sent()).await.context("sending what was signed beforehand")?;
    stage.strike().await?;
    let (events, elapsed, cpu) = (measured.events, measured.elapsed, measured.cpu);
    Ok(Timed { name: "signed beforehand, nothing checked", events, elapsed, cpu })
}

/// One machine writes and pushes, another one pulls.
async fn machines(program: &Path, postgres: Option<&Postgres>, thousands: u64) -> anyhow::Result<[Timed; 3]> {
    let stage = Stage::set(program, postgres, &[]).await?;
    let folder = tempfile::tempdir()?;
    let events = thousands * BATCH as u64;
    let writer = machine(&stage, &folder.path().join("writer.db")).await?;
    let written = timed(&stage, "written offline", events, write(writer.replica(), thousands)).await?;
    let pushed = timed(&stage, "sync push", events, async {
        let report = writer.push(Patience::default()).await?;
        ensure!(report.acknowledged == events, "{report:?}");
        Ok(())
    });
    let pushed = pushed.await?;
    let reader = machine(&stage, &folder.path().join("reader.db")).await?;
    let pulled = timed(&stage, "sync pull", events, async {
        let report = reader.pull(Patience::default()).await?;
        ensure!(report.pulled == events, "{report:?}");
        Ok(())
    });
    let pulled = pulled.await?;
    stage.strike().await?;
    Ok([written, pushed, pulled])
}

async fn timed(
    stage: &Stage,
    name: &'static str,
    events: u64,
    work: impl Future<Output = anyhow::Result<()>>,
) -> anyhow::Result<Timed> {
    let meters = stage.meters()?;
    let (before, begun) = (meters.read()?, Instant::now());
    work.await.context(name)?;
    let elapsed = begun.elapsed();
    Ok(Timed { name, events, elapsed, cpu: meters.read()? - before })
}

/// An agent's machine, set up.
async fn machine(stage: &Stage, database: &Path) -> anyhow::Result<Session> {
    let scope = Scope::single_tenant();
    let options = InitOptions {
        database: database.to_owned(),
        url: stage.server.base_url().parse()?,
        enrolment: Enrolment { tenant: scope.tenant, store: scope.store, agent: Uuid::new_v4() },
        token: None,
        api_key: Some(Secret::new(API_KEY.to_owned())),
        import_key: None,
        sequencer_keys: Vec::new(),
    };
    let (replica, _) = init(&options).await?;
    Ok(Session::open(replica).await?)
}

/// Events of the size that `ingest` sends, a thousand to a transaction.
async fn write(replica: &Replica, thousands: u64) -> anyhow::Result<()> {
    for thousand in 0..thousands {
        let mut tx = replica.begin().await?;
        for number in 0..BATCH as u64 {
            let number = thousand * BATCH as u64 + number;
            let payload = json!({
                "number": number, "note": "a payload of about two hundred bytes, as an order may have it",
                "items": [{ "sku": "a-sku-of-some-length", "quantity": 1, "price_cents": 1999 }],
                "customer": format!("c-{}", number % 5_000), "total_cents": number % 9_973,
            });
            let event = Event::new(EventType::new("order.updated"), Payload::new(payload), None);
            let draft = event.about(Entity::new("order", format!("ORD-{}", number % 10_000)));
            replica.write_event(&mut tx, draft, BaseVersion::Any).await?;
        }
        replica.commit(tx).await?;
    }
    Ok(())
}
