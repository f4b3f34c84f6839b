//! How a contract is written down: once, as a Rust type with its words around it.
//!
//! ```text
//! contracts! { ORDERS: ORDER;
//!     /// What happened.
//!     "order.created" version 2 => OrderCreated {
//!         /// What a member means.
//!         amount_cents: Cents,
//!         /// Added later, so it may be missing.
//!         tax_cents: Option<Cents> => since(2),
//!         /// Personal.
//!         note: Option<String> => personal,
//!     } { user_email: Included, aliases: [], example: r#"{…}"# }
//! }
//! ```

/// The sentences of a documentation comment, as one line.
pub(crate) fn sentences(lines: &[&str]) -> String {
    lines.iter().map(|line| line.trim()).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

macro_rules! object {
    (
        $(#[doc = $doc:literal])*
        $name:ident {
            $($(#[doc = $field_doc:literal])* $field:ident: $type:ty $(=> $mark:ident $(($value:literal))?)?,)*
        }
    ) => {
        $(#[doc = $doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        pub struct $name {
            $(
                $(#[doc = $field_doc])*
                #[serde(skip_serializing_if = "crate::shape::Shaped::is_absent")]
                pub $field: $type,
            )*
        }

        impl crate::shape::Shaped for $name {
            fn shape() -> crate::shape::Shape {
                let fields = vec![$(
                    crate::declare::marked!(crate::shape::Field {
                        name: stringify!($field),
                        summary: crate::declare::sentences(&[$($field_doc),*]),
                        required: !<$type as crate::shape::Shaped>::OPTIONAL,
                        personal: <$type as crate::shape::Shaped>::PERSONAL,
                        since: 1,
                        shape: <$type as crate::shape::Shaped>::shape(),
                    } $(, $mark $(($value))?)?),
                )*];
                crate::shape::Shape::Object(crate::shape::Object {
                    name: stringify!($name),
                    summary: crate::declare::sentences(&[$($doc),*]),
                    fields,
                })
            }
        }
    };
}

macro_rules! marked {
    ($field:expr) => {
        $field
    };
    ($field:expr, personal) => {
        crate::shape::Field { personal: true, ..$field }
    };
    ($field:expr, since($version:literal)) => {
        crate::shape::Field { since: $version, ..$field }
    };
}

macro_rules! contracts {
    (
        $list:ident: $family:ident;
        $(
            $(#[doc = $doc:literal])*
            $type_name:literal version $version:literal => $name:ident { $($fields:tt)* }
            {
                user_email: $email:ident,
                aliases: [$($alias:literal),*],
                $(id: $id:ident,)?
                example: $example:literal
            }
        )*
    ) => {
        $(
            crate::declare::object! { $(#[doc = $doc])* $name { $($fields)* } }

            impl crate::catalogue::Payload for $name {
                const CONTRACT: &'static crate::catalogue::Contract = &crate::catalogue::Contract {
                    name: $type_name,
                    aliases: &[$($alias),*],
                    family: &$family,
                    schema_version: $version,
                    user_email: crate::catalogue::UserEmail::$email,
                    example: $example,
                    shape: <Self as crate::shape::Shaped>::shape,
                    reads: |json| serde_json::from_str::<Self>(json).map(drop),
                };

                $(fn entity_id(&self) -> Option<String> {
                    Some(self.$id.to_string())
                })?
            }
        )*

        /// The types of this family.
        pub(super) const $list: &[&crate::catalogue::Contract] =
            &[$(<$name as crate::catalogue::Payload>::CONTRACT),*];
    };
}

pub(crate) use {contracts, marked, object};
