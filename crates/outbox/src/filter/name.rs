//! Names in a filter: globs of types, references to events, and what a misspelt one may have meant.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

use crate::event::EventId;

/// Longest glob in bytes, as for a type.
const GLOB_BYTES: usize = 128;
/// Fewest digits of a prefix of an event id.
const PREFIX_DIGITS: usize = 8;

/// An event type in which `*` stands for any run of characters, dots included.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TypeGlob(String);

impl TypeGlob {
    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it names one type.
    pub fn is_exact(&self) -> bool {
        !self.0.contains('*')
    }
}

impl FromStr for TypeGlob {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_.*".contains(&byte);
        if text.is_empty() || text.len() > GLOB_BYTES || !text.bytes().all(plain) {
            return Err("a type is 1 to 128 of a-z, 0-9, _ and ., with * for any run: order.*".to_owned());
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for TypeGlob {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// An event as people name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventRef {
    /// By its id.
    Id(Uuid),
    /// By the first hexadecimal digits of its id, lower-case, without hyphens: 8 to 31 of them.
    Prefix(String),
}

impl EventRef {
    /// Whether the id is the one, or begins as wanted.
    pub fn matches(&self, id: Uuid) -> bool {
        match self {
            Self::Id(wanted) => *wanted == id,
            Self::Prefix(digits) => id.simple().to_string().starts_with(digits.as_str()),
        }
    }

    /// The least and the greatest id it can mean.
    pub fn range(&self) -> (Uuid, Uuid) {
        match self {
            Self::Id(id) => (*id, *id),
            Self::Prefix(digits) => {
                let bound = |fill: &str| Uuid::try_parse(&format!("{digits}{}", fill.repeat(32 - digits.len())));
                (bound("0").unwrap_or_default(), bound("f").unwrap_or(Uuid::max()))
            },
        }
    }
}

impl FromStr for EventRef {
    type Err = String;

    /// A UUID, `evt_…`, a ULID, or at least 8 hexadecimal digits.
    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(id) = EventId::parse(text) {
            return Ok(Self::Id(id.0));
        }
        let digits: String = text.chars().filter(|letter| *letter != '-').collect();
        if (PREFIX_DIGITS..32).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Ok(Self::Prefix(digits.to_ascii_lowercase()));
        }
        Err("an event is a UUID, evt_ and 26 letters, or at least 8 hexadecimal digits that begin its UUID".to_owned())
    }
}

impl fmt::Display for EventRef {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => write!(formatter, "{id}"),
            Self::Prefix(digits) => formatter.write_str(digits),
        }
    }
}

/// The known word nearest to a misspelt one, if one is near: at most a third of the letters differ.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let most = (word.chars().count() / 3).max(1);
    let distances = known.into_iter().map(|other| (distance(word, other), other));
    distances.filter(|(distance, _)| *distance <= most).min().map(|(_, other)| other)
}

/// Levenshtein's distance, with a swap of neighbours counted once.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=right.len()).collect();
    let mut previous = None;
    for (row, letter) in left.chars().enumerate() {
        let mut current = vec![row + 1];
        for (column, other) in right.iter().enumerate() {
            let changed = above[column] + usize::from(letter != *other);
            let mut best = changed.min(above[column + 1] + 1).min(current[column] + 1);
            let swapped = column > 0 && previous == Some(*other) && right[column - 1] == letter;
            if swapped {
                best = best.min(before[column - 1] + 1);
            }
            current.push(best);
        }
        (before, above) = (above, current);
        previous = Some(letter);
    }
    above.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspelt_words_find_their_neighbour() {
        assert_eq!(nearest("tpye", ["type", "entity"]), Some("type"));
        assert_eq!(nearest("order.craeted", ["order.cancelled", "order.created"]), Some("order.created"));
        assert_eq!(nearest("xyz", ["type", "entity"]), None);
        assert_eq!((distance("kitten", "sitting"), distance("ab", "ba"), distance("", "abc")), (3, 1, 3));
    }

    /// A02
    #[test]
    fn events_are_named_by_id_or_by_its_beginning() {
        let id = Uuid::from_u128(0x0123_4567_89ab_cdef_0000_0000_0000_0001);
        for text in [id.to_string(), EventId(id).display(), id.simple().to_string()] {
            assert_eq!(text.parse(), Ok(EventRef::Id(id)), "{text}");
        }
        let prefix: EventRef = "01234567-89AB".parse().expect("a prefix");
        assert!(prefix.matches(id) && !prefix.matches(Uuid::nil()));
        let (least, greatest) = prefix.range();
        assert!(least <= id && id <= greatest && greatest.as_u128() - least.as_u128() == (1 << 80) - 1);
        for bad in ["0123456", "evt_001", "order", ""] {
            assert!(bad.parse::<EventRef>().is_err(), "{bad}");
        }
    }
}
