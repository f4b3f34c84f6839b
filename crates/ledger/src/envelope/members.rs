//! The members of an event envelope, read in one pass without interpreting them.
//!
//! Both envelopes are read by the same visitor: they differ in which members they demand, not in what a member is. A
//! member given twice is refused; a member nobody knows is remembered, so that the sender can be warned.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::limits;

/// A string member, borrowed from the request unless it holds escapes.
#[derive(Debug)]
pub(super) struct Text<'a>(pub Cow<'a, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }

            fn visit_string<E>(self, text: String) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text)))
            }
        }
        deserializer.deserialize_str(TextVisitor)
    }
}

macro_rules! members {
    ($($field:ident: $type:ty = $name:literal $(| $alias:literal)*,)+; ignored: $($ignored:literal)|+) => {
        /// Every member either envelope knows; absent and null are both `None`.
        #[derive(Debug, Default)]
        pub(super) struct Members<'a> {
            $(pub $field: Option<$type>,)+
            /// Names of members nobody knows, bounded in number and length.
            pub unknown: Vec<String>,
        }

        #[derive(Clone, Copy)]
        #[expect(non_camel_case_types, reason = "the variants are the member names")]
        enum Name { $($field,)+ }

        fn name_of(text: &str) -> Option<Option<Name>> {
            match text {
                $($name $(| $alias)* => Some(Some(Name::$field)),)+
                $($ignored)|+ => Some(None),
                _ => None,
            }
        }

        impl<'a> Members<'a> {
            fn read_member<A: MapAccess<'a>>(&mut self, name: Name, map: &mut A) -> Result<(), A::Error> {
                match name { $(Name::$field => read(&mut self.$field, map, $name),)+ }
            }
        }
    };
}

members! {
    ves_version: u32 = "ves_version",
    event_id: Uuid = "event_id",
    tenant_id: Uuid = "tenant_id",
    store_id: Uuid = "store_id",
    source_agent: Uuid = "source_agent_id" | "source_agent",
    agent_key_id: u32 = "agent_key_id",
    entity_type: Text<'a> = "entity_type",
    entity_id: Text<'a> = "entity_id",
    event_type: Text<'a> = "event_type",
    created_at: Text<'a> = "created_at",
    payload_kind: u32 = "payload_kind",
    payload: &'a RawValue = "payload",
    payload_encrypted: &'a RawValue = "payload_encrypted",
    payload_plain_hash: Text<'a> = "payload_plain_hash",
    payload_cipher_hash: Text<'a> = "payload_cipher_hash",
    payload_hash: Text<'a> = "payload_hash",
    agent_signature: Text<'a> = "agent_signature",
    agent_signature_scheme: u32 = "agent_signature_scheme",
    signature: &'a RawValue = "signature",
    command_id: Uuid = "command_id",
    base_version: u64 = "base_version",
    order_key: Text<'a> = "order_key",
    correlation_id: Text<'a> = "correlation_id",
    causation_id: Text<'a> = "causation_id",
    schema_version: u32 = "schema_version",
    metadata: &'a RawValue = "metadata",
    ;
    ignored: "sequence_number" | "sequenced_at" | "agent_signature_bundle" | "kernel" | "key_wrap_params"
        | "recipient_wraps"
}

/// Members that a sender may leave out, so that misspelling one would go unnoticed.
pub(super) const OPTIONAL: [&str; 8] = [
    "command_id",
    "base_version",
    "order_key",
    "correlation_id",
    "causation_id",
    "schema_version",
    "metadata",
    "agent_signature_scheme",
];

fn read<'a, A: MapAccess<'a>, T: Deserialize<'a>>(
    slot: &mut Option<T>,
    map: &mut A,
    name: &'static str,
) -> Result<(), A::Error> {
    let value = map.next_value::<Option<T>>().map_err(|fault| A::Error::custom(format_args!("{name}: {fault}")))?;
    if slot.is_some() {
        return Err(A::Error::custom(format_args!("{name}: the member is given twice")));
    }
    *slot = value;
    Ok(())
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;
        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an event envelope, which is a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Members::default();
                while let Some(key) = map.next_key::<Text<'de>>()? {
                    match name_of(&key.0) {
                        Some(Some(name)) => members.read_member(name, &mut map)?,
                        Some(None) => {
                            map.next_value::<&RawValue>()?;
                        },
                        None => {
                            map.next_value::<&RawValue>()?;
                            if members.unknown.len() < limits::WARNINGS {
                                members.unknown.push(key.0.chars().take(limits::QUOTED_CHARS).collect());
                            }
                        },
                    }
                }
                Ok(members)
            }
        }
        deserializer.deserialize_map(MembersVisitor)
    }
}
