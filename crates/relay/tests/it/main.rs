//! Tests of the relay: rules first, then every sink against a real peer, then the engine on real databases.

#[cfg(test)]
mod alerts;
#[cfg(test)]
mod backoff;
#[cfg(all(test, feature = "kafka"))]
mod consumer;
#[cfg(test)]
mod delivery;
#[cfg(test)]
mod engine;
#[cfg(test)]
mod lanes;
#[cfg(test)]
mod metrics;
#[cfg(test)]
mod peers;
#[cfg(test)]
mod sinks;
#[cfg(test)]
mod suite;
