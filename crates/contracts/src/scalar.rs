//! The small types payloads are made of. Constructors check nothing: the schema does, at ingest, where it counts.

use serde::{Deserialize, Serialize};

use crate::shape::{Shape, Shaped};

macro_rules! integers {
    ($($(#[doc = $doc:literal])* $name:ident from $least:literal;)*) => { $(
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl Shaped for $name {
            fn shape() -> Shape {
                Shape::Integer { least: Some($least) }
            }
        }

        impl From<i64> for $name {
            fn from(value: i64) -> Self {
                Self(value)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    )* };
}

macro_rules! texts {
    ($($(#[doc = $doc:literal])* $name:ident { $($key:ident: $value:expr),* } personal $personal:literal;)*) => { $(
        $(#[doc = $doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl Shaped for $name {
            const PERSONAL: bool = $personal;

            fn shape() -> Shape {

                let text = Text { $($key: Some($value),)* ..Text::default() };
                text.into()
            }
        }

        impl From<&str> for $name {
            fn from(value: &str) -> Self {
                Self(value.to_owned())
            }
        }

        impl From<String> for $name {
            fn from(value: String) -> Self {
                Self(value)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    )* };
}

#[derive(Default)]
struct Text {
    format: Option<&'static str>,
    pattern: Option<&'static str>,
    least: Option<u32>,
    most: Option<u32>,
}

impl From<Text> for Shape {
    fn from(Text { format, pattern, least, most }: Text) -> Self {
        Self::Text { format, pattern, least, most }
    }
}

integers! {
    /// Money in the currency's smallest unit, never negative.
    Cents from 0;
    /// How many pieces, at least one.
    Quantity from 1;
    /// A count, possibly none.
    Count from 0;
    /// A number that names a row, such as `shipment_id`.
    Number from 0;
}

texts! {
    /// ISO 4217, such as `USD`.
    Currency { pattern: "^[A-Z]{3}$" } personal false;
    /// A name that some system gave, 1 to 256 characters.
    Id { least: 1, most: 256 } personal false;
    /// A word for programs, such as `card_declined`.
    Code { pattern: "^[a-z][a-z0-9_]{0,63}$" } personal false;
    /// RFC 3339, such as `2025-08-25T20:12:34Z`.
    DateTime { format: "date-time" } personal false;
    /// An address for electronic mail. Personal.
    Email { format: "email", most: 320 } personal true;
}
