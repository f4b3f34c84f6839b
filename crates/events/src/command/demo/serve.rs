//! The shop as a child process of the demo: the storefront's own program in this one, told by whoever starts it.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Args as Arguments;
use stateset_inspect::{Fault, Kind, Scope};
use stateset_relay::secret::Secret;
use stateset_storefront::{KafkaPlace, Place, SequencerPlace, Service, Settings, SmtpPlace};
use tokio::io::AsyncReadExt as _;
use uuid::Uuid;

use super::sequencer::Enrolled;
use crate::command::worker::stop_signal;
use crate::exit::{Done, Ended};
use crate::settings::secret_variable;

/// Secrets go by variables, which other users of the machine cannot list.
const API_KEY: &str = "STATESET_DEMO_API_KEY";
/// A URL may name a password.
const DATABASE: &str = "STATESET_DEMO_DATABASE";

/// As every other command has them.
const SUBJECT_KEYS: &str = "STATESET_SUBJECT_KEYS";

/// What a child is told.
#[derive(Clone)]
pub(super) struct Told {
    pub(super) databases: String,
    pub(super) kafka: Option<String>,
    pub(super) group: String,
    pub(super) smtp: String,
    pub(super) store: Uuid,
    /// What customers' addresses are kept under.
    pub(super) subject_keys: Secret,
    /// How the shop signs for the sequencer, and the key that lets it in.
    pub(super) sequencer: Option<(PathBuf, Secret)>,
}

impl Told {
    /// The command line of the child that holds this service, or all.
    pub(super) fn arguments(&self, service: &str) -> Vec<OsString> {
        let mut all: Vec<OsString> =
            ["demo", "serve", "--service", service, "--smtp", &self.smtp].map(OsString::from).into();
        all.extend(["--store-id".into(), self.store.to_string().into()]);
        if let Some(brokers) = &self.kafka {
            all.extend(["--kafka".into(), brokers.into(), "--group".into(), OsString::from(&self.group)]);
        }
        if let Some((enrolled, _)) = &self.sequencer {
            all.extend(["--enrolled".into(), enrolled.into()]);
        }
        all
    }

    pub(super) fn variables(&self) -> Vec<(String, OsString)> {
        let mut all = vec![(DATABASE.to_owned(), OsString::from(&self.databases))];
        all.push((SUBJECT_KEYS.to_owned(), OsString::from(self.subject_keys.reveal_text())));
        if let Some((_, api_key)) = &self.sequencer {
            all.push((API_KEY.to_owned(), OsString::from(api_key.reveal_text())));
        }
        all
    }
}

/// Arguments of `demo serve`.
#[derive(Arguments, Debug)]
pub(super) struct Serve {
    /// One service, or all
    #[arg(long)]
    service: String,
    #[arg(long)]
    listen: SocketAddr,
    #[arg(long)]
    smtp: SmtpPlace,
    #[arg(long)]
    kafka: Option<String>,
    #[arg(long, requires = "kafka")]
    group: Option<String>,
    /// The store of the run
    #[arg(long)]
    store_id: Uuid,
    /// File of [`Enrolled`]
    #[arg(long)]
    enrolled: Option<PathBuf>,
}

impl Serve {
    pub(super) async fn run(self) -> Ended {
        tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false).with_env_filter("info").init();
        let sequencer = self.enrolled.as_deref().map(sequencer).transpose()?;
        let settings = Settings { sequencer, ..self.settings()? };
        let stop = async {
            tokio::select! {
                () = stop_signal() => {},
                () = input_ended() => {},
            }
        };
        stateset_storefront::serve(settings, stop).await.map_err(|error| {
            Fault::new(Kind::Unavailable, "SERVICE_FAILED", error.to_string(), "the message says what").because(error)
        })?;
        Ok(Done::Well)
    }

    fn settings(self) -> Result<Settings, Fault> {
        let fault = |fault: String| Fault::usage(fault, "see `demo run --help`");
        let place: Place = secret_variable(DATABASE)?.parse().map_err(fault)?;
        let services = match self.service.as_str() {
            "all" => Service::ALL.to_vec(),
            one => vec![one.parse().map_err(fault)?],
        };
        let kafka = self.kafka.map(|brokers| {
            let place = KafkaPlace::new(brokers);
            KafkaPlace { group: self.group.unwrap_or_else(|| place.group.clone()), ..place }
        });
        let scope = Scope { tenant: Scope::single_tenant().tenant, store: self.store_id };
        let subject_keys = Some(secret_variable(SUBJECT_KEYS)?.parse().map_err(fault)?);
        let settings =
            Settings { services, listen: self.listen, smtp: self.smtp, kafka, scope, ..Settings::new(place) };
        Ok(Settings { subject_keys, ..settings })
    }
}

fn sequencer(enrolled: &Path) -> Result<SequencerPlace, Fault> {
    let read = |path: &Path| {
        std::fs::read_to_string(path).map_err(|error| {
            Fault::usage(format!("{} cannot be read", path.display()), "the demo writes it").because(error)
        })
    };
    let enrolled: Enrolled =
        serde_json::from_str(&read(enrolled)?).map_err(|error| Fault::corrupt("the notes of the enrolment", error))?;
    let keys = enrolled.trusted.iter().map(|(number, key)| Ok((*number, seed(key)?)));
    Ok(SequencerPlace {
        url: enrolled.url()?,
        api_key: secret_variable(API_KEY)?,
        agent: enrolled.agent,
        agent_key_id: enrolled.agent_key_id,
        agent_key: seed(&read(&enrolled.agent_key_file)?)?,
        sequencer_keys: keys.collect::<Result<_, Fault>>()?,
    })
}

fn seed(text: &str) -> Result<[u8; 32], Fault> {
    let bytes = crate::sinks::sequencer::hex(text).and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    bytes.ok_or_else(|| Fault::usage("a key is not 32 bytes in hexadecimal", "the demo writes it"))
}

/// Ends when standard input does: whoever started us has ended, or wants us to.
pub(super) async fn input_ended() {
    let mut input = tokio::io::stdin();
    let mut bytes = [0; 256];
    while input.read(&mut bytes).await.is_ok_and(|many| many > 0) {}
}
