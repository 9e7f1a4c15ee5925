//! What stands before IP headers on a link: link types, VLAN tags, labels, PPP. Each is taken off, none is kept.
//!
//! Tunnels in IP are in [`tunnel`], IEEE 802.11 in [`wifi`]. Not read: compressed or encrypted links, and links that
//! carry no IP.

use std::ops::ControlFlow::{Break, Continue};

use super::{Decoded, Unwrapped, tunnel, wifi};

pub(super) const CUT: &str = "a cut link header";

/// Bytes, and what they begin with.
pub(super) enum Layer<'b> {
    Ethernet(&'b [u8]),
    /// What an `EtherType` announces.
    Typed(u16, &'b [u8]),
    /// IEEE 802.2.
    Llc(&'b [u8]),
    /// IEEE 802.11; true where its header is padded to a multiple of four bytes.
    Wifi(&'b [u8], bool),
    Ppp(&'b [u8]),
    Ip(&'b [u8]),
}

/// The layer that a LINKTYPE stands for (<https://www.tcpdump.org/linktypes.html>).
pub(super) fn outermost(link: i32, frame: &[u8]) -> Unwrapped<'_> {
    match link {
        1 => Continue(Layer::Ethernet(frame)),
        0 | 108 => family(frame, 4),
        12 | 14 | 101 | 228 | 229 => Continue(Layer::Ip(frame)),
        113 => typed(frame, 14, 16),
        276 => typed(frame, 0, 20),
        9 | 50 => serial(frame),
        51 => pppoe(frame),
        // A byte that tells the direction, in place of PPP's first one or before it.
        166 => after(frame, 2, Layer::Ppp),
        204 => after(frame, 1, Layer::Ppp),
        104 | 112 => typed(frame, 2, 4),
        107 => frame_relay(frame),
        11 | 100 => Continue(Layer::Llc(frame)),
        6 => after(frame, token_ring(frame), Layer::Llc),
        10 => after(frame, 13, Layer::Llc),
        122 => after(frame, 16, Layer::Llc),
        105 => Continue(Layer::Wifi(frame, false)),
        119 | 127 | 163 => wifi::with_radio(link, frame),
        192 | 258 => announced(link, frame),
        // BSD's IPsec and packet filter; Solaris' own; the netfilter log of Linux.
        109 => family(frame, 12),
        117 => after(
            frame,
            usize::from(frame.first().map_or(0, |l| l.div_ceil(4))) * 4,
            Layer::Ip,
        ),
        226 => after(frame, 24, Layer::Ip),
        239 => nflog(frame),
        // InfiniBand.
        242 => typed(frame, 40, 44),
        // Ethernet behind what an analyzer, a preamble or a switch puts before it, or with a switch's tag inside.
        240 | 282 => after(frame, 4, Layer::Ethernet),
        241 => after(frame, 12, Layer::Ethernet),
        274 => after(frame, 8, Layer::Ethernet),
        // FireWire's header happens to be as long as Ethernet's with a tag.
        138 | 281 | 284 => typed(frame, 16, 18),
        285 => typed(frame, 20, 22),
        _ => Break(Decoded::Unread(name(link))),
    }
}

/// What is told of link types that are not read.
fn name(link: i32) -> &'static str {
    match link {
        3 | 202 | 225 | 253 => "a link type without IP",
        130..=137 | 164 | 178..=184 | 194 | 200 | 222..=224 | 237..=238 => "link type Juniper",
        139..=142 => "link type SS7",
        143 => "link type DOCSIS",
        147..=162 => "a link type of private use",
        186 | 189 | 220 | 249 | 266 | 288 => "link type USB",
        187 | 201 | 251 | 254..=256 => "link type Bluetooth",
        190 | 210 | 227 => "link type CAN or FlexRay",
        191 | 195 | 215 | 230 | 283 => "link type IEEE 802.15.4",
        197 => "link type ERF",
        252 => "link type of upper layers",
        _ => "an unknown link type",
    }
}

/// Takes one layer off.
pub(super) fn unwrap(layer: Layer<'_>) -> Unwrapped<'_> {
    match layer {
        Layer::Ethernet(bytes) => typed(bytes, 12, 14),
        Layer::Typed(ether_type, bytes) => inside_ethernet(ether_type, bytes),
        Layer::Llc(bytes) => llc(bytes),
        Layer::Wifi(bytes, padded) => wifi::frame(bytes, padded),
        Layer::Ppp(bytes) => ppp(bytes),
        Layer::Ip(_) => Continue(layer),
    }
}

/// A header with an `EtherType` at a fixed place.
fn typed(bytes: &[u8], type_at: usize, header: usize) -> Unwrapped<'_> {
    match (word(bytes, type_at), bytes.get(header..)) {
        (Some(ether_type), Some(rest)) => Continue(Layer::Typed(ether_type, rest)),
        _ => Break(Decoded::Unread(CUT)),
    }
}

/// A header of which only the length matters.
pub(super) fn after<'b>(
    bytes: &'b [u8],
    header: usize,
    layer: fn(&'b [u8]) -> Layer<'b>,
) -> Unwrapped<'b> {
    let rest = bytes.get(header..);
    rest.map_or(Break(Decoded::Unread(CUT)), |rest| Continue(layer(rest)))
}

pub(super) fn word(bytes: &[u8], at: usize) -> Option<u16> {
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
        // Tags of switches: VN-Tag, 802.1BR, Cisco's metadata; 802.1ah, which carries whole frames; service headers.
        0x8926 => typed(bytes, 4, 6),
        0x893f | 0x8909 => typed(bytes, 6, 8),
        0x88e7 => after(bytes, 4, Layer::Ethernet),
        0x894f => tunnel::service_header(bytes),
        0x88e5 => Break(Decoded::Unread("MACsec")),
        // A length.
        0..=1500 => llc(bytes),
        _ => Break(Decoded::NotTcp),
    }
}

/// IEEE 802.2: behind SNAP with Ethernet's organization code again an `EtherType` (RFC 1042; RFC 2684 bridges Ethernet).
fn llc(bytes: &[u8]) -> Unwrapped<'_> {
    match bytes {
        [0xaa, 0xaa, 3, 0, 0, 0 | 0xf8, ..] => typed(bytes, 6, 8),
        [0xaa, 0xaa, 3, 0, 0x80, 0xc2, 0, 1 | 7, _, _, rest @ ..] => {
            Continue(Layer::Ethernet(rest))
        }
        [0x06, 0x06, 3, rest @ ..] => Continue(Layer::Ip(rest)),
        _ => Break(Decoded::NotTcp),
    }
}

/// NULL, LOOP, ENC: an address family of the capturing machine first, in its own byte order or in network order.
fn family(frame: &[u8], header: usize) -> Unwrapped<'_> {
    let (Some(family), Some(rest)) = (frame.first_chunk(), frame.get(header..)) else {
        return Break(Decoded::Unread(CUT));
    };
    let family = u32::from_le_bytes(*family);
    match family.min(family.swap_bytes()) {
        // AF_INET; AF_INET6 on Linux, Windows, OpenBSD and NetBSD, FreeBSD, macOS.
        2 | 10 | 23 | 24 | 28 | 30 => Continue(Layer::Ip(rest)),
        _ => Break(Decoded::NotTcp),
    }
}

/// PPI and PKTAP: a header that gives its own length and the link type of what follows.
fn announced(link: i32, frame: &[u8]) -> Unwrapped<'_> {
    let number = |at: usize| Some(u32::from_le_bytes(*frame.get(at..)?.first_chunk()?));
    let (length, inner) = if link == 192 {
        (number(0).map(|it| it >> 16), number(4))
    } else {
        (number(0), number(8))
    };
    let (Some(length), Some(inner)) = (length, inner) else {
        return Break(Decoded::Unread(CUT));
    };
    match (i32::try_from(inner), frame.get(length as usize..)) {
        // Each at most once, so that this ends.
        (Ok(192 | 258) | Err(_), _) => Break(Decoded::Unread(name(link))),
        (Ok(inner), Some(rest)) => outermost(inner, rest),
        (_, None) => Break(Decoded::Unread(CUT)),
    }
}

/// The netfilter log: family, version, resource, then values with lengths and types in the byte order of the capturing
/// machine.
fn nflog(frame: &[u8]) -> Unwrapped<'_> {
    const PAYLOAD: u16 = 9;
    let Some((&[family, ..], mut rest)) = frame.split_first_chunk::<4>() else {
        return Break(Decoded::Unread(CUT));
    };
    let is_big = rest.first() == Some(&0);
    while let Some((&[a, b, c, d], value)) = rest.split_first_chunk::<4>() {
        let number = if is_big {
            u16::from_be_bytes
        } else {
            u16::from_le_bytes
        };
        let length = usize::from(number([a, b]));
        if number([c, d]) & 0x7fff == PAYLOAD {
            let end = length.saturating_sub(4).min(value.len());
            return match family {
                2 | 10 => Continue(Layer::Ip(value.get(..end).unwrap_or_default())),
                _ => Break(Decoded::NotTcp),
            };
        }
        if length < 4 {
            break;
        }
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    Break(Decoded::Unread(CUT))
}

/// What runs on synchronous lines: PPP, or Cisco's HDLC with its own two addresses.
fn serial(frame: &[u8]) -> Unwrapped<'_> {
    match frame {
        [0x0f | 0x8f, 0, ..] => typed(frame, 2, 4),
        _ => Continue(Layer::Ppp(frame)),
    }
}

/// Addresses of two to four bytes, the last of which is odd, then a protocol by its NLPID (RFC 2427); Cisco's way has an
/// `EtherType` there.
fn frame_relay(frame: &[u8]) -> Unwrapped<'_> {
    let address = frame.iter().take(4).position(|byte| byte & 1 == 1);
    let rest = address.and_then(|last| frame.get(last + 1..));
    match rest.unwrap_or_default() {
        [3, 0xcc | 0x8e, rest @ ..] | [3, 0, 0xcc | 0x8e, rest @ ..] => Continue(Layer::Ip(rest)),
        [3, 0, 0x80, 0, 0, 0, high, low, rest @ ..] | [3, 0x80, 0, 0, 0, high, low, rest @ ..] => {
            Continue(Layer::Typed(u16::from_be_bytes([*high, *low]), rest))
        }
        [3, ..] => Break(Decoded::NotTcp),
        rest => typed(rest, 0, 2),
    }
}

/// The length of a token ring header: 14 bytes, and a route where the source address says so.
fn token_ring(frame: &[u8]) -> usize {
    match (frame.get(8), frame.get(14)) {
        (Some(source), Some(route)) if source & 0x80 != 0 => 14 + usize::from(route & 0x1f),
        _ => 14,
    }
}

/// PPP, with or without its HDLC address and control bytes, the protocol in one byte or two (RFC 1661).
fn ppp(bytes: &[u8]) -> Unwrapped<'_> {
    let bytes = bytes.strip_prefix(&[0xff, 0x03]).unwrap_or(bytes);
    match bytes {
        [0x21 | 0x57, rest @ ..] | [0, 0x21 | 0x57, rest @ ..] => Continue(Layer::Ip(rest)),
        [0x02, 0x81 | 0x83, rest @ ..] => mpls(rest),
        [0, 0xfd | 0x2d | 0x2f, ..] | [0xfd | 0x2d | 0x2f, ..] => {
            Break(Decoded::Unread("compressed PPP"))
        }
        [0, 0x53, ..] | [0x53, ..] => Break(Decoded::Unread("encrypted PPP")),
        [0, 0x3d, ..] | [0x3d, ..] => Break(Decoded::Unread("multilink PPP")),
        [] => Break(Decoded::Unread(CUT)),
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
pub(super) fn mpls(mut bytes: &[u8]) -> Unwrapped<'_> {
    while let Some((label, rest)) = bytes.split_first_chunk::<4>() {
        bytes = rest;
        if label[2] & 1 == 1 {
            return match rest.first().map(|first| first >> 4) {
                Some(4 | 6) => Continue(Layer::Ip(rest)),
                Some(0) => after(rest, 4, Layer::Ethernet),
                _ => Continue(Layer::Ethernet(rest)),
            };
        }
    }
    Break(Decoded::Unread(CUT))
}
