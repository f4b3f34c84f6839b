//! Which addresses a webhook may reach. A customer's URL must not lead into our own network, so names are resolved here,
//! private addresses are dropped, and the connection goes to an address that was checked: a name that changes between
//! the check and the connection changes nothing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::net::lookup_host;

/// Whether `address` is on the public internet, as far as its number says.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

/// Special-purpose ranges of the IANA registry (RFC 6890 and its updates).
fn is_public_v4(v4: Ipv4Addr) -> bool {
    let [a, b, c, _] = v4.octets();
    let special = v4.is_private()
        || v4.is_loopback()
        || v4.is_link_local()
        || v4.is_multicast()
        || v4.is_documentation()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (b == 18 || b == 19));
    !special
}

fn is_public_v6(v6: Ipv6Addr) -> bool {
    let segments = v6.segments();
    let [a, b, ..] = segments;
    // Forms that carry an IPv4 address reach what that address reaches.
    let inner = match segments {
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => {
            Some((u32::from(high) << 16) | u32::from(low))
        },
        _ => None,
    };
    if let Some(bits) = inner {
        return is_public_v4(Ipv4Addr::from_bits(bits));
    }
    // Only 2000::/3 is given out; of it, Teredo, benchmarking, ORCHID (2001::/23) and documentation are special.
    let global = (0x2000..0x4000).contains(&a);
    global && !(a == 0x2001 && b < 0x0200) && !(a == 0x2001 && b == 0x0db8) && !(a == 0x3fff && b < 0x1000)
}

/// No address of the name may be reached.
#[derive(Debug, thiserror::Error)]
#[error("{0} has no public address; private ones are refused unless the destination allows them")]
pub(super) struct NotPublic(pub(super) String);

/// Resolves names and drops what may not be reached.
pub(super) struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        let name = Arc::<str>::from(name.as_str());
        Box::pin(async move {
            let found = lookup_host((&*name, 0)).await?;
            let public: Vec<SocketAddr> = found.filter(|address| is_public(address.ip())).collect();
            if public.is_empty() {
                return Err(NotPublic((*name).to_owned()).into());
            }
            let addresses: Addrs = Box::new(public.into_iter());
            Ok(addresses)
        })
    }
}
