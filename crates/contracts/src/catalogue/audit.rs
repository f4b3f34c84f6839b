//! `audit_event.recorded`: who did what.

use super::{Family, OrderKey};
use crate::declare::contracts;
use crate::scalar::{Code, Id};

const AUDIT: Family = Family { entity: "audit_event", topic: None, order_key: OrderKey::Optional, title: "Audit" };

contracts! { AUDITS: AUDIT;
    /// Somebody did something that is kept for auditors.
    "audit_event.recorded" version 1 => AuditEventRecorded {
        /// The entry.
        audit_id: Id,
        /// What was done, for programs.
        action: Code,
        /// Who did it.
        actor: Id => personal,
        /// What it was done to, such as `product/1`.
        subject: Id,
        /// What else is worth keeping.
        details: Option<serde_json::Map<String, serde_json::Value>>,
    } {
        user_email: Absent,
        aliases: ["audit_event"],
        id: audit_id,
        example: r#"{"audit_id":"aud_1","action":"price_changed","actor":"user_7","subject":"product/1","details":{"old_price_cents":12999,"new_price_cents":11999}}"#
    }
}
