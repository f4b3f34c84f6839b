//! How values are written for people: times, sizes, hashes, JSON. Pure.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::time::Duration;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// How many there are, as far as is known: `12`, `at least 10 000`, or `none so far`.
pub fn counted(total: u64, exact: bool) -> String {
    match (total, exact) {
        (_, true) => grouped(total),
        (0, false) => "none so far".to_owned(),
        (_, false) => format!("at least {}", grouped(total)),
    }
}

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

/// How long ago, or in what time.
pub fn ago(at: OffsetDateTime, now: OffsetDateTime) -> String {
    let second = Duration::from_secs(1);
    match Duration::try_from(now - at) {
        Ok(passed) if passed < second => "just now".to_owned(),
        Ok(passed) => format!("{} ago", duration(passed)),
        Err(_) => {
            let left = Duration::try_from(at - now).unwrap_or_default();
            if left < second { "now".to_owned() } else { format!("in {}", duration(left)) }
        },
    }
}

/// A quantity with as many digits as mean something; what it is of stands beside it.
pub fn quantity(value: f64) -> String {
    match value {
        value if value <= 0.0 => "0".to_owned(),
        value if value < 0.05 => "< 0.1".to_owned(),
        value if value < 100.0 => format!("{value:.1}").trim_end_matches(".0").to_owned(),
        value => {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "it is at least 100, and shown only"
            )]
            let whole = value.round() as u64;
            grouped(whole)
        },
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

/// Whether a character is seen only by what it does to others: it turns their order around, or makes two texts look alike.
fn is_invisible(letter: char) -> bool {
    matches!(letter, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
        || letter.is_control()
}

/// A name that others chose, so that it can be told from every other: `\u202e` instead of the character.
pub fn plain(text: &str) -> Cow<'_, str> {
    if !text.contains(is_invisible) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        push_plain(&mut out, letter);
    }
    Cow::Owned(out)
}

fn push_plain(out: &mut String, letter: char) {
    if is_invisible(letter) {
        let mut units = [0; 2];
        for unit in letter.encode_utf16(&mut units) {
            write!(out, "\\u{unit:04x}").expect("writing to a string does not fail");
        }
    } else {
        out.push(letter);
    }
}

/// Deepest level that is shown by indenting: a page of brackets must not become a hundred of spaces.
const DEEPEST: usize = 16;

/// JSON with line breaks and two spaces per level. It is the same JSON: numbers and escapes stay as they were written, and
/// only characters that cannot be seen become escapes.
pub fn pretty(json: &str) -> String {
    let mut out = String::with_capacity(json.len() * 2);
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    let mut characters = json.chars().peekable();
    let line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", depth.min(DEEPEST)));
    };
    while let Some(character) = characters.next() {
        if in_string {
            push_plain(&mut out, character);
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
            other => push_plain(&mut out, other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{ago, clock, duration, grouped, moment, plain, pretty, quantity, short};

    #[test]
    fn numbers_times_and_lengths() {
        assert_eq!(grouped(1_048_221), "1\u{202f}048\u{202f}221");
        assert_eq!((grouped(0), grouped(999)), ("0".to_owned(), "999".to_owned()));
        let known = [(7, true), (0, false), (10_000, false)].map(|(total, exact)| super::counted(total, exact));
        assert_eq!(known, ["7", "none so far", "at least 10\u{202f}000"]);
        assert_eq!(duration(Duration::from_millis(310)), "310 ms");
        assert_eq!(duration(Duration::from_mins(125)), "2 h 5 min");
        assert_eq!(duration(Duration::from_hours(24)), "1 d");
        let now = moment("2026-03-01T10:00:00Z").unwrap();
        for (text, said) in
            [("10:00:00.5", "now"), ("09:59:59.5", "just now"), ("09:58:00", "2 min ago"), ("11:05:00", "in 1 h 5 min")]
        {
            assert_eq!(ago(moment(&format!("2026-03-01T{text}Z")).unwrap(), now), said);
        }
        assert_eq!(clock("2026-03-01T12:00:05.123+02:00"), "2026-03-01 10:00:05");
        assert_eq!(clock("yesterday"), "yesterday");
        let shown: Vec<String> = [0.0, 0.01, 0.5, 3.0, 12.34, 1_234.4].map(quantity).into();
        assert_eq!(shown, ["0", "< 0.1", "0.5", "3", "12.3", "1\u{202f}234"]);
        assert_eq!(short("0x00112233445566778899aabbccddeeff"), "00112233…eeff");
    }

    #[test]
    fn json_is_broken_into_lines_and_not_changed() {
        let text = r#"{"a":1.10,"b":[],"c":[1,{"d":"x,{\"y\":2}\\"}],"e":{ }}"#;
        let expected = "{\n  \"a\": 1.10,\n  \"b\": [],\n  \"c\": [\n    1,\n    {\n      \"d\": \"x,{\\\"y\\\":2}\\\\\"\n    }\n  ],\n  \"e\": {}\n}";
        assert_eq!(pretty(text), expected);
    }

    /// A payload that says `paid` and means something else must not look like it.
    #[test]
    fn what_cannot_be_seen_is_shown() {
        assert_eq!(plain("ORD-1"), "ORD-1");
        assert_eq!(plain("ORD\u{200b}-1\u{202e}x\u{7}"), "ORD\\u200b-1\\u202ex\\u0007");
        assert_eq!(plain("\u{e0041}"), "\\udb40\\udc41", "as JSON escapes what is not in the first plane");
        let text = "{\"a\u{2066}\":\"\u{202e}b é\"}";
        let shown = pretty(text);
        assert_eq!(shown, "{\n  \"a\\u2066\": \"\\u202eb é\"\n}");
        let same = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(same(&shown), same(text), "it is the same JSON");
    }

    #[test]
    fn a_payload_of_brackets_stays_small() {
        let deep = format!("{}{}{}", "[".repeat(100), "1,".repeat(30_000), "1");
        assert!(pretty(&deep).len() < 20 * deep.len(), "{}", pretty(&deep).len());
    }
}
