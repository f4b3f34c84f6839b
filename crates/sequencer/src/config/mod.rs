//! Configuration: every variable read once, typed, with all faults reported together.

mod edge;
mod faults;
mod identity;
mod setting;

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

pub use faults::ConfigFaults;
pub use identity::TokenSettings;
use setting::Reader;
pub use setting::{SETTINGS, Setting};
use stateset_ledger::id::TenantId;

use crate::edge::EdgeConfig;
use crate::schemas::Mode;
use crate::service::Limits;
use crate::tls::TlsFiles;

/// Where the log is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Database {
    /// `sequencer.db` in the data directory; `DATABASE_URL` is unset.
    Embedded,
    /// A PostgreSQL URL.
    Postgres(String),
}

/// Whether payloads must be encrypted at rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncryptionMode {
    /// Never.
    Disabled,
    /// If keys are given.
    Optional,
    /// Always; without keys the server does not start.
    Required,
}

/// Where traces go.
#[derive(Clone, Debug, PartialEq)]
pub struct TraceSettings {
    /// `OTEL_EXPORTER_OTLP_ENDPOINT`, without a slash at its end.
    pub endpoint: String,
    /// `OTEL_SERVICE_NAME`.
    pub service: String,
    /// `OTEL_TRACES_SAMPLER_ARG`: the share of traces that nobody else has decided about, from 0 to 1.
    pub share: f64,
}

/// Everything the operator may decide.
pub struct Config {
    /// `DATABASE_URL`.
    pub database: Database,
    /// `STATESET_DATA_DIR`.
    pub data_dir: PathBuf,
    /// `HOST`; unset means loopback on the embedded database and all addresses otherwise.
    pub host: IpAddr,
    /// `PORT`.
    pub port: u16,
    /// `MAX_DB_CONNECTIONS`.
    pub max_db_connections: u32,
    /// `DB_MIGRATE_ON_STARTUP`.
    pub migrate_on_startup: bool,
    /// `AUTH_MODE`: whether a credential is asked for.
    pub auth_required: bool,
    /// `ALLOW_AUTH_DISABLED`: whether `AUTH_MODE=disabled` may meet a public address.
    pub auth_disabled_anywhere: bool,
    /// `BOOTSTRAP_ADMIN_API_KEY`.
    pub bootstrap_key: Option<String>,
    /// `BOOTSTRAP_ADMIN_API_KEY=none`: there is none, and none is made.
    pub without_bootstrap: bool,
    /// `JWT_…`; `None`: tokens are not taken.
    pub tokens: Option<TokenSettings>,
    /// `PAYLOAD_ENCRYPTION_MODE`.
    pub encryption: EncryptionMode,
    /// `PAYLOAD_ENCRYPTION_KEYS` or `PAYLOAD_ENCRYPTION_KEY`, the current one first.
    pub payload_keys: Vec<[u8; 32]>,
    /// `PAYLOAD_ENCRYPTION_KEYS_BY_TENANT`, each ring with the current key first.
    pub tenant_keys: HashMap<TenantId, Vec<[u8; 32]>>,
    /// `VES_SEQUENCER_SIGNING_KEY`.
    pub signing_seed: Option<[u8; 32]>,
    /// `VES_SEQUENCER_ID`.
    pub sequencer_id: Option<String>,
    /// `LOG_ORIGIN`.
    pub log_origin: String,
    /// `LOG_PUBLIC`: whether checkpoint and tiles need no credential.
    pub public_log: bool,
    /// `SCHEMA_VALIDATION_MODE`.
    pub schema_mode: Mode,
    /// `UNSIGNED_EVENTS`: whether unsigned events are taken.
    pub unsigned_allowed: bool,
    /// `KEY_POSSESSION_PROOF`: whether registering a key needs one.
    pub possession_proof_required: bool,
    /// `COMMIT_INTERVAL_MS`; `None` switches the committer off.
    pub commit_interval: Option<Duration>,
    /// `PUBLISH_INTERVAL_MS`.
    pub publish_interval: Duration,
    /// `REQUEST_TIMEOUT_MS`.
    pub request_timeout: Duration,
    /// `WORKER_THREADS`.
    pub worker_threads: usize,
    /// `LOG_FORMAT=json`.
    pub json_logs: bool,
    /// `RUST_LOG`.
    pub log_filter: String,
    /// `OTEL_…`; `None`: no traces.
    pub traces: Option<TraceSettings>,
    /// `RATE_LIMIT_PER_MINUTE`, `CORS_ALLOW_ORIGINS`, `ADMIN_IP_ALLOWLIST`, `TRUST_PROXY_HEADERS`, `METRICS_ACCESS`.
    pub edge: EdgeConfig,
    /// `TLS_CERT_FILE`, `TLS_KEY_FILE`.
    pub tls: Option<TlsFiles>,
    /// `MAX_CONNECTIONS`.
    pub max_connections: usize,
    /// `MAX_BODY_SIZE_BYTES`, `MAX_EVENTS_PER_BATCH`, `MAX_EVENT_PAYLOAD_SIZE`, `MAX_FUTURE_SKEW_MS`.
    pub limits: Limits,
}

impl Config {
    /// Reads the configuration through `variable`, which answers a variable's value if it is set.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigFaults> {
        let mut reader = Reader::new(variable);
        let config = Self::read_each(&mut reader);
        config.check_together(&mut reader);
        reader.finish(config)
    }

    /// The same for the operator's tools, which need no more than what they touch: what a server would miss is not asked for.
    pub fn read_for_tools(variable: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigFaults> {
        let mut reader = Reader::new(variable);
        let config = Self::read_each(&mut reader);
        reader.finish(config)
    }

    /// As much as can be understood, with everything that is wrong: for looking at it.
    pub fn examine(variable: impl Fn(&str) -> Option<String>) -> (Self, ConfigFaults) {
        let mut reader = Reader::new(variable);
        let config = Self::read_each(&mut reader);
        config.check_together(&mut reader);
        (config, reader.into_faults())
    }

    fn read_each<F: Fn(&str) -> Option<String>>(reader: &mut Reader<F>) -> Self {
        let database = reader.database();
        let default_host = match database {
            Database::Embedded => "127.0.0.1",
            Database::Postgres(_) => "0.0.0.0",
        };
        Self {
            data_dir: PathBuf::from(reader.text("STATESET_DATA_DIR").unwrap_or_default()),
            host: reader.parse_or("HOST", default_host),
            port: reader.parse("PORT"),
            max_db_connections: reader.in_range("MAX_DB_CONNECTIONS", 2..=1_000),
            migrate_on_startup: reader.flag("DB_MIGRATE_ON_STARTUP"),
            auth_required: reader.choice("AUTH_MODE", &[("required", true), ("disabled", false)]),
            auth_disabled_anywhere: reader.flag("ALLOW_AUTH_DISABLED"),
            without_bootstrap: reader.without_bootstrap(),
            bootstrap_key: reader.bootstrap_key(),
            tokens: identity::tokens(reader),
            encryption: reader.choice(
                "PAYLOAD_ENCRYPTION_MODE",
                &[
                    ("required", EncryptionMode::Required),
                    ("optional", EncryptionMode::Optional),
                    ("disabled", EncryptionMode::Disabled),
                ],
            ),
            payload_keys: reader.payload_keys(),
            tenant_keys: reader.tenant_keys(),
            signing_seed: reader.key("VES_SEQUENCER_SIGNING_KEY"),
            sequencer_id: reader.text("VES_SEQUENCER_ID"),
            log_origin: reader.text("LOG_ORIGIN").unwrap_or_default(),
            public_log: reader.flag("LOG_PUBLIC"),
            schema_mode: reader.choice("SCHEMA_VALIDATION_MODE", &Mode::WORDS),
            unsigned_allowed: reader.choice("UNSIGNED_EVENTS", &[("allow", true), ("refuse", false)]),
            possession_proof_required: reader
                .choice("KEY_POSSESSION_PROOF", &[("required", true), ("optional", false)]),
            commit_interval: Some(reader.millis("COMMIT_INTERVAL_MS", 0..=86_400_000)).filter(|d| !d.is_zero()),
            publish_interval: reader.millis("PUBLISH_INTERVAL_MS", 1..=60_000),
            request_timeout: reader.millis("REQUEST_TIMEOUT_MS", 100..=600_000),
            worker_threads: reader.in_range("WORKER_THREADS", 1..=256),
            json_logs: reader.choice("LOG_FORMAT", &[("text", false), ("json", true)]),
            log_filter: reader.text("RUST_LOG").unwrap_or_default(),
            traces: reader.traces(),
            edge: edge::read(reader),
            tls: edge::tls(reader),
            max_connections: reader.in_range("MAX_CONNECTIONS", 16..=1_000_000),
            limits: Limits {
                body_bytes: reader.in_range("MAX_BODY_SIZE_BYTES", 1_024..=1 << 30),
                batch_events: reader.in_range("MAX_EVENTS_PER_BATCH", 1..=10_000),
                payload_bytes: reader.in_range("MAX_EVENT_PAYLOAD_SIZE", 16..=1 << 28),
                future_skew_ms: reader.optional("MAX_FUTURE_SKEW_MS"),
            },
            database,
        }
    }

    /// Faults that only show when variables are seen together.
    fn check_together<F: Fn(&str) -> Option<String>>(&self, reader: &mut Reader<F>) {
        if matches!(self.database, Database::Postgres(_)) {
            if self.encryption == EncryptionMode::Required && self.payload_keys.is_empty() {
                reader.fault(
                    "PAYLOAD_ENCRYPTION_KEYS",
                    "is not set, and PAYLOAD_ENCRYPTION_MODE is `required`; set 32 random bytes as hex \
                     (`openssl rand -hex 32`), or PAYLOAD_ENCRYPTION_MODE=disabled to store payloads in the clear",
                );
            }
            if self.signing_seed.is_none() {
                reader.fault(
                    "VES_SEQUENCER_SIGNING_KEY",
                    "is not set; receipts would be worth nothing; set 32 random bytes as hex (`openssl rand -hex 32`) \
                     and keep them",
                );
            }
            let nobody = self.bootstrap_key.is_none() && !self.without_bootstrap && self.tokens.is_none();
            if self.auth_required && nobody {
                reader.fault(
                    "BOOTSTRAP_ADMIN_API_KEY",
                    "is not set, so nobody could call; set a long random text (`openssl rand -hex 32`), or `none` if \
                     keys were minted before, or JWT_SECRET, or AUTH_MODE=disabled on a loopback HOST",
                );
            }
        }
        if !self.auth_required && !self.host.is_loopback() && !self.auth_disabled_anywhere {
            reader.fault(
                "AUTH_MODE",
                "`disabled` would let anybody in on a HOST that is not loopback; set HOST=127.0.0.1, or \
                 ALLOW_AUTH_DISABLED=true if something else keeps strangers out",
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Config, Database};

    fn read(set: &[(&str, &str)]) -> Result<Config, String> {
        Config::read(|name| set.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()))
            .map_err(|faults| faults.to_string())
    }

    /// L18: defaults of the published table, with the two documented differences.
    #[test]
    fn defaults() {
        let config = read(&[]).map_err(|e| panic!("{e}")).unwrap();
        assert_eq!(config.database, Database::Embedded);
        assert_eq!((config.host.to_string().as_str(), config.port), ("127.0.0.1", 8080));
        assert_eq!((config.max_db_connections, config.log_filter.as_str()), (10, "info"));
        assert!(config.auth_required && config.migrate_on_startup);
    }

    /// L18: every variable of the published table is known, with its default or one of the two documented differences.
    /// `DATABASE_URL` and `HOST` have none here, because the embedded database is the default; the JWT variables belong to
    /// authentication.
    #[test]
    fn the_published_table() {
        for (name, default) in [
            ("DATABASE_URL", ""),
            ("HOST", ""),
            ("PORT", "8080"),
            ("MAX_DB_CONNECTIONS", "10"),
            ("RUST_LOG", "info"),
            ("AUTH_MODE", "required"),
            ("BOOTSTRAP_ADMIN_API_KEY", ""),
            ("RATE_LIMIT_PER_MINUTE", ""),
            ("CORS_ALLOW_ORIGINS", ""),
            ("DB_MIGRATE_ON_STARTUP", "true"),
            ("PAYLOAD_ENCRYPTION_MODE", "required"),
            ("PAYLOAD_ENCRYPTION_KEY", ""),
            ("PAYLOAD_ENCRYPTION_KEYS", ""),
            ("PAYLOAD_ENCRYPTION_KEYS_BY_TENANT", ""),
        ] {
            let setting = super::SETTINGS.iter().find(|setting| setting.name == name);
            assert_eq!(setting.map(|setting| setting.default), Some(default), "{name}");
        }
        let keys = [("VES_SEQUENCER_SIGNING_KEY", KEY), ("BOOTSTRAP_ADMIN_API_KEY", "dev_admin_key")];
        let on_postgres = |more: &[(&str, &str)]| {
            let set = [&[("DATABASE_URL", "postgres://localhost/stateset_sequencer")], &keys[..], more].concat();
            read(&set)
        };
        let config = on_postgres(&[("PAYLOAD_ENCRYPTION_KEYS", KEY)]).map_err(|e| panic!("{e}")).unwrap();
        assert_eq!(config.host.to_string(), "0.0.0.0");
        assert!(config.edge.rate_per_minute.is_none() && config.edge.admin_networks.is_empty());
        // L14: required without a key names the variable; the other modes start.
        assert!(on_postgres(&[]).err().unwrap().contains("PAYLOAD_ENCRYPTION_KEYS"));
        for mode in ["optional", "disabled", "DISABLED"] {
            assert!(on_postgres(&[("PAYLOAD_ENCRYPTION_MODE", mode)]).is_ok(), "{mode}");
        }
    }

    const KEY: &str = "0x4242424242424242424242424242424242424242424242424242424242424242";

    /// L11, L12, L15 to L17 and their like: what is taken, and what is refused by name, without repeating a secret.
    #[test]
    fn values_are_taken_or_refused_by_name() {
        let tenant = "00000000-0000-0000-0000-000000000001";
        let base64 = "QkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkI=";
        let ring = format!("{{\"{tenant}\":[\"{KEY}\",\"{base64}\"]}}");
        for (name, value) in [
            ("RATE_LIMIT_PER_MINUTE", "600"),
            ("CORS_ALLOW_ORIGINS", "*"),
            ("CORS_ALLOW_ORIGINS", "https://a.example.com, http://localhost:3000"),
            ("ADMIN_IP_ALLOWLIST", "10.0.0.0/8, ::1"),
            ("TRUST_PROXY_HEADERS", "TRUE"),
            ("METRICS_ACCESS", "off"),
            ("PAYLOAD_ENCRYPTION_KEY", base64),
            ("PAYLOAD_ENCRYPTION_KEYS", &format!("{KEY},{base64}")),
            ("PAYLOAD_ENCRYPTION_KEYS_BY_TENANT", ring.as_str()),
            ("DB_MIGRATE_ON_STARTUP", "false"),
        ] {
            assert_eq!(read(&[(name, value)]).err(), None, "{name}={value}");
        }
        for (name, value) in [
            ("RATE_LIMIT_PER_MINUTE", "0"),
            ("RATE_LIMIT_PER_MINUTE", "-5"),
            ("CORS_ALLOW_ORIGINS", "example.com"),
            ("CORS_ALLOW_ORIGINS", "https://a.example.com/path"),
            ("ADMIN_IP_ALLOWLIST", "10.0.0.0/40"),
            ("TRUST_PROXY_HEADERS", "maybe"),
            ("METRICS_ACCESS", "public"),
            ("PAYLOAD_ENCRYPTION_KEY", "0x4242"),
            ("PAYLOAD_ENCRYPTION_KEYS", "s3cret-s3cret"),
            ("PAYLOAD_ENCRYPTION_KEYS_BY_TENANT", "s3cret"),
            ("PAYLOAD_ENCRYPTION_KEYS_BY_TENANT", "{\"s3cret\":[\"s3cret\"]}"),
            ("PAYLOAD_ENCRYPTION_KEYS_BY_TENANT", &format!("{{\"{tenant}\":[]}}")),
            ("PAYLOAD_ENCRYPTION_KEYS_BY_TENANT", &format!("{{\"{tenant}\":[\"s3cret\"]}}")),
            ("TLS_CERT_FILE", "cert.pem"),
            ("DB_MIGRATE_ON_STARTUP", "yes"),
            ("MAX_DB_CONNECTIONS", "1"),
            ("PORT", "65536"),
            ("HOST", "localhost:80"),
        ] {
            let fault = read(&[(name, value)]).err().unwrap_or_else(|| panic!("{name}={value} was taken"));
            let named = if name == "TLS_CERT_FILE" { "TLS_KEY_FILE" } else { name };
            assert!(fault.contains(named) && !fault.contains("s3cret"), "{name}={value}: {fault}");
        }
    }

    /// All faults at once, each named with its fix, no secret repeated.
    #[test]
    fn faults_are_reported_together_without_secrets() {
        let faults = read(&[
            ("DATABASE_URL", "postgres://localhost/x"),
            ("PORT", "eighty"),
            ("PAYLOAD_ENCRYPTION_KEY", "0xdeadbeefsecret"),
            ("AUTH_MODE", "maybe"),
        ])
        .err()
        .unwrap();
        for name in ["PORT", "PAYLOAD_ENCRYPTION_KEY", "AUTH_MODE", "VES_SEQUENCER_SIGNING_KEY", "BOOTSTRAP_ADMIN"] {
            assert!(faults.contains(name), "{name} in {faults}");
        }
        assert!(!faults.contains("deadbeef"), "{faults}");
    }

    /// L09: unless forced.
    #[test]
    fn disabled_auth_refuses_a_public_address() {
        assert!(read(&[("AUTH_MODE", "disabled"), ("HOST", "0.0.0.0")]).err().unwrap().contains("AUTH_MODE"));
        assert!(read(&[("AUTH_MODE", "disabled")]).is_ok());
        let forced = [("AUTH_MODE", "disabled"), ("HOST", "0.0.0.0"), ("ALLOW_AUTH_DISABLED", "true")];
        assert!(read(&forced).is_ok());
    }

    /// L08, L10: what a token is checked with is whole, and no bootstrap key is a choice of its own.
    #[test]
    fn credentials_are_configured_as_a_whole() {
        let postgres = [
            ("DATABASE_URL", "postgres://localhost/x"),
            ("VES_SEQUENCER_SIGNING_KEY", "0000000000000000000000000000000000000000000000000000000000000001"),
            ("PAYLOAD_ENCRYPTION_MODE", "disabled"),
        ];
        let with = |more: &[(&'static str, &'static str)]| read(&[&postgres[..], more].concat());
        assert!(with(&[]).err().unwrap().contains("BOOTSTRAP_ADMIN_API_KEY"));
        let none = with(&[("BOOTSTRAP_ADMIN_API_KEY", "none")]).map_err(|e| panic!("{e}")).unwrap();
        assert!(none.without_bootstrap && none.bootstrap_key.is_none());
        let secret = "0123456789abcdef0123456789abcdef";
        let tokens = with(&[("JWT_SECRET", secret)]).map_err(|e| panic!("{e}")).unwrap().tokens.unwrap();
        assert_eq!((tokens.issuer.as_str(), tokens.audience.as_str()), ("stateset-sequencer", "stateset-api"));
        let short = with(&[("JWT_SECRET", "too short a secret")]).err().unwrap();
        assert!(short.contains("JWT_SECRET") && !short.contains("too short"), "{short}");
        let both = [("JWT_JWKS_FILE", "/k"), ("JWT_JWKS_URL", "https://id.example/k")];
        assert!(with(&both).err().unwrap().contains("JWT_JWKS_URL"));
        assert!(with(&[("JWT_JWKS_URL", "http://id.example/k")]).err().unwrap().contains("https"));
    }
}
