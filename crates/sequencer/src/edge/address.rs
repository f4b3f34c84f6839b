//! Addresses of callers: which one counts, and lists of networks.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use axum::http::{HeaderMap, HeaderName};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// A network in CIDR notation; a single address is a network of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

/// Text that is no network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not an address such as 192.0.2.7, nor a network such as 10.0.0.0/8 or 2001:db8::/32")]
pub struct NotANetwork;

impl FromStr for Network {
    type Err = NotANetwork;

    fn from_str(text: &str) -> Result<Self, NotANetwork> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| NotANetwork)?;
        let bits = bits(address);
        let prefix = prefix.map_or(Ok(bits), |prefix| prefix.parse().map_err(|_| NotANetwork))?;
        if prefix > bits {
            return Err(NotANetwork);
        }
        Ok(Self { address, prefix })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

impl Network {
    /// Whether the address lies in it. An IPv4 address in IPv6 clothes is the IPv4 address.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address.to_canonical(), address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let shift = 32 - u32::from(self.prefix.min(32));
                u32::from(own).checked_shr(shift) == u32::from(other).checked_shr(shift)
            },
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let shift = 128 - u32::from(self.prefix.min(128));
                u128::from(own).checked_shr(shift) == u128::from(other).checked_shr(shift)
            },
            _ => false,
        }
    }
}

const fn bits(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

/// Who sent the request: the peer, or, if the headers of a proxy are trusted, the address that the proxy in front of us
/// has added. Only the last entry was written by it; the others are whatever the client liked to send.
pub fn client(peer: Option<IpAddr>, headers: &HeaderMap, trust_proxy: bool) -> Option<IpAddr> {
    if !trust_proxy {
        return peer;
    }
    let Some(last) = headers.get_all(X_FORWARDED_FOR).iter().next_back() else { return peer };
    let last = last.to_str().ok()?.rsplit(',').next()?.trim();
    // An entry that cannot be read is nobody, and not the proxy itself.
    last.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use axum::http::{HeaderMap, HeaderValue};

    use super::{Network, client};

    #[test]
    fn networks_contain_their_addresses() {
        let contains = |network: &str, address: &str| {
            network.parse::<Network>().unwrap().contains(address.parse::<IpAddr>().unwrap())
        };
        assert!(contains("10.0.0.0/8", "10.255.0.1") && !contains("10.0.0.0/8", "11.0.0.1"));
        assert!(contains("192.0.2.7", "192.0.2.7") && !contains("192.0.2.7", "192.0.2.8"));
        assert!(contains("0.0.0.0/0", "203.0.113.9") && contains("10.0.0.0/8", "::ffff:10.1.2.3"));
        assert!(contains("2001:db8::/32", "2001:db8:1::1") && !contains("2001:db8::/32", "2001:db9::1"));
        assert!(contains("::/0", "::1") && !contains("::/0", "10.0.0.1"));
        for bad in ["", "10.0.0.0/33", "10.0.0.0/", "10.0.0/8", "example.com", "::/129", "10.0.0.0/8/8"] {
            assert!(bad.parse::<Network>().is_err(), "{bad}");
        }
    }

    /// A client cannot pass itself off as another by sending the header a proxy would add.
    #[test]
    fn only_a_trusted_proxy_names_the_client() {
        let ip = |text: &str| Some(text.parse::<IpAddr>().unwrap());
        let mut headers = HeaderMap::new();
        assert_eq!(client(ip("192.0.2.1"), &headers, true), ip("192.0.2.1"));
        headers.append("x-forwarded-for", HeaderValue::from_static("10.0.0.1"));
        headers.append("x-forwarded-for", HeaderValue::from_static("10.0.0.2, 198.51.100.4"));
        assert_eq!(client(ip("192.0.2.1"), &headers, false), ip("192.0.2.1"));
        assert_eq!(client(ip("192.0.2.1"), &headers, true), ip("198.51.100.4"));
        headers.append("x-forwarded-for", HeaderValue::from_static("unknown"));
        assert_eq!(client(ip("192.0.2.1"), &headers, true), None);
    }
}
