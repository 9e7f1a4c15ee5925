//! What stands before and between IP headers: link layers, VLAN tags, labels, tunnels. Each is taken off, none is kept.
//!
//! Not read: IEEE 802.11, `IPsec`, compressed or encrypted tunnels.

use std::ops::ControlFlow::{Break, Continue};

use etherparse::{IpNumber, ip_number};

use super::{Decoded, Unwrapped};

/// Bytes, and what they begin with.
pub(super) enum Layer<'b> {
    Ethernet(&'b [u8]),
    /// What an `EtherType` announces.
    Typed(u16, &'b [u8]),
    Ppp(&'b [u8]),
    Ip(&'b [u8]),
}

/// The layer that a LINKTYPE stands for.
pub(super) fn outermost(link: i32, frame: &[u8]) -> Unwrapped<'_> {
    match link {
        1 => Continue(Layer::Ethernet(frame)),
        0 | 108 => family(frame),
        12 | 14 | 101 | 228 | 229 => Continue(Layer::Ip(frame)),
        9 | 50 => Continue(Layer::Ppp(frame)),
        51 => pppoe(frame),
        113 => typed(frame, 14, 16),
        276 => typed(frame, 0, 20),
        104 => typed(frame, 2, 4),
        105 | 119 | 127 | 163 | 192 => Break(Decoded::Unread("link type IEEE 802.11")),
        189 | 220 | 249 => Break(Decoded::Unread("link type USB")),
        201 | 187 | 251 | 254 => Break(Decoded::Unread("link type Bluetooth")),
        239 => Break(Decoded::Unread("link type NFLOG")),
        _ => Break(Decoded::Unread("an unknown link type")),
    }
}

/// Takes one layer off.
pub(super) fn unwrap(layer: Layer<'_>) -> Unwrapped<'_> {
    match layer {
        Layer::Ethernet(bytes) => typed(bytes, 12, 14),
        Layer::Typed(ether_type, bytes) => inside_ethernet(ether_type, bytes),
        Layer::Ppp(bytes) => ppp(bytes),
        Layer::Ip(_) => Continue(layer),
    }
}

/// A header with an `EtherType` at a fixed place.
fn typed(bytes: &[u8], type_at: usize, header: usize) -> Unwrapped<'_> {
    match (word(bytes, type_at), bytes.get(header..)) {
        (Some(ether_type), Some(rest)) => Continue(Layer::Typed(ether_type, rest)),
        _ => Break(Decoded::Unread("a cut link header")),
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn inside_ethernet(ether_type: u16, bytes: &[u8]) -> Unwrapped<'_> {
    match ether_type {
        0x0800 | 0x86dd => Continue(Layer::Ip(bytes)),
        // 802.1Q, 802.1ad, and QinQ as it was before that.
        0x8100 | 0x88a8 | 0x9100 | 0x9200 => typed(bytes, 2, 4),
        0x8847 | 0x8848 => mpls(bytes),
        0x8864 => pppoe(bytes),
        // Bridged through GRE or Geneve; PPP through PPTP's GRE.
        0x6558 => Continue(Layer::Ethernet(bytes)),
        0x880b => Continue(Layer::Ppp(bytes)),
        0x88e5 => Break(Decoded::Unread("MACsec")),
        // A length: LLC follows, and behind AA AA 03 00 00 00 again an EtherType (RFC 1042).
        0..=1500 if bytes.starts_with(&[0xaa, 0xaa, 3, 0, 0, 0]) => typed(bytes, 6, 8),
        _ => Break(Decoded::NotTcp),
    }
}

/// NULL and LOOP: an address family of the capturing machine, in its own byte order or in network order.
fn family(frame: &[u8]) -> Unwrapped<'_> {
    let Some((family, rest)) = frame.split_first_chunk() else {
        return Break(Decoded::Unread("a cut link header"));
    };
    let family = u32::from_le_bytes(*family);
    match family.min(family.swap_bytes()) {
        // AF_INET; AF_INET6 on Linux, Windows, OpenBSD and NetBSD, FreeBSD, macOS.
        2 | 10 | 23 | 24 | 28 | 30 => Continue(Layer::Ip(rest)),
        _ => Break(Decoded::NotTcp),
    }
}

/// PPP, with or without its HDLC address and control bytes, the protocol in one byte or two (RFC 1661).
fn ppp(bytes: &[u8]) -> Unwrapped<'_> {
    let bytes = bytes.strip_prefix(&[0xff, 0x03]).unwrap_or(bytes);
    match bytes {
        [0x21 | 0x57, rest @ ..] | [0, 0x21 | 0x57, rest @ ..] => Continue(Layer::Ip(rest)),
        [0x02, 0x81 | 0x83, rest @ ..] => mpls(rest),
        [0, 0xfd, ..] | [0xfd, ..] => Break(Decoded::Unread("compressed PPP")),
        [0, 0x53, ..] | [0x53, ..] => Break(Decoded::Unread("encrypted PPP")),
        [0, 0x3d, ..] | [0x3d, ..] => Break(Decoded::Unread("multilink PPP")),
        [] => Break(Decoded::Unread("a cut link header")),
        _ => Break(Decoded::NotTcp),
    }
}

/// A `PPPoE` session (RFC 2516): version and type 1, code 0, session, length.
fn pppoe(bytes: &[u8]) -> Unwrapped<'_> {
    match bytes {
        [0x11, 0, _, _, _, _, rest @ ..] => Continue(Layer::Ppp(rest)),
        _ => Break(Decoded::NotTcp),
    }
}

/// A stack of labels (RFC 3032). What is inside isn't told: an IP version says IP; a zero nibble is a control word before
/// Ethernet (RFC 4448).
fn mpls(mut bytes: &[u8]) -> Unwrapped<'_> {
    while let Some((label, rest)) = bytes.split_first_chunk::<4>() {
        bytes = rest;
        if label[2] & 1 == 1 {
            return match rest.first().map(|first| first >> 4) {
                Some(4 | 6) => Continue(Layer::Ip(rest)),
                Some(0) => Continue(Layer::Ethernet(rest.get(4..).unwrap_or_default())),
                _ => Continue(Layer::Ethernet(rest)),
            };
        }
    }
    Break(Decoded::Unread("a cut link header"))
}

/// What is inside an IP packet that is neither TCP nor ICMP.
pub(super) fn inside_ip(number: IpNumber, bytes: &[u8]) -> Unwrapped<'_> {
    match number {
        ip_number::IPV4 | ip_number::IPV6 => Continue(Layer::Ip(bytes)),
        ip_number::GRE => gre(bytes),
        ip_number::MPLS_IN_IP => mpls(bytes),
        IpNumber(97) => Continue(Layer::Ethernet(bytes.get(2..).unwrap_or_default())),
        ip_number::UDP => udp(bytes).map_or(Break(Decoded::NotTcp), Continue),
        ip_number::ENCAP_SEC => Break(Decoded::Unread("IPsec")),
        _ => Break(Decoded::NotTcp),
    }
}

/// GRE (RFC 2784, RFC 2890), PPTP's variant of it (RFC 2637), and ERSPAN inside it.
fn gre(bytes: &[u8]) -> Unwrapped<'_> {
    let (Some(flags), Some(ether_type)) = (word(bytes, 0), word(bytes, 2)) else {
        return Break(Decoded::Unread("a cut tunnel header"));
    };
    if flags & 0x4000 != 0 {
        return Break(Decoded::Unread("source-routed GRE"));
    }
    // Checksum, key, sequence number; PPTP's acknowledgment number: four bytes each.
    let optional = flags & (if flags & 7 == 1 { 0x3080 } else { 0xb000 });
    let header = 4 + 4 * optional.count_ones() as usize;
    let rest = bytes.get(header..).unwrap_or_default();
    match ether_type {
        // ERSPAN has a header of its own only where GRE counts its packets (version 2).
        0x88be if flags & 0x1000 != 0 => {
            Continue(Layer::Ethernet(rest.get(8..).unwrap_or_default()))
        }
        0x88be => Continue(Layer::Ethernet(rest)),
        _ => Continue(Layer::Typed(ether_type, rest)),
    }
}

/// Tunnels over UDP are told by their ports and the fixed bits of their headers: VXLAN (RFC 7348), Geneve (RFC 8926),
/// GTP-U (3GPP TS 29.281).
fn udp(bytes: &[u8]) -> Option<Layer<'_>> {
    let port = word(bytes, 2)?;
    let bytes = bytes.get(8..)?;
    match (port, bytes) {
        (4789 | 8472, [0x08, _, _, _, _, _, _, _, frame @ ..]) => Some(Layer::Ethernet(frame)),
        (6081, [first, _, high, low, _, _, _, _, ..]) if first >> 6 == 0 => {
            let options = usize::from(first & 0x3f) * 4;
            let ether_type = u16::from_be_bytes([*high, *low]);
            Some(Layer::Typed(ether_type, bytes.get(8 + options..)?))
        }
        (2152, [first, 0xff, ..]) if first >> 4 == 3 => gtp(*first, bytes),
        _ => None,
    }
}

/// A user's packet in GTP-U. With any of three bits set, four bytes more follow, the last of which announces extension
/// headers: a length in words, content, and the next one's type.
fn gtp(first: u8, bytes: &[u8]) -> Option<Layer<'_>> {
    let mut at = 8;
    if first & 7 != 0 {
        at = 12;
        while *bytes.get(at - 1)? != 0 {
            let words = usize::from(*bytes.get(at)?);
            at += 4 * words.max(1);
        }
    }
    Some(Layer::Ip(bytes.get(at..)?))
}
