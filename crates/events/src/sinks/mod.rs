//! Routes and destinations from a TOML file, and the sinks that it describes. `routes example` prints one with everything.
//!
//! No secret stands in the file: it names the variable or the file that holds one. Paths are relative to the file.
//!
//! To add a kind of destination: a variant of [`Described`]'s kinds, its file here, and its lines in `example.toml`.

mod difference;
mod kafka;
mod mail;
mod secret;
pub(crate) mod sequencer;
#[cfg(test)]
mod tests;
mod webhook;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;
use stateset_inspect::Fault;
use stateset_outbox::delivery::{NewRoute, Registration, Start};
use stateset_relay::policy::Policy;
use stateset_relay::sink::Sink;
use url::Url;

use crate::personal::Wants;

pub(crate) use difference::{Difference, differences};
pub(crate) use kafka::KafkaDestination;
pub(crate) use sequencer::SequencerDestination;

/// A file with everything.
pub(crate) const EXAMPLE: &str = include_str!("example.toml");

const FILE_BYTES: u64 = 1024 * 1024;

/// The file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RoutesFile {
    #[serde(rename = "destination")]
    pub(crate) destinations: Vec<Described>,
}

/// A destination of the file.
#[derive(Debug, Deserialize)]
#[serde(try_from = "toml::Table")]
pub(crate) struct Described {
    pub(crate) name: String,
    common: Common,
    kind: DescribedSink,
    /// Where the file is, for the files that it names.
    folder: PathBuf,
}

/// What every kind of destination has.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Common {
    name: String,
    /// Into how many parts its log is split for workers; fixed for ever.
    #[serde(default = "eight")]
    shard_groups: u16,
    /// Where a new one starts.
    #[serde(default)]
    start: From,
    /// Whether it is given the values of personal fields, where they are known.
    #[serde(default)]
    reveal: bool,
    /// Whether it is given payloads of older schema versions as the newest one.
    #[serde(default)]
    upcast: bool,
    #[serde(rename = "route")]
    routes: Vec<Route>,
}

/// Divided by hand: serde cannot flatten and refuse unknown members at once.
impl TryFrom<toml::Table> for Described {
    type Error = toml::de::Error;

    fn try_from(all: toml::Table) -> Result<Self, Self::Error> {
        let is_common =
            |name: &String| matches!(name.as_str(), "name" | "shard_groups" | "start" | "reveal" | "upcast" | "route");
        let (common, kind): (toml::Table, toml::Table) = all.into_iter().partition(|(name, _)| is_common(name));
        let common: Common = common.try_into()?;
        Ok(Self { name: common.name.clone(), common, kind: kind.try_into()?, folder: PathBuf::new() })
    }
}

const fn eight() -> u16 {
    8
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum From {
    #[default]
    Now,
    Beginning,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Route {
    name: String,
    /// Glob over event types.
    types: String,
    /// `on_dead`, `ack`, `retries`, `initial_ms`, `factor`, `max_ms`, `jitter_percent`.
    #[serde(default)]
    policy: BTreeMap<String, toml::Value>,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum DescribedSink {
    Webhook(webhook::WebhookDestination),
    Sequencer(SequencerDestination),
    Mail(mail::MailDestination),
    Kafka(KafkaDestination),
}

/// A URL, so that a fault says whose.
fn address<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Url, D::Error> {
    let text = String::deserialize(deserializer)?;
    Url::parse(&text).map_err(|error| serde::de::Error::custom(format!("url is none: {error}")))
}

/// Whose settings they are, and where the files lie that they name.
#[derive(Clone, Copy, Debug)]
struct Of<'a> {
    name: &'a str,
    folder: &'a Path,
}

impl Of<'_> {
    /// A fault of this destination.
    fn wrong(self, error: impl std::error::Error + Send + Sync + 'static) -> Fault {
        Fault::usage(
            format!("destination {:?}: {error}", self.name),
            "`stateset-events routes example` shows every member",
        )
        .because(error)
    }

    fn fault(self, what: impl std::fmt::Display, fix: impl Into<String>) -> Fault {
        Fault::usage(format!("destination {:?}: {what}", self.name), fix)
    }
}

impl RoutesFile {
    pub(crate) fn read(path: &Path) -> Result<Self, Fault> {
        let wrong = |error: std::io::Error| {
            let fix = "check the path; `stateset-events routes example` prints a file";
            Fault::usage(format!("the file of routes cannot be read: {}", path.display()), fix).because(error)
        };
        if std::fs::metadata(path).map_err(wrong)?.len() > FILE_BYTES {
            let fix = "a file of routes has at most 1 MiB; `stateset-events routes example` prints one";
            return Err(Fault::usage(format!("{} is no file of routes: it is too large", path.display()), fix));
        }
        let text = std::fs::read_to_string(path).map_err(wrong)?;
        let mut file: Self = toml::from_str(&text).map_err(|error| {
            Fault::usage(
                format!("{}: {}", path.display(), error.message()),
                "`stateset-events routes example` prints a file",
            )
        })?;
        if file.destinations.is_empty() {
            return Err(Fault::usage(format!("{} names no destination", path.display()), "add a [[destination]]"));
        }
        let folder = path.parent().unwrap_or(Path::new(""));
        for described in &mut file.destinations {
            folder.clone_into(&mut described.folder);
        }
        Ok(file)
    }

    /// The destination of this name.
    pub(crate) fn named(&self, name: &str) -> Result<&Described, Fault> {
        self.destinations.iter().find(|one| one.name == name).ok_or_else(|| {
            let known: Vec<&str> = self.destinations.iter().map(|one| one.name.as_str()).collect();
            let fix = format!("it has: {}", known.join(", "));
            Fault::usage(format!("the file of routes has no destination {name:?}"), fix)
        })
    }
}

impl Described {
    fn of(&self) -> Of<'_> {
        Of { name: &self.name, folder: &self.folder }
    }

    /// Host and port, to see whether anybody listens there.
    pub(crate) fn address(&self) -> Option<String> {
        let host = |url: &Url| Some(format!("{}:{}", url.host_str()?, url.port_or_known_default()?));
        match &self.kind {
            DescribedSink::Webhook(hook) => host(&hook.url),
            DescribedSink::Sequencer(sequencer) => host(&sequencer.url),
            DescribedSink::Mail(mail) => Some(format!("{}:{}", mail.host, mail.port)),
            DescribedSink::Kafka(kafka) => kafka.brokers.split(',').next().map(str::to_owned),
        }
    }

    /// Whether it sees personal data, and whether it is given old payloads as new ones.
    pub(crate) fn wants(&self) -> Wants {
        Wants { reveal: self.common.reveal, upcast: self.common.upcast, signs: self.word() == "sequencer" }
    }

    /// Its kind, as the database has it.
    pub(crate) fn word(&self) -> &'static str {
        match self.kind {
            DescribedSink::Webhook(_) => "webhook",
            DescribedSink::Sequencer(_) => "sequencer",
            DescribedSink::Mail(_) => "mail",
            DescribedSink::Kafka(_) => "kafka",
        }
    }

    /// It, if it is Kafka.
    pub(crate) fn kafka(&self) -> Option<&KafkaDestination> {
        if let DescribedSink::Kafka(kafka) = &self.kind { Some(kafka) } else { None }
    }

    /// How its brokers are reached.
    #[cfg(feature = "kafka")]
    pub(crate) fn kafka_settings(
        &self,
        kafka: &KafkaDestination,
    ) -> Result<stateset_relay::sink::kafka::KafkaSettings, Fault> {
        kafka.built(self.of())
    }

    /// It, if it is a sequencer.
    pub(crate) fn sequencer(&self) -> Option<&SequencerDestination> {
        if let DescribedSink::Sequencer(sequencer) = &self.kind { Some(sequencer) } else { None }
    }

    /// What should be in the database.
    pub(crate) fn registration(&self) -> Result<Registration, Fault> {
        let mut routes = Vec::with_capacity(self.common.routes.len());
        for route in &self.common.routes {
            let wrong = |why: String| {
                let fix = "`stateset-events routes example` shows every member of a policy";
                Fault::usage(format!("route {:?} of {:?}: {why}", route.name, self.name), fix)
            };
            let given = serde_json::to_string(&route.policy).map_err(|error| wrong(error.to_string()))?;
            let policy = Policy::from_json(&given).map_err(|error| {
                wrong(std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string))
            })?;
            routes.push(NewRoute {
                name: route.name.clone(),
                type_glob: route.types.clone(),
                policy: policy.to_json(),
            });
        }
        let start = match self.common.start {
            From::Now => Start::Now,
            From::Beginning => Start::Beginning,
        };
        Ok(Registration {
            name: self.name.clone(),
            kind: self.word().to_owned(),
            shard_groups: self.common.shard_groups,
            routes,
            start,
        })
    }

    /// What delivers there.
    pub(crate) fn sink(&self) -> Result<Arc<dyn Sink>, Fault> {
        match &self.kind {
            DescribedSink::Webhook(hook) => hook.sink(self.of()),
            DescribedSink::Sequencer(sequencer) => sequencer.sink(self.of()),
            DescribedSink::Mail(mail) => mail.sink(self.of()),
            DescribedSink::Kafka(kafka) => kafka.sink(self.of()),
        }
    }
}
