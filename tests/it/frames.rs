//! Frames below TCP: what networks do to packets, and capture files of frames of any link type.
//!
//! [`fragments`] cuts an IP packet up, [`tunnelled`] puts one into another, [`pcap`] writes frames as they are.

use crate::traffic::Rng;

/// The length of the header of an Ethernet frame as `synth` makes it.
pub(crate) const ETHERNET: usize = 14;

/// A little-endian pcap file, in nanoseconds, of frames with their times.
pub(crate) fn pcap(link: u32, frames: &[(i64, Vec<u8>)]) -> Vec<u8> {
    let words = |words: &[u32]| {
        words
            .iter()
            .flat_map(|w| w.to_le_bytes())
            .collect::<Vec<u8>>()
    };
    let mut out = words(&[0xa1b2_3c4d, 0x0004_0002, 0, 0, 0x4_0000, link]);
    for (at, frame) in frames {
        let time = |number: i64| u32::try_from(number).unwrap();
        let length = u32::try_from(frame.len()).unwrap();
        let (seconds, nanos) = (time(at / 1_000_000_000), time(at % 1_000_000_000));
        out.extend(words(&[seconds, nanos, length, length]));
        out.extend(frame);
    }
    out
}

/// The IP packet in an Ethernet frame, without what pads it.
pub(crate) fn packet(frame: &[u8]) -> Vec<u8> {
    let ip = &frame[ETHERNET..];
    let length = if ip[0] >> 4 == 4 {
        usize::from(u16::from_be_bytes([ip[2], ip[3]]))
    } else {
        40 + usize::from(u16::from_be_bytes([ip[4], ip[5]]))
    };
    ip[..length].to_vec()
}

/// The packet in fragments of at most `size` bytes of content, a multiple of eight, in order.
pub(crate) fn fragments(packet: &[u8], size: usize, identification: u16) -> Vec<Vec<u8>> {
    let v4 = packet[0] >> 4 == 4;
    let (header, content) = packet.split_at(if v4 { 20 } else { 40 });
    if content.len() <= size {
        return vec![packet.to_vec()];
    }
    let number = |n: usize| u16::try_from(n).unwrap().to_be_bytes();
    let mut out = Vec::new();
    for (index, part) in content.chunks(size).enumerate() {
        let at = index * size;
        let more = at + part.len() < content.len();
        let mut bytes = header.to_vec();
        if v4 {
            bytes[2..4].copy_from_slice(&number(20 + part.len()));
            bytes[4..6].copy_from_slice(&identification.to_be_bytes());
            bytes[6..8].copy_from_slice(&number(at / 8 + usize::from(more) * 0x2000));
        } else {
            bytes[4..6].copy_from_slice(&number(8 + part.len()));
            let protocol = std::mem::replace(&mut bytes[6], 44);
            bytes.extend([protocol, 0]);
            bytes.extend(number(at + usize::from(more)));
            bytes.extend(u32::from(identification).to_be_bytes());
        }
        bytes.extend(part);
        out.push(bytes);
    }
    out
}

/// The packet behind a GRE header in an IPv4 packet.
pub(crate) fn tunnelled(packet: &[u8]) -> Vec<u8> {
    let ether_type = if packet[0] >> 4 == 4 {
        [8, 0]
    } else {
        [0x86, 0xdd]
    };
    let [high, low] = u16::try_from(24 + packet.len()).unwrap().to_be_bytes();
    let header = [
        0x45, 0, high, low, 0, 0, 0, 0, 64, 47, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2,
    ];
    [&header[..], &[0, 0], &ether_type, packet].concat()
}

/// Puts some in other places, and some in twice.
pub(crate) fn shuffled(parts: &[Vec<u8>], rng: &mut Rng) -> Vec<Vec<u8>> {
    let mut out = parts.to_vec();
    for index in 0..out.len() {
        let other = rng.below(out.len());
        out.swap(index, other);
    }
    if rng.below(3) == 0 {
        let again = out[rng.below(out.len())].clone();
        out.insert(rng.below(out.len() + 1), again);
    }
    out
}

/// Packets in one data frame of IEEE 802.11, from an access point.
pub(crate) fn wifi(packets: &[Vec<u8>]) -> Vec<u8> {
    let mut frame = vec![0; 26];
    (frame[0], frame[1], frame[24]) = (0x88, 2, 0x80);
    for packet in packets {
        let ether_type = if packet[0] >> 4 == 4 {
            [8, 0]
        } else {
            [0x86, 0xdd]
        };
        let length = u16::try_from(8 + packet.len()).unwrap().to_be_bytes();
        let header = [
            &[2; 12][..],
            &length,
            &[0xaa, 0xaa, 3, 0, 0, 0],
            &ether_type,
        ]
        .concat();
        frame.resize(26 + (frame.len() - 26).next_multiple_of(4), 0);
        frame.extend([&header, &packet[..]].concat());
    }
    frame
}
