//! Times in a filter: an instant, a day, or how long ago.

use ::time::OffsetDateTime;
use ::time::format_description::well_known::Rfc3339;

/// The last microsecond of the year 9999.
const LATEST: i64 = 253_402_300_799_999_999;

/// An RFC 3339 time, a day (its first instant, UTC), `now`, or how long ago (`90s`, `10m`, `2h`, `7d`, `1w`, `1h30m`), as
/// microseconds since 1970 UTC. `now` is when it is read.
pub fn parse_time(text: &str, now: i64) -> Result<i64, String> {
    if text == "now" {
        return Ok(now);
    }
    if let Some(ago) = parse_duration(text) {
        return Ok(now.saturating_sub(ago).max(0));
    }
    let read = |text: &str| OffsetDateTime::parse(text, &Rfc3339);
    let time = read(text).or_else(|_| read(&format!("{text}T00:00:00Z")));
    let time = time.map_err(|_| {
        "a time is how long ago (10m, 2h, 7d), a day (2026-03-01) or an RFC 3339 time (2026-03-01T00:00:00Z)".to_owned()
    })?;
    let micros = i64::try_from(time.unix_timestamp_nanos().div_euclid(1_000)).unwrap_or(i64::MAX);
    if (0..=LATEST).contains(&micros) { Ok(micros) } else { Err("a time lies in the years 1970 to 9999".to_owned()) }
}

/// `90s`, `10m`, `2h`, `7d`, `1w`, `1h30m`, in microseconds. `None`: it is no duration.
pub fn parse_duration(text: &str) -> Option<i64> {
    let mut total: i64 = 0;
    let mut rest = text;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit())?;
        let (number, behind) = rest.split_at(digits);
        let number: i64 = number.parse().ok()?;
        let units = [("ms", 1_000), ("s", 1_000_000), ("m", 60_000_000), ("h", 3_600_000_000)];
        let days = [("d", 86_400_000_000), ("w", 604_800_000_000)];
        let (name, micros) = units.into_iter().chain(days).find(|(name, _)| behind.starts_with(name))?;
        total = total.checked_add(number.checked_mul(micros)?)?;
        rest = behind.strip_prefix(name)?;
    }
    Some(total)
}

/// RFC 3339 UTC with as many digits as the microseconds need.
pub fn format_time(micros: i64) -> String {
    let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1_000).ok();
    time.and_then(|time| time.format(&Rfc3339).ok()).unwrap_or_else(|| format!("{micros}us"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read() {
        let now = 1_767_225_600_000_000; // 2026-01-01
        for (text, expected) in [
            ("now", now),
            ("90s", now - 90_000_000),
            ("10m", now - 600_000_000),
            ("1h30m", now - 5_400_000_000),
            ("250ms", now - 250_000),
            ("1w", now - 604_800_000_000),
            ("2026-01-01", now),
            ("2026-01-01T00:00:00Z", now),
            ("2026-01-01T01:00:00.000001+01:00", now + 1),
        ] {
            assert_eq!(parse_time(text, now), Ok(expected), "{text}");
        }
        assert_eq!(format_time(now + 1), "2026-01-01T00:00:00.000001Z");
        for bad in ["", "10", "m", "10x", "yesterday", "2026-13-01", "1969-01-01", "99999999999999999999s"] {
            assert!(parse_time(bad, now).is_err(), "{bad}");
        }
        assert_eq!(parse_time("9000000h", 5), Ok(0), "before 1970 is 1970");
    }
}
