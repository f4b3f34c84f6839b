//! Time as text. The core never reads a clock: instants are arguments.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::id::Micros;

const MICROS_PER_SECOND: i64 = 1_000_000;

/// RFC 3339 in UTC with six fraction digits.
pub(crate) fn format_micros(at: Micros) -> String {
    let seconds = at.0.div_euclid(MICROS_PER_SECOND);
    let micros = at.0.rem_euclid(MICROS_PER_SECOND);
    match OffsetDateTime::from_unix_timestamp(seconds) {
        Ok(t) => format!(
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{micros:06}Z",
            t.year(),
            u8::from(t.month()),
            t.day(),
            t.hour(),
            t.minute(),
            t.second()
        ),
        Err(_) => format!("@{seconds}.{micros:06}"),
    }
}

/// Text that is not an RFC 3339 instant with an offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an RFC 3339 date and time with an offset, such as 2026-01-02T03:04:05Z")]
pub struct NotAnInstant;

/// Reads RFC 3339 as the published servers do: lower-case `t` and `z`, a space instead of `T`, a leap second `:60`, any
/// number of fraction digits and `-00:00` are accepted; a missing offset, a comma and `24:00` are not.
///
/// Digits beyond the microsecond are cut off. A leap second counts as the last microsecond before the next minute.
pub fn parse_rfc3339(text: &str) -> Result<Micros, NotAnInstant> {
    let bytes = text.as_bytes();
    if !text.is_ascii() || bytes.len() < 20 || bytes.len() > 80 {
        return Err(NotAnInstant);
    }
    let mut normal = text.to_ascii_uppercase();
    if bytes[10] == b' ' {
        normal.replace_range(10..11, "T");
    }
    let leap = bytes[17..19] == *b"60";
    if leap {
        normal.replace_range(17..19, "59");
    }
    let at = OffsetDateTime::parse(&normal, &Rfc3339).map_err(|_| NotAnInstant)?;
    let micros = i64::try_from(at.unix_timestamp_nanos().div_euclid(1_000)).map_err(|_| NotAnInstant)?;
    Ok(Micros(if leap { micros - micros.rem_euclid(MICROS_PER_SECOND) + MICROS_PER_SECOND - 1 } else { micros }))
}

#[cfg(test)]
mod tests {
    use super::{format_micros, parse_rfc3339};
    use crate::id::Micros;

    /// Accepted and refused spellings of `created_at` (VES envelope rules, A08).
    #[test]
    fn spellings_of_created_at() {
        for good in [
            "2026-01-02T03:04:05Z",
            "2026-01-02t03:04:05z",
            "2026-01-02 03:04:05+00:00",
            "2026-01-02T03:04:60Z",
            "2026-01-02T03:04:05.123456789123Z",
            "2026-01-02T03:04:05-00:00",
            "2026-01-02T03:04:05.1+05:30",
        ] {
            assert!(parse_rfc3339(good).is_ok(), "{good}");
        }
        for bad in [
            "2026-01-02T03:04:05",
            "2026-01-02T03:04:05,5Z",
            "2026-01-02T24:00:00Z",
            "2026-13-02T03:04:05Z",
            "2026-02-30T03:04:05Z",
            "yesterday",
            "",
            "2026-01-02T03:04:05Zé",
            "2026-01-02T03:04:05.Z",
        ] {
            assert!(parse_rfc3339(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn micros_round_trip_through_text() {
        for micros in [0, 1, -1, 1_767_323_045_000_006, -62_000_000_000_000_000] {
            assert_eq!(parse_rfc3339(&format_micros(Micros(micros))), Ok(Micros(micros)));
        }
    }
}
