//! `order_id`: an integer where every reader gets the same integer back, else text.

use std::fmt;

use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Largest integer that every JSON reader keeps: 2^53 − 1.
pub const LARGEST_EXACT: u64 = (1 << 53) - 1;

/// How an order key becomes `order_id`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OrderIdMode {
    /// An integer if the key is the one way to write an integer up to 2^53 − 1, else a string: `"007"` stays a string.
    #[default]
    IntegerOrString,
    /// An integer, else the event is held.
    Strict,
    /// Always a string.
    String,
}

/// The order an event belongs to, as the envelope has it.
///
/// Integer 123 and the order key `"123"` are one and the same; [`OrderId::key`] gives the key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum OrderId {
    /// At most 2^53 − 1.
    Integer(u64),
    /// Any other key.
    Text(String),
}

impl OrderId {
    /// What `mode` makes of a key; `None` if it makes nothing of it.
    pub fn from_key(key: &str, mode: OrderIdMode) -> Option<Self> {
        match (integer(key), mode) {
            (Some(number), OrderIdMode::IntegerOrString | OrderIdMode::Strict) => Some(Self::Integer(number)),
            (None, OrderIdMode::Strict) => None,
            (_, OrderIdMode::String) | (None, OrderIdMode::IntegerOrString) => Some(Self::Text(key.to_owned())),
        }
    }

    /// The order key.
    pub fn key(&self) -> String {
        match self {
            Self::Integer(number) => number.to_string(),
            Self::Text(text) => text.clone(),
        }
    }
}

impl fmt::Display for OrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(number) => number.fmt(f),
            Self::Text(text) => text.fmt(f),
        }
    }
}

impl Serialize for OrderId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Integer(number) => serializer.serialize_u64(*number),
            Self::Text(text) => serializer.serialize_str(text),
        }
    }
}

impl<'de> Deserialize<'de> for OrderId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl Visitor<'_> for Reader {
    type Value = OrderId;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an integer from 0 to 2^53 - 1, or a string of 1 to 256 characters")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<OrderId, E> {
        if number <= LARGEST_EXACT {
            return Ok(OrderId::Integer(number));
        }
        Err(E::invalid_value(Unexpected::Unsigned(number), &self))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<OrderId, E> {
        if (1..=256).contains(&text.chars().count()) {
            return Ok(OrderId::Text(text.to_owned()));
        }
        Err(E::invalid_value(Unexpected::Other("a string of another length"), &self))
    }
}

/// The number, if `key` is its canonical decimal form.
fn integer(key: &str) -> Option<u64> {
    let canonical = key == "0" || (!key.starts_with('0') && key.bytes().all(|byte| byte.is_ascii_digit()));
    key.parse().ok().filter(|number| canonical && *number <= LARGEST_EXACT)
}
