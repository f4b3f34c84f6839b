//! From a record of a topic to an event: the contract envelope as the value, our headers where the producer sends them.
//! Pure, and every record by itself.

use stateset_contracts::envelope::Envelope;
use stateset_outbox::Scope;
use stateset_outbox::consumer::{Incoming, Notes};
use uuid::Uuid;

/// Longest type and key, in bytes; what our own writer admits and more.
const NAME_BYTES: usize = 600;
/// Longest header that is looked at.
const HEADER_BYTES: usize = 1024;
/// Names ids that are made from something else: `UUIDv5(nil, "stateset:consumer")`.
fn namespace() -> Uuid {
    Uuid::new_v5(&Uuid::nil(), b"stateset:consumer")
}

/// A record as it was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RawRecord {
    /// Its topic.
    pub topic: String,
    /// Its partition.
    pub partition: i32,
    /// Its place in the partition.
    pub offset: i64,
    /// Its key.
    pub key: Option<Vec<u8>>,
    /// Its value; `None` is a tombstone.
    pub value: Option<Vec<u8>>,
    /// Its headers.
    pub headers: Vec<(String, Vec<u8>)>,
}

impl RawRecord {
    /// `topic/partition/offset`.
    pub fn source(&self) -> String {
        format!("{}/{}/{}", self.topic, self.partition, self.offset)
    }

    /// Reads it. `scope` is that of records which do not name theirs. An error says what is wrong, for people.
    ///
    /// The event's identity is the header `event_id`, else `ce_id`; a text that is no UUID, and a record without either,
    /// get one that follows from it: from the text, or from topic and value. So a record that is delivered again, or was
    /// produced twice with the same bytes, is the same event.
    pub fn decode(&self, scope: Scope) -> Result<Incoming, String> {
        let value = self.value.as_deref().ok_or("the record has no value")?;
        let envelope = Envelope::read(value).map_err(|fault| fault.to_string())?;
        let key = envelope.order_id.key();
        check("type", &envelope.event_type)?;
        check("order_id", &key)?;
        let version = i32::try_from(envelope.version).ok().filter(|version| *version >= 1);
        let schema_version =
            version.ok_or_else(|| format!("version is {}, and versions are 1 to {}", envelope.version, i32::MAX))?;
        let id = |name: &str| self.header(name).and_then(|text| text.parse::<Uuid>().ok());
        Ok(Incoming {
            event_id: self.event_id(value),
            scope: match (id("tenant"), id("store")) {
                (Some(tenant), Some(store)) => Scope { tenant, store },
                _ => scope,
            },
            event_type: envelope.event_type,
            schema_version,
            key,
            sequence: self.header("sequence").and_then(|text| text.parse().ok()),
            payload: envelope.data.get().to_owned(),
            notes: Notes {
                occurred_at: Some(envelope.timestamp.to_string()),
                user_email: envelope.user_email,
                correlation_id: self.header("correlation_id").map(str::to_owned),
                causation_id: self.header("causation_id").map(str::to_owned),
                traceparent: self.header("traceparent").map(str::to_owned),
                replay_job: id("replay"),
                source: Some(self.source()),
            },
        })
    }

    fn event_id(&self, value: &[u8]) -> Uuid {
        if let Some(text) = self.header("event_id").or_else(|| self.header("ce_id")) {
            return text.parse().unwrap_or_else(|_| Uuid::new_v5(&namespace(), format!("id:{text}").as_bytes()));
        }
        let mut name = format!("value:{}\0", self.topic).into_bytes();
        name.extend_from_slice(value);
        Uuid::new_v5(&namespace(), &name)
    }

    /// The last of this name, if it is a text of tolerable length.
    fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().rev().find(|(key, _)| key == name)?;
        std::str::from_utf8(value).ok().filter(|text| !text.is_empty() && text.len() <= HEADER_BYTES && plain(text))
    }
}

fn plain(text: &str) -> bool {
    !text.contains(char::is_control)
}

fn check(what: &str, text: &str) -> Result<(), String> {
    if text.is_empty() || text.len() > NAME_BYTES || !plain(text) {
        return Err(format!("{what} has 1 to {NAME_BYTES} bytes and no control characters"));
    }
    Ok(())
}
