//! The id of a preview: all that is needed to carry it out, so that nothing has to be kept for a preview that is not.
//!
//! It is no credential. Whoever can apply a plan can apply any; the id only makes sure that what is done is what was seen.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use stateset_outbox::filter::Filter;
use stateset_outbox::job::{JobKind, JobOptions, Request};

use crate::fault::{Fault, Kind};

const PREFIX: &str = "plan_";
/// How long a plan may be carried out.
const VALID_MICROS: i64 = 15 * 60 * 1_000_000;
/// Longest id: the longest filter, quoted, in base 64.
const CHARS: usize = 32_768;

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    kind: String,
    filter: String,
    options: JobOptions,
    rate: u32,
    reason: Option<String>,
    at: i64,
}

/// `at`: when it was previewed, microseconds since 1970 UTC by the database's clock.
pub(super) fn write(request: &Request, at: i64) -> Result<String, Fault> {
    let stored = Stored {
        kind: request.kind.as_str().to_owned(),
        filter: request.filter.to_string(),
        options: request.options.clone(),
        rate: request.rate,
        reason: request.reason.clone(),
        at,
    };
    let text = serde_json::to_vec(&stored).map_err(|error| Fault::corrupt("the plan", error))?;
    Ok(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(text)))
}

/// `now`: by the same clock.
pub(super) fn read(plan: &str, wanted: Option<&str>, now: i64) -> Result<Request, Fault> {
    let unknown = || {
        let fix = "give the plan id of a preview, unchanged; a preview is the same command without --apply";
        Fault::new(Kind::NotFound, "PLAN_NOT_FOUND", "this is no plan id", fix)
    };
    let code = plan.strip_prefix(PREFIX).filter(|code| code.len() <= CHARS).ok_or_else(unknown)?;
    let text = URL_SAFE_NO_PAD.decode(code).map_err(|_| unknown())?;
    let stored: Stored = serde_json::from_slice(&text).map_err(|_| unknown())?;
    let kind: JobKind = stored.kind.parse().map_err(|_| unknown())?;
    if let Some(wanted) = wanted.filter(|wanted| *wanted != kind.as_str()) {
        let message = format!("the plan is for {kind}, not for {wanted}");
        return Err(Fault::new(Kind::Conflict, "PLAN_MISMATCH", message, "carry it out with the command it was made by"));
    }
    if !(0..=VALID_MICROS).contains(&now.saturating_sub(stored.at)) {
        let fix = "preview again, and look at it again";
        return Err(Fault::new(Kind::Conflict, "PLAN_EXPIRED", "the plan was valid for 15 minutes", fix));
    }
    let filter = Filter::parse(&stored.filter, now).map_err(|_| unknown())?;
    Ok(Request { kind, filter, options: stored.options, rate: stored.rate, reason: stored.reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_comes_back_for_fifteen_minutes() {
        let filter = Filter::parse("type:order.* where:note=\"a b\"", 0).expect("a filter");
        let request = Request { reason: Some("why".into()), ..Request::new(JobKind::Redrive, filter) };
        let plan = write(&request, 1_000).expect("an id");
        assert_eq!(read(&plan, Some("redrive"), 1_000 + VALID_MICROS).expect("valid"), request);
        for (plan, kind, now, code) in [
            (plan.as_str(), None, 1_001 + VALID_MICROS, "PLAN_EXPIRED"),
            (plan.as_str(), None, 999, "PLAN_EXPIRED"),
            (plan.as_str(), Some("discard"), 1_000, "PLAN_MISMATCH"),
            ("plan_AAAA", None, 1_000, "PLAN_NOT_FOUND"),
            ("p_7f3", None, 1_000, "PLAN_NOT_FOUND"),
        ] {
            assert_eq!(read(plan, kind, now).expect_err("refused").code, code);
        }
    }
}
