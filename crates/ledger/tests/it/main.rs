//! Integration tests of the ledger, one binary.

mod encryption;
mod json;
mod own_vectors;
mod trees;
