//! Integration tests of the ledger, one binary.

mod encryption;
mod json;
mod trees;
