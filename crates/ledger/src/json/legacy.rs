//! The payload hash of the unsigned protocol, as its published clients compute it.

use super::{Form, JsonFault, canonical, parse, write};
use crate::bytes::Hash;

/// Which text an unsigned event's `payload_hash` was taken over. Clients disagree, so both are accepted and the form that
/// matched is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LegacyForm {
    /// [`sorted_compact`].
    SortedCompact,
    /// RFC 8785.
    Canonical,
}

/// Compact JSON with members sorted by the UTF-8 bytes of their names and numbers as they were written: `1.10` stays.
///
/// Strings are written the way `serde_json` writes them, whatever escapes were received. Limits and faults are those of
/// [`canonical`](super::canonical()).
pub fn sorted_compact(text: &[u8]) -> Result<Vec<u8>, JsonFault> {
    let value = parse::parse(text, Form::Legacy)?;
    let mut out = Vec::with_capacity(text.len());
    write::write(&value, Form::Legacy, &mut out);
    Ok(out)
}

/// SHA-256 of [`sorted_compact`], without a domain separator.
pub fn payload_hash(text: &[u8]) -> Result<Hash, JsonFault> {
    sorted_compact(text).map(|sorted| Hash::of(&[&sorted]))
}

/// The form under which `stated` is the plain SHA-256 of this payload; the legacy form where both agree.
pub fn form_of(text: &[u8], stated: &Hash) -> Result<Option<LegacyForm>, JsonFault> {
    if payload_hash(text)? == *stated {
        return Ok(Some(LegacyForm::SortedCompact));
    }
    let canonical = canonical(text)?;
    Ok((Hash::of(&[&canonical]) == *stated).then_some(LegacyForm::Canonical))
}

#[cfg(test)]
mod tests {
    use super::{LegacyForm, form_of, payload_hash, sorted_compact};
    use crate::bytes::Hash;

    #[test]
    fn numbers_stay_as_written_and_members_sort_by_bytes() {
        let text = "{ \"\u{10000}\" : 1.0, \"\u{e000}\":1.10, \"b\":[-0, 1E+2,12345678901234567890], \"a\\u0062\":\"\\/\\u00e9\\u001F\" }";
        let sorted = sorted_compact(text.as_bytes()).unwrap();
        assert_eq!(
            std::str::from_utf8(&sorted).unwrap(),
            "{\"ab\":\"/é\\u001f\",\"b\":[-0,1E+2,12345678901234567890],\"\u{e000}\":1.10,\"\u{10000}\":1.0}"
        );
    }

    #[test]
    fn both_published_forms_are_told_apart() {
        let text = br#"{"amount": 1.10}"#;
        let as_written = payload_hash(text).unwrap();
        assert_eq!(form_of(text, &as_written), Ok(Some(LegacyForm::SortedCompact)));
        let canonical = Hash::of(&[br#"{"amount":1.1}"#]);
        assert_eq!(form_of(text, &canonical), Ok(Some(LegacyForm::Canonical)));
        assert_eq!(form_of(text, &Hash::ZERO), Ok(None));
    }
}
