//! Integration tests of the sequencer, one binary.
#![cfg(test)]

mod harness;
mod reads;
