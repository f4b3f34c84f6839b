//! Orders while things break: many customers at once, and meanwhile services are killed and started again, the way to
//! the broker is cut, the sequencer is killed. Afterwards [`super::audit`] looks at every order.

mod customer;
pub(super) mod plan;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use stateset_inspect::Fault;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::http::Call;
use super::report::Telling;
use super::shop::Shop;
use crate::exit::Stop;
use customer::{Found, visit};
use plan::{Breakable, Fault as Broken, Plan, Strike};

pub(super) use customer::PIECES;
pub(super) use plan::Journey;

/// How long it may take, once the last customer has left, until nothing is under way any more.
const QUIET_WITHIN: Duration = Duration::from_mins(3);
/// Of the product that everybody orders, before the first customer.
pub(super) const STOCK: i64 = 1_000_000;

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    pub(super) orders: usize,
    pub(super) seed: u64,
    /// Customers at a time.
    pub(super) concurrency: usize,
}

/// What became of one customer: kept, so that an audit can be made again later.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Visit {
    pub(super) journey: Journey,
    pub(super) order: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) complaint: Option<String>,
}

/// Figures of a run.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Figures {
    orders: usize,
    seed: u64,
    seconds: f64,
    orders_per_second: f64,
    /// Requests that were made more than once, with the same key.
    repeated_requests: u64,
    killed_services: u32,
    cuts_of_the_broker: u32,
    /// Connections to the broker that were dropped by them.
    cut_connections: usize,
    killed_sequencer: u32,
    /// Whether everything came to rest in time.
    quiet: bool,
    seconds_until_quiet: f64,
}

/// Runs it. The visits are kept with the shop's state.
pub(super) async fn run(shop: &mut Shop, wanted: Wanted, telling: Telling) -> Result<Figures, Stop> {
    let call = Call {
        method: reqwest::Method::PUT,
        ..Call::post("/stock/1", format!("{}-stock", shop.run()), json!({ "on_hand": STOCK }))
    };
    let stocked = shop.client().call_until_answered(&call, Duration::from_secs(20)).await;
    if stocked.as_ref().is_none_or(|answer| answer.status != 200) {
        let said = stocked.map_or_else(|| "no answer".to_owned(), |answer| answer.text());
        return Err(Fault::unavailable("the stock of product 1", std::io::Error::other(said)).into());
    }
    let breakable = Breakable {
        processes: shop.services.len(),
        broker: shop.proxy.is_some(),
        sequencer: shop.log.as_ref().is_some_and(super::sequencer::LogServer::is_own),
    };
    let plan = Plan::new(wanted.orders, wanted.seed, breakable);
    let text = format!(
        "\nchaos: {} customers, {} at a time, {} strikes, seed {}",
        wanted.orders,
        wanted.concurrency,
        plan.strikes.len(),
        wanted.seed
    );
    telling.line(&text)?;
    let started = Instant::now();
    let mut figures = Figures { orders: wanted.orders, seed: wanted.seed, ..Figures::default() };
    let visits = flow(shop, &plan, wanted.concurrency, &mut figures, telling).await?;
    figures.seconds = started.elapsed().as_secs_f64();
    figures.orders_per_second =
        f64::from(u32::try_from(wanted.orders).unwrap_or(u32::MAX)) / figures.seconds.max(0.001);
    figures.killed_services = shop.services.iter().map(|service| service.kills).sum();
    shop.state.kills += figures.killed_services;
    shop.state.orders = json!(visits);
    shop.keep_state()?;
    let resting = Instant::now();
    figures.quiet = shop.quiet(QUIET_WITHIN).await?;
    figures.seconds_until_quiet = resting.elapsed().as_secs_f64();
    telling.line(&format!(
        "  {} orders in {:.1} s ({:.1}/s); {} kills of services, {} cuts of the broker ({} connections), {} kills of the sequencer; {} \
         requests repeated; quiet after {:.1} s more",
        figures.orders,
        figures.seconds,
        figures.orders_per_second,
        figures.killed_services,
        figures.cuts_of_the_broker,
        figures.cut_connections,
        figures.killed_sequencer,
        figures.repeated_requests,
        figures.seconds_until_quiet
    ))?;
    Ok(figures)
}

/// Lets the customers in, and strikes while they are there.
async fn flow(
    shop: &mut Shop,
    plan: &Plan,
    concurrency: usize,
    figures: &mut Figures,
    telling: Telling,
) -> Result<Vec<Visit>, Stop> {
    let (client, run) = (shop.client().clone(), shop.run().to_owned());
    let mut waiting = plan.journeys.iter().copied().enumerate();
    let mut strikes = plan.strikes.iter().copied().peekable();
    let mut inside: JoinSet<(usize, Journey, Found)> = JoinSet::new();
    let mut visits: Vec<Option<Visit>> = vec![None; plan.journeys.len()];
    let mut left = 0;
    loop {
        while inside.len() < concurrency.max(1)
            && let Some((number, journey)) = waiting.next()
        {
            let (client, run) = (client.clone(), run.clone());
            inside.spawn(async move { (number, journey, visit(&client, &run, number, journey).await) });
        }
        // Customers go on while the shop is struck.
        while let Some(strike) = strikes.next_if(|strike| left >= strike.after) {
            hit(shop, strike, figures, telling).await?;
        }
        let Some(ended) = inside.join_next().await else { break };
        let (number, journey, found) = ended.map_err(|error| Fault::corrupt("a customer", error))?;
        left += 1;
        figures.repeated_requests += u64::from(found.repeated);
        if let Some(complaint) = &found.complaint {
            telling.line(&format!("  customer {number} ({journey:?}): {complaint}"))?;
        }
        if let Some(place) = visits.get_mut(number) {
            *place = Some(Visit { journey, order: found.order, complaint: found.complaint });
        }
    }
    Ok(visits.into_iter().flatten().collect())
}

async fn hit(shop: &mut Shop, strike: Strike, figures: &mut Figures, telling: Telling) -> Result<(), Stop> {
    match strike.fault {
        Broken::Kill { process, down_for } => {
            let Some(service) = shop.services.get_mut(process) else { return Ok(()) };
            // A service that ended by itself is a fault of its own, and no kill hides it.
            service.check()?;
            telling.line(&format!("  after {:>4} customers: SIGKILL of {}", strike.after, service.name()))?;
            service.kill().await?;
            sleep(down_for).await;
            service.start().await?;
        },
        Broken::Cut { down_for } => {
            telling.line(&format!("  after {:>4} customers: the broker's connections are cut", strike.after))?;
            if let Some(proxy) = &shop.proxy {
                figures.cut_connections += proxy.cut(down_for).await;
                figures.cuts_of_the_broker += 1;
            }
        },
        Broken::KillSequencer { down_for } => {
            telling.line(&format!("  after {:>4} customers: SIGKILL of the sequencer", strike.after))?;
            if let Some(log) = &mut shop.log {
                log.kill_and_start(down_for).await?;
                figures.killed_sequencer += 1;
            }
        },
    }
    Ok(())
}
