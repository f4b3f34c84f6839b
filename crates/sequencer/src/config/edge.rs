//! Variables about callers: rates, origins, addresses, TLS.

use std::path::PathBuf;

use axum::http::HeaderValue;

use super::setting::Reader;
use crate::edge::address::Network;
use crate::edge::{EdgeConfig, Origins};
use crate::http::metrics::MetricsAccess;
use crate::tls::TlsFiles;

pub(super) fn read<F: Fn(&str) -> Option<String>>(reader: &mut Reader<F>) -> EdgeConfig {
    EdgeConfig {
        rate_per_minute: reader.optional("RATE_LIMIT_PER_MINUTE"),
        origins: origins(reader),
        admin_networks: networks(reader),
        trust_proxy: reader.flag("TRUST_PROXY_HEADERS"),
        metrics_access: reader.choice(
            "METRICS_ACCESS",
            &[("open", MetricsAccess::Open), ("credential", MetricsAccess::Credential), ("off", MetricsAccess::Off)],
        ),
        tls: reader.text("TLS_CERT_FILE").is_some(),
        by_address: reader.text("AUTH_MODE").as_deref() == Some("disabled") && !reader.flag("ALLOW_AUTH_DISABLED"),
    }
}

fn origins<F: Fn(&str) -> Option<String>>(reader: &mut Reader<F>) -> Origins {
    const NAME: &str = "CORS_ALLOW_ORIGINS";
    let Some(text) = reader.text(NAME) else { return Origins::None };
    if text == "*" {
        return Origins::Any;
    }
    let mut list = Vec::new();
    for origin in text.split(',').map(str::trim) {
        match HeaderValue::from_str(origin) {
            Ok(value) if is_origin(origin) => list.push(value),
            _ => reader.fault(
                NAME,
                format!("holds {origin:?}; an origin is a scheme and a host, such as https://shop.example.com"),
            ),
        }
    }
    Origins::List(list)
}

/// What a browser sends as `Origin`: scheme, host and perhaps a port, and nothing behind.
fn is_origin(text: &str) -> bool {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    host.is_some_and(|host| {
        !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-:[]".contains(&b))
    })
}

fn networks<F: Fn(&str) -> Option<String>>(reader: &mut Reader<F>) -> Vec<Network> {
    const NAME: &str = "ADMIN_IP_ALLOWLIST";
    let Some(text) = reader.text(NAME) else { return Vec::new() };
    let mut networks = Vec::new();
    for entry in text.split(',').map(str::trim) {
        match entry.parse() {
            Ok(network) => networks.push(network),
            Err(fault) => reader.fault(NAME, format!("holds {entry:?}, which {fault}")),
        }
    }
    networks
}

pub(super) fn tls<F: Fn(&str) -> Option<String>>(reader: &mut Reader<F>) -> Option<TlsFiles> {
    match (reader.text("TLS_CERT_FILE"), reader.text("TLS_KEY_FILE")) {
        (Some(certificates), Some(key)) => {
            Some(TlsFiles { certificates: PathBuf::from(certificates), key: PathBuf::from(key) })
        },
        (None, None) => None,
        (Some(_), None) => {
            reader.fault("TLS_KEY_FILE", "is not set, but TLS_CERT_FILE is; both are needed");
            None
        },
        (None, Some(_)) => {
            reader.fault("TLS_CERT_FILE", "is not set, but TLS_KEY_FILE is; both are needed");
            None
        },
    }
}
