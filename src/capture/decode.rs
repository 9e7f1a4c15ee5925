//! One frame becomes a TCP segment, or word that a segment didn't reach its destination.
//!
//! Link layers are unwrapped in [`link`] and [`wifi`], tunnels in [`tunnel`], ICMP errors are read in [`icmp`]; IP and TCP are etherparse's, lax: an offloading sender's frames
//! have no IP length yet, and a snap length cuts frames. Checksums are not looked at, for the same reason. Does not put
//! IP fragments together ([`fragment`] tells them apart), and keeps nothing from one frame to the next.

mod fragment;
mod icmp;
mod link;
#[cfg(test)]
mod tests;
mod tunnel;
mod wifi;

use std::ops::ControlFlow::{self, Break, Continue};

use etherparse::{Ipv4HeaderSlice, Ipv6HeaderSlice, LaxIpSlice, TcpSlice, ip_number};

use super::ends::Socket;
use crate::limits;
pub(crate) use fragment::{Fragment, Whole};
#[cfg(test)]
pub(crate) use icmp::Obstacle;
pub(crate) use icmp::Unreachable;
use link::Layer;
pub(crate) use wifi::Aggregate;

/// The control bits of a TCP header (RFC 9293 section 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Flags(pub(crate) u8);

impl Flags {
    /// No more data from the sender.
    pub(crate) fn fin(self) -> bool {
        self.0 & 0x01 != 0
    }

    /// Synchronizes sequence numbers: opens a connection.
    pub(crate) fn syn(self) -> bool {
        self.0 & 0x02 != 0
    }

    /// Resets the connection.
    pub(crate) fn rst(self) -> bool {
        self.0 & 0x04 != 0
    }

    /// Any of these three: something begins or ends.
    pub(crate) fn begins_or_ends(self) -> bool {
        self.0 & 0x07 != 0
    }

    /// The acknowledgment number means something.
    pub(crate) fn ack(self) -> bool {
        self.0 & 0x10 != 0
    }
}

/// A TCP segment. An IPv4 address mapped into IPv6 stands as IPv4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Segment<'b> {
    /// The end that sent it.
    pub(crate) source: Socket,
    /// The end that it is for.
    pub(crate) destination: Socket,
    /// The sequence number of its first payload byte, or of its SYN.
    pub(crate) sequence: u32,
    /// The sequence number that the sender waits for.
    pub(crate) acknowledgment: u32,
    /// Its control bits.
    pub(crate) flags: Flags,
    /// The identification of its IPv4 packet, which a copy shares and a retransmission mostly does not; 0 for IPv6.
    pub(crate) id: u16,
    /// As in the header, not scaled.
    pub(crate) window: u16,
    /// What it carries, as far as it was captured.
    pub(crate) payload: &'b [u8],
    /// Payload bytes that were on the wire behind these, but were not captured.
    pub(crate) missing: u32,
}

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decoded<'b> {
    /// A TCP segment.
    Tcp(Segment<'b>),
    /// Someone on the path says that a segment didn't reach its destination.
    Unreachable(Unreachable),
    /// A part of an IP packet.
    Fragment(Fragment<'b>),
    /// Several packets of IEEE 802.11 in one frame.
    Aggregate(Aggregate<'b>),
    /// Something that carries no TCP.
    NotTcp,
    /// Something that may carry TCP but was not read, and why.
    Unread(&'static str),
}

/// Break: what the frame is. Continue: what is inside.
type Unwrapped<'b> = ControlFlow<Decoded<'b>, Layer<'b>>;

/// Decodes a frame of a LINKTYPE that had `wire_length` bytes before the snap length cut it.
pub(crate) fn decode(link: i32, frame: &[u8], wire_length: u32) -> Decoded<'_> {
    if let Some(segment) = common(link, frame) {
        return Decoded::Tcp(segment);
    }
    let beyond = wire_length.saturating_sub(bounded(frame.len()));
    inwards(link::outermost(link, frame), beyond)
}

/// Decodes a packet of an [`Aggregate`], which was captured whole.
pub(crate) fn decode_part(packet: &[u8]) -> Decoded<'_> {
    inwards(Continue(Layer::Llc(packet)), 0)
}

fn inwards(mut step: Unwrapped<'_>, beyond: u32) -> Decoded<'_> {
    for _ in 0..limits::NESTED_HEADERS {
        step = match step {
            Break(decoded) => return decoded,
            Continue(Layer::Ip(packet)) => ip(packet, beyond),
            Continue(layer) => link::unwrap(layer),
        };
    }
    match step {
        Break(decoded) => decoded,
        Continue(_) => Decoded::Unread("too many nested headers"),
    }
}

/// What most frames are, in the fewest steps: Ethernet with an IP packet that is whole, and TCP inside. Of any other,
/// nothing.
#[inline]
pub(crate) fn common(link: i32, frame: &[u8]) -> Option<Segment<'_>> {
    const ETHERNET: i32 = 1;
    let (header, packet) = frame.split_first_chunk::<14>()?;
    match header {
        [.., 0x08, 0x00] if link == ETHERNET => plain(packet),
        [.., 0x86, 0xdd] if link == ETHERNET => plain_v6(packet),
        _ => None,
    }
}

/// IPv6 that is whole, with TCP right behind its header. Of any other, nothing.
fn plain_v6(packet: &[u8]) -> Option<Segment<'_>> {
    let header = Ipv6HeaderSlice::from_slice(packet).ok()?;
    let length = usize::from(header.payload_length());
    if header.next_header() != ip_number::TCP || length == 0 {
        return None;
    }
    let (_, inside) = packet.split_at_checked(header.slice().len())?;
    let tcp = TcpSlice::from_slice(inside.get(..length)?).ok()?;
    let ends = (
        Socket::v6(header.source_addr(), tcp.source_port()),
        Socket::v6(header.destination_addr(), tcp.destination_port()),
    );
    Some(segment(ends, 0, &tcp, 0))
}

/// IPv4 that is whole, with TCP inside. Of any other, nothing.
#[inline]
fn plain(packet: &[u8]) -> Option<Segment<'_>> {
    let header = Ipv4HeaderSlice::from_slice(packet).ok()?;
    let inside = packet.get(header.slice().len()..usize::from(header.total_len()))?;
    if header.protocol() != ip_number::TCP || header.is_fragmenting_payload() {
        return None;
    }
    let tcp = TcpSlice::from_slice(inside).ok()?;
    let ends = (
        Socket::v4(header.source_addr(), tcp.source_port()),
        Socket::v4(header.destination_addr(), tcp.destination_port()),
    );
    Some(segment(ends, header.identification(), &tcp, 0))
}

fn ip(packet: &[u8], beyond: u32) -> Unwrapped<'_> {
    if let Some(segment) = plain(packet) {
        return Break(Decoded::Tcp(segment));
    }
    let Ok((ip, stop)) = LaxIpSlice::from_slice(packet) else {
        return Break(Decoded::Unread("a cut or damaged IP header"));
    };
    let inside = ip.payload();
    if inside.fragmented {
        let missing = missing(&ip, packet.len(), beyond);
        let fragment = fragment::read(&ip, packet, missing);
        let damaged = Decoded::Unread("a cut or damaged IP extension header");
        return Break(fragment.map_or(damaged, Decoded::Fragment));
    }
    if stop.is_some() {
        return Break(Decoded::Unread("a cut or damaged IP extension header"));
    }
    match inside.ip_number {
        ip_number::TCP => Break(tcp(&ip, inside.payload, missing(&ip, packet.len(), beyond))),
        ip_number::ICMP | ip_number::IPV6_ICMP => Break(icmp::read(inside)),
        number => tunnel::inside_ip(number, inside.payload),
    }
}

/// Bytes that the IP header promises beyond those that are there. A sender that leaves segmentation to its network card
/// promises nothing (IPv4: length 0; IPv6: no payload); then the capture's own word counts.
fn missing(ip: &LaxIpSlice<'_>, there: usize, beyond: u32) -> u32 {
    let promised = match ip {
        LaxIpSlice::Ipv4(it) => match usize::from(it.header().total_len()) {
            length if length < it.header().slice().len() => None,
            length => Some(length),
        },
        LaxIpSlice::Ipv6(it) => match usize::from(it.header().payload_length()) {
            0 => None,
            length => Some(length + it.header().slice().len()),
        },
    };
    promised.map_or(beyond, |promised| bounded(promised.saturating_sub(there)))
}

fn tcp<'b>(ip: &LaxIpSlice<'_>, bytes: &'b [u8], missing: u32) -> Decoded<'b> {
    let Ok(tcp) = TcpSlice::from_slice(bytes) else {
        return Decoded::Unread("a cut or damaged TCP header");
    };
    let id = match ip {
        LaxIpSlice::Ipv4(it) => it.header().identification(),
        LaxIpSlice::Ipv6(_) => 0,
    };
    let ends = (
        Socket::new(ip.source_addr(), tcp.source_port()),
        Socket::new(ip.destination_addr(), tcp.destination_port()),
    );
    Decoded::Tcp(segment(ends, id, &tcp, missing))
}

#[inline]
fn segment<'b>(
    (source, destination): (Socket, Socket),
    id: u16,
    tcp: &TcpSlice<'b>,
    missing: u32,
) -> Segment<'b> {
    Segment {
        source,
        destination,
        sequence: tcp.sequence_number(),
        acknowledgment: tcp.acknowledgment_number(),
        flags: Flags(tcp.slice().get(13).copied().unwrap_or(0)),
        id,
        window: tcp.window_size(),
        payload: tcp.payload(),
        missing,
    }
}

fn bounded(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
