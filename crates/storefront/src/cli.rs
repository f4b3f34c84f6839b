//! The command line, for this program and for others that offer the same service.

use std::net::SocketAddr;

use clap::Args;
use stateset_outbox::Scope;
use url::Url;
use uuid::Uuid;

use crate::settings::{KafkaPlace, Place, SequencerPlace, Service, Settings, SmtpPlace};

/// How a storefront is served.
#[derive(Args, Clone)]
#[command(after_help = EXAMPLES)]
pub struct ServeArguments {
    /// Services of this process: order, payment, shipping, notification, with commas; or all
    #[arg(long, env = "STOREFRONT_SERVICE", default_value = "all", value_name = "NAMES")]
    pub service: String,
    /// Where to listen; port 0 takes a free one. One line of JSON on stdout says which
    #[arg(long, env = "STOREFRONT_LISTEN", default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    pub listen: SocketAddr,
    /// sqlite:FOLDER, with a file per service, or postgres://…, with a schema per service
    #[arg(
        long,
        env = "STOREFRONT_DATABASE",
        default_value = "sqlite:storefront-data",
        value_name = "URL",
        hide_env_values = true
    )]
    pub database: Place,
    /// Kafka brokers, with commas; without them the services hand their events over inside the process
    #[arg(long, env = "STOREFRONT_KAFKA", value_name = "HOST:PORT")]
    pub kafka: Option<String>,
    /// Topics of order, payment and shipping events, in this order
    #[arg(
        long,
        env = "STOREFRONT_TOPICS",
        value_delimiter = ',',
        value_name = "NAMES",
        default_value = "order.events,payment.events,shipping.events"
    )]
    pub topics: Vec<String>,
    /// Consumer groups are named NAME-order, NAME-payment and so on
    #[arg(long, env = "STOREFRONT_GROUP", default_value = "storefront", value_name = "NAME")]
    pub group: String,
    /// Mail server, without TLS: one for development, or a relay on the same machine
    #[arg(long, env = "STOREFRONT_SMTP", default_value = "localhost:1025", value_name = "HOST:PORT")]
    pub smtp: SmtpPlace,
    /// Sender of mails
    #[arg(long, env = "STOREFRONT_MAIL_FROM", default_value = "shop@storefront.example", value_name = "ADDRESS")]
    pub mail_from: String,
    /// Sequencer that puts the shop's events into one provable order, besides
    #[arg(long, env = "STOREFRONT_SEQUENCER", value_name = "URL", requires = "sequencer_agent")]
    pub sequencer: Option<Url>,
    /// Agent in whose name events are signed, a UUID; the environment has its key
    #[arg(long, env = "STOREFRONT_SEQUENCER_AGENT", value_name = "UUID")]
    pub sequencer_agent: Option<Uuid>,
    /// Number of the agent's key
    #[arg(long, env = "STOREFRONT_SEQUENCER_AGENT_KEY_ID", value_name = "NUMBER", default_value_t = 1)]
    pub sequencer_agent_key_id: u32,
    /// The sequencer's public keys, NUMBER=HEX with commas; receipts under others are not believed
    #[arg(long, env = "STOREFRONT_SEQUENCER_KEYS", value_name = "KEYS", value_delimiter = ',')]
    pub sequencer_keys: Vec<String>,
    /// Only from the environment: a command line is everybody's to read.
    #[arg(long, env = "STOREFRONT_SEQUENCER_AGENT_KEY", hide = true, hide_env_values = true)]
    sequencer_agent_key: Option<String>,
    #[arg(long, env = "STOREFRONT_SEQUENCER_API_KEY", hide = true, hide_env_values = true)]
    sequencer_api_key: Option<String>,
    #[arg(long, env = "STATESET_SUBJECT_KEYS", hide = true, hide_env_values = true)]
    subject_keys: Option<String>,
    /// Tenant of the shop, a UUID; with --store
    #[arg(long, env = "STOREFRONT_TENANT", value_name = "UUID", requires = "store")]
    pub tenant: Option<Uuid>,
    /// Store of the shop, a UUID; with --tenant
    #[arg(long, env = "STOREFRONT_STORE", value_name = "UUID", requires = "tenant")]
    pub store: Option<Uuid>,
}

const EXAMPLES: &str = "Examples:
  stateset-storefront serve
      the whole shop in one process, with its files in ./storefront-data
  stateset-storefront serve --database postgres://shop@localhost/shop --kafka localhost:9094
      the whole shop over Kafka
  stateset-storefront serve --service order --listen 127.0.0.1:8081 --kafka localhost:9094
      one of its services; start the others likewise

Secrets come from the environment: STOREFRONT_SEQUENCER_API_KEY, and STOREFRONT_SEQUENCER_AGENT_KEY, 32 bytes in
hexadecimal. STATESET_SUBJECT_KEYS, such as 2026=$(openssl rand -hex 32), are what customers' addresses are kept under
beside the events; without them they are in clear there. STOREFRONT_DATABASE keeps a password of PostgreSQL out of the
list of processes.";

impl std::fmt::Debug for ServeArguments {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Some of it is secret.
        f.debug_struct("ServeArguments").field("service", &self.service).finish_non_exhaustive()
    }
}

impl ServeArguments {
    /// The settings. An error says what to write instead.
    pub fn settings(self) -> Result<Settings, String> {
        let sequencer = self.sequencer_place()?;
        let services = match self.service.trim() {
            "all" => Service::ALL.to_vec(),
            names => names.split(',').map(|name| name.trim().parse()).collect::<Result<Vec<_>, _>>()?,
        };
        let topics: [String; 3] = self
            .topics
            .try_into()
            .map_err(|_| "--topics names three: of order, payment and shipping events".to_owned())?;
        let kafka = self.kafka.map(|brokers| KafkaPlace { brokers, topics, group: self.group });
        let settings = Settings {
            services,
            listen: self.listen,
            kafka,
            smtp: self.smtp,
            mail_from: self.mail_from,
            sequencer,
            scope: match self.tenant.zip(self.store) {
                Some((tenant, store)) => Scope { tenant, store },
                None => Scope::single_tenant(),
            },
            subject_keys: self.subject_keys.map(|keys| keys.parse()).transpose().map_err(|fault: String| {
                format!("STATESET_SUBJECT_KEYS: {fault}; such as 2026=$(openssl rand -hex 32)")
            })?,
            ..Settings::new(self.database)
        };
        settings.check()?;
        Ok(settings)
    }

    fn sequencer_place(&self) -> Result<Option<SequencerPlace>, String> {
        let Some((url, agent)) = self.sequencer.clone().zip(self.sequencer_agent) else { return Ok(None) };
        let secret = |value: &Option<String>, name: &str| {
            value.clone().ok_or_else(|| format!("with --sequencer, the environment needs {name}"))
        };
        let agent_key = secret(&self.sequencer_agent_key, "STOREFRONT_SEQUENCER_AGENT_KEY")?;
        let agent_key =
            bytes(&agent_key).ok_or("STOREFRONT_SEQUENCER_AGENT_KEY is 32 bytes in hexadecimal, 64 digits")?;
        let key = |text: &String| {
            let (number, key) = text.split_once('=')?;
            Some((number.parse().ok()?, bytes(key)?))
        };
        let keys = self.sequencer_keys.iter().map(|text| {
            key(text).ok_or_else(|| format!("--sequencer-keys: {text:?} is not like 1=<64 hexadecimal digits>"))
        });
        Ok(Some(SequencerPlace {
            url,
            api_key: secret(&self.sequencer_api_key, "STOREFRONT_SEQUENCER_API_KEY")?,
            agent,
            agent_key_id: self.sequencer_agent_key_id,
            agent_key,
            sequencer_keys: keys.collect::<Result<_, _>>()?,
        }))
    }
}

/// 32 bytes from hexadecimal.
fn bytes(text: &str) -> Option<[u8; 32]> {
    let digits: Option<Vec<u8>> =
        text.trim().trim_start_matches("0x").chars().map(|it| u8::try_from(it.to_digit(16)?).ok()).collect();
    let (pairs, []) = digits.as_ref()?.as_chunks::<2>() else { return None };
    let bytes: Vec<u8> = pairs.iter().map(|[high, low]| high << 4 | low).collect();
    bytes.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(clap::Parser)]
    struct Program {
        #[command(flatten)]
        arguments: ServeArguments,
    }

    fn settings(words: &[&str]) -> Result<Settings, String> {
        use clap::Parser as _;
        let words = ["storefront"].iter().chain(words);
        Program::try_parse_from(words).map_err(|fault| fault.to_string())?.arguments.settings()
    }

    #[test]
    fn the_command_line_is_the_settings() {
        let all = settings(&[]).unwrap();
        assert_eq!(all, Settings::new("sqlite:storefront-data".parse().unwrap()));
        let refusal = settings(&["--service", "order"]).unwrap_err();
        assert!(refusal.contains("--kafka"), "{refusal}");
        assert!(settings(&["--service", "order,orders", "--kafka", "k:9092"]).unwrap_err().contains("is no service"));
        assert!(settings(&["--sequencer", "http://s"]).unwrap_err().contains("--sequencer-agent"));
        let aliases = settings(&["--kafka", "k:9092", "--topics", "orders.events,payments.events,shipping.events"]);
        if cfg!(feature = "kafka") {
            let topics = aliases.unwrap().kafka.unwrap().topics;
            assert_eq!(topics, ["orders.events", "payments.events", "shipping.events"]);
        } else {
            assert!(aliases.unwrap_err().contains("--features kafka"));
        }
        assert!(settings(&["--kafka", "k:9092", "--topics", "a,b"]).unwrap_err().contains("names three"));
        let agent = "5c0f4dd4-2ea2-4f4e-9d0f-2d5f0b8f9c11";
        let key = "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1fff";
        let words = ["--sequencer", "http://s", "--sequencer-agent", agent, "--sequencer-agent-key", key];
        assert!(settings(&words).unwrap_err().contains("STOREFRONT_SEQUENCER_API_KEY"));
        let sequencer = settings(&[&words[..], &["--sequencer-api-key", "k"]].concat()).unwrap().sequencer.unwrap();
        assert_eq!((sequencer.agent_key[0], sequencer.agent_key[31]), (1, 255));
        assert!(!format!("{sequencer:?}").contains("255"));
    }
}
