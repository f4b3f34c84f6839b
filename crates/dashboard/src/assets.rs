//! Style and scripts, compiled in. The verifier is the one of `verifier-js`, byte for byte.

use crate::web::refusal;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use sha2::{Digest as _, Sha256};

const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

macro_rules! verifier {
    ($($name:literal),*) => {
        &[$((concat!("verifier/", $name), SCRIPT, include_str!(concat!("../../../verifier-js/src/", $name)))),*]
    };
}

type Asset = (&'static str, &'static str, &'static str);

const OWN: &[Asset] = &[
    ("style.css", CSS, include_str!("../assets/style.css")),
    ("icon.svg", SVG, include_str!("../assets/icon.svg")),
    ("page.js", SCRIPT, include_str!("../assets/page.js")),
    ("live.js", SCRIPT, include_str!("../assets/live.js")),
    ("prove.js", SCRIPT, include_str!("../assets/prove.js")),
];

const VERIFIER: &[Asset] = verifier!(
    "batch.js",
    "bytes.js",
    "crypto.js",
    "event.js",
    "evidence.js",
    "head_log.js",
    "index.js",
    "json.js",
    "note.js",
    "receipt.js",
    "tree.js"
);

/// `GET /assets/<name>`. A browser asks each time whether it still has the newest, so a new version is used at once.
pub async fn asset(Path(name): Path<String>, headers: HeaderMap) -> Response {
    let Some((_, kind, text)) = OWN.iter().chain(VERIFIER).find(|(known, ..)| *known == name) else {
        return refusal(StatusCode::NOT_FOUND, "There is no such file.");
    };
    let tag = format!("\"{}\"", const_hex::encode(&Sha256::digest(text.as_bytes())[..12]));
    let known = headers.get(header::IF_NONE_MATCH).is_some_and(|have| have.as_bytes() == tag.as_bytes());
    let mut response = if known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(header::CONTENT_TYPE, *kind)], *text).into_response()
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    response
}

#[cfg(test)]
mod tests {
    /// A module that is not served would be missed by a browser only.
    #[test]
    fn every_module_of_the_verifier_is_served() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../verifier-js/src");
        for file in std::fs::read_dir(folder).unwrap() {
            let name = format!("verifier/{}", file.unwrap().file_name().to_string_lossy());
            assert!(super::VERIFIER.iter().any(|(known, ..)| *known == name), "{name}");
        }
    }
}
