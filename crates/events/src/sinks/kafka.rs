//! Kafka of the file. It is read and checked in every build; only one with the feature `kafka` can deliver there.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Deserialize;
use stateset_inspect::Fault;
use stateset_relay::sink::Sink;

use super::Of;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(not(feature = "kafka"), expect(dead_code, reason = "described here, delivered to by other builds"))]
pub(crate) struct KafkaDestination {
    pub(crate) brokers: String,
    /// Globs over event types and their topics.
    #[serde(default)]
    topics: Vec<(String, String)>,
    #[serde(default)]
    order_id_mode: OrderIds,
    /// Copies of dead letters go to the topic of this name behind the event's own.
    dead_letter_suffix: Option<String>,
    transactional_prefix: Option<String>,
    tls: Option<Tls>,
    sasl: Option<Sasl>,
    /// Further settings of librdkafka.
    #[serde(default)]
    settings: BTreeMap<String, String>,
}

/// How an order key becomes `order_id`.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum OrderIds {
    #[default]
    IntegerOrString,
    Strict,
    String,
}

/// TLS; without members the machine's authorities are trusted.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(not(feature = "kafka"), expect(dead_code, reason = "described here, delivered to by other builds"))]
#[expect(clippy::struct_field_names, reason = "the members of the routes file, which say that they name files")]
struct Tls {
    ca_file: Option<PathBuf>,
    certificate_file: Option<PathBuf>,
    key_file: Option<PathBuf>,
}

/// Who we are.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(not(feature = "kafka"), expect(dead_code, reason = "described here, delivered to by other builds"))]
struct Sasl {
    mechanism: Mechanism,
    username: String,
    password_env: Option<String>,
    password_file: Option<PathBuf>,
    /// Allows PLAIN without TLS.
    #[serde(default)]
    clear_text: bool,
}

#[derive(Clone, Copy, Debug, Deserialize)]
enum Mechanism {
    #[serde(rename = "PLAIN")]
    Plain,
    #[serde(rename = "SCRAM-SHA-256")]
    ScramSha256,
    #[serde(rename = "SCRAM-SHA-512")]
    ScramSha512,
}

#[cfg(not(feature = "kafka"))]
impl KafkaDestination {
    #[expect(clippy::unused_self, reason = "with the feature it is used")]
    pub(super) fn sink(&self, of: Of<'_>) -> Result<Arc<dyn Sink>, Fault> {
        Err(not_built(of))
    }
}

/// A destination that only another build reaches.
#[cfg(not(feature = "kafka"))]
fn not_built(of: Of<'_>) -> Fault {
    let message = format!("destination {:?}: this build cannot reach Kafka", of.name);
    let fix = "build it with --features kafka, or kafka-tls for TLS and SCRAM";
    Fault::new(stateset_inspect::Kind::Unsupported, "UNSUPPORTED_HERE", message, fix)
}

#[cfg(feature = "kafka")]
mod built {
    use stateset_relay::contract::OrderIdMode;
    use stateset_relay::kafka::{KafkaSasl, KafkaSecurity, KafkaTls, SaslMechanism};
    use stateset_relay::secret::Secret;
    use stateset_relay::sink::kafka::{Kafka, KafkaSettings};

    use super::{Arc, Fault, KafkaDestination, Mechanism, Of, OrderIds, Sasl, Sink, Tls};

    impl KafkaDestination {
        pub(in crate::sinks) fn sink(&self, of: Of<'_>) -> Result<Arc<dyn Sink>, Fault> {
            Ok(Arc::new(Kafka::new(self.built(of)?).map_err(|error| of.wrong(error))?))
        }

        /// As the relay has it.
        pub(in crate::sinks) fn built(&self, of: Of<'_>) -> Result<KafkaSettings, Fault> {
            let mut settings = KafkaSettings::new(&*self.brokers);
            if !self.topics.is_empty() {
                self.topics.clone_into(&mut settings.topics);
            }
            settings.order_id_mode = match self.order_id_mode {
                OrderIds::IntegerOrString => OrderIdMode::IntegerOrString,
                OrderIds::Strict => OrderIdMode::Strict,
                OrderIds::String => OrderIdMode::String,
            };
            settings.dead_letter_suffix.clone_from(&self.dead_letter_suffix);
            settings.transactional_prefix.clone_from(&self.transactional_prefix);
            settings.security = KafkaSecurity {
                tls: self.tls.as_ref().map(|tls| tls.built(of)).transpose()?,
                sasl: self.sasl.as_ref().map(|sasl| sasl.built(of)).transpose()?,
            };
            settings.more = self.settings.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
            Ok(settings)
        }
    }

    impl Tls {
        fn built(&self, of: Of<'_>) -> Result<KafkaTls, Fault> {
            let ca = self.ca_file.as_ref().map(|path| of.text(path, "tls.ca_file")).transpose()?;
            let identity = match (&self.certificate_file, &self.key_file) {
                (None, None) => None,
                (Some(certificate), Some(key)) => {
                    let certificate = of.text(certificate, "tls.certificate_file")?;
                    Some((certificate, Secret::new(of.text(key, "tls.key_file")?)))
                },
                _ => {
                    let fix = "name both for brokers that ask who we are, or neither";
                    return Err(of.fault("tls.certificate_file and tls.key_file come together", fix));
                },
            };
            Ok(KafkaTls { ca_pem: ca, identity })
        }
    }

    impl Sasl {
        fn built(&self, of: Of<'_>) -> Result<KafkaSasl, Fault> {
            let password = of.secret("sasl.password", self.password_env.as_ref(), self.password_file.as_deref())?;
            let fix = "name its variable in password_env, or its file in password_file";
            Ok(KafkaSasl {
                mechanism: match self.mechanism {
                    Mechanism::Plain => SaslMechanism::Plain,
                    Mechanism::ScramSha256 => SaslMechanism::ScramSha256,
                    Mechanism::ScramSha512 => SaslMechanism::ScramSha512,
                },
                username: self.username.clone(),
                password: password.ok_or_else(|| of.fault("sasl has no password", fix))?,
                clear_text: self.clear_text,
            })
        }
    }
}
