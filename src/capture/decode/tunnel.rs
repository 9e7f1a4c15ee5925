//! What carries packets inside IP packets. Tunnels over UDP are told by their ports and the fixed bits of their headers.
//!
//! Not read: what is encrypted or compressed, and L2TP version 3, whose header can't be told without its set-up.

use std::ops::ControlFlow::{Break, Continue};

use etherparse::{IpNumber, ip_number};

use super::link::{Layer, after, mpls, word};
use super::{Decoded, Unwrapped};

const CUT: &str = "a cut tunnel header";
const TEREDO: u16 = 3544;
const IPSEC: u16 = 4500;

/// What is inside an IP packet that is neither TCP nor ICMP.
pub(super) fn inside_ip(number: IpNumber, bytes: &[u8]) -> Unwrapped<'_> {
    match number {
        ip_number::IPV4 | ip_number::IPV6 => Continue(Layer::Ip(bytes)),
        ip_number::GRE => gre(bytes),
        ip_number::MPLS_IN_IP => mpls(bytes),
        // EtherIP (RFC 3378).
        IpNumber(97) => after(bytes, 2, Layer::Ethernet),
        ip_number::UDP => udp(bytes).unwrap_or(Break(Decoded::NotTcp)),
        ip_number::ENCAP_SEC => Break(Decoded::Unread("IPsec")),
        IpNumber(108) => Break(Decoded::Unread("compressed IP")),
        IpNumber(115) => Break(Decoded::Unread("L2TP version 3")),
        _ => Break(Decoded::NotTcp),
    }
}

/// GRE (RFC 2784, RFC 2890), PPTP's variant of it (RFC 2637), and what has a header of its own inside it.
fn gre(bytes: &[u8]) -> Unwrapped<'_> {
    let (Some(flags), Some(ether_type)) = (word(bytes, 0), word(bytes, 2)) else {
        return Break(Decoded::Unread(CUT));
    };
    if flags & 0x4000 != 0 {
        return Break(Decoded::Unread("source-routed GRE"));
    }
    // Checksum, key, sequence number; PPTP's acknowledgment number: four bytes each.
    let optional = flags & (if flags & 7 == 1 { 0x3080 } else { 0xb000 });
    let header = 4 + 4 * optional.count_ones() as usize;
    let rest = bytes.get(header..).unwrap_or_default();
    match (ether_type, rest) {
        // ERSPAN has a header of its own only where GRE counts its packets (version 2).
        (0x88be, _) if flags & 0x1000 != 0 => after(rest, 8, Layer::Ethernet),
        (0x88be, _) => Continue(Layer::Ethernet(rest)),
        (0x22eb, _) => erspan3(rest),
        // Redirected to a web cache: WCCP's first version goes without a header of its own.
        (0x883e, [first, ..]) if first >> 4 != 4 => after(rest, 4, Layer::Ip),
        (0x883e, _) => Continue(Layer::Ip(rest)),
        // Kept alive with nothing in it.
        (0, []) => Break(Decoded::NotTcp),
        _ => Continue(Layer::Typed(ether_type, rest)),
    }
}

/// ERSPAN version 3: twelve bytes, eight more where the last bit of these says so, and before it what is carried.
fn erspan3(bytes: &[u8]) -> Unwrapped<'_> {
    let Some(last) = word(bytes, 10) else {
        return Break(Decoded::Unread(CUT));
    };
    let header = if last & 1 == 1 { 20 } else { 12 };
    match last >> 10 & 0x1f {
        2 => after(bytes, header, Layer::Ip),
        _ => after(bytes, header, Layer::Ethernet),
    }
}

/// What a next-protocol byte of VXLAN-GPE and NSH announces (RFC 8300 section 2.2).
fn announced(protocol: u8, bytes: &[u8]) -> Unwrapped<'_> {
    match protocol {
        1 | 2 => Continue(Layer::Ip(bytes)),
        3 => Continue(Layer::Ethernet(bytes)),
        4 => service_header(bytes),
        5 => mpls(bytes),
        _ => Break(Decoded::NotTcp),
    }
}

/// A network service header (RFC 8300): its length in words is in the second byte.
pub(super) fn service_header(bytes: &[u8]) -> Unwrapped<'_> {
    match bytes {
        [_, length, _, protocol, ..] if *protocol != 4 => {
            let header = usize::from((length & 0x3f).max(2)) * 4;
            let rest = bytes.get(header..);
            rest.map_or(Break(Decoded::Unread(CUT)), |rest| {
                announced(*protocol, rest)
            })
        }
        _ => Break(Decoded::Unread(CUT)),
    }
}

/// `None`: no tunnel.
fn udp(bytes: &[u8]) -> Option<Unwrapped<'_>> {
    let (from, to) = (word(bytes, 0)?, word(bytes, 2)?);
    let bytes = bytes.get(8..)?;
    let found = match (to, bytes) {
        // VXLAN (RFC 7348) with its extensions, and its generic form.
        (4789 | 8472, [flags, _, _, _, _, _, _, _, frame @ ..]) if flags & 8 != 0 => {
            Continue(Layer::Ethernet(frame))
        }
        (4790, [flags, _, _, protocol, _, _, _, _, rest @ ..]) if flags & 4 != 0 => {
            announced(*protocol, rest)
        }
        // Geneve (RFC 8926).
        (6081, [first, _, high, low, ..]) if first >> 6 == 0 => {
            let options = usize::from(first & 0x3f) * 4;
            let ether_type = u16::from_be_bytes([*high, *low]);
            Continue(Layer::Typed(ether_type, bytes.get(8 + options..)?))
        }
        (2152, [first, 0xff, ..]) if first >> 4 == 3 => Continue(gtp(*first, bytes)?),
        // LISP (RFC 9300), MPLS (RFC 7510), GRE (RFC 8086).
        (4341, [_, _, _, _, _, _, _, _, rest @ ..]) => Continue(Layer::Ip(rest)),
        (6635, _) => mpls(bytes),
        (4754, _) => gre(bytes),
        (37008, [1, 0 | 1, ..]) => sniffed(bytes)?,
        _ => return by_either_port(from, to, bytes),
    };
    Some(found)
}

/// Tunnels whose other end may have any port.
fn by_either_port(from: u16, to: u16, bytes: &[u8]) -> Option<Unwrapped<'_>> {
    let is = |port: u16| from == port || to == port;
    let found = match bytes {
        [first, second, ..] if is(1701) && first & 0x80 == 0 && second & 0x0f == 2 => {
            Continue(l2tp(*first, bytes)?)
        }
        // CAPWAP (RFC 5415 section 4.3), not a fragment.
        [0, length, kind, flags, ..] if is(5247) && flags & 0x80 == 0 => {
            let rest = bytes.get(usize::from(length >> 3) * 4..)?;
            Continue(if kind & 1 == 1 {
                Layer::Wifi(rest, false)
            } else {
                Layer::Ethernet(rest)
            })
        }
        _ if is(TEREDO) => Continue(teredo(bytes)?),
        // Without four zeros it is no key exchange, and with one byte it keeps a way through a router open.
        [a, b, c, d, ..] if is(IPSEC) && [*a, *b, *c, *d] != [0; 4] => {
            Break(Decoded::Unread("IPsec"))
        }
        _ => return None,
    };
    Some(found)
}

/// A user's packet in GTP-U (3GPP TS 29.281). With any of three bits set, four bytes more follow, the last of which
/// announces extension headers: a length in words, content, and the next one's type.
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

/// L2TP's data message (RFC 2661 section 3.1): length, sequence numbers and offset each where a bit says so.
fn l2tp(first: u8, bytes: &[u8]) -> Option<Layer<'_>> {
    let mut at = 6;
    if first & 0x40 != 0 {
        at += 2;
    }
    if first & 0x08 != 0 {
        at += 4;
    }
    if first & 0x02 != 0 {
        at += 2 + usize::from(word(bytes, at)?);
    }
    Some(Layer::Ppp(bytes.get(at..)?))
}

/// IPv6 behind a NAT (RFC 4380 section 5.1.1), with an authentication or an origin before it.
fn teredo(mut bytes: &[u8]) -> Option<Layer<'_>> {
    if let [0, 1, identifier, value, ..] = bytes {
        bytes = bytes.get(13 + usize::from(*identifier) + usize::from(*value)..)?;
    }
    if let [0, 0, _, _, _, _, _, _, rest @ ..] = bytes {
        bytes = rest;
    }
    (bytes.first()? >> 4 == 6).then_some(Layer::Ip(bytes))
}

/// A frame that a router sends to whoever analyzes it (TZSP): tags of a type, a length and a value before it.
fn sniffed(bytes: &[u8]) -> Option<Unwrapped<'_>> {
    let protocol = word(bytes, 2)?;
    let mut at = 4;
    loop {
        at += match bytes.get(at..)? {
            [0, ..] => 1,
            [1, rest @ ..] => {
                return Some(match protocol {
                    1 => Continue(Layer::Ethernet(rest)),
                    18 => Continue(Layer::Wifi(rest, false)),
                    _ => Break(Decoded::NotTcp),
                });
            }
            [_, length, ..] => 2 + usize::from(*length),
            _ => return None,
        };
    }
}
