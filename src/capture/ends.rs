//! The ends of connections, and the key under which a connection is found, whichever end sent a segment.
//!
//! Every segment is looked up by its ends, so these are whole numbers: compared and hashed in a few steps, without asking
//! which version of IP they are.

use std::hash::{Hash, Hasher};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What stands before an IPv4 address that is mapped into IPv6 (RFC 4291 section 2.5.5.2).
const MAPPED: u64 = 0xffff_0000_0000;

/// An address and a TCP port. An IPv4 address and the same mapped into IPv6 are one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Socket {
    high: u64,
    low: u64,
    port: u16,
}

impl Socket {
    /// Of any address.
    pub(crate) fn new(ip: IpAddr, port: u16) -> Self {
        match ip {
            IpAddr::V4(ip) => Self::v4(ip, port),
            IpAddr::V6(ip) => {
                let bits = ip.to_bits();
                #[expect(clippy::cast_possible_truncation, reason = "it is cut in two")]
                let [high, low] = [(bits >> 64) as u64, bits as u64];
                Self { high, low, port }
            }
        }
    }

    /// Of an IPv4 address.
    pub(crate) fn v4(ip: Ipv4Addr, port: u16) -> Self {
        Self {
            high: 0,
            low: MAPPED | u64::from(ip.to_bits()),
            port,
        }
    }

    /// The address; a mapped one as IPv4.
    pub(crate) fn ip(self) -> IpAddr {
        let bits = u128::from(self.high) << 64 | u128::from(self.low);
        IpAddr::V6(Ipv6Addr::from_bits(bits)).to_canonical()
    }

    /// The port.
    pub(crate) fn port(self) -> u16 {
        self.port
    }

    /// The upper and the lower half of the address; of an IPv4 address, of the one that is mapped into IPv6.
    pub(crate) fn halves(self) -> [u64; 2] {
        [self.high, self.low]
    }
}

impl Socket {
    /// All of an IPv4 end.
    fn as_v4(self) -> Option<u64> {
        let is_v4 = self.high == 0 && self.low >> 32 == MAPPED >> 32;
        is_v4.then_some(self.low << 16 | u64::from(self.port))
    }
}

impl Hash for Socket {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.high);
        state.write_u64(self.low);
        state.write_u16(self.port);
    }
}

impl std::fmt::Debug for Socket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::net::SocketAddr::new(self.ip(), self.port).fmt(f)
    }
}

#[cfg(test)]
impl std::str::FromStr for Socket {
    type Err = std::net::AddrParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let end: std::net::SocketAddr = text.parse()?;
        Ok(Self::new(end.ip(), end.port()))
    }
}

/// Both ends, in an order that does not depend on the direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ends(Socket, Socket);

impl Ends {
    pub(super) fn new(a: Socket, b: Socket) -> Self {
        if a <= b { Self(a, b) } else { Self(b, a) }
    }
}

/// IPv4 takes one step.
impl Hash for Ends {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match (self.0.as_v4(), self.1.as_v4()) {
            (Some(a), Some(b)) => state.write_u128(u128::from(a) << 64 | u128::from(b)),
            _ => (self.0, self.1).hash(state),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_comes_out_as_it_went_in() {
        for text in ["192.0.2.1:21", "[2001:db8::1]:2121", "[::]:1", "0.0.0.0:0"] {
            let socket: Socket = text.parse().unwrap();
            assert_eq!(format!("{socket:?}"), text);
        }
        let mapped: Socket = "[::ffff:192.0.2.1]:21".parse().unwrap();
        assert_eq!(mapped, "192.0.2.1:21".parse().unwrap());
    }

    #[test]
    fn ends_do_not_depend_on_the_direction() {
        let [a, b]: [Socket; 2] = ["192.0.2.1:21", "[2001:db8::1]:7"].map(|e| e.parse().unwrap());
        assert_eq!(Ends::new(a, b), Ends::new(b, a));
        assert_ne!(Ends::new(a, b), Ends::new(a, a));
    }
}
