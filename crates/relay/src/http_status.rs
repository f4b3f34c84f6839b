//! What an HTTP status says about a delivery; the same for every destination that speaks HTTP.

use std::time::Duration;

use reqwest::{Response, StatusCode, header};

use crate::sink::{Outcome, Why};

/// How much of an error's body is kept.
const BODY_CHARS: usize = 300;
/// Most bytes read of an error's body.
const BODY_BYTES: usize = 4_096;

/// The outcome of a response that is not 2xx.
///
/// The event is to blame for 4xx, and may be tried again after 408, 425 and 429. The destination is to blame for 5xx;
/// so it is for 401 and 403 (our credentials) and 3xx (it moved): no event could pass.
pub(crate) async fn failure(response: Response) -> Outcome {
    let status = response.status();
    let after = retry_after(&response);
    let body = excerpt(response).await;
    let why = |advice: &str| {
        let separator = if body.is_empty() { "" } else { ": " };
        Why::new(format!("http_{}", status.as_u16()), format!("the answer was {status}{advice}{separator}{body}"))
    };
    match status {
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS => {
            Outcome::Retry { after, why: why("") }
        },
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            Outcome::Unavailable(why(" (check the destination's credentials)"))
        },
        _ if status.is_redirection() => {
            Outcome::Unavailable(why(" (redirects are not followed: configure the new URL)"))
        },
        _ if status.is_client_error() => Outcome::Refused(why("")),
        _ => Outcome::Unavailable(why("")),
    }
}

/// The outcome of a request without a response. The URL is left out: it may hold a secret.
pub(crate) fn no_response(error: reqwest::Error) -> Outcome {
    let class = if error.is_timeout() {
        "timeout"
    } else if error.is_connect() {
        "connect"
    } else {
        "connection_lost"
    };
    let error = error.without_url();
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    Outcome::Unavailable(Why::new(class, text))
}

/// Seconds only: a date would have to be compared with a clock that is not ours.
fn retry_after(response: &Response) -> Option<Duration> {
    let text = response.headers().get(header::RETRY_AFTER)?.to_str().ok()?;
    text.trim().parse().ok().map(Duration::from_secs)
}

async fn excerpt(mut response: Response) -> String {
    let mut bytes = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        bytes.extend_from_slice(&chunk);
        if bytes.len() >= BODY_BYTES {
            break;
        }
    }
    let text = String::from_utf8_lossy(&bytes);
    let plain = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter });
    plain.take(BODY_CHARS).collect::<String>().trim().to_owned()
}
