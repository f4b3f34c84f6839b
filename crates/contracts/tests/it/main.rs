//! What the contracts promise.

#[cfg(test)]
mod catalogue;
#[cfg(test)]
mod compatibility;
#[cfg(test)]
mod envelope;
#[cfg(test)]
mod history;
#[cfg(test)]
mod machines;
#[cfg(test)]
mod upcast;
