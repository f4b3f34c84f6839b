//! One suite, three stores; then random operations against the oracle, and lost requests and replies at every verb.
#![cfg(test)]

mod faults;
mod isolation;
mod memory;
mod model;
mod postgres;
mod postgres_only;
mod postgres_owner;
mod sqlite;
mod sqlite_only;
mod suite;
