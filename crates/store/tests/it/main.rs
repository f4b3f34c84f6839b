//! One suite, three stores; then random operations against the oracle, and lost requests and replies at every verb.

#[cfg(test)]
mod memory;
#[cfg(test)]
mod suite;
