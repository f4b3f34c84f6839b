//! Integration tests of the sequencer, one binary.
#![cfg(test)]

mod admin;
mod harness;
mod identity;
mod openapi;
mod openings;
mod proof_harness;
mod proofs;
mod published;
mod reads;
mod schemas;
mod service;
