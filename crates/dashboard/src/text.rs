//! How values are written for people: times, sizes, hashes, JSON. Pure.

use std::time::Duration;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A number with thin groups of three digits: `1 048 221`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// How long, in its two largest units: `2 h 5 min`, `310 ms`.
pub fn duration(length: Duration) -> String {
    let (milliseconds, seconds) = (length.as_millis(), length.as_secs());
    match seconds {
        0 => format!("{milliseconds} ms"),
        1..60 => format!("{seconds} s"),
        60..3_600 => two(seconds / 60, "min", seconds % 60, "s"),
        3_600..86_400 => two(seconds / 3_600, "h", seconds / 60 % 60, "min"),
        _ => two(seconds / 86_400, "d", seconds / 3_600 % 24, "h"),
    }
}

fn two(large: u64, unit: &str, small: u64, smaller: &str) -> String {
    if small == 0 { format!("{large} {unit}") } else { format!("{large} {unit} {small} {smaller}") }
}

/// A time of RFC 3339 to the second, without the zone it is in: `2026-03-01 10:00:05`. Text that is no time stays as it is.
pub fn clock(text: &str) -> String {
    match moment(text) {
        Some(at) => format!(
            "{:04}-{:02}-{:02} {:02}:{:02}:{:02}",
            at.year(),
            u8::from(at.month()),
            at.day(),
            at.hour(),
            at.minute(),
            at.second()
        ),
        None => text.to_owned(),
    }
}

/// A time of RFC 3339, in UTC.
pub fn moment(text: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(text, &Rfc3339).ok().map(|at| at.to_offset(time::UtcOffset::UTC))
}

/// Microseconds since 1970 as RFC 3339.
pub fn from_micros(micros: i64) -> String {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1_000)
        .ok()
        .and_then(|at| at.format(&Rfc3339).ok())
        .unwrap_or_else(|| micros.to_string())
}

/// How long ago, or that it is still to come.
pub fn ago(at: OffsetDateTime, now: OffsetDateTime) -> String {
    match Duration::try_from(now - at) {
        Ok(passed) if passed < Duration::from_secs(1) => "just now".to_owned(),
        Ok(passed) => format!("{} ago", duration(passed)),
        Err(_) => "in the future".to_owned(),
    }
}

/// A frequency per second, with as many digits as mean something.
pub fn rate(per_second: f64) -> String {
    if per_second >= 100.0 {
        format!("{per_second:.0}/s")
    } else if per_second >= 1.0 {
        format!("{per_second:.1}/s")
    } else if per_second * 60.0 >= 1.0 {
        format!("{:.1}/min", per_second * 60.0)
    } else if per_second > 0.0 {
        format!("{:.1}/h", per_second * 3_600.0)
    } else {
        "0".to_owned()
    }
}

/// The ends of a long hexadecimal text, enough to compare by eye.
pub fn short(hex: &str) -> String {
    let plain = hex.strip_prefix("0x").unwrap_or(hex);
    match (plain.get(..8), plain.len() > 20) {
        (Some(start), true) => format!("{start}…{}", plain.get(plain.len() - 4..).unwrap_or_default()),
        _ => plain.to_owned(),
    }
}

/// JSON with line breaks and two spaces per level. Nothing else is changed: numbers and escapes stay as they were written.
pub fn pretty(json: &str) -> String {
    let mut out = String::with_capacity(json.len() * 2);
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    let mut characters = json.chars().peekable();
    let line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", depth.min(64)));
    };
    while let Some(character) = characters.next() {
        if in_string {
            out.push(character);
            in_string = escaped || character != '"';
            escaped = character == '\\' && !escaped;
            continue;
        }
        match character {
            '"' => {
                in_string = true;
                out.push('"');
            },
            '{' | '[' => {
                out.push(character);
                while characters.next_if(char::is_ascii_whitespace).is_some() {}
                if let Some(end) = characters.next_if(|next| matches!(next, '}' | ']')) {
                    out.push(end);
                } else {
                    depth += 1;
                    line(&mut out, depth);
                }
            },
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                line(&mut out, depth);
                out.push(character);
            },
            ',' => {
                out.push(',');
                line(&mut out, depth);
            },
            ':' => out.push_str(": "),
            space if space.is_ascii_whitespace() => {},
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{clock, duration, grouped, pretty, rate, short};

    #[test]
    fn numbers_times_and_lengths() {
        assert_eq!(grouped(1_048_221), "1\u{202f}048\u{202f}221");
        assert_eq!((grouped(0), grouped(999)), ("0".to_owned(), "999".to_owned()));
        assert_eq!(duration(Duration::from_millis(310)), "310 ms");
        assert_eq!(duration(Duration::from_mins(125)), "2 h 5 min");
        assert_eq!(duration(Duration::from_hours(24)), "1 d");
        assert_eq!(clock("2026-03-01T12:00:05.123+02:00"), "2026-03-01 10:00:05");
        assert_eq!(clock("yesterday"), "yesterday");
        assert_eq!((rate(1234.4), rate(0.5), rate(0.0)), ("1234/s".to_owned(), "30.0/min".to_owned(), "0".to_owned()));
        assert_eq!(short("0x00112233445566778899aabbccddeeff"), "00112233…eeff");
    }

    #[test]
    fn json_is_broken_into_lines_and_not_changed() {
        let text = r#"{"a":1.10,"b":[],"c":[1,{"d":"x,{\"y\":2}\\"}],"e":{ }}"#;
        let expected = "{\n  \"a\": 1.10,\n  \"b\": [],\n  \"c\": [\n    1,\n    {\n      \"d\": \"x,{\\\"y\\\":2}\\\\\"\n    }\n  ],\n  \"e\": {}\n}";
        assert_eq!(pretty(text), expected);
    }
}
