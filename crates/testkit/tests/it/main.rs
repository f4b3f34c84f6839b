//! The test kit against real processes and sockets.

// The attribute tells clippy that helper functions, too, may unwrap.
#[cfg(test)]
mod http;
#[cfg(test)]
mod postgres;
#[cfg(test)]
mod server;
