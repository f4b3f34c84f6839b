//! Ports for services that are killed and come back.

use std::net::{Ipv4Addr, TcpListener};

use uuid::Uuid;

/// Below the range from which Linux takes the local ports of outgoing connections: a service that is down for a moment finds
/// its port still free.
const FIRST: u16 = 12_000;
const COUNT: u16 = 20_000;
const TRIES: usize = 200;

/// A loopback port that was free a moment ago.
pub(super) fn free_port() -> std::io::Result<u16> {
    for _ in 0..TRIES {
        let [high, low, ..] = Uuid::new_v4().into_bytes();
        let port = FIRST + u16::from_be_bytes([high, low]) % COUNT;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    Err(std::io::Error::other(format!("none was free in {TRIES} tries")))
}
