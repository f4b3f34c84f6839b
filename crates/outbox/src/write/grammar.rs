//! What a written event may look like, and how large its parts may be.

/// Bytes of a payload unless the application says otherwise.
pub(crate) const PAYLOAD_BYTES: usize = 1024 * 1024;
const METADATA_BYTES: usize = 16 * 1024;
const TYPE_BYTES: usize = 128;
const ENTITY_TYPE_CHARS: usize = 64;
const ID_CHARS: usize = 256;
const TOKEN_CHARS: usize = 255;

/// A part of an event that is not admissible. Nothing was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEvent {
    /// A03, A04
    #[error(
        "event_type {0:?} is not like order.created: two or more segments of a-z, 0-9 and _, each beginning with \
         a letter, at most 128 bytes"
    )]
    EventType(String),
    /// A05 and other texts
    #[error("{field} must have {least} to {most} characters and no control characters; it has {found}")]
    Text {
        /// Which part.
        field: &'static str,
        /// Fewest characters.
        least: usize,
        /// Most characters.
        most: usize,
        /// Characters it has, control characters included.
        found: usize,
    },
    /// A06
    #[error("the payload must be a JSON object")]
    PayloadNotAnObject,
    /// A06, A16
    #[error("{field} has {found} bytes, more than {most}")]
    TooLarge {
        /// Which part.
        field: &'static str,
        /// Most bytes.
        most: usize,
        /// Bytes it has.
        found: usize,
    },
    /// A17
    #[error("schema_version must be 1 or more; it is {0}")]
    SchemaVersion(i32),
}

/// `^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$`, at most 128 bytes.
pub(crate) fn check_event_type(name: &str) -> Result<(), InvalidEvent> {
    let segment = |part: &str| {
        part.starts_with(|first: char| first.is_ascii_lowercase())
            && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
    };
    let admissible = name.len() <= TYPE_BYTES && name.contains('.') && name.split('.').all(segment);
    if admissible { Ok(()) } else { Err(InvalidEvent::EventType(name.chars().take(TYPE_BYTES).collect())) }
}

pub(crate) fn check_entity(kind: &str, id: &str) -> Result<(), InvalidEvent> {
    check_text("entity_type", kind, ENTITY_TYPE_CHARS)?;
    check_text("entity_id", id, ID_CHARS)
}

pub(crate) fn check_id(field: &'static str, id: Option<&str>) -> Result<(), InvalidEvent> {
    id.map_or(Ok(()), |id| check_text(field, id, ID_CHARS))
}

pub(crate) fn check_token(token: Option<&str>) -> Result<(), InvalidEvent> {
    token.map_or(Ok(()), |token| check_text("idempotency_token", token, TOKEN_CHARS))
}

pub(crate) fn check_schema_version(version: i32) -> Result<(), InvalidEvent> {
    if version >= 1 { Ok(()) } else { Err(InvalidEvent::SchemaVersion(version)) }
}

fn check_text(field: &'static str, text: &str, most: usize) -> Result<(), InvalidEvent> {
    let found = text.chars().count();
    if (1..=most).contains(&found) && !text.contains(char::is_control) {
        return Ok(());
    }
    Err(InvalidEvent::Text { field, least: 1, most, found })
}

pub(crate) fn check_payload(json: &str, most: usize) -> Result<(), InvalidEvent> {
    if !json.starts_with('{') {
        return Err(InvalidEvent::PayloadNotAnObject);
    }
    check_size("payload", json, most)
}

pub(crate) fn check_metadata(json: Option<&str>) -> Result<(), InvalidEvent> {
    json.map_or(Ok(()), |json| check_size("metadata", json, METADATA_BYTES))
}

fn check_size(field: &'static str, json: &str, most: usize) -> Result<(), InvalidEvent> {
    let found = json.len();
    if found <= most { Ok(()) } else { Err(InvalidEvent::TooLarge { field, most, found }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A03, A04
    #[test]
    fn event_types() {
        for good in ["order.created", "shopify.sync.product", "a1_.b", &format!("a.{}", "b".repeat(126))] {
            assert_eq!(check_event_type(good), Ok(()), "{good}");
        }
        for bad in ["", "order", "Order.created", "order.", ".created", "order..x", "order.1", "o-r.d", "ordér.x"] {
            assert!(check_event_type(bad).is_err(), "{bad}");
        }
        assert!(check_event_type(&format!("a.{}", "b".repeat(127))).is_err());
    }

    /// A05, A06, A16: at the limit, one over, and what is no text.
    #[test]
    fn limits() {
        assert_eq!(check_entity(&"e".repeat(64), &"é".repeat(256)), Ok(()));
        assert!(check_entity(&"e".repeat(65), "1").is_err() && check_entity("e", &"1".repeat(257)).is_err());
        assert!(check_entity("", "1").is_err() && check_entity("e", "").is_err());
        assert!(check_entity("e", "a\0b").is_err() && check_entity("e", "a\u{1f}b").is_err());
        assert_eq!(check_token(Some(&"k".repeat(255))), Ok(()));
        assert!(check_token(Some(&"k".repeat(256))).is_err() && check_token(Some("")).is_err());
        assert_eq!(check_payload("{}", 2), Ok(()));
        assert_eq!(check_payload("{ }", 2), Err(InvalidEvent::TooLarge { field: "payload", most: 2, found: 3 }));
        assert_eq!(check_payload("[]", 9), Err(InvalidEvent::PayloadNotAnObject));
        assert!(check_metadata(Some(&"x".repeat(METADATA_BYTES + 1))).is_err());
    }
}
