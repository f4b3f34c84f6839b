//! A shop from its beginning: `shopify.sync.started`, a `shopify.sync.product` and `shopify.sync.order` for everything it
//! has, `shopify.sync.completed`; or `shopify.sync.failed` with the reason.
//!
//! Pages are given as the shop's API writes them (`{"products":[…]}`, `{"orders":[…]}`), by whoever fetches or recorded
//! them. A page is one transaction. The same run again writes nothing twice and goes on where it broke off, because event
//! keys follow from the run and the thing.

use std::io;
use std::path::Path;

use serde::Deserialize;
use serde_json::value::RawValue;
use stateset_contracts::catalogue::{Payload, ShopifySyncCompleted, ShopifySyncFailed, ShopifySyncStarted};
use stateset_contracts::commerce::Commerce;
use stateset_outbox::contracts::draft;
use stateset_outbox::{IdempotencyToken, OnConflict, Outbox, WriteError};

use crate::connector::{Reading, Request, Unreadable};
use crate::intake::{Origin, TakeError, Taken, write_reading};
use crate::shopify::{NAME, Shopify, order, product};
use crate::tables::Tables;

/// Largest page, in bytes.
const PAGE_BYTES: u64 = 32 * 1024 * 1024;
/// Longest name of a run, and of a shop, in characters.
const NAME_CHARS: usize = 128;

/// What a page holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageKind {
    /// `{"products":[…]}`
    Products,
    /// `{"orders":[…]}`
    Orders,
}

/// A page of a shop's API.
#[derive(Clone, Debug)]
pub struct Page {
    /// What it holds.
    pub kind: PageKind,
    /// As it came.
    pub body: Vec<u8>,
}

/// What a run read.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Imported {
    /// Products on the pages.
    pub products: i64,
    /// Orders on the pages.
    pub orders: i64,
    /// Of both: those about which something newer was known, so that nothing was written.
    pub stale: i64,
}

/// Why a run ended early.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The name of the run or of the shop.
    #[error("{0} has 1 to 128 characters and no control characters")]
    Name(&'static str),
    /// A page is not of the documented form. `shopify.sync.failed` says so too.
    #[error("page {page}: {source}")]
    Unreadable {
        /// Which page, from 1.
        page: usize,
        /// What is wrong.
        source: Unreadable,
    },
    /// It could not be written; what was written before stays.
    #[error(transparent)]
    Take(#[from] TakeError),
}

#[derive(Deserialize)]
struct Products<'a> {
    #[serde(borrow)]
    products: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Orders<'a> {
    #[serde(borrow)]
    orders: Vec<&'a RawValue>,
}

/// The pages in a folder: `products*.json` and `orders*.json`, by name.
pub fn pages_in(folder: &Path) -> io::Result<Vec<Page>> {
    let mut named = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let kind = match name.as_str() {
            name if !name.ends_with(".json") => continue,
            name if name.starts_with("products") => PageKind::Products,
            name if name.starts_with("orders") => PageKind::Orders,
            _ => continue,
        };
        if entry.metadata()?.len() > PAGE_BYTES {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("{name} is larger than 32 MiB")));
        }
        named.push((name, Page { kind, body: std::fs::read(entry.path())? }));
    }
    // Products before orders, as a reader wants them.
    named.sort_by(|(one, _), (other, _)| {
        other.starts_with("products").cmp(&one.starts_with("products")).then(one.cmp(other))
    });
    Ok(named.into_iter().map(|(_, page)| page).collect())
}

/// What pages mean, without writing anything: for a preview. An error names the page.
pub fn preview(shopify: &Shopify, shop: &str, pages: &[Page]) -> Result<Imported, ImportError> {
    let mut imported = Imported::default();
    for (number, page) in (1..).zip(pages) {
        let readings = read_page(shopify, shop, "preview", page)
            .map_err(|source| ImportError::Unreadable { page: number, source })?;
        imported.count(page.kind, readings.len());
    }
    Ok(imported)
}

/// Reads a shop into `outbox`, in the run `sync_id`.
pub async fn import<DB: Tables>(
    outbox: &Outbox<DB>,
    shopify: &Shopify,
    shop: &str,
    sync_id: &str,
    pages: &[Page],
) -> Result<Imported, ImportError> {
    for (what, text) in [("the shop's domain", shop), ("the name of the run", sync_id)] {
        if !(1..=NAME_CHARS).contains(&text.chars().count()) || text.contains(char::is_control) {
            return Err(ImportError::Name(what));
        }
    }
    let outbox = outbox.clone().with_on_conflict(OnConflict::FirstWins);
    let run = Run { outbox: &outbox, shop, sync_id };
    run.say(ShopifySyncStarted { shop: shop.into(), sync_id: sync_id.into(), since: None }).await?;
    let mut imported = Imported::default();
    for (number, page) in (1..).zip(pages) {
        match read_page(shopify, shop, sync_id, page) {
            Ok(readings) => {
                imported.count(page.kind, readings.len());
                imported.stale += run.write(&readings).await?;
            },
            Err(source) => {
                let (shop, sync_id) = (shop.into(), sync_id.into());
                let reason = format!("page {number}: {source}");
                run.say(ShopifySyncFailed { shop, sync_id, reason, code: "unreadable".into() }).await?;
                return Err(ImportError::Unreadable { page: number, source });
            },
        }
    }
    let (products, orders) = (imported.products.into(), imported.orders.into());
    run.say(ShopifySyncCompleted { shop: shop.into(), sync_id: sync_id.into(), products, orders }).await?;
    Ok(imported)
}

impl Imported {
    fn count(&mut self, kind: PageKind, things: usize) {
        let things = i64::try_from(things).unwrap_or(i64::MAX);
        match kind {
            PageKind::Products => self.products += things,
            PageKind::Orders => self.orders += things,
        }
    }
}

/// Every thing of a page, as a request of its own that the run makes up.
fn read_page(shopify: &Shopify, shop: &str, sync_id: &str, page: &Page) -> Result<Vec<(Request, Reading)>, Unreadable> {
    let topic = match page.kind {
        PageKind::Products => "sync/products",
        PageKind::Orders => "sync/orders",
    };
    let no_page = |_| Unreadable { topic: topic.to_owned(), why: "it is no page of the shop's API".to_owned() };
    let things = match page.kind {
        PageKind::Products => serde_json::from_slice::<Products<'_>>(&page.body).map_err(no_page)?.products,
        PageKind::Orders => serde_json::from_slice::<Orders<'_>>(&page.body).map_err(no_page)?.orders,
    };
    let mut readings = Vec::with_capacity(things.len());
    for thing in things {
        let request = |id: String| Request {
            id,
            topic: topic.to_owned(),
            shop: shop.to_owned(),
            api_version: None,
            triggered_at: None,
        };
        let read = |request: &Request| match page.kind {
            PageKind::Products => product(request, thing.get().as_bytes(), shopify.currency()),
            PageKind::Orders => order(request, thing.get().as_bytes()),
        };
        // The key of its event needs its id, which it tells itself.
        let resource = read(&request(String::new()))?.resource;
        let request = request(format!("{sync_id}/{}/{}", resource.kind, resource.id));
        let reading = read(&request)?;
        readings.push((request, reading));
    }
    Ok(readings)
}

struct Run<'a, DB: Tables> {
    outbox: &'a Outbox<DB>,
    shop: &'a str,
    sync_id: &'a str,
}

impl<DB: Tables> Run<'_, DB> {
    fn correlation(&self) -> String {
        format!("{NAME}:{}", self.sync_id)
    }

    /// An event about the run itself, once.
    async fn say<P: Payload>(&self, payload: P) -> Result<(), TakeError> {
        let token = IdempotencyToken::new(format!("{NAME}/{}/{}/{}", self.shop, self.sync_id, P::CONTRACT.name));
        let event = draft(Commerce::new(payload), Some(token)).expect("what a run says names its shop");
        let mut tx = self.outbox.begin().await?;
        let event = event.correlation_id(self.correlation());
        self.outbox.write_event_with_outbox(&mut tx, event).await?;
        Ok(self.outbox.commit(tx).await?)
    }

    /// A page, in one transaction; gives how many things were known newer.
    async fn write(&self, readings: &[(Request, Reading)]) -> Result<i64, TakeError> {
        let mut tx = self.outbox.begin().await?;
        let mut stale = 0;
        for (request, reading) in readings {
            let origin = Origin { connector: NAME, request, correlation: self.correlation() };
            let taken = write_reading(self.outbox, &mut tx, &origin, reading).await?;
            stale += i64::from(taken == Taken::Stale);
        }
        self.outbox.commit(tx).await?;
        Ok(stale)
    }
}

impl From<WriteError> for ImportError {
    fn from(error: WriteError) -> Self {
        Self::Take(error.into())
    }
}
