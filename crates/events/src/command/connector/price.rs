use serde_json::json;
use stateset_connector::price::{CONSUMER, PriceBook, PriceError, PriceRequest, Requested, TYPES};
use stateset_connector::{Tables, migrate};
use stateset_inspect::answer::Change;
use stateset_inspect::{Database, Fault, OpenMode};
use stateset_outbox::delivery::{NewRoute, Registration, Start};
use stateset_outbox::subject::RevealError;
use stateset_outbox::{Outbox, WriteError};
use stateset_relay::engine::{Options, Relay};
use stateset_relay::policy::Policy;
use stateset_relay::record::Record;
use stateset_relay::sink::handler::{Handler, HandlerError};

use super::{currency, database, unanswered};
use crate::command::routes;
use crate::command::worker::stop_signal;
use crate::context::{Context, typed};
use crate::exit::{Done, Ended};
use crate::output::Output;
use crate::settings::subject_keys;

/// Events of one product come one after the other; more than four products at a time are rare.
const SHARD_GROUPS: u16 = 4;
const GRACE: std::time::Duration = std::time::Duration::from_secs(20);

#[derive(clap::Args, Debug)]
pub(super) struct Price {
    /// The product's number
    product: i64,
    /// The price, in the currency's smallest unit: 11999 for 119.99
    price: i64,
    /// ISO 4217
    #[arg(long, value_name = "CODE", value_parser = currency)]
    currency: String,
    /// Why, for programs: sale
    #[arg(long, value_name = "WORD")]
    reason: Option<String>,
    /// What it belongs to [default: a new one]
    #[arg(long, value_name = "ID")]
    correlation: Option<String>,
    /// Do it; without this, only what would be done is said
    #[arg(long)]
    apply: bool,
}

impl Price {
    pub(super) async fn run(self, context: &Context) -> Ended {
        let request = PriceRequest {
            product_id: self.product,
            price_cents: self.price,
            currency: self.currency.clone(),
            reason: self.reason.clone(),
            actor: context.settings.actor.clone(),
            correlation_id: self.correlation.clone(),
        };
        let requested = if self.apply {
            Some(match database(context, OpenMode::Write, 1).await? {
                Database::Sqlite(outbox, _) => ask(outbox, &request).await?,
                Database::Postgres(outbox, _) => ask(outbox, &request).await?,
            })
        } else {
            database(context, OpenMode::Read, 1).await?;
            None
        };
        context.print_change(&self.change(requested.as_ref()))
    }

    fn change(&self, requested: Option<&Requested>) -> Change {
        let what = format!("the price of product {} at {} {}", self.product, self.price, self.currency);
        let (message, result) = match requested {
            Some(Requested { event_id, correlation_id }) => (
                format!("{what} is asked for; follow it with: stateset-events trace {correlation_id}"),
                json!({ "event_id": event_id.display(), "correlation_id": correlation_id }),
            ),
            None => (format!("NOT EXECUTED: {what} would be asked for, with product.updated"), json!(null)),
        };
        Change {
            applied: requested.is_some(),
            action: "connector.price".to_owned(),
            message,
            plan_id: None,
            job_id: None,
            plan: None,
            result,
            apply_with: requested.is_none().then(|| format!("{} --apply", typed())),
        }
    }
}

async fn ask<DB: Tables>(outbox: Outbox<DB>, request: &PriceRequest) -> Result<Requested, Fault> {
    let mut tx = outbox.begin().await.map_err(unanswered)?;
    let requested = PriceBook::new(outbox.clone()).request(&mut tx, request).await.map_err(|error| match error {
        PriceError::Write(WriteError::Database(error)) => unanswered(error),
        PriceError::Write(WriteError::Personal(error)) => Fault::usage(
            error.to_string(),
            "who asks for a price is personal data: set STATESET_SUBJECT_KEYS, such as 2026=$(openssl rand -hex 32)",
        ),
        other => Fault::usage(other.to_string(), "see --help").because(other),
    })?;
    outbox.commit(tx).await.map_err(unanswered)?;
    Ok(requested)
}

#[derive(clap::Args, Debug)]
pub(super) struct Prices {
    /// Apply what there is now, then end: for cron
    #[arg(long)]
    once: bool,
}

impl Prices {
    pub(super) async fn run(self, context: &Context) -> Ended {
        tracing_subscriber::fmt().with_writer(std::io::stderr).with_env_filter("info").init();
        if subject_keys()?.is_none() {
            let fix = "who asked for a price is in the audit, as personal data: set it as the writers have it";
            return Err(Fault::usage("STATESET_SUBJECT_KEYS is not set", fix).into());
        }
        let database = database(context, OpenMode::Write, u32::from(SHARD_GROUPS) + 4).await?;
        let handler = match &database {
            Database::Sqlite(outbox, _) => handler(outbox).await?,
            Database::Postgres(outbox, _) => handler(outbox).await?,
        };
        let route =
            NewRoute { name: "products".to_owned(), type_glob: TYPES.to_owned(), policy: Policy::default().to_json() };
        let registration = Registration {
            name: CONSUMER.to_owned(),
            kind: "handler".to_owned(),
            shard_groups: SHARD_GROUPS,
            routes: vec![route],
            start: Start::Beginning,
        };
        let options = Options::new(format!("{}-{}", context.settings.actor, std::process::id()));
        let relay = Relay::new(database.deliveries(), options);
        let relay = relay.destination(registration, std::sync::Arc::new(handler));
        let starting = |error: stateset_relay::engine::StartError| Fault::usage(error.to_string(), "").because(error);
        if self.once {
            let stats = relay.run_once().await.map_err(starting)?;
            let taken = stats.get(CONSUMER).map_or(0, |stats| stats.delivered);
            Output::line(&json!({ "events": taken }).to_string())?;
            return Ok(Done::Well);
        }
        let running = relay.start().await.map_err(starting)?;
        context.output.note("applying prices; stop with Ctrl-C or SIGTERM");
        stop_signal().await;
        running.stop(GRACE).await.map_err(routes::database)?;
        Ok(Done::Well)
    }
}

async fn handler<DB: Tables>(outbox: &Outbox<DB>) -> Result<Handler, Fault> {
    migrate(outbox).await.map_err(unanswered)?;
    let book = PriceBook::new(outbox.clone());
    Ok(Handler::new(move |record: Record| {
        let book = book.clone();
        async move { book.apply(&record.event).await.map(drop).map_err(|error| failure(&error)) }
    }))
}

/// Keys and databases that are missing are no event's fault.
fn failure(error: &PriceError) -> HandlerError {
    let keys =
        matches!(error, PriceError::Reveal(RevealError::Personal(_)) | PriceError::Write(WriteError::Personal(_)));
    let text = error.to_string();
    if keys || error.may_pass() { HandlerError::Unavailable(text) } else { HandlerError::Refuse(text) }
}
