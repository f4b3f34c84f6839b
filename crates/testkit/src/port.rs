//! Ports nobody listens on.

use std::net::{Ipv4Addr, TcpListener};

/// Below the range from which Linux takes the local ports of outgoing connections: a server
/// that is down for a while finds its port still free when it comes back.
const FIRST: u16 = 12_000;
const COUNT: u16 = 20_000;

/// A loopback port that was free a moment ago. Another process may still take it first: whoever
/// starts a server on it must be ready to see that fail and ask again.
pub fn free_port() -> std::io::Result<u16> {
    for _ in 0..200 {
        let random = getrandom::u32().map_err(std::io::Error::other)?;
        let offset = u16::try_from(random % u32::from(COUNT)).map_err(std::io::Error::other)?;
        let port = FIRST + offset;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    Err(std::io::Error::other("no free port found in 200 tries"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_free_port_can_be_bound() {
        let port = free_port().unwrap();
        assert!((FIRST..FIRST + COUNT).contains(&port));
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
    }
}
