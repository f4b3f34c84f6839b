//! The operator's tools: everything `stateset-sequencer-admin` does, without its command line.
//!
//! Nothing here needs a running server, and everything but a migration may run beside one. What rewrites anything says what
//! it would do and does it only when told to apply it.

pub mod backfill;
pub mod doctor;
pub mod export;
pub mod fsck;
pub mod keys;
pub mod reencrypt;
pub mod site;
pub mod verify;
