//! `demo …`: a whole shop, started, walked through, broken and audited.
//!
//! A shop is whatever answers source 002's paths: one that somebody runs (`--against`), or one that is started here, as
//! child processes of this very program ([`serve`]), with a mail receiver ([`mailbox`]) and a sequencer where there is one.
//! Stories are data ([`pack`], run by [`runner`]); [`chaos`] breaks things while orders flow; [`audit`] compares everything
//! with everything. What is compared, and what is planned, is pure.

mod audit;
mod broker_proxy;
mod chaos;
mod expect;
mod http;
mod inside;
mod kept;
mod mailbox;
mod pack;
mod port;
mod process;
mod report;
mod runner;
mod sequencer;
mod serve;
mod shop;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as Arguments, Subcommand};
use serde_json::json;
use stateset_inspect::Fault;
use stateset_relay::secret::Secret;
use tokio::time::{Instant, sleep};
use url::Url;

use super::worker::stop_signal;
use crate::context::Context;
use crate::exit::{Done, Ended, Stop};
use crate::output::Sheet;
use crate::settings::variable;
use chaos::{Visit, Wanted};
use expect::Difference;
use report::{AuditReport, Report, ScenarioReport, Telling};
use runner::{Runner, mails_of};
use shop::{Shop, Wish};

/// How long everything may take to come to rest after the last step of a scenario.
const QUIET_WITHIN: Duration = Duration::from_mins(1);

/// How late a consumer of a broker may be: it rejoins its group after a kill, and finds its way back after a cut.
const LATE_WITHIN: Duration = Duration::from_mins(1);
const LOOK_AGAIN: Duration = Duration::from_secs(1);

#[derive(Arguments, Debug)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Demo,
}

#[derive(Debug, Subcommand)]
enum Demo {
    /// Start what is missing, walk through a shop, and check every answer. Exit code 1 if something is not as expected
    #[command(after_help = EXAMPLES)]
    Run(Box<Run>),
    /// Look at every order of a run that was kept: start its shop again, compare everything, stop it
    Audit(Box<AuditArgs>),
    /// Scenarios of `run`, with what they show
    Scenarios,
    /// A service of the shop, as a child of `run`
    #[command(hide = true)]
    Serve(Box<serve::Serve>),
    /// Runs a program until standard input ends
    #[command(hide = true)]
    Guard { program: PathBuf },
}

const EXAMPLES: &str = "Examples:
  stateset-events demo run                              everything in one process, nothing else needed
  stateset-events demo run --scenario double-payment    one story
  stateset-events demo run --kafka localhost:9094       four processes over a Kafka broker
  stateset-events demo run --against http://shop:8080   a shop that runs already
  stateset-events demo run --chaos --orders 1000        orders while services are killed, then an audit";

#[derive(Arguments, Debug)]
struct Run {
    /// Story: all, or one of `demo scenarios`, or a TOML file of yours; may be repeated
    #[arg(long, value_name = "NAME", default_value = "all")]
    scenario: Vec<String>,
    #[command(flatten)]
    parts: Parts,
    /// A shop that runs already, instead of starting one
    #[arg(long, value_name = "URL", conflicts_with_all = ["kafka", "shop_database", "sequencer", "data", "chaos"])]
    against: Option<Url>,
    /// Let it run afterwards, until Ctrl-C
    #[arg(long)]
    keep: bool,
    /// Longest wait for what comes by itself, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = clap::value_parser!(u64).range(1..=3_600))]
    within: u64,
    /// Many orders while services and connections to the broker are killed; then look at every order
    #[arg(long, conflicts_with = "scenario")]
    chaos: bool,
    /// Orders of --chaos
    #[arg(long, value_name = "N", default_value = "1000", requires = "chaos", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    orders: u32,
    /// What --chaos does and when: the same number, the same plan
    #[arg(long, value_name = "N", default_value = "1", requires = "chaos")]
    seed: u64,
    /// Customers of --chaos at a time
    #[arg(long, value_name = "N", default_value = "16", requires = "chaos", value_parser = clap::value_parser!(u32).range(1..=256))]
    concurrency: u32,
}

/// Of what the shop is made.
#[derive(Arguments, Clone, Debug)]
struct Parts {
    /// Each service a process of its own, over this broker
    #[arg(long, value_name = "HOST:PORT", num_args = 0..=1, default_missing_value = "localhost:9094")]
    kafka: Option<String>,
    /// PostgreSQL database that is new and empty, instead of SQLite files
    #[arg(long, value_name = "URL")]
    shop_database: Option<String>,
    /// Sequencer that runs already, with the API key of `STATESET_API_KEY`; otherwise `stateset-sequencer` beside this
    /// program is started, if it is there
    #[arg(long, value_name = "URL")]
    sequencer: Option<Url>,
    /// Without a sequencer
    #[arg(long, conflicts_with = "sequencer")]
    no_sequencer: bool,
    /// Where mails are seen: `MailHog`, or what answers like it; SMTP on port 1025 of the same host. Otherwise one at
    /// localhost:8025 is found, or a receiver is started
    #[arg(long, value_name = "URL")]
    mailbox: Option<Url>,
    /// Folder for databases, logs and mails; otherwise one that is removed at the end, unless something was wrong
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
}

#[derive(Arguments, Debug)]
struct AuditArgs {
    #[command(flatten)]
    parts: Parts,
}

impl Parts {
    fn wish(self) -> Result<Wish, Fault> {
        #[cfg(not(feature = "kafka"))]
        if self.kafka.is_some() {
            let fix = "build it with `cargo build -p stateset-events --features kafka`";
            return Err(Fault::unsupported("Kafka", "this build of stateset-events", fix));
        }
        let sequencer = match self.sequencer {
            None => None,
            Some(url) => {
                let key = variable("STATESET_API_KEY").ok_or_else(|| {
                    Fault::usage(
                        "the sequencer wants a key",
                        "set STATESET_API_KEY to one that may register agent keys",
                    )
                })?;
                Some((url, Secret::new(key.trim().as_bytes())))
            },
        };
        Ok(Wish {
            against: None,
            kafka: self.kafka,
            postgres: self.shop_database,
            sequencer,
            no_sequencer: self.no_sequencer,
            mailbox: self.mailbox,
            data: self.data,
            with_proxy: false,
        })
    }
}

impl Args {
    pub(crate) async fn run(self, context: &Context) -> Ended {
        match self.command {
            Demo::Run(run) => Box::pin(run.run(context)).await,
            Demo::Audit(audit) => Box::pin(audit.run(context)).await,
            Demo::Scenarios => scenarios(context),
            Demo::Serve(serve) => Box::pin(serve.run()).await,
            Demo::Guard { program } => {
                sequencer::guard(&program).await?;
                Ok(Done::Well)
            },
        }
    }
}

fn scenarios(context: &Context) -> Ended {
    let packs = pack::built_in()?;
    let list: Vec<_> = packs.iter().map(|pack| json!({ "name": pack.name, "about": pack.about })).collect();
    context.output.print(&json!({ "scenarios": list }), |_| {
        packs.iter().fold(Sheet::new(&["name", "about"]), |sheet, pack| {
            sheet.row([&pack.name, &pack.about].map(String::as_str))
        })
    })?;
    Ok(Done::Well)
}

impl Run {
    async fn run(self, context: &Context) -> Ended {
        let mut packs = Vec::new();
        if !self.chaos {
            for name in &self.scenario {
                packs.extend(pack::named(name)?);
            }
        }
        let wish = Wish { against: self.against.clone(), with_proxy: self.chaos, ..self.parts.clone().wish()? };
        let telling = Telling { output: context.output };
        let mut shop = Shop::start(&wish).await?;
        where_it_is(&shop, telling)?;
        let done = tokio::select! {
            done = Box::pin(self.demonstrate(&mut shop, &packs, telling)) => done,
            () = stop_signal() => Err(Fault::unavailable("the demo", std::io::Error::other("it was stopped")).into()),
        };
        let ended = match done {
            Ok(report) => {
                let ok = report.ok;
                context.output.print(&report, sheet)?;
                Ok(if ok { Done::Well } else { Done::FoundErrors })
            },
            Err(stop) => Err(stop),
        };
        if self.keep || !matches!(ended, Ok(Done::Well)) {
            shop.keep();
            if let Some(data) = shop.place().data {
                context.output.note(&format!("kept: {data}"));
            }
        }
        if self.keep && ended.is_ok() {
            context.output.note("it goes on until Ctrl-C");
            stop_signal().await;
        }
        let stopped = shop.stop().await;
        let ended = ended?;
        stopped?;
        Ok(ended)
    }

    async fn demonstrate(&self, shop: &mut Shop, packs: &[pack::Pack], telling: Telling) -> Result<Report, Stop> {
        if !self.chaos {
            return walk(shop, packs, telling, Duration::from_secs(self.within)).await;
        }
        let wanted = Wanted {
            orders: usize::try_from(self.orders).unwrap_or(usize::MAX),
            seed: self.seed,
            concurrency: usize::try_from(self.concurrency).unwrap_or(1),
        };
        let figures = chaos::run(shop, wanted, telling).await?;
        let visits = visits(shop)?;
        let audit = settled(shop, &visits).await?;
        Ok(Report {
            ok: audit.ok,
            shop: shop.place(),
            scenarios: Vec::new(),
            chaos: Some(json!(figures)),
            audit: Some(audit),
        })
    }
}

/// Tells the stories one after the other, and looks at everything again once it is quiet.
async fn walk(shop: &mut Shop, packs: &[pack::Pack], telling: Telling, within: Duration) -> Result<Report, Stop> {
    let mut reports = Vec::new();
    let mut all_left = Vec::new();
    for pack in packs {
        if pack.needs_own_shop() && !shop.is_own() {
            let why = "it looks into the shop's databases, which only a shop started here allows".to_owned();
            telling.line(&format!("\n{}: left out: {why}", pack.name))?;
            let (name, steps) = (pack.name.clone(), Vec::new());
            reports.push(ScenarioReport { name, ok: true, left_out: Some(why), steps });
            continue;
        }
        let (report, left) = Runner::new(shop, telling, within).run(pack).await?;
        reports.push(report);
        all_left.extend(left);
    }
    let mut audit = if shop.is_own() {
        shop.quiet(QUIET_WITHIN).await?;
        audit::of_outboxes(shop).await?
    } else {
        AuditReport { ok: true, ..AuditReport::default() }
    };
    // Nothing more has come meanwhile, and nothing twice.
    let mut differences = Vec::new();
    for left in &all_left {
        let found = mails_of(shop, &left.order, &left.mails).await?.1;
        let named = |one: Difference| Difference { what: format!("order {}: {}", left.order, one.what), ..one };
        differences.extend(found.into_iter().map(named));
    }
    audit.add("orders have their mails, and no more", all_left.len(), differences);
    let ok = audit.ok && reports.iter().all(|report| report.ok);
    Ok(Report { ok, shop: shop.place(), scenarios: reports, chaos: None, audit: Some(audit) })
}

impl AuditArgs {
    async fn run(self, context: &Context) -> Ended {
        if self.parts.data.as_ref().is_none_or(|folder| !folder.join("demo.json").is_file()) {
            let fix = "--data FOLDER, of a `demo run --data FOLDER` or one that said: kept";
            return Err(Fault::usage("there is no run to audit", fix).into());
        }
        let telling = Telling { output: context.output };
        let shop = Shop::start(&self.parts.wish()?).await?;
        where_it_is(&shop, telling)?;
        let audited = async {
            shop.quiet(QUIET_WITHIN).await?;
            let visits = visits(&shop)?;
            if visits.is_empty() { audit::of_outboxes(&shop).await } else { settled(&shop, &visits).await }
        };
        let audited = Box::pin(audited).await;
        let place = shop.place();
        let stopped = shop.stop().await;
        let audit = audited?;
        stopped?;
        let ok = audit.ok;
        let report = Report { ok, shop: place, scenarios: Vec::new(), chaos: None, audit: Some(audit) };
        context.output.print(&report, sheet)?;
        Ok(if ok { Done::Well } else { Done::FoundErrors })
    }
}

/// The audit once nothing is under way. What lies in a broker's topics no outbox knows of any more, and no inbox yet: with a
/// broker, what differs is looked at again until it does not, or for too long to be merely late.
async fn settled(shop: &Shop, visits: &[Visit]) -> Result<AuditReport, Stop> {
    let deadline = Instant::now() + LATE_WITHIN;
    loop {
        let report = audit::of_visits(shop, visits).await?;
        if report.ok || shop.state.kafka.is_none() || Instant::now() >= deadline {
            return Ok(report);
        }
        sleep(LOOK_AGAIN).await;
    }
}

fn visits(shop: &Shop) -> Result<Vec<Visit>, Fault> {
    if shop.state.orders.is_null() {
        return Ok(Vec::new());
    }
    serde_json::from_value(shop.state.orders.clone()).map_err(|error| Fault::corrupt("the notes of the run", error))
}

fn where_it_is(shop: &Shop, telling: Telling) -> Result<(), Stop> {
    let place = shop.place();
    for (service, url) in &place.services {
        telling.line(&format!("{service:<13} {url}"))?;
    }
    telling.line(&format!("{:<13} {}", "mails", place.mailbox))?;
    let rest = [("kafka", &place.kafka), ("sequencer", &place.sequencer), ("data", &place.data)];
    for (name, place) in rest {
        if let Some(place) = place {
            telling.line(&format!("{name:<13} {place}"))?;
        }
    }
    Ok(())
}

/// The end, for people: what was compared, and what differs.
fn sheet(report: &Report) -> Sheet {
    let mut sheet = Sheet::new(&["what", "number", "differences"]);
    for scenario in &report.scenarios {
        let wrong: usize = scenario.steps.iter().map(|step| step.differences.len()).sum();
        let number =
            scenario.left_out.as_ref().map_or_else(|| scenario.steps.len().to_string(), |_| "left out".to_owned());
        sheet = sheet.row([format!("scenario {}", scenario.name), number, wrong.to_string()]);
    }
    if let Some(audit) = &report.audit {
        for line in &audit.checked {
            sheet = sheet.row([line.what.clone(), line.count.to_string(), line.differences.to_string()]);
        }
        for one in audit.differences.iter().take(NAMED) {
            sheet = sheet.foot(format!("WRONG: {}", one.sentence()));
        }
        if audit.differences.len() > NAMED {
            sheet = sheet.foot(format!("and {} more: --json names all", audit.differences.len() - NAMED));
        }
    }
    sheet.note(if report.ok { "everything is as expected" } else { "NOT everything is as expected" })
}

/// Most differences that people are told one by one.
const NAMED: usize = 40;
