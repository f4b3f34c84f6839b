//! `connector …`: the commands of `stateset-connector`, on the database that the flags of every command name.

mod fixtures;
mod import;
mod price;
mod serve;

use std::path::{Path, PathBuf};

use clap::{Subcommand, ValueEnum};
use stateset_connector::shopify::{Secrets, Shopify};
use stateset_inspect::{Database, Fault, Kind, OpenMode};
use stateset_outbox::{Engine, Outbox};

use crate::context::Context;
use crate::exit::Ended;
use crate::settings::subject_keys;

/// Largest file of secrets.
const SECRET_BYTES: u64 = 4096;

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Connector,
}

#[derive(Debug, Subcommand)]
enum Connector {
    /// Take a shop's webhooks until told to stop
    Serve(serve::Args),
    /// Recorded requests of a shop: list them, or send them, signed, to a listener
    Fixtures(fixtures::Args),
    /// Read a shop from its beginning, from pages of its API (writes with --apply)
    Import(import::Args),
    /// Ask for a price (writes with --apply)
    Price(price::Price),
    /// Apply the prices that events of products name, until told to stop
    Prices(price::Prices),
}

/// Kinds of shops.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Shop {
    /// Webhooks signed with X-Shopify-Hmac-Sha256
    Shopify,
}

impl Args {
    pub(crate) async fn run(self, context: &Context) -> Ended {
        match self.command {
            Connector::Serve(args) => args.run(context).await,
            Connector::Fixtures(args) => args.run(context).await,
            Connector::Import(args) => args.run(context).await,
            Connector::Price(args) => args.run(context).await,
            Connector::Prices(args) => args.run(context).await,
        }
    }
}

/// What a shop signs with, and its currency.
#[derive(clap::Args, Debug)]
struct Signing {
    /// The app's secret, in a file; a line per secret, the one in force first
    #[arg(long, value_name = "FILE")]
    secret_file: PathBuf,
}

impl Signing {
    fn shopify(&self, currency: Option<&String>) -> Result<Shopify, Fault> {
        let shopify = Shopify::new(secrets(&self.secret_file)?);
        Ok(in_currency(shopify, currency))
    }
}

fn in_currency(shopify: Shopify, currency: Option<&String>) -> Shopify {
    match currency {
        Some(currency) => shopify.in_currency(currency),
        None => shopify,
    }
}

fn secrets(path: &Path) -> Result<Secrets, Fault> {
    let unreadable = |error: std::io::Error| {
        let message = format!("the file of the secret cannot be read: {}", path.display());
        Fault::new(Kind::NotFound, "FILE_NOT_FOUND", message, "see --secret-file").because(error)
    };
    let no_secret = |why: String| Fault::usage(format!("{}: {why}", path.display()), "see --secret-file");
    if std::fs::metadata(path).map_err(unreadable)?.len() > SECRET_BYTES {
        return Err(no_secret("it is too large for a secret".to_owned()));
    }
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    Secrets::parse(&text).map_err(|error| no_secret(error.to_string()))
}

/// `USD`.
fn currency(text: &str) -> Result<String, String> {
    if stateset_connector::money::is_currency(text) {
        return Ok(text.to_owned());
    }
    Err("a currency has three capital letters, such as USD".to_owned())
}

/// The database, with the keys of people's data if there are any.
async fn database(context: &Context, mode: OpenMode, connections: u32) -> Result<Database, Fault> {
    Ok(match context.database(mode, connections).await? {
        Database::Sqlite(outbox, place) => Database::Sqlite(keyed(outbox)?, place),
        Database::Postgres(outbox, place) => Database::Postgres(keyed(outbox)?, place),
    })
}

fn keyed<DB: Engine>(outbox: Outbox<DB>) -> Result<Outbox<DB>, Fault> {
    Ok(match subject_keys()? {
        Some(keys) => outbox.with_master_keys(keys),
        None => outbox,
    })
}

fn unanswered(error: sqlx::Error) -> Fault {
    Fault::unavailable("the outbox database", error)
}
