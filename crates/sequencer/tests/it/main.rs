//! Integration tests of the sequencer, one binary.

mod proof_harness;
mod proofs;
mod published;
