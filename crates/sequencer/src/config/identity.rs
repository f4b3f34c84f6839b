//! Who may call: the settings that go together.

use std::path::PathBuf;

use super::setting::Reader;
use crate::identity::jwks::Source;

/// Shortest secret for HS256, in bytes: as long as its hash.
const MIN_SECRET_BYTES: usize = 32;

/// Whose tokens are taken.
#[derive(Clone)]
pub struct TokenSettings {
    /// `JWT_ISSUER`.
    pub issuer: String,
    /// `JWT_AUDIENCE`.
    pub audience: String,
    /// `JWT_SECRET`.
    pub secret: Option<String>,
    /// `JWT_JWKS_FILE` or `JWT_JWKS_URL`.
    pub keys: Option<Source>,
}

/// `None` if there is nothing to check a token with.
pub(super) fn tokens<F: Fn(&str) -> Option<String>>(reader: &mut Reader<F>) -> Option<TokenSettings> {
    let secret = reader.text("JWT_SECRET");
    if secret.as_ref().is_some_and(|secret| secret.len() < MIN_SECRET_BYTES) {
        reader.fault(
            "JWT_SECRET",
            format!("must have at least {MIN_SECRET_BYTES} characters; `openssl rand -hex 32` makes one"),
        );
    }
    let (file, url) = (reader.text("JWT_JWKS_FILE"), reader.text("JWT_JWKS_URL"));
    if file.is_some() && url.is_some() {
        reader.fault("JWT_JWKS_FILE", "and JWT_JWKS_URL are both set; use one of them");
    }
    if url.as_deref().is_some_and(|url| !is_safe(url)) {
        reader.fault("JWT_JWKS_URL", "must start with https://; http:// is taken for a loopback address only");
    }
    let keys = file.map(|path| Source::File(PathBuf::from(path))).or(url.map(Source::Url));
    if secret.is_none() && keys.is_none() {
        return None;
    }
    let issuer = reader.text("JWT_ISSUER").unwrap_or_default();
    let audience = reader.text("JWT_AUDIENCE").unwrap_or_default();
    Some(TokenSettings { issuer, audience, secret, keys })
}

/// Keys that came over a line anybody can write to are nobody's.
fn is_safe(url: &str) -> bool {
    let Some((scheme, rest)) = url.split_once("://") else { return false };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let loopback = ["127.0.0.1", "localhost", "[::1]"]
        .iter()
        .any(|name| host.strip_prefix(name).is_some_and(|port| port.is_empty() || port.starts_with(':')));
    !host.is_empty() && (scheme == "https" || (scheme == "http" && loopback && !host.contains('@')))
}

#[cfg(test)]
mod tests {
    use super::is_safe;

    #[test]
    fn keys_are_fetched_over_a_safe_line_only() {
        for safe in ["https://id.example/keys", "http://127.0.0.1:8/x", "http://localhost", "http://[::1]:9/"] {
            assert!(is_safe(safe), "{safe}");
        }
        for unsafe_url in [
            "http://id.example/keys",
            "http://localhost.example/",
            "http://127.0.0.1:1@id.example/",
            "http://127.0.0.1@id.example/",
            "file:///etc/passwd",
            "https://",
            "id.example",
        ] {
            assert!(!is_safe(unsafe_url), "{unsafe_url}");
        }
    }
}
