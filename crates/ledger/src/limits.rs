//! Every bound of the core, each with its reason. Bounds of the HTTP service live beside its configuration.

/// Longest `entity_type`, in bytes (published envelope rule).
pub const ENTITY_TYPE_BYTES: usize = 128;
/// Longest `entity_id`, in bytes (published envelope rule).
pub const ENTITY_ID_BYTES: usize = 512;
/// Longest `event_type`, in bytes (published envelope rule).
pub const EVENT_TYPE_BYTES: usize = 256;
/// Longest `order_key`, `correlation_id` or `causation_id`: they are indexed, and a B-tree entry must stay small.
pub const REFERENCE_BYTES: usize = 256;
/// Largest `metadata` object, in bytes as received (A16).
pub const METADATA_BYTES: usize = 16 * 1024;
/// Default bound of one payload, in bytes as received; the service may configure another.
pub const PAYLOAD_BYTES: usize = 1024 * 1024;
/// Warnings listed per event: a hostile envelope must not make the reply larger than the request.
pub const WARNINGS: usize = 8;
/// Longest name repeated in a warning or message, in characters.
pub const QUOTED_CHARS: usize = 64;
