//! What a storefront is told.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use stateset_outbox::Scope;
use stateset_outbox::subject::MasterKeys;

/// One of the services.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    /// Checkout, stock, the state of orders.
    Order,
    /// A provider that moves no money.
    Payment,
    /// Shipments.
    Shipping,
    /// Mail to customers.
    Notification,
}

impl Service {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Order, Self::Payment, Self::Shipping, Self::Notification];

    /// As in settings, in names of consumers and in paths.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Order => "order",
            Self::Payment => "payment",
            Self::Shipping => "shipping",
            Self::Notification => "notification",
        }
    }

    /// Whose events it takes, and which of them. An order's own creation is among what the order service takes: it
    /// releases what came before it.
    pub(crate) const fn takes(self) -> &'static [(Self, &'static str)] {
        match self {
            Self::Order => {
                &[(Self::Order, "order.created"), (Self::Payment, "payment.*"), (Self::Shipping, "shipping.*")]
            },
            Self::Payment => &[(Self::Order, "order.*")],
            Self::Shipping => &[(Self::Order, "order.*"), (Self::Payment, "payment.*")],
            Self::Notification => {
                &[(Self::Order, "order.*"), (Self::Payment, "payment.*"), (Self::Shipping, "shipping.*")]
            },
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Service {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|service| service.as_str() == word);
        found.ok_or_else(|| format!("{word:?} is no service: order, payment, shipping, notification"))
    }
}

/// Where the services keep what is theirs.
#[derive(Clone, PartialEq, Eq)]
pub enum Place {
    /// A folder with one SQLite file per service.
    Sqlite(PathBuf),
    /// A PostgreSQL database with one schema per service. The URL may hold a password and is not shown.
    Postgres(String),
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(folder) => f.debug_tuple("Sqlite").field(folder).finish(),
            Self::Postgres(_) => f.write_str("Postgres"),
        }
    }
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(folder) = text.strip_prefix("sqlite:") {
            let folder = folder.strip_prefix("//").unwrap_or(folder);
            if folder.is_empty() {
                return Err("sqlite: needs a folder, such as sqlite:storefront-data".to_owned());
            }
            return Ok(Self::Sqlite(folder.into()));
        }
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Ok(Self::Postgres(text.to_owned()));
        }
        Err("a database is sqlite:FOLDER or postgres://…".to_owned())
    }
}

/// Kafka as the way between the services.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KafkaPlace {
    /// `host:port`, separated by commas.
    pub brokers: String,
    /// The topics of the order, the payment and the shipping service.
    pub topics: [String; 3],
    /// Beginning of the names of the consumer groups: `storefront` makes `storefront-order`.
    pub group: String,
}

impl KafkaPlace {
    /// The topics of the event contracts, groups `storefront-…`.
    pub fn new(brokers: impl Into<String>) -> Self {
        Self {
            brokers: brokers.into(),
            topics: ["order.events", "payment.events", "shipping.events"].map(str::to_owned),
            group: "storefront".to_owned(),
        }
    }

    /// The topic of a service; the notification service has none.
    #[cfg(feature = "kafka")]
    pub(crate) fn topic(&self, service: Service) -> Option<&str> {
        let [order, payment, shipping] = &self.topics;
        match service {
            Service::Order => Some(order),
            Service::Payment => Some(payment),
            Service::Shipping => Some(shipping),
            Service::Notification => None,
        }
    }
}

/// The mail server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmtpPlace {
    /// Its name.
    pub host: String,
    /// Its port.
    pub port: u16,
}

impl Default for SmtpPlace {
    /// Where a mail server for development listens.
    fn default() -> Self {
        Self { host: "localhost".to_owned(), port: 1025 }
    }
}

impl FromStr for SmtpPlace {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not like localhost:1025");
        let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
        if host.is_empty() {
            return Err(wrong());
        }
        Ok(Self { host: host.to_owned(), port: port.parse().map_err(|_| wrong())? })
    }
}

/// The sequencer that puts the shop's events into one provable order.
#[derive(Clone, PartialEq, Eq)]
pub struct SequencerPlace {
    /// `http://` or `https://`, host and port.
    pub url: url::Url,
    /// Its API key. Not shown.
    pub api_key: String,
    /// The agent in whose name events are signed.
    pub agent: uuid::Uuid,
    /// Number of the agent's key.
    pub agent_key_id: u32,
    /// The key: a seed of 32 bytes. Not shown.
    pub agent_key: [u8; 32],
    /// The sequencer's public keys by number; receipts of others are not believed.
    pub sequencer_keys: Vec<(u32, [u8; 32])>,
}

impl fmt::Debug for SequencerPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SequencerPlace")
            .field("url", &self.url.as_str())
            .field("agent", &self.agent)
            .field("agent_key_id", &self.agent_key_id)
            .finish_non_exhaustive()
    }
}

/// Keys under which customers' addresses are kept beside the events. Not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct SubjectKeys(String);

impl FromStr for SubjectKeys {
    type Err = String;

    /// As [`MasterKeys::parse`] reads them.
    fn from_str(text: &str) -> Result<Self, String> {
        MasterKeys::parse(text).map_err(|fault| fault.to_string())?;
        Ok(Self(text.to_owned()))
    }
}

impl SubjectKeys {
    /// The keys.
    pub(crate) fn master_keys(&self) -> Result<MasterKeys, String> {
        MasterKeys::parse(&self.0).map_err(|fault| fault.to_string())
    }
}

impl fmt::Debug for SubjectKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SubjectKeys")
    }
}

/// Everything a storefront is told. [`Settings::new`] has the defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Which services this process holds.
    pub services: Vec<Service>,
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where the services keep what is theirs.
    pub database: Place,
    /// The way between the services. Without it the services hand their events over inside the process.
    pub kafka: Option<KafkaPlace>,
    /// Where mail goes.
    pub smtp: SmtpPlace,
    /// The sender of mails.
    pub mail_from: String,
    /// Where the shop's events are put into one provable order, besides.
    pub sequencer: Option<SequencerPlace>,
    /// Whose shop it is.
    pub scope: Scope,
    /// Without them addresses are in clear beside the events, and erasure cannot reach them.
    pub subject_keys: Option<SubjectKeys>,
}

impl Settings {
    /// All services on `database`, on 127.0.0.1:8080, without Kafka and sequencer, with mail to localhost:1025.
    pub fn new(database: Place) -> Self {
        Self {
            services: Service::ALL.to_vec(),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            database,
            kafka: None,
            smtp: SmtpPlace::default(),
            mail_from: "shop@storefront.example".to_owned(),
            sequencer: None,
            scope: Scope::single_tenant(),
            subject_keys: None,
        }
    }

    /// What contradicts itself, with what to do about it.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.services.is_empty() {
            return Err("no service is asked for: --service order,payment,shipping,notification or all".to_owned());
        }
        let missing: Vec<&str> =
            Service::ALL.iter().filter(|service| !self.services.contains(service)).map(|it| it.as_str()).collect();
        if self.kafka.is_none() && !missing.is_empty() {
            return Err(format!(
                "without Kafka the services hand their events over inside one process, and this one lacks {}: give \
                 --service all, or --kafka HOST:PORT to all processes",
                missing.join(", ")
            ));
        }
        if self.kafka.is_some() && !cfg!(feature = "kafka") {
            return Err("this build knows no Kafka: build it with --features kafka".to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_contradict_themselves_are_refused_with_the_fix() {
        let all = Settings::new("sqlite:data".parse().unwrap());
        assert_eq!(all.check(), Ok(()));
        let one = Settings { services: vec![Service::Order], ..all.clone() };
        let refusal = one.check().unwrap_err();
        assert!(refusal.contains("lacks payment, shipping, notification") && refusal.contains("--kafka"), "{refusal}");
        assert!(Settings { services: Vec::new(), ..all }.check().is_err());
    }

    #[test]
    fn places_are_read() {
        assert_eq!("sqlite:a/b".parse(), Ok(Place::Sqlite("a/b".into())));
        assert_eq!("sqlite:///a".parse(), Ok(Place::Sqlite("/a".into())));
        let postgres: Place = "postgres://u:secret@h/db".parse().unwrap();
        assert!(!format!("{postgres:?}").contains("secret"));
        assert!("mysql://x".parse::<Place>().is_err() && "sqlite:".parse::<Place>().is_err());
        assert_eq!("mail:25".parse(), Ok(SmtpPlace { host: "mail".to_owned(), port: 25 }));
        assert!("mail".parse::<SmtpPlace>().is_err() && ":25".parse::<SmtpPlace>().is_err());
    }
}
