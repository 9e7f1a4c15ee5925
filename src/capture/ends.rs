//! The ends of connections, and the key under which a connection is found, whichever end sent a segment.
//!
//! Every segment is looked up by its ends, so these are whole numbers: compared and hashed in a few steps, without asking
//! which version of IP they are.

use std::hash::{Hash, Hasher};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::lookup::Lookup;

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
            IpAddr::V6(ip) => Self::v6(ip, port),
        }
    }

    /// Of an IPv6 address.
    pub(crate) fn v6(ip: Ipv6Addr, port: u16) -> Self {
        let bits = ip.to_bits();
        #[expect(clippy::cast_possible_truncation, reason = "it is cut in two")]
        let [high, low] = [(bits >> 64) as u64, bits as u64];
        Self { high, low, port }
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
    #[inline]
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

impl Hash for Ends {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.0, self.1).hash(state);
    }
}

/// Where connections are, by their ends. Those of IPv4 have a key of one number, and the connection that was asked for
/// last, which most segments are of as well, is not looked for again.
#[derive(Debug, Default)]
pub(super) struct Places {
    v4: Lookup<u128, usize>,
    others: Lookup<Ends, usize>,
    last: Option<(u128, usize)>,
}

/// Both ends of IPv4 as one number, in an order that does not depend on the direction.
fn key(a: Socket, b: Socket) -> Option<u128> {
    let (a, b) = (a.as_v4()?, b.as_v4()?);
    Some(u128::from(a.min(b)) << 64 | u128::from(a.max(b)))
}

impl Places {
    /// Where the connection between two ends is.
    pub(super) fn find(&mut self, a: Socket, b: Socket) -> Option<usize> {
        let Some(key) = key(a, b) else {
            return self.others.get(&Ends::new(a, b)).copied();
        };
        match self.last {
            Some((last, place)) if last == key => Some(place),
            _ => {
                let place = self.v4.get(&key).copied();
                self.last = place.map(|place| (key, place)).or(self.last);
                place
            }
        }
    }

    pub(super) fn insert(&mut self, a: Socket, b: Socket, place: usize) {
        self.last = None;
        match key(a, b) {
            Some(key) => self.v4.insert(key, place),
            None => self.others.insert(Ends::new(a, b), place),
        };
    }

    pub(super) fn remove(&mut self, a: Socket, b: Socket) {
        self.last = None;
        match key(a, b) {
            Some(key) => self.v4.remove(&key),
            None => self.others.remove(&Ends::new(a, b)),
        };
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
    fn a_place_is_found_from_both_sides_until_it_is_taken_out() {
        let ends = ["192.0.2.1:21", "198.51.100.7:40000", "[2001:db8::1]:21"];
        let [a, b, c]: [Socket; 3] = ends.map(|e| e.parse().unwrap());
        let mut places = Places::default();
        for (index, (from, to)) in [(a, b), (a, c)].into_iter().enumerate() {
            assert_eq!(places.find(from, to), None);
            places.insert(from, to, index);
            assert_eq!(places.find(to, from), Some(index));
            places.insert(to, from, index + 7);
            assert_eq!(places.find(from, to), Some(index + 7));
            assert_eq!(places.find(from, from), None);
        }
        assert_eq!(places.find(b, a), Some(7));
        places.remove(b, a);
        assert_eq!((places.find(a, b), places.find(a, c)), (None, Some(8)));
    }

    #[test]
    fn ends_do_not_depend_on_the_direction() {
        let [a, b]: [Socket; 2] = ["192.0.2.1:21", "[2001:db8::1]:7"].map(|e| e.parse().unwrap());
        assert_eq!(Ends::new(a, b), Ends::new(b, a));
        assert_ne!(Ends::new(a, b), Ends::new(a, a));
    }
}
