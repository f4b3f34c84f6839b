//! One suite, two engines; then what is PostgreSQL's own.
#![cfg(test)]

mod postgres;
mod sqlite;
mod suite;
