//! A point in time as the contracts write it: RFC 3339, UTC, `Z`.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

/// The first second of the year 0 and the last of the year 9999: what four digits can say.
const FIRST_SECOND: i64 = -62_167_219_200;
const LAST_SECOND: i64 = 253_402_300_799;

/// A point in time. Written as `2025-08-25T20:12:34Z`; a fraction of a second has six digits, and is left out if zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(OffsetDateTime);

/// Text that is no RFC 3339 date and time with an offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an RFC 3339 date and time with an offset, such as 2025-08-25T20:12:34Z")]
pub struct NotAnInstant;

impl Instant {
    /// The beginning of 1970.
    pub const UNIX_EPOCH: Self = Self(OffsetDateTime::UNIX_EPOCH);

    /// Microseconds since 1970. Years 0 to 9999 can be written; what lies outside becomes the nearest of them.
    pub fn from_unix_micros(micros: i64) -> Self {
        let seconds = micros.div_euclid(1_000_000).clamp(FIRST_SECOND, LAST_SECOND);
        let whole = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        Self(whole + time::Duration::microseconds(micros.rem_euclid(1_000_000)))
    }

    /// Microseconds since 1970; what is finer is cut off.
    pub fn unix_micros(self) -> i64 {
        i64::try_from(self.0.unix_timestamp_nanos().div_euclid(1_000)).unwrap_or(i64::MAX)
    }

    /// Reads RFC 3339 with any offset.
    pub fn parse(text: &str) -> Result<Self, NotAnInstant> {
        OffsetDateTime::parse(text, &Rfc3339).map(|at| Self(at.to_offset(UtcOffset::UTC))).map_err(|_| NotAnInstant)
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.0;
        let (month, day) = (u8::from(at.month()), at.day());
        write!(f, "{:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}", at.year(), at.hour(), at.minute(), at.second())?;
        match at.microsecond() {
            0 => f.write_str("Z"),
            micros => write!(f, ".{micros:06}Z"),
        }
    }
}

impl Serialize for Instant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}
