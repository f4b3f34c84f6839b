//! Values out of payload and metadata, commitments in, and back. Pure.

use serde_json::{Value, json};

use super::text;

/// What stands in a value's place: an object with this one member.
pub(super) const MEMBER: &str = "$personal";

/// Part and pointer of a field; `None`: it is none.
pub(super) fn split(field: &str) -> Option<(&str, &str)> {
    let (part, pointer) = field.split_once(':')?;
    (matches!(part, "payload" | "metadata") && pointer.starts_with('/')).then_some((part, pointer))
}

/// Whether a field lies in what is hashed and signed.
pub(super) fn is_signed(field: &str) -> bool {
    !field.starts_with("metadata:")
}

/// Payload and metadata of an event.
pub(super) struct Document {
    payload: Value,
    metadata: Option<Value>,
    texts: (String, Option<String>),
    changed: bool,
}

impl Document {
    /// Texts that are no JSON have no fields, and are written as they were.
    pub(super) fn read(payload: &str, metadata: Option<&str>) -> Self {
        Self {
            payload: serde_json::from_str(payload).unwrap_or_default(),
            metadata: metadata.and_then(|text| serde_json::from_str(text).ok()),
            texts: (payload.to_owned(), metadata.map(str::to_owned)),
            changed: false,
        }
    }

    fn place(&mut self, field: &str) -> Option<&mut Value> {
        let (part, pointer) = split(field)?;
        match part {
            "payload" => self.payload.pointer_mut(pointer),
            _ => self.metadata.as_mut()?.pointer_mut(pointer),
        }
    }

    /// The value's JSON; `None`: there is no such field, or nothing in it.
    pub(super) fn take_out(&mut self, field: &str) -> Option<String> {
        self.place(field).filter(|value| !value.is_null()).map(|value| text(value))
    }

    pub(super) fn commit(&mut self, field: &str, commitment: &str) {
        if let Some(value) = self.place(field) {
            *value = json!({ MEMBER: commitment });
            self.changed = true;
        }
    }

    /// Only where this commitment stands.
    pub(super) fn put_back(&mut self, field: &str, value: &str, commitment: &str) {
        let Ok(value) = serde_json::from_str(value) else { return };
        if let Some(place) = self.place(field).filter(|place| **place == json!({ MEMBER: commitment })) {
            *place = value;
            self.changed = true;
        }
    }

    /// The texts; untouched ones byte for byte.
    pub(super) fn write(self) -> (String, Option<String>) {
        if !self.changed {
            return self.texts;
        }
        (text(&self.payload), self.metadata.as_ref().map(text).or(self.texts.1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_go_out_and_come_back_where_they_were() {
        let (payload, metadata) = (r#"{"a": 1.10, "who": {"mail": "a@b.c"}}"#, r#"{"user_email": "a@b.c"}"#);
        let mut document = Document::read(payload, Some(metadata));
        assert_eq!(document.take_out("payload:/who/mail").as_deref(), Some("\"a@b.c\""));
        assert_eq!(document.take_out("payload:/nothing"), None);
        document.commit("payload:/who/mail", "00");
        document.commit("metadata:/user_email", "01");
        let (out, beside) = document.write();
        assert!(!out.contains("a@b.c") && out.contains(r#"{"$personal":"00"}"#), "{out}");
        let mut back = Document::read(&out, beside.as_deref());
        back.put_back("payload:/who/mail", "\"a@b.c\"", "00");
        back.put_back("metadata:/user_email", "\"x@y.z\"", "02");
        let (payload, metadata) = back.write();
        assert!(payload.contains("a@b.c"), "{payload}");
        assert_eq!(metadata.as_deref(), Some(r#"{"user_email":{"$personal":"01"}}"#), "another commitment stays");
        assert_eq!(Document::read(r#"{"a": 1.10}"#, None).write().0, r#"{"a": 1.10}"#);
        for bad in ["/email", "payload:email", "header:/x", ""] {
            assert_eq!(split(bad), None, "{bad}");
        }
    }
}
