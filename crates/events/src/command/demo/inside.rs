//! What only whoever started the shop may see: the databases of its services. The demo reads them to check what the
//! services say of themselves, and writes into an outbox where a scenario plays a program with a mistake.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use sqlx::Transaction;
use stateset_inspect::answer::EventRow;
use stateset_inspect::{Database, Fault, OpenMode, OpenSettings, Page, Scope};
use stateset_outbox::consumer::{Consumer, Failure, Handler, Ignored, Incoming, Verdict};
use stateset_outbox::filter::Filter;
use stateset_outbox::{Engine, Entity, Event, EventType, Outbox, Payload, Schema};
use uuid::Uuid;

use super::pack::Quarantine;

/// Every service of the shop, in the order of a purchase.
pub(super) const SERVICES: [&str; 4] = ["order", "payment", "shipping", "notification"];
const PATIENCE: Duration = Duration::from_secs(20);
/// Entries of one question.
const PAGE: u16 = 1_000;

/// The databases, by service.
pub(super) struct Inside {
    databases: BTreeMap<&'static str, Database>,
    /// Who signs what is written, and the number of the key, if there is a sequencer.
    agent: Option<(Uuid, u32)>,
}

/// Where the databases are.
#[derive(Clone, Debug)]
pub(super) enum Databases {
    /// A folder of SQLite files.
    Folder(std::path::PathBuf),
    /// A schema for each service of this PostgreSQL database.
    Server(String),
}

impl Databases {
    /// As the shop is told.
    pub(super) fn url(&self) -> String {
        match self {
            Self::Folder(folder) => format!("sqlite:{}", folder.display()),
            Self::Server(url) => url.clone(),
        }
    }

    /// The options with which one service's is asked, without a password.
    pub(super) fn of(&self, service: &str, scope: Scope) -> String {
        let place = match self {
            Self::Folder(folder) => {
                format!("--database sqlite:{}", folder.join(format!("storefront_{service}.db")).display())
            },
            Self::Server(_) => format!("--database postgres://… --schema storefront_{service}"),
        };
        format!("{place} --store {}", scope.store)
    }

    fn open(&self, service: &str, scope: Scope) -> Result<OpenSettings, Fault> {
        let name = format!("storefront_{service}");
        let (url, schema) = match self {
            Self::Folder(folder) => {
                (format!("sqlite:{}", folder.join(format!("{name}.db")).display()), Schema::default())
            },
            Self::Server(url) => {
                let schema = Schema::new(&name).map_err(|error| Fault::corrupt("the name of a schema", error))?;
                (url.clone(), schema)
            },
        };
        Ok(OpenSettings { url, schema, scope, mode: OpenMode::Write, timeout: PATIENCE, connections: 2 })
    }
}

impl Inside {
    pub(super) async fn open(databases: &Databases, scope: Scope, agent: Option<(Uuid, u32)>) -> Result<Self, Fault> {
        let mut all = BTreeMap::new();
        for service in SERVICES {
            all.insert(service, Database::open(&databases.open(service, scope)?).await?);
        }
        Ok(Self { databases: all, agent })
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (&'static str, &Database)> {
        self.databases.iter().map(|(service, database)| (*service, database))
    }

    /// Writes an event into a service's outbox and gives its id.
    pub(super) async fn write(
        &self,
        service: &str,
        event_type: &str,
        order: &str,
        data: &Value,
    ) -> Result<Uuid, Fault> {
        let database = self.databases.get(service).ok_or_else(|| {
            Fault::usage(format!("there is no service {service:.40}"), format!("there are: {}", SERVICES.join(", ")))
        })?;
        match database {
            Database::Sqlite(outbox, _) => write(outbox, self.agent, event_type, order, data).await,
            Database::Postgres(outbox, _) => write(outbox, self.agent, event_type, order, data).await,
        }
    }

    /// What is in quarantine, of one order or of all.
    pub(super) async fn quarantined(&self, order: Option<&str>) -> Result<Vec<Quarantine>, Fault> {
        let mut all = Vec::new();
        for (service, database) in self.all() {
            let found = match database {
                Database::Sqlite(outbox, _) => quarantined(outbox, service, order).await,
                Database::Postgres(outbox, _) => quarantined(outbox, service, order).await,
            };
            all.extend(found.map_err(|error| Fault::unavailable("a database of the shop", error))?);
        }
        Ok(all)
    }

    /// Events that wait for their predecessor, over all services.
    pub(super) async fn held(&self) -> Result<i64, Fault> {
        let mut held = 0;
        for (service, database) in self.all() {
            let standing = match database {
                Database::Sqlite(outbox, _) => Consumer::new(outbox.clone(), service, Onlooker).standing().await,
                Database::Postgres(outbox, _) => Consumer::new(outbox.clone(), service, Onlooker).standing().await,
            };
            held += standing.map_err(|error| Fault::unavailable("a database of the shop", error))?.held;
        }
        Ok(held)
    }

    /// Deliveries that are not finished, over all services; with the last failure of one of them.
    pub(super) async fn unfinished(&self) -> Result<(u64, Option<String>), Fault> {
        let (mut many, mut why) = (0, None);
        for (service, database) in self.all() {
            let page = Page { limit: 1, ..Page::default() };
            let answer = database.inspect().outbox(&Filter::default(), &page).await?;
            many += answer.total;
            let last = answer.deliveries.first().map(|one| {
                let error = one.last_error.clone().unwrap_or_else(|| one.state.clone());
                format!("{service}: {} to {}: {error}", one.event_type, one.destination)
            });
            why = why.or(last);
        }
        Ok((many, why))
    }

    /// Every event of a service's log.
    pub(super) async fn events(&self, service: &str) -> Result<Vec<EventRow>, Fault> {
        let Some(database) = self.databases.get(service) else { return Ok(Vec::new()) };
        let inspect = database.inspect();
        let mut page = Page { limit: PAGE, ..Page::default() };
        let mut all = Vec::new();
        loop {
            let list = inspect.list(&Filter::default(), &page).await?;
            all.extend(list.events);
            match list.next_cursor {
                Some(cursor) => page.cursor = Some(cursor),
                None => return Ok(all),
            }
        }
    }
}

async fn write<DB: Engine>(
    outbox: &Outbox<DB>,
    agent: Option<(Uuid, u32)>,
    event_type: &str,
    order: &str,
    data: &Value,
) -> Result<Uuid, Fault> {
    let fault = |error| Fault::unavailable("a database of the shop", error);
    let entity = event_type.split('.').next().unwrap_or("order");
    let event = Event::new(EventType::new(event_type), Payload::new(data.clone()), None);
    let id = event.id.0;
    let mut draft = event.about(Entity::new(entity, order)).order_key(order);
    if let Some((agent, key_id)) = agent {
        draft = draft.agent(agent, key_id);
    }
    let mut tx = outbox.begin().await.map_err(fault)?;
    outbox.write_event_with_outbox(&mut tx, draft).await.map_err(|error| {
        Fault::usage(format!("the scenario's event cannot be written: {error}"), "see the write step").because(error)
    })?;
    outbox.commit(tx).await.map_err(fault)?;
    Ok(id)
}

async fn quarantined<DB: Engine>(
    outbox: &Outbox<DB>,
    service: &str,
    order: Option<&str>,
) -> Result<Vec<Quarantine>, sqlx::Error> {
    let consumer = Consumer::new(outbox.clone(), service, Onlooker);
    let mut all = Vec::new();
    let mut after = None;
    loop {
        let entries = consumer.quarantined(after, PAGE).await?;
        let Some(last) = entries.last() else { return Ok(all) };
        after = Some(last.id);
        for entry in entries {
            let key = entry.event.as_ref().map(|event| event.key.clone());
            if order.is_none_or(|order| key.as_deref() == Some(order)) {
                all.push(Quarantine {
                    service: service.to_owned(),
                    event_type: entry.event.map_or_else(|| entry.source.clone(), |event| event.event_type),
                    order: key,
                    reason: format!("{}: {}", entry.class, entry.reason),
                });
            }
        }
    }
}

/// Reads another consumer's lists and takes nothing.
struct Onlooker;

impl<DB: Engine> Handler<DB> for Onlooker {
    type State = ();

    async fn read(&self, _: &mut Transaction<'static, DB>, _: &Incoming) -> Result<(), Failure> {
        Ok(())
    }

    fn judge(&self, (): &(), _: &Incoming) -> Verdict<()> {
        Verdict::Ignore(Ignored::NotOurs)
    }

    async fn apply(&self, _: &mut Transaction<'static, DB>, (): (), _: &Incoming) -> Result<(), Failure> {
        Ok(())
    }
}
