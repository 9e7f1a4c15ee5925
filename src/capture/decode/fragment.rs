//! A fragment of an IP packet: what it is a part of, and which part. Puts nothing together.

use std::net::IpAddr;

use etherparse::{IpNumber, LaxIpSlice, ip_number};

const IPV6_HEADER: usize = 40;

/// What the fragments of one packet have in common: RFC 791 section 3.2, RFC 8200 section 4.5.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Whole {
    pub(crate) source: IpAddr,
    pub(crate) destination: IpAddr,
    pub(crate) identification: u32,
    /// IPv4 counts separately for each protocol; 0 for IPv6.
    pub(crate) protocol: u8,
}

/// One part of an IP packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fragment<'b> {
    pub(crate) whole: Whole,
    /// The protocol of what the packet carries; of IPv6, only the first fragment's is true.
    pub(crate) protocol: u8,
    /// Bytes of the packet's content before this part.
    pub(crate) offset: usize,
    /// True when parts follow.
    pub(crate) more: bool,
    /// As far as it was captured.
    pub(crate) bytes: &'b [u8],
    /// Bytes that were on the wire behind these, but were not captured.
    pub(crate) missing: u32,
}

/// Reads a packet that is known to be a fragment; `missing` bytes of it were not captured.
pub(super) fn read<'b>(
    ip: &LaxIpSlice<'b>,
    packet: &'b [u8],
    missing: u32,
) -> Option<Fragment<'b>> {
    match ip {
        LaxIpSlice::Ipv4(it) => {
            let header = it.header();
            let begin = header.slice().len();
            let end = match usize::from(header.total_len()) {
                length if length < begin => packet.len(),
                length => length.min(packet.len()),
            };
            Some(Fragment {
                whole: Whole {
                    source: ip.source_addr(),
                    destination: ip.destination_addr(),
                    identification: u32::from(header.identification()),
                    protocol: header.protocol().0,
                },
                protocol: header.protocol().0,
                offset: usize::from(header.fragments_offset().byte_offset()),
                more: header.more_fragments(),
                bytes: packet.get(begin..end)?,
                missing,
            })
        }
        LaxIpSlice::Ipv6(it) => {
            let header = it.header();
            let end = match usize::from(header.payload_length()) {
                0 => packet.len(),
                length => packet.len().min(IPV6_HEADER + length),
            };
            let bytes = packet.get(IPV6_HEADER..end)?;
            let (next, bytes) = fragment_header(header.next_header(), bytes)?;
            let (header, bytes) = bytes.split_first_chunk::<8>()?;
            let [_, _, high, low, a, b, c, d] = *header;
            Some(Fragment {
                whole: Whole {
                    source: ip.source_addr(),
                    destination: ip.destination_addr(),
                    identification: u32::from_be_bytes([a, b, c, d]),
                    protocol: 0,
                },
                protocol: next,
                offset: usize::from(u16::from_be_bytes([high, low]) & 0xfff8),
                more: low & 1 == 1,
                bytes,
                missing,
            })
        }
    }
}

/// Skips to the fragment header; gives the protocol that it names. etherparse reads on behind it, where a later fragment
/// has no headers.
fn fragment_header(mut next: IpNumber, mut bytes: &[u8]) -> Option<(u8, &[u8])> {
    loop {
        match (next, bytes) {
            (ip_number::IPV6_FRAG, [protocol, ..]) => return Some((*protocol, bytes)),
            (
                ip_number::IPV6_HOP_BY_HOP | ip_number::IPV6_ROUTE | ip_number::IPV6_DEST_OPTIONS,
                [protocol, length, ..],
            ) => {
                next = IpNumber(*protocol);
                bytes = bytes.get(8 * (usize::from(*length) + 1)..)?;
            }
            _ => return None,
        }
    }
}
