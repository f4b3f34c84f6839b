//! Whose events they are.

use uuid::Uuid;

/// A tenant and one of its stores: the unit of identity. Every unique key of the schema begins with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Scope {
    /// The customer.
    pub tenant: Uuid,
    /// One shop of the customer.
    pub store: Uuid,
}

impl Scope {
    /// The scope of an application with one tenant: `UUIDv5(nil, "stateset:default:tenant")` and `…:store`.
    pub fn single_tenant() -> Self {
        let id = |part: &str| Uuid::new_v5(&Uuid::nil(), format!("stateset:default:{part}").as_bytes());
        Self { tenant: id("tenant"), store: id("store") }
    }
}
