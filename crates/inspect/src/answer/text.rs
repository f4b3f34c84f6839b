//! Times and durations as text.

use std::time::Duration;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Microseconds since 1970 UTC as RFC 3339, with a fraction only where there is one.
pub fn instant_text(micros: i64) -> String {
    let nanos = i128::from(micros) * 1_000;
    let at = OffsetDateTime::from_unix_timestamp_nanos(nanos).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    at.format(&Rfc3339).unwrap_or_default()
}

/// For people: the two largest units, such as `2 h 5 min`.
pub fn duration_text(duration: Duration) -> String {
    const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let seconds = duration.as_secs();
    if seconds == 0 {
        return format!("{} ms", duration.as_millis());
    }
    let first = UNITS.iter().position(|(size, _)| seconds >= *size).unwrap_or(UNITS.len() - 1);
    let (size, unit) = UNITS[first];
    let mut text = format!("{} {unit}", seconds / size);
    if let Some((next, unit)) = UNITS.get(first + 1)
        && seconds % size / next > 0
    {
        text.push_str(&format!(" {} {unit}", seconds % size / next));
    }
    text
}

/// A number and its noun: `1 lane`, `2 lanes`, `2 deliveries`.
pub fn counted(count: u64, noun: &str) -> String {
    match (count, noun.strip_suffix('y')) {
        (1, _) => format!("1 {noun}"),
        (_, Some(stem)) => format!("{count} {stem}ies"),
        (_, None) => format!("{count} {noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nouns_follow_their_number() {
        assert_eq!([counted(0, "lane"), counted(1, "lane")], ["0 lanes", "1 lane"]);
        assert_eq!([counted(1, "delivery"), counted(2, "delivery")], ["1 delivery", "2 deliveries"]);
    }

    #[test]
    fn times_and_durations_read_well() {
        assert_eq!(instant_text(1_736_937_000_000_000), "2025-01-15T10:30:00Z");
        assert_eq!(instant_text(1_736_937_000_000_120), "2025-01-15T10:30:00.00012Z");
        for (millis, text) in
            [(5, "5 ms"), (61_000, "1 min 1 s"), (7_500_000, "2 h 5 min"), (90_061_000, "1 d 1 h"), (3_600_000, "1 h")]
        {
            assert_eq!(duration_text(Duration::from_millis(millis)), text);
        }
    }
}
