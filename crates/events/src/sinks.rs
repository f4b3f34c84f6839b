//! Routes and destinations from a TOML file, and the sinks that it describes. `docs/guide/cli.md` has an example.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use stateset_inspect::Fault;
#[cfg(not(feature = "kafka"))]
use stateset_inspect::Kind;
use stateset_ledger::bytes::PublicKeyBytes;
use stateset_ledger::id::AgentId;
use stateset_ledger::signature::{PublicKey, SeedSigner, Signer};
use stateset_outbox::delivery::{Destination, NewRoute, Registration, RouteVersion, Start};
use stateset_relay::clock::SystemClock;
use stateset_relay::policy::Policy;
use stateset_relay::record::Record;
use stateset_relay::secret::Secret;
use stateset_relay::sink::Sink;
use stateset_relay::sink::mail::{Letter, Mail, MailSecurity, MailSettings};
use stateset_relay::sink::sequencer::{Sequencer, SequencerKeys, SequencerSettings, SigningAgent};
use stateset_relay::sink::webhook::{Secrets, Webhook, WebhookSettings};
use url::Url;
use uuid::Uuid;

use crate::personal::Wants;
use crate::settings::secret_variable;

const FILE_BYTES: u64 = 1024 * 1024;
const SEED_BYTES: usize = 32;

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
        Ok(Self { name: common.name.clone(), common, kind: kind.try_into()? })
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
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
enum DescribedSink {
    Webhook {
        #[serde(deserialize_with = "address")]
        url: Url,
        secret_env: String,
        previous_secret_env: Option<String>,
        #[serde(default)]
        allow_private: bool,
        timeout_s: Option<u64>,
    },
    Sequencer {
        #[serde(deserialize_with = "address")]
        url: Url,
        api_key_env: String,
        agent: Uuid,
        /// Variables that hold the agent's 32-byte keys in hexadecimal, by number.
        key_envs: BTreeMap<String, String>,
        /// The sequencer's public keys in hexadecimal, by number: which receipts are believed.
        sequencer_keys: BTreeMap<String, String>,
        timeout_s: Option<u64>,
    },
    Mail {
        host: String,
        port: u16,
        #[serde(default)]
        security: Security,
        user: Option<String>,
        password_env: Option<String>,
        from: String,
        /// Address, or a path of the payload such as {data.email}.
        to: String,
        subject: String,
        text: String,
    },
    Kafka {
        brokers: String,
        /// Globs over event types and their topics.
        #[serde(default)]
        topics: Vec<(String, String)>,
        transactional_prefix: Option<String>,
        /// Further settings of librdkafka.
        #[serde(default)]
        settings: BTreeMap<String, String>,
    },
}

fn address<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Url, D::Error> {
    let text = String::deserialize(deserializer)?;
    Url::parse(&text).map_err(|error| serde::de::Error::custom(format!("url is none: {error}")))
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Security {
    #[default]
    Tls,
    StartTls,
    None,
}

impl RoutesFile {
    pub(crate) fn read(path: &Path) -> Result<Self, Fault> {
        let wrong = |error: std::io::Error| {
            Fault::usage(format!("the file of routes cannot be read: {}", path.display()), "see --routes")
                .because(error)
        };
        if std::fs::metadata(path).map_err(wrong)?.len() > FILE_BYTES {
            return Err(Fault::usage(format!("{} is no file of routes: it is too large", path.display()), ""));
        }
        let text = std::fs::read_to_string(path).map_err(wrong)?;
        let file: Self = toml::from_str(&text).map_err(|error| {
            Fault::usage(
                format!("{}: {}", path.display(), error.message()),
                "`stateset-events routes example` prints a file",
            )
        })?;
        if file.destinations.is_empty() {
            return Err(Fault::usage(format!("{} names no destination", path.display()), "add a [[destination]]"));
        }
        Ok(file)
    }
}

impl Described {
    /// Host and port, to see whether anybody listens there.
    pub(crate) fn address(&self) -> Option<String> {
        match &self.kind {
            DescribedSink::Webhook { url, .. } | DescribedSink::Sequencer { url, .. } => {
                Some(format!("{}:{}", url.host_str()?, url.port_or_known_default()?))
            },
            DescribedSink::Mail { host, port, .. } => Some(format!("{host}:{port}")),
            DescribedSink::Kafka { brokers, .. } => brokers.split(',').next().map(str::to_owned),
        }
    }

    /// Whether it sees personal data, and whether it is given old payloads as new ones.
    pub(crate) fn wants(&self) -> Wants {
        Wants { reveal: self.common.reveal, upcast: self.common.upcast, signs: self.word() == "sequencer" }
    }

    fn word(&self) -> &'static str {
        match self.kind {
            DescribedSink::Webhook { .. } => "webhook",
            DescribedSink::Sequencer { .. } => "sequencer",
            DescribedSink::Mail { .. } => "mail",
            DescribedSink::Kafka { .. } => "kafka",
        }
    }

    /// What should be in the database.
    pub(crate) fn registration(&self) -> Result<Registration, Fault> {
        let mut routes = Vec::with_capacity(self.common.routes.len());
        for route in &self.common.routes {
            let wrong = |why: String| {
                Fault::usage(format!("route {:?} of {:?}: {why}", route.name, self.name), "see the guide on routes")
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
            DescribedSink::Webhook { url, secret_env, previous_secret_env, allow_private, timeout_s } => {
                let mut secrets = Secrets::new(&secret_variable(secret_env)?).map_err(|error| self.wrong(error))?;
                if let Some(name) = previous_secret_env {
                    secrets = secrets.and_previous(&secret_variable(name)?).map_err(|error| self.wrong(error))?;
                }
                let mut settings = WebhookSettings::new(url.clone(), secrets);
                settings.allow_private = *allow_private;
                settings.timeout = timeout_s.map_or(settings.timeout, Duration::from_secs);
                Ok(Arc::new(Webhook::new(settings, Arc::new(SystemClock)).map_err(|error| self.wrong(error))?))
            },
            DescribedSink::Sequencer { url, api_key_env, agent, key_envs, sequencer_keys, timeout_s } => {
                let settings = SequencerSettings {
                    url: url.clone(),
                    api_key: Secret::new(secret_variable(api_key_env)?),
                    agent: SigningAgent { id: AgentId(*agent), keys: self.signers(key_envs)? },
                    keys: self.believed(sequencer_keys)?,
                    timeout: Duration::from_secs(timeout_s.unwrap_or(30)),
                };
                Ok(Arc::new(Sequencer::new(settings).map_err(|error| self.wrong(error))?))
            },
            DescribedSink::Mail { .. } => self.mail(),
            DescribedSink::Kafka { brokers, topics, transactional_prefix, settings } => {
                self.kafka(brokers, topics, transactional_prefix.as_ref(), settings)
            },
        }
    }

    fn wrong(&self, error: impl std::error::Error + Send + Sync + 'static) -> Fault {
        Fault::usage(format!("destination {:?}: {error}", self.name), "see the guide on routes").because(error)
    }

    fn signers(&self, variables: &BTreeMap<String, String>) -> Result<BTreeMap<u32, Arc<dyn Signer>>, Fault> {
        let mut keys: BTreeMap<u32, Arc<dyn Signer>> = BTreeMap::new();
        for (number, name) in variables {
            let seed = hex(&secret_variable(name)?).and_then(|bytes| <[u8; SEED_BYTES]>::try_from(bytes).ok());
            let seed = seed.ok_or_else(|| Fault::usage(format!("{name} is not 32 bytes in hexadecimal"), ""))?;
            keys.insert(self.number(number)?, Arc::new(SeedSigner::new(&seed)));
        }
        Ok(keys)
    }

    fn believed(&self, keys: &BTreeMap<String, String>) -> Result<SequencerKeys, Fault> {
        let mut believed = SequencerKeys::new();
        for (number, text) in keys {
            let key = PublicKeyBytes::from_hex(text).ok().and_then(|bytes| PublicKey::new(&bytes).ok());
            let key = key.ok_or_else(|| {
                Fault::usage(format!("destination {:?}: {text:.80?} is no public key", self.name), "")
            })?;
            believed.insert(self.number(number)?, key);
        }
        Ok(believed)
    }

    fn number(&self, text: &str) -> Result<u32, Fault> {
        text.parse()
            .map_err(|_| Fault::usage(format!("destination {:?}: {text:.20?} is no number of a key", self.name), ""))
    }

    fn mail(&self) -> Result<Arc<dyn Sink>, Fault> {
        let DescribedSink::Mail { host, port, security, user, password_env, from, to, subject, text } = &self.kind
        else {
            return Err(Fault::usage("this is no mail destination", ""));
        };
        let credentials = match (user, password_env) {
            (Some(user), Some(name)) => Some((user.clone(), Secret::new(secret_variable(name)?))),
            (None, None) => None,
            _ => {
                return Err(Fault::usage(
                    format!("destination {:?}: user and password_env come together", self.name),
                    "",
                ));
            },
        };
        let settings = MailSettings {
            host: host.clone(),
            port: *port,
            security: match security {
                Security::Tls => MailSecurity::Tls,
                Security::StartTls => MailSecurity::StartTls,
                Security::None => MailSecurity::None,
            },
            credentials,
            from: from.clone(),
            timeout: Duration::from_secs(30),
            connections: 4,
        };
        let (to, subject, text) = (to.clone(), subject.clone(), text.clone());
        let compose = move |record: &Record| {
            Ok(Some(Letter {
                to: filled(&to, record)?,
                subject: filled(&subject, record)?.replace(['\r', '\n'], " "),
                text: filled(&text, record)?,
            }))
        };
        Ok(Arc::new(Mail::new(&settings, compose).map_err(|error| self.wrong(error))?))
    }

    #[cfg(feature = "kafka")]
    fn kafka(
        &self,
        brokers: &str,
        topics: &[(String, String)],
        prefix: Option<&String>,
        more: &BTreeMap<String, String>,
    ) -> Result<Arc<dyn Sink>, Fault> {
        use stateset_relay::sink::kafka::{Kafka, KafkaSettings};
        let mut settings = KafkaSettings::new(brokers);
        if !topics.is_empty() {
            settings.topics = topics.to_vec();
        }
        settings.transactional_prefix = prefix.cloned();
        settings.more = more.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        Ok(Arc::new(Kafka::new(settings).map_err(|error| self.wrong(error))?))
    }

    #[cfg(not(feature = "kafka"))]
    fn kafka(
        &self,
        _: &str,
        _: &[(String, String)],
        _: Option<&String>,
        _: &BTreeMap<String, String>,
    ) -> Result<Arc<dyn Sink>, Fault> {
        Err(Fault::new(
            Kind::Unsupported,
            "UNSUPPORTED_HERE",
            format!("destination {:?}: this build cannot deliver to Kafka", self.name),
            "build it with --features kafka",
        ))
    }
}

/// Text in which `{event_type}`, `{entity_id}` and paths of the payload such as `{data.email}` are filled in.
fn filled(template: &str, record: &Record) -> Result<String, String> {
    let event = &record.event;
    let payload: serde_json::Value = serde_json::from_str(&event.payload).unwrap_or_default();
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, behind)) = rest.split_once('{') {
        text.push_str(before);
        let (name, after) =
            behind.split_once('}').ok_or_else(|| format!("{template:?} has a brace without its pair"))?;
        match name {
            "event_id" => text.push_str(&stateset_outbox::EventId(event.event_id).display()),
            "event_type" => text.push_str(&event.event_type),
            "entity_type" => text.push_str(&event.entity_type),
            "entity_id" => text.push_str(&event.entity_id),
            "order_key" => text.push_str(event.order_key.as_deref().unwrap_or_default()),
            "created_at" => text.push_str(&event.created_at),
            path => {
                let path = path.strip_prefix("data.").unwrap_or(path);
                let found = path.split('.').try_fold(&payload, |at, step| at.get(step));
                match found.ok_or_else(|| format!("the payload has no {path}"))? {
                    serde_json::Value::String(word) => text.push_str(word),
                    other => text.push_str(&other.to_string()),
                }
            },
        }
        rest = after;
    }
    text.push_str(rest);
    Ok(text)
}

pub(crate) fn hex(text: &str) -> Option<Vec<u8>> {
    let text = text.trim().trim_start_matches("0x");
    let digits: Option<Vec<u32>> = text.chars().map(|letter| letter.to_digit(16)).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    digits.chunks(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).ok()).collect()
}

/// One difference between a file and the database.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Difference {
    pub(crate) destination: String,
    pub(crate) route: Option<String>,
    /// `add`, `change`, `end`, `conflict`.
    pub(crate) change: &'static str,
    pub(crate) before: Option<String>,
    pub(crate) after: Option<String>,
}

/// What applying a registration would change: pure.
pub(crate) fn differences(known: Option<&Destination>, wanted: &Registration) -> Vec<Difference> {
    let difference = |route: Option<&str>, change, before: Option<String>, after: Option<String>| Difference {
        destination: wanted.name.clone(),
        route: route.map(str::to_owned),
        change,
        before,
        after,
    };
    let told = |glob: &str, policy: &str| format!("{glob} {policy}");
    let Some(known) = known else {
        let start = if wanted.start == Start::Beginning { "from the beginning of the log" } else { "from now on" };
        let after = format!("{}, {} shard groups, {start}", wanted.kind, wanted.shard_groups);
        let mut all = vec![difference(None, "add", None, Some(after))];
        all.extend(
            wanted
                .routes
                .iter()
                .map(|route| difference(Some(&route.name), "add", None, Some(told(&route.type_glob, &route.policy)))),
        );
        return all;
    };
    let mut all = Vec::new();
    if known.kind != wanted.kind || known.shard_groups != wanted.shard_groups {
        let text = |kind: &str, groups: u16| Some(format!("{kind}, {groups} shard groups"));
        let (before, after) = (text(&known.kind, known.shard_groups), text(&wanted.kind, wanted.shard_groups));
        all.push(difference(None, "conflict", before, after));
    }
    let newest = |name: &str| known.routes.iter().filter(|route| route.name == name).max_by_key(|route| route.version);
    let was = |route: &RouteVersion| Some(told(&route.type_glob, &route.policy));
    for route in &wanted.routes {
        let after = Some(told(&route.type_glob, &route.policy));
        match newest(&route.name).filter(|known| known.active) {
            Some(known) if known.type_glob == route.type_glob && known.policy == route.policy => {},
            Some(known) => all.push(difference(Some(&route.name), "change", was(known), after)),
            None => all.push(difference(Some(&route.name), "add", None, after)),
        }
    }
    for route in &known.routes {
        let last = newest(&route.name).is_some_and(|last| last.version == route.version);
        if last && route.active && wanted.routes.iter().all(|wanted| wanted.name != route.name) {
            all.push(difference(Some(&route.name), "end", was(route), None));
        }
    }
    all
}

/// A file with everything.
pub(crate) const EXAMPLE: &str = r#"# Destinations and their routes. `stateset-events routes apply <file>` shows what it would change in the database.

[[destination]]
name = "shop-hook"
kind = "webhook"
url = "https://shop.example/hooks/events"
secret_env = "SHOP_HOOK_SECRET"      # whsec_…; never in the file
shard_groups = 8                     # how many workers may share it; fixed for ever
start = "now"                        # or "beginning": every event of the log

[[destination.route]]
name = "orders"
types = "order.*"
policy = { retries = 5, initial_ms = 1000, max_ms = 60000, on_dead = "wait", ack = "none" }

[[destination]]
name = "mails"
kind = "mail"
host = "127.0.0.1"
port = 1025
security = "none"                    # "tls" unless said; "start_tls"
from = "shop@shop.example"
to = "{data.user_email}"
subject = "Order {entity_id}"
text = "Your order {entity_id}: {event_type}."

[[destination.route]]
name = "paid"
types = "payment.succeeded"

[[destination]]
name = "kafka"
kind = "kafka"                       # a build with the feature kafka
brokers = "localhost:9094"
topics = [["order.*", "order.events"], ["payment.*", "payment.events"]]
reveal = true                        # with the values of personal fields: needs STATESET_SUBJECT_KEYS
upcast = true                        # payloads of older schema versions go out as the newest one

[[destination.route]]
name = "all"
types = "*"
policy = { on_dead = "continue" }

[[destination]]
name = "sequencer"
kind = "sequencer"
url = "http://127.0.0.1:8080"
api_key_env = "SEQUENCER_API_KEY"
agent = "5c0f4dd4-2ea2-4f4e-9d0f-2d5f0b8f9c11"
key_envs = { 1 = "AGENT_KEY_1" }     # 32 bytes, hexadecimal
sequencer_keys = {}                  # number = "public key", from /.well-known/ves-keys

[[destination.route]]
name = "all"
types = "*"
policy = { ack = "receipt" }
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_is_read_and_compared() {
        let file: RoutesFile = toml::from_str(EXAMPLE).expect("it parses");
        assert_eq!(file.destinations.len(), 4);
        let wanted = file.destinations[0].registration().expect("a registration");
        assert_eq!(wanted.kind, "webhook");
        let names: Vec<&str> = differences(None, &wanted).iter().map(|one| one.change).collect();
        assert_eq!(names, ["add", "add"]);
        let version = |version, glob: &str, active| RouteVersion {
            name: "orders".into(),
            version,
            type_glob: glob.into(),
            active,
            policy: wanted.routes[0].policy.clone(),
            start: stateset_outbox::delivery::Position::Id(0),
        };
        let known =
            |routes| Destination { id: 1, name: "shop-hook".into(), kind: "webhook".into(), shard_groups: 8, routes };
        assert_eq!(differences(Some(&known(vec![version(1, "order.*", true)])), &wanted), []);
        let changed = differences(Some(&known(vec![version(1, "order.*", true), version(2, "*", true)])), &wanted);
        assert_eq!(changed.iter().map(|one| one.change).collect::<Vec<_>>(), ["change"]);
        let ended =
            differences(Some(&known(vec![version(1, "order.*", true)])), &Registration { routes: vec![], ..wanted });
        assert_eq!(ended.iter().map(|one| one.change).collect::<Vec<_>>(), ["end"]);
    }

    #[test]
    fn a_misspelt_member_is_refused() {
        for (text, word) in [
            ("[[destination]]\nname='a'\nkind='mail'\nhots='x'\nroute=[]", "hots"),
            ("[[destination]]\nname='a'\nkind='pigeon'\nroute=[]", "pigeon"),
            ("[[destination]]\nname='a'\nkind='webhook'\nurl='x y'\nsecret_env='S'\nroute=[]", "url"),
            ("[[destination]]\nkind='webhook'\nroute=[]", "name"),
        ] {
            let fault = toml::from_str::<RoutesFile>(text).expect_err(text).to_string();
            assert!(fault.contains(word), "{fault}");
        }
    }

    #[test]
    fn seeds_are_hexadecimal() {
        assert_eq!(hex("0x0aFf"), Some(vec![10, 255]));
        assert_eq!((hex("0"), hex("zz")), (None, None));
    }
}
