//! RFC 8785 canonical form of received bytes, and the hashes taken over it.
//!
//! Payloads are stored as received; the canonical form exists only while it is hashed. Clients that follow the protocol
//! send canonical bytes, so [`canonical()`] first asks [`is_canonical`], one pass without allocation, and borrows. Only
//! other texts are parsed, checked, sorted and written anew.
//!
//! Stricter than the published servers in two points, because a log must never hold a text that two readers can read
//! differently: a member name used twice in one object is refused, and nesting is bounded by [`MAX_DEPTH`].
//!
//! Deliberately absent: reading typed values (that is `serde_json`'s work) and any limit on size, which callers check
//! before they come here.

mod canonical;
mod check;
pub mod legacy;
pub mod members;
mod parse;
mod write;

use std::fmt::Write as _;

pub use self::canonical::canonical;
pub use self::check::is_canonical;
use crate::bytes::{Hash, Salt};
use crate::domain;

/// Most objects and arrays that may be open at once. Published clients use fewer than ten; the bound keeps the recursion
/// of the slow path, and of every reader after us, on a small stack.
pub const MAX_DEPTH: usize = 64;

/// Longest part of a member name repeated in a fault: a message must not become as long as a hostile payload.
const QUOTED_CHARS: usize = crate::limits::QUOTED_CHARS;

/// Why a text has no canonical form.
///
/// Faults of the text are located by byte offset, faults of a value by JSON pointer (RFC 6901); names in a pointer are
/// cut after 64 characters, with `…` in place of the rest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonFault {
    /// Not UTF-8.
    #[error("not UTF-8 at byte {offset}")]
    InvalidUtf8 {
        /// First byte that belongs to no character.
        offset: usize,
    },
    /// Not JSON.
    #[error("not JSON at byte {offset}: expected {expected}")]
    Syntax {
        /// Where reading stopped.
        offset: usize,
        /// What could have stood there.
        expected: &'static str,
    },
    /// A complete value with something after it.
    #[error("a JSON value ends at byte {offset}, but more follows")]
    TrailingBytes {
        /// First byte after the value that is no white space.
        offset: usize,
    },
    /// Nested beyond [`MAX_DEPTH`].
    #[error("nested deeper than {MAX_DEPTH} levels at byte {offset}")]
    TooDeep {
        /// The bracket that is one too many.
        offset: usize,
    },
    /// A member name used twice in one object; readers disagree which one counts.
    #[error("the member {pointer} appears more than once; member names must be unique within an object")]
    DuplicateMember {
        /// Pointer to the member.
        pointer: String,
    },
    /// Half of a surrogate pair: no Unicode text contains it, so it has no UTF-8 form.
    #[error("an escape at byte {offset} is half of a surrogate pair")]
    LoneSurrogate {
        /// The backslash of the escape.
        offset: usize,
    },
    /// A number outside the range of an IEEE double.
    #[error("the number at {} is too large for a 64-bit floating-point number", Place(pointer))]
    NumberOutOfRange {
        /// Pointer to the number; empty for a number that is the whole text.
        pointer: String,
    },
}

/// A pointer in a message, where the empty pointer would be invisible.
struct Place<'a>(&'a str);

impl std::fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_empty() { "the top level" } else { self.0 })
    }
}

impl JsonFault {
    /// The same fault seen from the object that holds the faulty value as member `name`.
    fn in_member(self, name: &str) -> Self {
        self.below(|pointer| push_name(pointer, name))
    }

    /// The same fault seen from the array that holds the faulty value at `index`.
    fn in_element(self, index: usize) -> Self {
        self.below(|pointer| {
            write!(pointer, "/{index}").expect("a String takes any text");
        })
    }

    /// Pointers grow at the front while the fault travels outwards, so that a sound text pays nothing for them.
    fn below(self, prefix: impl FnOnce(&mut String)) -> Self {
        let lengthen = |tail: String| {
            let mut pointer = String::new();
            prefix(&mut pointer);
            pointer.push_str(&tail);
            pointer
        };
        match self {
            Self::DuplicateMember { pointer } => Self::DuplicateMember { pointer: lengthen(pointer) },
            Self::NumberOutOfRange { pointer } => Self::NumberOutOfRange { pointer: lengthen(pointer) },
            Self::InvalidUtf8 { .. }
            | Self::Syntax { .. }
            | Self::TrailingBytes { .. }
            | Self::TooDeep { .. }
            | Self::LoneSurrogate { .. } => self,
        }
    }
}

/// Appends `/name` with the escapes of RFC 6901, cut to [`QUOTED_CHARS`].
fn push_name(pointer: &mut String, name: &str) {
    pointer.push('/');
    for (place, character) in name.chars().enumerate() {
        match character {
            _ if place == QUOTED_CHARS => {
                pointer.push('…');
                return;
            },
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            other => pointer.push(other),
        }
    }
}

/// The two texts that published clients hash. They share their strings and differ in order and numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// RFC 8785: members by UTF-16 code units, numbers as ECMAScript prints the nearest double.
    Canonical,
    /// The unsigned protocol: members by UTF-8 bytes, numbers as they were written.
    Legacy,
}

/// `payload_plain_hash` of a plaintext payload, over the bytes that [`canonical()`] returned.
pub fn payload_hash(canonical: &[u8]) -> Hash {
    Hash::of(&[domain::PAYLOAD_PLAIN.as_bytes(), canonical])
}

/// `payload_plain_hash` of an encrypted payload: the salt keeps a guessable payload from being confirmed by its hash.
pub fn salted_payload_hash(salt: &Salt, canonical: &[u8]) -> Hash {
    Hash::of(&[domain::PAYLOAD_PLAIN.as_bytes(), &salt.0, canonical])
}

/// How RFC 8785 orders member names: by UTF-16 code units.
///
/// UTF-8 bytes sort by code point. UTF-16 differs in one respect only: characters beyond U+FFFF are written with
/// surrogates (D800–DFFF), which sort before U+E000–U+FFFF. The first differing byte therefore decides, except that lead
/// bytes F0 and above come before EE and EF.
fn utf16_order(left: &[u8], right: &[u8]) -> std::cmp::Ordering {
    const FIRST_LEAD_ABOVE_SURROGATES: u8 = 0xee;
    const FIRST_LEAD_OF_A_PAIR: u8 = 0xf0;
    match left.iter().zip(right).find(|(l, r)| l != r) {
        None => left.len().cmp(&right.len()),
        Some((l, r)) => {
            let reversed = *l.min(r) >= FIRST_LEAD_ABOVE_SURROGATES
                && (*l >= FIRST_LEAD_OF_A_PAIR) != (*r >= FIRST_LEAD_OF_A_PAIR);
            if reversed { r.cmp(l) } else { l.cmp(r) }
        },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{push_name, utf16_order};

    #[test]
    fn pointer_names_are_escaped_and_cut() {
        let mut pointer = String::new();
        push_name(&mut pointer, "a/b~c");
        assert_eq!(pointer, "/a~1b~0c");
        pointer.clear();
        push_name(&mut pointer, &"é".repeat(1000));
        assert_eq!(pointer.chars().count(), 1 + 64 + 1);
    }

    proptest! {
        #[test]
        fn byte_order_with_one_exception_is_utf16_order(
            left in "[a\u{80}\u{7ff}\u{800}\u{d7ff}\u{e000}\u{ffff}\u{10000}\u{10ffff}]{0,4}",
            right in "[a\u{80}\u{7ff}\u{800}\u{d7ff}\u{e000}\u{ffff}\u{10000}\u{10ffff}]{0,4}",
        ) {
            prop_assert_eq!(utf16_order(left.as_bytes(), right.as_bytes()), left.encode_utf16().cmp(right.encode_utf16()));
        }

        #[test]
        fn any_two_names_sort_as_utf16(left in any::<String>(), right in any::<String>()) {
            prop_assert_eq!(utf16_order(left.as_bytes(), right.as_bytes()), left.encode_utf16().cmp(right.encode_utf16()));
        }
    }
}
