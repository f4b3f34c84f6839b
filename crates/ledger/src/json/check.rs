//! The one-pass test that a text is canonical already.
//!
//! It runs on every event before anything is trusted, so it works on an explicit stack of fixed size and never allocates.
//! It says "yes" only where that is certain and leaves the rest to the slow path: fractions, exponents, integers of more
//! than 15 digits and member names with escapes are answered "no", although some are canonical.

use std::cmp::Ordering;

use super::{MAX_DEPTH, utf16_order};

/// Integers of up to this many digits are exact in a double and printed in full by ECMAScript.
pub(super) const EXACT_DIGITS: usize = 15;

/// Whether `text` is certainly the RFC 8785 form of itself. Anything that is no JSON is not.
pub fn is_canonical(text: &[u8]) -> bool {
    let mut scan = Scan { text, at: 0, beyond_ascii: false };
    scan.document().is_some() && (!scan.beyond_ascii || std::str::from_utf8(text).is_ok())
}

/// An open container, with the member name read last where it is an object.
#[derive(Clone, Copy)]
enum Level<'a> {
    Array,
    Object(&'a [u8]),
}

/// Every method consumes what it names, or answers `None`: not certainly canonical.
struct Scan<'a> {
    text: &'a [u8],
    at: usize,
    /// Bytes beyond ASCII can stand in strings only; one check of the whole text at the end then covers them all.
    beyond_ascii: bool,
}

impl<'a> Scan<'a> {
    fn document(&mut self) -> Option<()> {
        let mut levels = [Level::Array; MAX_DEPTH];
        let mut depth = 0;
        loop {
            match self.next()? {
                b'{' if self.peek() != Some(b'}') => {
                    *levels.get_mut(depth)? = Level::Object(self.name()?);
                    depth += 1;
                    continue;
                },
                b'[' if self.peek() != Some(b']') => {
                    *levels.get_mut(depth)? = Level::Array;
                    depth += 1;
                    continue;
                },
                // The closing bracket was seen by the guard above. An empty container is a level like any other.
                b'{' | b'[' if depth < MAX_DEPTH => self.at += 1,
                b'"' => self.string()?,
                b't' => self.literal(b"rue")?,
                b'f' => self.literal(b"alse")?,
                b'n' => self.literal(b"ull")?,
                b'-' => {
                    let first = self.next()?;
                    self.integer(first).filter(|()| first != b'0')?;
                },
                first => self.integer(first)?,
            }
            // A value has ended: leave the containers that end with it, then read on where the next value starts.
            loop {
                let Some(top) = depth.checked_sub(1) else {
                    return (self.at == self.text.len()).then_some(());
                };
                match (self.next()?, levels[top]) {
                    (b',', Level::Array) => break,
                    (b',', Level::Object(previous)) => {
                        let name = self.name()?;
                        if utf16_order(previous, name) != Ordering::Less {
                            return None;
                        }
                        levels[top] = Level::Object(name);
                        break;
                    },
                    (b']', Level::Array) | (b'}', Level::Object(_)) => depth = top,
                    _ => return None,
                }
            }
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    /// A member name without escapes, its quotes and the colon. Names with escapes would have to be compared unescaped.
    fn name(&mut self) -> Option<&'a [u8]> {
        if self.next()? != b'"' {
            return None;
        }
        let start = self.at;
        loop {
            match self.next()? {
                b'"' => break,
                b'\\' | ..b' ' => return None,
                byte => self.beyond_ascii |= !byte.is_ascii(),
            }
        }
        let name = self.text.get(start..self.at - 1)?;
        (self.next()? == b':').then_some(name)
    }

    /// The rest of a string after its opening quote.
    fn string(&mut self) -> Option<()> {
        loop {
            match self.next()? {
                b'"' => return Some(()),
                b'\\' => self.escape()?,
                ..b' ' => return None,
                byte => self.beyond_ascii |= !byte.is_ascii(),
            }
        }
    }

    /// An escape that RFC 8785 writes itself: the short ones, and `\u00xx` in lower case for the other control characters.
    fn escape(&mut self) -> Option<()> {
        match self.next()? {
            b'"' | b'\\' | b'b' | b'f' | b'n' | b'r' | b't' => Some(()),
            b'u' => {
                self.literal(b"00")?;
                let needed = match (self.next()?, self.next()?) {
                    (b'0', b'0'..=b'7' | b'b' | b'e' | b'f') => true,
                    (b'1', low) => matches!(low, b'0'..=b'9' | b'a'..=b'f'),
                    _ => false,
                };
                needed.then_some(())
            },
            _ => None,
        }
    }

    fn literal(&mut self, rest: &[u8]) -> Option<()> {
        let end = self.at + rest.len();
        (self.text.get(self.at..end)? == rest).then(|| self.at = end)
    }

    /// The rest of an integer after its first digit. What follows decides itself: a point, an exponent or a second digit
    /// after a zero is no separator.
    fn integer(&mut self, first: u8) -> Option<()> {
        match first {
            b'0' => Some(()),
            b'1'..=b'9' => {
                let start = self.at;
                while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
                    self.at += 1;
                }
                (self.at - start < EXACT_DIGITS).then_some(())
            },
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_DEPTH, is_canonical};

    #[test]
    fn certain_texts() {
        for yes in [
            "{}",
            "[]",
            "null",
            "0",
            "-1",
            "999999999999999",
            "\"\"",
            r#""\u0000\u0007\b\t\n\u000b\f\r\u000e\u001f\"\\/""#,
            r#"{"":1,"a":[],"b":{"a":[{},[]]}}"#,
            "{\"\u{d7ff}\":1,\"\u{10000}\":2,\"\u{e000}\":3}",
            "\"\u{7f}\u{80}\u{2028}é\"",
        ] {
            assert!(is_canonical(yes.as_bytes()), "{yes}");
        }
    }

    #[test]
    fn texts_left_to_the_slow_path() {
        for no in [
            "",
            " 1",
            "1 ",
            "1,",
            "-",
            "-0",
            "00",
            "01",
            "1.5",
            "1e3",
            "1.",
            "1000000000000000",
            "nul",
            "nulll",
            "+1",
            "{",
            "[",
            "[1,]",
            "[,1]",
            "[1",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{a:1}",
            "{\"a\":1 }",
            "[1}",
            "{\"a\":1]",
            "}",
            "\"",
            "\"\\",
            "\"\\u",
            "\"\\u00\"",
            "\"\\/\"",
            "\"\\u0008\"",
            "\"\\u000A\"",
            "\"\\u001F\"",
            "\"\\u0020\"",
            "\"\t\"",
            "\"\u{1}\"",
            r#"{"b":1,"a":2}"#,
            r#"{"a":1,"a":2}"#,
            r#"{"":1,"":2}"#,
            "{\"\u{e000}\":1,\"\u{10000}\":2}",
            r#"{"\n":1}"#,
            "\u{feff}1",
        ] {
            assert!(!is_canonical(no.as_bytes()), "{no}");
        }
        assert!(!is_canonical(b"\"\xff\""));
        assert!(!is_canonical(b"\"\xed\xa0\x80\""));
        assert!(!is_canonical(b"{\"\xc3\":1}"));
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(is_canonical(nested(MAX_DEPTH).as_bytes()));
        assert!(!is_canonical(nested(MAX_DEPTH + 1).as_bytes()));
        assert!(!is_canonical("[".repeat(1_000_000).as_bytes()));
    }
}
