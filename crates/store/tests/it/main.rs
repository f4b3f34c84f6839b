//! One suite, three stores; then random operations against the oracle, and lost requests and replies at every verb.

#[cfg(test)]
mod faults;
#[cfg(test)]
mod memory;
#[cfg(test)]
mod model;
#[cfg(test)]
mod postgres;
#[cfg(test)]
mod sqlite;
#[cfg(test)]
mod suite;
