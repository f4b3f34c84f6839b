//! One suite, two engines; then what is PostgreSQL's own.
#![cfg(test)]

#[cfg(feature = "axum")]
mod axum_layer;
#[cfg(feature = "testing")]
mod permutations;
mod postgres;
mod postgres_only;
mod postgres_paging;
mod postgres_tenancy;
mod sqlite;
mod sqlite_only;
mod suite;
