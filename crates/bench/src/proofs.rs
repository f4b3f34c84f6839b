//! The `proofs` command: what commitments and inclusion proofs cost on a long stream.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use clap::Args;
use serde_json::json;
use stateset_testkit::http::Client;
use tokio::time::Instant;

use crate::ServerOptions;
use crate::cells::Engine;
use crate::conditions;
use crate::event::{Author, Ids, Order, Route, mix, request};
use crate::load::{Expect, Load, Measured, drive};
use crate::numbers::{grouped, latency};
use crate::report::{self, Style};
use crate::stage::Stage;

#[derive(Args, Debug)]
pub(crate) struct Options {
    #[command(flatten)]
    server: ServerOptions,
    /// The database under the server.
    #[arg(long, value_enum, default_value = "postgres")]
    engine: Engine,
    /// Events in the stream, in thousands.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    thousands: u64,
    /// Events of one commitment.
    #[arg(long, default_value_t = 100_000)]
    committed: u64,
    /// Seconds for which proofs are asked for, by one client and by eight.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Write tables for a Markdown document.
    #[arg(long)]
    markdown: bool,
}

const BATCH: usize = 1_000;
const LOADERS: usize = 8;
const COMMITMENTS: &str = "/api/v1/ves/commitments";
const INCLUSION: &str = "/api/v1/proofs/inclusion";
/// Different proofs asked for, over and over.
const PROOFS: u64 = 50_000;

pub(crate) async fn run(options: Options) -> anyhow::Result<()> {
    let program = options.server.path()?;
    let style = if options.markdown { Style::Markdown } else { Style::Plain };
    let (conditions, postgres) = conditions::with_engine(&options.server.label, options.engine).await?;
    let variables = [("COMMIT_INTERVAL_MS", "0")];
    let mut stage = Stage::set(&program, postgres.as_ref(), &variables).await?;
    let author = Author::new(1);
    let loaded = fill(&stage, &author, options.thousands).await?;
    stage.tidy_up(postgres.as_ref()).await?;
    let mut rows = vec![["what", "number", "p50", "p99", "rate"].map(str::to_owned).to_vec()];
    let events = options.thousands * 1_000;
    rows.push(line(&format!("append, batches of {BATCH}"), &loaded, "events/s"));
    rows.extend(commit(&stage.client(), &author, &options).await?);
    rows.push(cold_proof(&mut stage, &author, events).await?);
    for clients in [1, LOADERS] {
        let name = format!("inclusion proof, {clients} at a time");
        let measured = prove(&stage, &author, events, clients, options.seconds).await?;
        rows.push(line(&name, &measured, "proofs/s"));
    }
    stage.strike().await?;
    report::print_conditions(&conditions, style);
    println!("one stream of {events} unsigned events, {}\n", options.engine.name());
    report::print_table(&rows, style);
    Ok(())
}

fn line(name: &str, measured: &Measured, unit: &str) -> Vec<String> {
    vec![
        name.to_owned(),
        measured.latency.len().to_string(),
        latency(measured.quantile(0.5)),
        latency(measured.quantile(0.99)),
        format!("{} {unit}", grouped(measured.rate())),
    ]
}

async fn fill(stage: &Stage, author: &Author, thousands: u64) -> anyhow::Result<Measured> {
    let requests = usize::try_from(thousands)?.max(LOADERS);
    let order = Order { route: Route::Unsigned, ids: Ids::V7, streams: 1, batch: BATCH, requests };
    let load = Load {
        address: stage.server.address(),
        requests: Arc::new(author.requests(order, 0)),
        expect: Expect::Accepted(BATCH as u64),
        clients: LOADERS,
        warm_up: Duration::ZERO,
        measure: Duration::ZERO,
        again: false,
        meters: stage.meters()?,
        mark_every: None,
    };
    drive(load.until_sent()).await.context("filling the stream")
}

/// One commitment after the other from the beginning; each is timed.
async fn commit(client: &Client, author: &Author, options: &Options) -> anyhow::Result<Vec<Vec<String>>> {
    let events = options.thousands * 1_000;
    ensure!((1..=events).contains(&options.committed), "a commitment covers 1 to {events} events");
    let mut times = Vec::new();
    for number in 0..events / options.committed {
        let body = json!({
            "tenant_id": author.tenant,
            "store_id": author.store(0),
            "sequence_start": number * options.committed + 1,
            "sequence_end": (number + 1) * options.committed,
        });
        let begun = Instant::now();
        let answer = client.post_json(COMMITMENTS, &body).await?;
        ensure!((200..300).contains(&answer.status), "{COMMITMENTS}: {}: {}", answer.status, answer.text());
        times.push(begun.elapsed());
    }
    times.sort();
    let (Some(median), Some(longest)) = (times.get(times.len() / 2), times.last()) else { return Ok(Vec::new()) };
    let name = format!("commitment over {} events (p99: the longest)", options.committed);
    Ok(vec![vec![name, times.len().to_string(), latency(*median), latency(*longest), String::new()]])
}

/// The first proof after a start, when nothing is in memory.
async fn cold_proof(stage: &mut Stage, author: &Author, events: u64) -> anyhow::Result<Vec<String>> {
    const STARTS: usize = 5;
    let mut times = Vec::new();
    for number in 0..STARTS {
        stage.server.terminate(Duration::from_mins(1)).await?;
        stage.server.restart().await?;
        let path = proof_path(author, 1 + mix(number as u64) % events);
        let client = stage.client();
        let begun = Instant::now();
        client.get(&path).await?.expect_status(200)?;
        times.push(begun.elapsed());
    }
    times.sort();
    let longest = latency(times[STARTS - 1]);
    let name = "first inclusion proof after a start (p99: the longest)".to_owned();
    Ok(vec![name, STARTS.to_string(), latency(times[STARTS / 2]), longest, String::new()])
}

async fn prove(stage: &Stage, author: &Author, events: u64, clients: usize, seconds: u64) -> anyhow::Result<Measured> {
    let paths = (0..PROOFS).map(|number| proof_path(author, 1 + mix(number) % events));
    let load = Load {
        address: stage.server.address(),
        requests: Arc::new(paths.map(|path| request("GET", &path, b"")).collect()),
        expect: Expect::Answer,
        clients,
        warm_up: Duration::from_secs(1),
        measure: Duration::from_secs(seconds),
        again: true,
        meters: stage.meters()?,
        mark_every: None,
    };
    drive(load).await.context("asking for inclusion proofs")
}

fn proof_path(author: &Author, sequence: u64) -> String {
    let (tenant, store) = (author.tenant, author.store(0));
    format!("{INCLUSION}?tenant_id={tenant}&store_id={store}&sequence={sequence}")
}
