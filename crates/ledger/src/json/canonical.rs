//! The canonical form of any text that has one.

use std::borrow::Cow;

use super::{Form, JsonFault, is_canonical, parse, write};

/// The RFC 8785 form of a JSON text: the text itself, borrowed, where [`is_canonical`] can tell.
///
/// Every number passes through an IEEE double, integers too, so `9007199254740993` becomes `9007199254740992`.
pub fn canonical(text: &[u8]) -> Result<Cow<'_, [u8]>, JsonFault> {
    if is_canonical(text) {
        return Ok(Cow::Borrowed(text));
    }
    let value = parse::parse(text, Form::Canonical)?;
    let mut out = Vec::with_capacity(text.len());
    write::write(&value, Form::Canonical, &mut out);
    Ok(Cow::Owned(out))
}
