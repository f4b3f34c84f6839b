//! TLS and passwords towards brokers.

use std::fmt;

use rdkafka::ClientConfig;

use crate::secret::Secret;

/// Whether this build has OpenSSL, which TLS and SCRAM come from.
const HAS_TLS: bool = cfg!(feature = "kafka-tls");

/// How a connection is protected, and who we are. The default is neither, for a broker on a trusted network.
#[derive(Clone, Debug, Default)]
pub struct KafkaSecurity {
    /// TLS; certificates and host names are always checked.
    pub tls: Option<KafkaTls>,
    /// A user name and its password.
    pub sasl: Option<KafkaSasl>,
}

/// TLS. The default trusts the machine's certificate authorities.
#[derive(Clone, Debug, Default)]
pub struct KafkaTls {
    /// PEM of the authorities to trust instead of the machine's.
    pub ca_pem: Option<String>,
    /// PEM of our certificate chain and of its key, where brokers ask for one.
    pub identity: Option<(String, Secret)>,
}

/// Who we are.
#[derive(Clone, Debug)]
pub struct KafkaSasl {
    /// How the password is proved.
    pub mechanism: SaslMechanism,
    /// The user.
    pub username: String,
    /// Its password; never printed.
    pub password: Secret,
    /// Allows PLAIN without TLS, where everyone on the way can read the password: for a broker on the same machine.
    pub clear_text: bool,
}

/// How a password is proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SaslMechanism {
    /// By sending it.
    Plain,
    /// Without sending it.
    ScramSha256,
    /// Without sending it.
    ScramSha512,
}

impl SaslMechanism {
    /// As Kafka names it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

impl fmt::Display for SaslMechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for SaslMechanism {
    type Err = SecurityError;

    fn from_str(name: &str) -> Result<Self, SecurityError> {
        let all = [Self::Plain, Self::ScramSha256, Self::ScramSha512];
        all.into_iter()
            .find(|mechanism| mechanism.as_str().eq_ignore_ascii_case(name))
            .ok_or_else(|| SecurityError::UnknownMechanism(name.chars().take(40).collect()))
    }
}

/// Security that cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecurityError {
    /// Not compiled in.
    #[error("{0} needs a build with the feature `kafka-tls`")]
    NotBuilt(&'static str),
    /// The password would be readable on the way.
    #[error(
        "PLAIN without TLS shows the password to everyone on the way: configure TLS, use SCRAM, or say `clear_text`"
    )]
    ClearText,
    /// No such mechanism.
    #[error("{0:?} is no SASL mechanism of ours: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512")]
    UnknownMechanism(String),
}

/// librdkafka's settings that are set from [`KafkaSecurity`] only: two of them are secrets, which must not lie in a list
/// of plain settings, and the others decide whether anything is checked.
pub(crate) const SECURITY_SETTINGS: [&str; 11] = [
    "enable.ssl.certificate.verification",
    "sasl.mechanism",
    "sasl.mechanisms",
    "sasl.password",
    "sasl.username",
    "security.protocol",
    "ssl.ca.pem",
    "ssl.certificate.pem",
    "ssl.endpoint.identification.algorithm",
    "ssl.key.password",
    "ssl.key.pem",
];

impl KafkaSecurity {
    /// Whether it can be had: pure.
    pub(crate) fn check(&self) -> Result<(), SecurityError> {
        match &self.sasl {
            Some(sasl) if sasl.mechanism == SaslMechanism::Plain && self.tls.is_none() && !sasl.clear_text => {
                return Err(SecurityError::ClearText);
            },
            Some(sasl) if sasl.mechanism != SaslMechanism::Plain && !HAS_TLS => {
                return Err(SecurityError::NotBuilt("SCRAM"));
            },
            _ => {},
        }
        if self.tls.is_some() && !HAS_TLS { Err(SecurityError::NotBuilt("TLS")) } else { Ok(()) }
    }

    /// How a client reaches these brokers; `more` are librdkafka's own settings, which ours overrule.
    pub(crate) fn client(&self, brokers: &str, more: &[(String, String)]) -> ClientConfig {
        let mut config = ClientConfig::new();
        for (name, value) in more {
            config.set(name, value);
        }
        self.apply(&mut config);
        config.set("bootstrap.servers", brokers);
        config
    }

    fn apply(&self, config: &mut ClientConfig) {
        let protocol = match (&self.tls, &self.sasl) {
            (None, None) => "plaintext",
            (Some(_), None) => "ssl",
            (None, Some(_)) => "sasl_plaintext",
            (Some(_), Some(_)) => "sasl_ssl",
        };
        config.set("security.protocol", protocol);
        if let Some(tls) = &self.tls {
            if let Some(ca) = &tls.ca_pem {
                config.set("ssl.ca.pem", ca);
            }
            if let Some((certificate, key)) = &tls.identity {
                config.set("ssl.certificate.pem", certificate).set("ssl.key.pem", key.reveal_text());
            }
        }
        if let Some(sasl) = &self.sasl {
            config.set("sasl.mechanism", sasl.mechanism.as_str());
            config.set("sasl.username", &sasl.username).set("sasl.password", sasl.password.reveal_text());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_neither_printed_nor_sent_in_the_clear() {
        let sasl = |mechanism, clear_text| KafkaSecurity {
            tls: None,
            sasl: Some(KafkaSasl {
                mechanism,
                username: "relay".into(),
                password: Secret::new(b"hunter2".as_slice()),
                clear_text,
            }),
        };
        assert_eq!(sasl(SaslMechanism::Plain, false).check(), Err(SecurityError::ClearText));
        assert_eq!(sasl(SaslMechanism::Plain, true).check(), Ok(()));
        assert_eq!(sasl(SaslMechanism::ScramSha512, false).check().is_ok(), HAS_TLS);
        assert!(!format!("{:?}", sasl(SaslMechanism::Plain, true)).contains("hunter2"));
        assert_eq!("scram-sha-256".parse(), Ok(SaslMechanism::ScramSha256));
        assert!("GSSAPI".parse::<SaslMechanism>().is_err());
    }
}
