use std::path::PathBuf;

use serde_json::json;
use stateset_connector::import::{ImportError, Imported, Page, import, pages_in, preview};
use stateset_connector::shopify::{Secrets, Shopify};
use stateset_connector::{Tables, TakeError, fixtures, migrate};
use stateset_inspect::answer::Change;
use stateset_inspect::{Database, Fault, Kind, OpenMode};
use stateset_outbox::{Outbox, WriteError};

use super::{Shop, currency, database, in_currency, unanswered};
use crate::context::{Context, typed};
use crate::exit::Ended;

#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// Kind of shop
    shop: Shop,
    /// The shop's domain
    #[arg(long, value_name = "DOMAIN")]
    domain: String,
    /// Folder with pages of its API: products*.json, orders*.json
    #[arg(long, value_name = "FOLDER", conflicts_with = "recorded", required_unless_present = "recorded")]
    pages: Option<PathBuf>,
    /// The recorded pages that come with this program
    #[arg(long)]
    recorded: bool,
    /// Names the run: done again under the same name, it writes nothing twice
    #[arg(long, value_name = "NAME", default_value = "initial")]
    run: String,
    /// Currency of the shop's prices, which its products do not name; without it they are left out
    #[arg(long, value_name = "CODE", value_parser = currency)]
    currency: Option<String>,
    /// Do it; without this, only what would be done is said
    #[arg(long)]
    apply: bool,
}

impl Args {
    pub(super) async fn run(self, context: &Context) -> Ended {
        let Shop::Shopify = self.shop;
        let pages = self.read()?;
        // Nobody signs pages: who has them is trusted.
        let nobody = Secrets::parse("pages-are-not-signed").map_err(|error| Fault::usage(error.to_string(), ""))?;
        let shopify = in_currency(Shopify::new(nobody), self.currency.as_ref());
        let imported = if self.apply {
            match database(context, OpenMode::Write, 2).await? {
                Database::Sqlite(outbox, _) => self.import(&outbox, &shopify, &pages).await?,
                Database::Postgres(outbox, _) => self.import(&outbox, &shopify, &pages).await?,
            }
        } else {
            database(context, OpenMode::Read, 1).await?;
            preview(&shopify, &self.domain, &pages).map_err(fault)?
        };
        context.print_change(&self.change(&imported))
    }

    fn read(&self) -> Result<Vec<Page>, Fault> {
        let Some(folder) = &self.pages else { return Ok(fixtures::shopify_pages()) };
        let pages = pages_in(folder).map_err(|error| {
            let message = format!("the pages in {} cannot be read", folder.display());
            Fault::new(Kind::NotFound, "FILE_NOT_FOUND", message, "see --pages").because(error)
        })?;
        if pages.is_empty() {
            let message = format!("{} has no pages", folder.display());
            return Err(Fault::usage(message, "name them products*.json and orders*.json"));
        }
        Ok(pages)
    }

    async fn import<DB: Tables>(
        &self,
        outbox: &Outbox<DB>,
        shopify: &Shopify,
        pages: &[Page],
    ) -> Result<Imported, Fault> {
        migrate(outbox).await.map_err(unanswered)?;
        import(outbox, shopify, &self.domain, &self.run, pages).await.map_err(fault)
    }

    fn change(&self, imported: &Imported) -> Change {
        let Imported { products, orders, stale } = imported;
        let what = format!("{products} products and {orders} orders of {}", self.domain);
        let message = if self.apply {
            format!("{what} are read, {stale} of them known newer")
        } else {
            format!("NOT EXECUTED: {what} would be read")
        };
        Change {
            applied: self.apply,
            action: "connector.import".to_owned(),
            message,
            plan_id: None,
            job_id: None,
            plan: None,
            result: json!({ "run": self.run, "imported": imported }),
            apply_with: (!self.apply).then(|| format!("{} --apply", typed())),
        }
    }
}

fn fault(error: ImportError) -> Fault {
    let message = error.to_string();
    match error {
        ImportError::Take(TakeError::Database(error) | TakeError::Write(WriteError::Database(error))) => {
            unanswered(error)
        },
        ImportError::Unreadable { .. } => {
            Fault::usage(message, "mend the page and do the run again: what was written is not written twice")
        },
        other => Fault::usage(message, "see --help").because(other),
    }
}
