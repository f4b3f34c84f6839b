//! `evt_…`: the display form of an event id, reversible.

use uuid::Uuid;

use crate::event::EventId;

const PREFIX: &str = "evt_";
/// Crockford's base 32 in lower case, as in a ULID's text.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// 26 digits of five bits hold 130 bits; the first digit is at most 7.
const DIGITS: usize = 26;

impl EventId {
    /// `evt_` and 26 digits.
    pub fn display(self) -> String {
        let bits = self.0.as_u128();
        let digits = (0..DIGITS).rev().map(|place| {
            let digit = usize::try_from((bits >> (place * 5)) & 31).unwrap_or_default();
            char::from(ALPHABET[digit])
        });
        PREFIX.chars().chain(digits).collect()
    }

    /// Reads the display form in either case, a ULID, or a UUID. `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        if let Ok(uuid) = Uuid::try_parse(text) {
            return Some(Self(uuid));
        }
        let digits = text.strip_prefix(PREFIX).unwrap_or(text);
        if digits.len() != DIGITS || !digits.starts_with(|first: char| ('0'..='7').contains(&first)) {
            return None;
        }
        let mut bits = 0_u128;
        for digit in digits.bytes() {
            let value = ALPHABET.iter().position(|letter| *letter == digit.to_ascii_lowercase())?;
            bits = bits << 5 | u128::try_from(value).ok()?;
        }
        Some(Self(Uuid::from_u128(bits)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A02
    #[test]
    fn known_forms_are_read() {
        let id = EventId(Uuid::from_u128(u128::MAX));
        assert_eq!(id.display(), "evt_7zzzzzzzzzzzzzzzzzzzzzzzzz");
        assert_eq!(EventId(Uuid::nil()).display(), "evt_00000000000000000000000000");
        assert_eq!(EventId::parse("01ARZ3NDEKTSV4RRFFQ69G5FAV").map(|id| id.0.as_u128() >> 80), Some(0x0156_3E3A_B5D3));
        for text in ["evt_001", "evt_8zzzzzzzzzzzzzzzzzzzzzzzzz", "evt_", "", "evt_uuuuuuuuuuuuuuuuuuuuuuuuuu", "é"] {
            assert_eq!(EventId::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_id_comes_back(bits: u128) {
            let id = EventId(Uuid::from_u128(bits));
            prop_assert_eq!(EventId::parse(&id.display()), Some(id));
            prop_assert_eq!(EventId::parse(&id.display().to_uppercase().replace("EVT_", "evt_")), Some(id));
            prop_assert_eq!(EventId::parse(&id.0.to_string()), Some(id));
        }
    }
}
