//! One suite, three stores; then random operations against the oracle, and lost requests and replies at every verb.
#![cfg(test)]

mod faults;
mod memory;
mod model;
mod postgres;
mod sqlite;
mod sqlite_only;
mod suite;
