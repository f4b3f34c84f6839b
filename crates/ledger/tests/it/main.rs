//! Integration tests of the ledger, one binary.

#[cfg(test)]
mod bundle;
#[cfg(test)]
mod encryption;
#[cfg(test)]
mod envelope;
#[cfg(test)]
mod json;
#[cfg(test)]
mod own_vectors;
#[cfg(test)]
mod plan;
#[cfg(test)]
mod published;
#[cfg(test)]
mod trees;
