//! The table of variables, and reading them by it.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use stateset_ledger::id::TenantId;

use super::faults::ConfigFaults;
use super::{Database, TraceSettings};

/// One environment variable; `docs/reference/config.md` is generated from these.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Name.
    pub name: &'static str,
    /// Value used when it is unset; empty: none.
    pub default: &'static str,
    /// What it decides.
    pub help: &'static str,
}

const fn setting(name: &'static str, default: &'static str, help: &'static str) -> Setting {
    Setting { name, default, help }
}

/// Every variable.
pub const SETTINGS: &[Setting] = &[
    setting(
        "DATABASE_URL",
        "",
        "`postgres://…` selects PostgreSQL; unset: an embedded SQLite file in the data directory",
    ),
    setting(
        "STATESET_DATA_DIR",
        "./stateset-data",
        "where the embedded database, generated keys and the last checkpoint are kept",
    ),
    setting("HOST", "", "bind address; unset: 127.0.0.1 on the embedded database, 0.0.0.0 on PostgreSQL"),
    setting("PORT", "8080", "port; 0 picks a free one and prints it"),
    setting("MAX_DB_CONNECTIONS", "10", "most database connections, at least 2"),
    setting(
        "DB_MIGRATE_ON_STARTUP",
        "true",
        "`true` or `false`: bring the database to this program's schema at start; with false a start on another schema is refused",
    ),
    setting("AUTH_MODE", "required", "`required` or `disabled` (loopback only, unless forced)"),
    setting(
        "ALLOW_AUTH_DISABLED",
        "false",
        "`true` or `false`: lets AUTH_MODE=disabled start on a HOST that is not loopback",
    ),
    setting(
        "BOOTSTRAP_ADMIN_API_KEY",
        "",
        "key that may do everything, at least 8 characters; the embedded start creates one; `none`: there is none",
    ),
    setting("JWT_SECRET", "", "secret of at least 32 characters for HS256 tokens (`Authorization: Bearer`)"),
    setting("JWT_JWKS_FILE", "", "file with the token issuer's public keys, for RS256, ES256, EdDSA and their like"),
    setting("JWT_JWKS_URL", "", "the same as an https:// address; not both"),
    setting("JWT_ISSUER", "stateset-sequencer", "the `iss` that tokens must have"),
    setting("JWT_AUDIENCE", "stateset-api", "the `aud` that tokens must have"),
    setting("PAYLOAD_ENCRYPTION_MODE", "required", "`required`, `optional` (if keys are given) or `disabled`"),
    setting("PAYLOAD_ENCRYPTION_KEY", "", "one 32-byte key, hex (0x allowed) or base64"),
    setting("PAYLOAD_ENCRYPTION_KEYS", "", "comma-separated keys, the current one first; older ones stay readable"),
    setting(
        "PAYLOAD_ENCRYPTION_KEYS_BY_TENANT",
        "",
        "JSON object from tenant id to a list of keys, the current one first, which take the place of the common ones for \
         that tenant; what was sealed under the common ones stays readable",
    ),
    setting(
        "VES_SEQUENCER_SIGNING_KEY",
        "",
        "32-byte Ed25519 seed, hex or base64, that signs receipts, heads and checkpoints; the embedded start creates one",
    ),
    setting("VES_SEQUENCER_ID", "", "name of this sequencer in receipts; unset: derived from the signing key"),
    setting("LOG_ORIGIN", "stateset.local/log", "name of the head log in its checkpoints; a host you own and a path"),
    setting("LOG_PUBLIC", "true", "`true` or `false`: whether /checkpoint and /tile need no credential"),
    setting("UNSIGNED_EVENTS", "allow", "`allow` or `refuse`"),
    setting(
        "SCHEMA_VALIDATION_MODE",
        "enforce",
        "`disabled`, `warn`, `enforce` (events whose type has a registered schema must keep it) or `required` (`strict`; every \
         type must have one); a tenant may decide otherwise for itself or for a type",
    ),
    setting(
        "KEY_POSSESSION_PROOF",
        "required",
        "`required` or `optional`: whether registering an agent key needs a proof of possession",
    ),
    setting("COMMIT_INTERVAL_MS", "1000", "pause between automatic VES batch commitments; 0 switches them off"),
    setting("PUBLISH_INTERVAL_MS", "100", "pause between rounds of the head log while something is new"),
    setting("REQUEST_TIMEOUT_MS", "30000", "longest a request may take"),
    setting("WORKER_THREADS", "1", "threads that serve HTTP and sequence; signatures are checked on all cores besides"),
    setting(
        "RATE_LIMIT_PER_MINUTE",
        "",
        "most requests a tenant may make in a minute, counted by each process for itself (with n processes up to n times as many); unset: as many as it likes",
    ),
    setting(
        "CORS_ALLOW_ORIGINS",
        "",
        "origins whose pages may call, separated by commas, or `*`; unset: no CORS headers, so none",
    ),
    setting(
        "ADMIN_IP_ALLOWLIST",
        "",
        "addresses and networks (10.0.0.0/8) from which keys may be administered, separated by commas; unset: any",
    ),
    setting(
        "TRUST_PROXY_HEADERS",
        "false",
        "`true` if every request comes through a proxy of yours that adds to X-Forwarded-For; its last entry is then the caller",
    ),
    setting(
        "METRICS_ACCESS",
        "open",
        "`open`, `credential` (any valid one) or `off`: who may read /metrics, which names no tenant",
    ),
    setting(
        "TLS_CERT_FILE",
        "",
        "certificate chain in PEM; with TLS_KEY_FILE the server speaks TLS instead of plain HTTP",
    ),
    setting("TLS_KEY_FILE", "", "the certificate's private key in PEM"),
    setting(
        "MAX_CONNECTIONS",
        "16384",
        "most open connections; one more is closed at once. Each idle one takes 12 to 18 KB",
    ),
    setting("LOG_FORMAT", "text", "`text` or `json`"),
    setting("RUST_LOG", "info", "log level or filter"),
    setting(
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "",
        "where traces go, by OTLP over HTTP (http://127.0.0.1:4318); needs a build with the feature `otel`. Unset: no traces",
    ),
    setting("OTEL_SERVICE_NAME", "stateset-sequencer", "name of this service in traces"),
    setting(
        "OTEL_TRACES_SAMPLER_ARG",
        "1",
        "share of the requests without a traceparent that are traced, from 0 to 1; a caller's decision is followed",
    ),
    setting("MAX_BODY_SIZE_BYTES", "10485760", "largest request body"),
    setting("MAX_EVENTS_PER_BATCH", "1000", "most events in one ingest request"),
    setting("MAX_EVENT_PAYLOAD_SIZE", "1048576", "largest payload of one event in bytes"),
    setting("MAX_FUTURE_SKEW_MS", "", "refuse events whose created_at is further ahead; unset: created_at is data"),
];

/// Reads variables and gathers what is wrong with them.
pub(super) struct Reader<F> {
    variable: F,
    faults: ConfigFaults,
}

impl<F: Fn(&str) -> Option<String>> Reader<F> {
    pub(super) fn new(variable: F) -> Self {
        Self { variable, faults: ConfigFaults::default() }
    }

    pub(super) fn finish<T>(self, config: T) -> Result<T, ConfigFaults> {
        if self.faults.0.is_empty() { Ok(config) } else { Err(self.faults) }
    }

    pub(super) fn into_faults(self) -> ConfigFaults {
        self.faults
    }

    pub(super) fn fault(&mut self, name: &str, fault: impl Display) {
        self.faults.0.push((name.to_owned(), fault.to_string()));
    }

    fn default(name: &str) -> &'static str {
        SETTINGS.iter().find(|setting| setting.name == name).map_or("", |setting| setting.default)
    }

    /// The variable's value or default; blank is unset.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        (self.variable)(name)
            .map(|text| text.trim().to_owned())
            .filter(|text| !text.is_empty())
            .or_else(|| Some(Self::default(name).to_owned()).filter(|text| !text.is_empty()))
    }

    pub(super) fn parse<T: FromStr<Err: Display> + Default>(&mut self, name: &str) -> T {
        self.parse_or(name, Self::default(name))
    }

    pub(super) fn parse_or<T: FromStr<Err: Display>>(&mut self, name: &str, default: &str) -> T {
        let text = self.text(name).unwrap_or_else(|| default.to_owned());
        match text.parse() {
            Ok(value) => value,
            Err(fault) => {
                self.fault(name, format!("is {text:?}: {fault}"));
                default.parse().unwrap_or_else(|_| unreachable!("the default of {name} parses"))
            },
        }
    }

    pub(super) fn optional<T: FromStr<Err: Display>>(&mut self, name: &str) -> Option<T> {
        let text = self.text(name)?;
        text.parse().map_err(|fault| self.fault(name, format!("is {text:?}: {fault}"))).ok()
    }

    pub(super) fn in_range<T>(&mut self, name: &str, range: RangeInclusive<T>) -> T
    where
        T: FromStr<Err: Display> + Default + PartialOrd + Display + Copy,
    {
        let value = self.parse(name);
        if !range.contains(&value) {
            self.fault(name, format!("is {value}; it must be from {} to {}", range.start(), range.end()));
        }
        value
    }

    pub(super) fn millis(&mut self, name: &str, range: RangeInclusive<u64>) -> Duration {
        Duration::from_millis(self.in_range(name, range))
    }

    pub(super) fn flag(&mut self, name: &str) -> bool {
        self.choice(name, &[("true", true), ("false", false), ("1", true), ("0", false)])
    }

    /// One of several words; the first listed stands in after a fault.
    pub(super) fn choice<T: Copy>(&mut self, name: &str, choices: &[(&str, T)]) -> T {
        let text = self.text(name).unwrap_or_default();
        if let Some((_, value)) = choices.iter().find(|(word, _)| word.eq_ignore_ascii_case(&text)) {
            return *value;
        }
        let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
        self.fault(name, format!("is {text:?}; it must be one of {}", words.join(", ")));
        choices[0].1
    }

    pub(super) fn traces(&mut self) -> Option<TraceSettings> {
        let share = self.in_range("OTEL_TRACES_SAMPLER_ARG", 0.0..=1.0);
        let service = self.text("OTEL_SERVICE_NAME").unwrap_or_default();
        let endpoint = self.text("OTEL_EXPORTER_OTLP_ENDPOINT")?;
        if !(endpoint.starts_with("http://") || endpoint.starts_with("https://")) {
            self.fault("OTEL_EXPORTER_OTLP_ENDPOINT", "must start with http:// or https://");
        }
        Some(TraceSettings { endpoint: endpoint.trim_end_matches('/').to_owned(), service, share })
    }

    pub(super) fn database(&mut self) -> Database {
        match self.text("DATABASE_URL") {
            None => Database::Embedded,
            Some(url) if url.starts_with("postgres://") || url.starts_with("postgresql://") => Database::Postgres(url),
            // The value may hold a password, so it is not repeated.
            Some(_) => {
                self.fault("DATABASE_URL", "must start with postgres://; leave it unset for the embedded database");
                Database::Embedded
            },
        }
    }

    pub(super) fn without_bootstrap(&self) -> bool {
        self.text("BOOTSTRAP_ADMIN_API_KEY").is_some_and(|key| key == "none")
    }

    pub(super) fn bootstrap_key(&mut self) -> Option<String> {
        const MIN_CHARS: usize = 8;
        let key = self.text("BOOTSTRAP_ADMIN_API_KEY").filter(|key| key != "none")?;
        if key.chars().count() < MIN_CHARS || !key.bytes().all(|b| b.is_ascii_graphic()) {
            self.fault(
                "BOOTSTRAP_ADMIN_API_KEY",
                format!("must be at least {MIN_CHARS} printable ASCII characters without spaces"),
            );
        }
        Some(key)
    }

    pub(super) fn payload_keys(&mut self) -> Vec<[u8; 32]> {
        let single = self.key("PAYLOAD_ENCRYPTION_KEY");
        let Some(list) = self.text("PAYLOAD_ENCRYPTION_KEYS") else { return single.into_iter().collect() };
        if single.is_some() {
            self.fault("PAYLOAD_ENCRYPTION_KEY", "and PAYLOAD_ENCRYPTION_KEYS are both set; use one of them");
        }
        list.split(',')
            .enumerate()
            .filter_map(|(i, text)| {
                let key = key_bytes(text.trim());
                if key.is_none() {
                    self.fault("PAYLOAD_ENCRYPTION_KEYS", format!("key {}: {KEY_FORM}", i + 1));
                }
                key
            })
            .collect()
    }

    pub(super) fn tenant_keys(&mut self) -> HashMap<TenantId, Vec<[u8; 32]>> {
        const NAME: &str = "PAYLOAD_ENCRYPTION_KEYS_BY_TENANT";
        let Some(text) = self.text(NAME) else { return HashMap::new() };
        // The text holds secrets, and so might what the parser says of it.
        let Ok(rings) = serde_json::from_str::<BTreeMap<String, Vec<String>>>(&text) else {
            self.fault(NAME, "must be a JSON object such as {\"<tenant uuid>\":[\"<key>\",\"<older key>\"]}");
            return HashMap::new();
        };
        let mut keys = HashMap::new();
        for (place, (tenant, ring)) in (1..).zip(rings) {
            let Ok(tenant) = tenant.parse() else {
                self.fault(NAME, format!("tenant {place} is not a UUID"));
                continue;
            };
            let ring: Vec<_> = ring.iter().map(|text| key_bytes(text.trim())).collect();
            if ring.is_empty() {
                self.fault(NAME, format!("tenant {tenant} has no keys; leave it out to use the common ones"));
            }
            if let Some(bad) = ring.iter().position(Option::is_none) {
                self.fault(NAME, format!("tenant {tenant}, key {}: {KEY_FORM}", bad + 1));
            }
            if keys.insert(TenantId(tenant), ring.into_iter().flatten().collect()).is_some() {
                self.fault(NAME, format!("tenant {tenant} is there twice"));
            }
        }
        keys
    }

    pub(super) fn key(&mut self, name: &str) -> Option<[u8; 32]> {
        let key = key_bytes(&self.text(name)?);
        if key.is_none() {
            self.fault(name, KEY_FORM);
        }
        key
    }
}

const KEY_FORM: &str = "must be 32 bytes as 64 hexadecimal digits (0x allowed) or base64";

fn key_bytes(text: &str) -> Option<[u8; 32]> {
    let mut key = [0; 32];
    if const_hex::decode_to_slice(text, &mut key).is_ok() {
        return Some(key);
    }
    STANDARD.decode(text).ok()?.try_into().ok()
}
