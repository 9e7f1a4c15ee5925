//! Both ends of a connection become the key under which it is found, whichever of them sent a segment.
//!
//! Every segment is looked up by it, so it is hashed as a few whole numbers, in fewer steps than the addresses' own hash.

use std::hash::{Hash, Hasher};
use std::net::{IpAddr, SocketAddr};

/// Both ends, in an order that does not depend on the direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ends(SocketAddr, SocketAddr);

impl Ends {
    pub(super) fn new(a: SocketAddr, b: SocketAddr) -> Self {
        if (a.port(), a.ip()) <= (b.port(), b.ip()) {
            Self(a, b)
        } else {
            Self(b, a)
        }
    }
}

impl Hash for Ends {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for end in [self.0, self.1] {
            match end.ip() {
                IpAddr::V4(ip) => {
                    state.write_u64(u64::from(ip.to_bits()) << 16 | u64::from(end.port()));
                }
                IpAddr::V6(ip) => {
                    state.write_u128(ip.to_bits());
                    state.write_u16(end.port());
                }
            }
        }
    }
}
