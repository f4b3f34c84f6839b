//! One suite, two engines; then what is PostgreSQL's own.
#![cfg(test)]

#[cfg(feature = "axum")]
mod axum_layer;
mod postgres;
mod postgres_only;
mod sqlite;
mod sqlite_only;
mod suite;
