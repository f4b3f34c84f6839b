//! The server as clients see it: over HTTP, byte for byte. The official client is in `scripts/mcp`.

#[cfg(test)]
mod door;
#[cfg(test)]
mod gates;
#[cfg(test)]
mod orders;
#[cfg(test)]
mod reads;
#[cfg(test)]
mod shop;
#[cfg(test)]
mod world;
