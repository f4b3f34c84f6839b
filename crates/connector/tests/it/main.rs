//! Tests of the connector, on both engines.

#[cfg(test)]
mod harness;
#[cfg(test)]
mod importing;
#[cfg(test)]
mod prices;
#[cfg(test)]
mod webhooks;
