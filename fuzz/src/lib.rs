//! Fuzz targets and a driver for stable Rust.
//!
//! [`targets`] takes bytes and panics if a parser does, or if what it says contradicts itself. [`mutate`] makes new inputs
//! from good ones. libFuzzer's targets (`fuzz_targets`) call the same functions.

pub mod driver;
pub mod mutate;
pub mod seeds;
pub mod targets;
