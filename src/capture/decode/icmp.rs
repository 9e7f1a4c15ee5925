//! ICMP errors: someone on the path says why a segment didn't reach its destination, and quotes it.
//!
//! Reads "destination unreachable", "packet too big" and "time exceeded" of ICMP (RFC 792, RFC 1122, RFC 1812) and
//! `ICMPv6` (RFC 4443), and looks for a TCP header in the packet that is quoted, through its tunnels. Believes nothing:
//! whether the quoted segment was ever sent is for the connection to tell.

use std::ops::ControlFlow::{Break, Continue};

use etherparse::{IpNumber, LaxIpPayloadSlice, LaxIpSlice, ip_number};

use super::link::{self, Layer};
use super::{Decoded, tunnel};
use crate::capture::ends::Socket;
use crate::limits;

/// Type, code, checksum and four bytes more; then the packet that is quoted.
const HEADER: usize = 8;

/// Why a segment didn't reach its destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Obstacle {
    /// No route to the destination's network.
    Network,
    /// The destination's machine does not answer on its network.
    Host,
    /// The destination speaks no TCP.
    Protocol,
    /// Nobody listens at the port, or a firewall says so.
    Port,
    /// A firewall or policy forbids it, and says so.
    Prohibited,
    /// The segment is too long for the path, and may not be divided.
    TooBig,
    /// The segment went through too many routers: a loop.
    Expired,
    /// Fragments of the segment did not come.
    Incomplete,
    /// A code that stands for none of these.
    Other,
}

impl Obstacle {
    /// Of an ICMP message; `None` when it is no error that loses segments.
    fn v4(kind: u8, code: u8) -> Option<Self> {
        #[rustfmt::skip]
        let obstacle = match (kind, code) {
            (3, 0 | 6 | 11)      => Self::Network,
            (3, 1 | 7 | 8 | 12)  => Self::Host,
            (3, 2)               => Self::Protocol,
            (3, 3)               => Self::Port,
            (3, 4)               => Self::TooBig,
            (3, 9 | 10 | 13..=15) => Self::Prohibited,
            (3, _)               => Self::Other,
            (11, 1)              => Self::Incomplete,
            (11, _)              => Self::Expired,
            _ => return None,
        };
        Some(obstacle)
    }

    /// Of an `ICMPv6` message.
    fn v6(kind: u8, code: u8) -> Option<Self> {
        #[rustfmt::skip]
        let obstacle = match (kind, code) {
            (1, 0)         => Self::Network,
            (1, 1 | 5 | 6) => Self::Prohibited,
            (1, 3)         => Self::Host,
            (1, 4)         => Self::Port,
            (1, _)         => Self::Other,
            (2, _)         => Self::TooBig,
            (3, 1)         => Self::Incomplete,
            (3, _)         => Self::Expired,
            _ => return None,
        };
        Some(obstacle)
    }

    /// The word in machine-readable output.
    pub(crate) fn id(self) -> &'static str {
        match self {
            Self::Network => "network-unreachable",
            Self::Host => "host-unreachable",
            Self::Protocol => "protocol-unreachable",
            Self::Port => "port-unreachable",
            Self::Prohibited => "prohibited",
            Self::TooBig => "too-big",
            Self::Expired => "time-exceeded",
            Self::Incomplete => "fragments-lost",
            Self::Other => "unreachable",
        }
    }

    /// True when an attempt to connect ends by it. The others are told of a single segment, and the sender goes on:
    /// with shorter ones (RFC 1191), or by repeating it.
    pub(crate) fn refuses(self) -> bool {
        match self {
            Self::Network
            | Self::Host
            | Self::Protocol
            | Self::Port
            | Self::Prohibited
            | Self::Other => true,
            Self::TooBig | Self::Expired | Self::Incomplete => false,
        }
    }
}

/// What an ICMP error says of the TCP segment that it quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unreachable {
    /// Why it was not delivered.
    pub(crate) why: Obstacle,
    /// The end that had sent it.
    pub(crate) source: Socket,
    /// The end that it was for.
    pub(crate) destination: Socket,
    /// Its sequence number.
    pub(crate) sequence: u32,
}

/// Reads an ICMP message.
pub(super) fn read<'b>(icmp: &LaxIpPayloadSlice<'b>) -> Decoded<'b> {
    let why = match (icmp.ip_number, icmp.payload) {
        (ip_number::ICMP, [kind, code, ..]) => Obstacle::v4(*kind, *code),
        (ip_number::IPV6_ICMP, [kind, code, ..]) => Obstacle::v6(*kind, *code),
        _ => None,
    };
    let quoted = icmp.payload.get(HEADER..).unwrap_or_default();
    why.and_then(|why| quoted_segment(why, quoted))
        .map_or(Decoded::NotTcp, Decoded::Unreachable)
}

/// An ICMP error quotes an IP header and at least eight bytes more (RFC 792): both ports and the sequence number. Who
/// can't deliver a tunnel's packet quotes the tunnel.
fn quoted_segment(why: Obstacle, packet: &[u8]) -> Option<Unreachable> {
    let mut layer = Layer::Ip(packet);
    for _ in 0..limits::NESTED_HEADERS {
        let step = match layer {
            Layer::Ip(packet) => {
                let (ip, _) = LaxIpSlice::from_slice(packet).ok()?;
                let inside = ip.payload();
                if inside.fragmented && is_later_fragment(&ip) {
                    return None;
                }
                if inside.ip_number == IpNumber::TCP {
                    let (ports, rest) = inside.payload.split_first_chunk::<4>()?;
                    let [a, b, c, d] = *ports;
                    return Some(Unreachable {
                        why,
                        source: Socket::new(ip.source_addr(), u16::from_be_bytes([a, b])),
                        destination: Socket::new(ip.destination_addr(), u16::from_be_bytes([c, d])),
                        sequence: u32::from_be_bytes(*rest.first_chunk()?),
                    });
                }
                tunnel::inside_ip(inside.ip_number, inside.payload)
            }
            other => link::unwrap(other),
        };
        layer = match step {
            Continue(layer) => layer,
            Break(_) => return None,
        };
    }
    None
}

/// True for a fragment that begins inside the packet: its first bytes are no header.
fn is_later_fragment(ip: &LaxIpSlice<'_>) -> bool {
    match ip {
        LaxIpSlice::Ipv4(it) => it.header().fragments_offset().value() != 0,
        // Where the first fragment of an IPv6 packet ends can't be told here.
        LaxIpSlice::Ipv6(_) => true,
    }
}
