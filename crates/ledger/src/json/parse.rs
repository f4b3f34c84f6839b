//! A JSON text as a tree that still knows how its numbers were written.
//!
//! `serde_json` would lose that (the legacy hash needs it), keeps the last of two members of one name, and cannot say
//! where a fault lies. The grammar is that of RFC 8259 and accepts exactly what `serde_json` accepts, apart from members
//! of one name and nesting.

use std::borrow::Cow;

use super::{Form, JsonFault, MAX_DEPTH, utf16_order};

/// A number without exponent overflows a double only when it is longer than this.
const NEVER_OVERFLOWS_CHARS: usize = 300;

/// One value. Members are in the order of the form that was asked for, and their names are distinct.
#[derive(Debug)]
pub(super) enum Node<'a> {
    Null,
    Bool(bool),
    /// As written, and within the range of a double.
    Number(&'a str),
    String(Cow<'a, str>),
    Array(Vec<Self>),
    Object(Vec<(Cow<'a, str>, Self)>),
}

/// Reads the whole of `bytes` as one value.
pub(super) fn parse(bytes: &[u8], form: Form) -> Result<Node<'_>, JsonFault> {
    let text = std::str::from_utf8(bytes).map_err(|fault| JsonFault::InvalidUtf8 { offset: fault.valid_up_to() })?;
    let mut reader = Reader { text, at: 0, depth: 0, form };
    let value = reader.value()?;
    reader.skip_space();
    if reader.at < text.len() { Err(JsonFault::TrailingBytes { offset: reader.at }) } else { Ok(value) }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    form: Form,
}

impl<'a> Reader<'a> {
    /// Recursion is bounded by [`MAX_DEPTH`].
    fn value(&mut self) -> Result<Node<'a>, JsonFault> {
        self.skip_space();
        match self.peek() {
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::array),
            Some(b'"') => self.string().map(Node::String),
            Some(b'-' | b'0'..=b'9') => self.number().map(Node::Number),
            Some(b't') => self.literal("true", Node::Bool(true)),
            Some(b'f') => self.literal("false", Node::Bool(false)),
            Some(b'n') => self.literal("null", Node::Null),
            _ => Err(self.expected("a value")),
        }
    }

    fn nested(&mut self, read: fn(&mut Self) -> Result<Node<'a>, JsonFault>) -> Result<Node<'a>, JsonFault> {
        if self.depth == MAX_DEPTH {
            return Err(JsonFault::TooDeep { offset: self.at });
        }
        self.depth += 1;
        self.at += 1;
        let node = read(self)?;
        self.depth -= 1;
        Ok(node)
    }

    fn array(&mut self) -> Result<Node<'a>, JsonFault> {
        let mut elements = Vec::new();
        if self.take_after_space(b']') {
            return Ok(Node::Array(elements));
        }
        loop {
            elements.push(self.value().map_err(|fault| fault.in_element(elements.len()))?);
            if self.take_after_space(b']') {
                return Ok(Node::Array(elements));
            }
            if !self.take_after_space(b',') {
                return Err(self.expected("`,` or `]`"));
            }
        }
    }

    fn object(&mut self) -> Result<Node<'a>, JsonFault> {
        let mut members = Vec::new();
        if self.take_after_space(b'}') {
            return Ok(Node::Object(members));
        }
        loop {
            self.skip_space();
            if self.peek() != Some(b'"') {
                return Err(self.expected("a member name in quotes"));
            }
            let name = self.string()?;
            if !self.take_after_space(b':') {
                return Err(self.expected("`:`"));
            }
            let value = self.value().map_err(|fault| fault.in_member(&name))?;
            members.push((name, value));
            if self.take_after_space(b'}') {
                return self.sorted(members);
            }
            if !self.take_after_space(b',') {
                return Err(self.expected("`,` or `}`"));
            }
        }
    }

    /// Sorting brings members of one name together, which finds them without a second index.
    fn sorted(&self, mut members: Vec<(Cow<'a, str>, Node<'a>)>) -> Result<Node<'a>, JsonFault> {
        match self.form {
            Form::Canonical => members.sort_unstable_by(|(a, _), (b, _)| utf16_order(a.as_bytes(), b.as_bytes())),
            Form::Legacy => members.sort_unstable_by(|(a, _), (b, _)| a.as_bytes().cmp(b.as_bytes())),
        }
        match members.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            Some(pair) => Err(JsonFault::DuplicateMember { pointer: String::new() }.in_member(&pair[0].0)),
            None => Ok(Node::Object(members)),
        }
    }

    /// A string with its quotes, borrowed where it holds no escape.
    fn string(&mut self) -> Result<Cow<'a, str>, JsonFault> {
        self.at += 1;
        let first = self.run()?;
        if self.peek() == Some(b'"') {
            self.at += 1;
            return Ok(Cow::Borrowed(first));
        }
        let mut unescaped = first.to_owned();
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(Cow::Owned(unescaped));
                },
                _ => unescaped.push(self.escape()?),
            }
            unescaped.push_str(self.run()?);
        }
    }

    /// Characters that stand for themselves, up to a quote or a backslash.
    fn run(&mut self) -> Result<&'a str, JsonFault> {
        let start = self.at;
        loop {
            match self.peek() {
                Some(b'"' | b'\\') => return Ok(self.since(start)),
                Some(..b' ') => return Err(self.expected("an escape, as control characters must be escaped")),
                Some(_) => self.at += 1,
                None => return Err(self.expected("the end of the string")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, JsonFault> {
        let backslash = self.at;
        self.at += 2;
        Ok(match self.text.as_bytes().get(backslash + 1) {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(backslash),
            _ => {
                self.at = backslash;
                return Err(self.expected("an escape such as `\\n` or `\\u0041`"));
            },
        })
    }

    /// The digits of `\uXXXX`, and a second escape where the first begins a surrogate pair.
    fn unicode_escape(&mut self, backslash: usize) -> Result<char, JsonFault> {
        let lone = JsonFault::LoneSurrogate { offset: backslash };
        let first = self.code_unit()?;
        let units = if (0xd800..0xdc00).contains(&first) {
            if !self.text.as_bytes().get(self.at..).is_some_and(|rest| rest.starts_with(b"\\u")) {
                return Err(lone);
            }
            self.at += 2;
            [first, self.code_unit()?]
        } else {
            [first, 0]
        };
        char::decode_utf16(units).next().and_then(Result::ok).ok_or(lone)
    }

    fn code_unit(&mut self) -> Result<u16, JsonFault> {
        let mut unit = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|byte| char::from(byte).to_digit(16));
            let digit = digit.and_then(|digit| u16::try_from(digit).ok());
            unit = unit << 4 | digit.ok_or_else(|| self.expected("four hexadecimal digits"))?;
            self.at += 1;
        }
        Ok(unit)
    }

    fn number(&mut self) -> Result<&'a str, JsonFault> {
        let start = self.at;
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        let exponent = matches!(self.peek(), Some(b'e' | b'E'));
        if exponent {
            self.at += 1;
            let _signed = self.take(b'+') || self.take(b'-');
            self.digits()?;
        }
        let number = self.since(start);
        let finite = !exponent && number.len() <= NEVER_OVERFLOWS_CHARS || number.parse().is_ok_and(f64::is_finite);
        if finite { Ok(number) } else { Err(JsonFault::NumberOutOfRange { pointer: String::new() }) }
    }

    /// One digit or more.
    fn digits(&mut self) -> Result<(), JsonFault> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at == start { Err(self.expected("a digit")) } else { Ok(()) }
    }

    fn literal(&mut self, word: &'static str, node: Node<'a>) -> Result<Node<'a>, JsonFault> {
        let bytes = self.text.as_bytes();
        if bytes.get(self.at..).is_some_and(|rest| rest.starts_with(word.as_bytes())) {
            self.at += word.len();
            Ok(node)
        } else {
            Err(self.expected(word))
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn take_after_space(&mut self, byte: u8) -> bool {
        self.skip_space();
        self.take(byte)
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn since(&self, start: usize) -> &'a str {
        self.text.get(start..self.at).expect("values and runs begin and end at ASCII characters")
    }

    fn expected(&self, expected: &'static str) -> JsonFault {
        JsonFault::Syntax { offset: self.at, expected }
    }
}
