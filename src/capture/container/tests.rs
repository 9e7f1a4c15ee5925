//! Captures written by hand, whole and damaged, and what is cut out of them.

mod pcapng;
mod random;

use super::*;

const SECOND: u32 = 1_700_000_000;
const NANOS: i64 = 1_000_000_000;

fn word(value: u32, big: bool) -> [u8; 4] {
    if big {
        value.to_be_bytes()
    } else {
        value.to_le_bytes()
    }
}

fn words(values: &[u32], big: bool) -> Vec<u8> {
    values.iter().flat_map(|v| word(*v, big)).collect()
}

fn pcap_header(magic: u32, big: bool) -> Vec<u8> {
    words(&[magic, 0x0004_0002, 0, 0, 65_535, 1], big)
}

fn pcap_record(second: u32, data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len()).unwrap();
    let mut bytes = words(&[second, 500_000, length, length], false);
    bytes.extend(data);
    bytes
}

/// A little-endian file of as many packets as there are seconds, 40 bytes each.
fn pcap(seconds: Range<u32>) -> Vec<u8> {
    let mut bytes = pcap_header(0xa1b2_c3d4, false);
    for second in seconds {
        bytes.extend(pcap_record(SECOND + second, &[0x55; 40]));
    }
    bytes
}

fn block(kind: u32, body: &[u8], big: bool) -> Vec<u8> {
    let padded = body.len().next_multiple_of(4);
    let length = u32::try_from(padded + 12).unwrap();
    let mut bytes = words(&[kind, length], big);
    bytes.extend(body);
    bytes.resize(padded + 8, 0);
    bytes.extend(word(length, big));
    bytes
}

fn section(big: bool) -> Vec<u8> {
    let version = if big { 0x0001_0000 } else { 0x0000_0001 };
    let body = words(&[0x1a2b_3c4d, version, u32::MAX, u32::MAX], big);
    block(0x0a0d_0d0a, &body, big)
}

fn interface(link: u16, snap: u32, resolution: Option<u8>, offset: i64, big: bool) -> Vec<u8> {
    let half = |v: u16| {
        if big {
            v.to_be_bytes()
        } else {
            v.to_le_bytes()
        }
    };
    let mut body = [half(link), half(0)].concat();
    body.extend(word(snap, big));
    if let Some(resolution) = resolution {
        body.extend([half(9), half(1)].concat());
        body.extend([resolution, 0, 0, 0]);
    }
    if offset != 0 {
        body.extend([half(14), half(8)].concat());
        body.extend(if big {
            offset.to_be_bytes()
        } else {
            offset.to_le_bytes()
        });
    }
    block(1, &body, big)
}

fn enhanced(interface: u32, ticks: u64, data: &[u8], big: bool) -> Vec<u8> {
    let (high, low) = ((ticks >> 32) as u32, (ticks & 0xffff_ffff) as u32);
    let length = u32::try_from(data.len()).unwrap();
    let mut body = words(&[interface, high, low, length, length + 10], big);
    body.extend(data);
    block(6, &body, big)
}

/// Time, link type, data, record, offset.
type Seen = (Option<i64>, i32, Vec<u8>, u64, u64);

#[derive(Debug, Default, PartialEq)]
struct Cut {
    packets: Vec<Seen>,
    diagnostics: Diagnostics,
    records: u64,
}

impl Cut {
    fn told(&self) -> Vec<(&'static str, &str, u64, u64)> {
        let each = self.diagnostics.iter();
        each.map(|(kind, reason, o)| (kind.id(), reason, o.first.offset, o.count))
            .collect()
    }

    fn times(&self) -> Vec<Option<i64>> {
        self.packets.iter().map(|(at, ..)| *at).collect()
    }

    fn seconds(&self) -> Vec<i64> {
        let times = self.times();
        let each = times.iter().flatten();
        each.map(|t| t / NANOS - i64::from(SECOND)).collect()
    }
}

fn cut(bytes: &[u8]) -> Cut {
    cut_windows(bytes, bytes.len())
}

/// As a caller does: a window that grows by `step` whenever there is no whole record in it.
fn cut_windows(bytes: &[u8], step: usize) -> Cut {
    let flavour = Flavour::sniff(bytes).unwrap();
    let mut container = Container::new(flavour, SourceId(0));
    let mut cut = Cut::default();
    let (mut start, mut end) = (0, 0);
    loop {
        end = (end + step.max(1)).min(bytes.len());
        let last = end == bytes.len();
        let mut packets = Vec::new();
        let window = &bytes[start..end];
        let used = container.cut(window, last, &mut packets, &mut cut.diagnostics);
        for p in packets {
            let data = window[p.data].to_vec();
            let at = p.at.map(Timestamp::nanos);
            cut.packets.push((at, p.link, data, p.record, p.offset));
        }
        start += used;
        if last {
            assert_eq!(start, bytes.len(), "everything is used up at the end");
            cut.records = container.records();
            return cut;
        }
    }
}

#[test]
fn every_magic_is_told_and_its_times_are_read() {
    for big in [false, true] {
        for (magic, nanos) in [
            (0xa1b2_c3d4, 500_000_000),
            (0xa1b2_3c4d, 500_000),
            (0xa1b2_cd34, 500_000_000),
        ] {
            let mut bytes = pcap_header(magic, big);
            for second in [SECOND, SECOND + 1] {
                bytes.extend(words(&[second, 500_000, 3, 9], big));
                if magic == 0xa1b2_cd34 {
                    bytes.extend([7; 8]);
                }
                bytes.extend(b"abc");
            }
            let found = cut(&bytes);
            let first = i64::from(SECOND) * NANOS + nanos;
            assert_eq!(found.times(), [Some(first), Some(first + NANOS)]);
            assert!(found.packets.iter().all(|(_, _, data, ..)| data == b"abc"));
            assert_eq!(found.told(), []);
        }
    }
    assert_eq!(Flavour::sniff(&section(true)), Some(Flavour::Pcapng));
    assert_eq!(Flavour::sniff(&section(false)), Some(Flavour::Pcapng));
    assert_eq!(Flavour::sniff(b"\x0a\x0d\x0d\x0a1234abcd"), None);
    assert_eq!(Flavour::sniff(b"\xa1\xb2\xc3"), None);
    assert_eq!(Flavour::sniff(b"220 ready\r\n"), None);
}

/// Ixia's analyzers: nanoseconds, and four bytes more before the first packet.
#[test]
fn captures_of_ixia_are_read() {
    for (magic, big) in [(0x1c00_01ac, false), (0x1c00_01ab, true)] {
        let mut bytes = pcap_header(magic, big);
        bytes.extend(word(19, big));
        bytes.extend(words(&[SECOND, 500, 3, 9], big));
        bytes.extend(b"abc");
        let found = cut(&bytes);
        assert_eq!(found.times(), [Some(i64::from(SECOND) * NANOS + 500)]);
        assert_eq!(
            (&found.packets[0].2[..], found.packets[0].4),
            (&b"abc"[..], 28)
        );
        assert_eq!(found.told(), []);
    }
}

/// Before version 2.3 the length on the wire came first; of 2.3 there are both.
#[test]
fn lengths_of_old_versions_are_read_in_their_order() {
    for (minor, lengths) in [
        (2, [[9, 3], [9, 3]]),
        (3, [[3, 9], [9, 3]]),
        (4, [[3, 9], [3, 9]]),
    ] {
        for big in [false, true] {
            let version = if big {
                0x0002_0000 | minor
            } else {
                minor << 16 | 2
            };
            let mut bytes = words(&[0xa1b2_c3d4, version, 0, 0, 65_535, 1], big);
            for [first, second] in lengths {
                bytes.extend(words(&[SECOND, 0, first, second], big));
                bytes.extend(b"abc");
            }
            let found = cut(&bytes);
            assert!(found.packets.iter().all(|packet| packet.2 == b"abc"));
            assert_eq!((found.packets.len(), found.told()), (2, vec![]));
        }
    }
}

#[test]
fn a_snap_length_that_lies_costs_nothing() {
    for snap_length in [0, 1, 39, u32::MAX] {
        let mut bytes = pcap(0..4);
        bytes[16..20].copy_from_slice(&snap_length.to_le_bytes());
        let found = cut(&bytes);
        assert_eq!((found.packets.len(), found.told()), (4, vec![]));
    }
}

#[test]
fn packets_are_numbered_and_placed() {
    let found = cut(&pcap(0..2));
    assert_eq!(found.records, 2);
    let places: Vec<_> = found.packets.iter().map(|p| (p.3, p.4)).collect();
    assert_eq!(places, [(1, 24), (2, 24 + 56)]);
}

#[test]
fn a_file_that_ends_inside_a_packet_is_truncated_and_the_packet_is_not_delivered() {
    let whole = pcap(0..3);
    for length in 24 + 2 * 56 + 1..24 + 3 * 56 {
        let found = cut(&whole[..length]);
        assert_eq!(found.packets.len(), 2);
        let told = ("truncated", "the capture ends inside a record", 24 + 112, 1);
        assert_eq!(found.told(), [told]);
    }
    for length in 4..24 {
        let found = cut(&whole[..length]);
        assert_eq!(found.told()[0].0, "truncated");
        assert_eq!(found.packets, []);
    }
    let mut ng = section(false);
    ng.extend(interface(1, 0, None, 0, false));
    for length in 12..ng.len() {
        let found = cut(&ng[..length]);
        assert!(length == 28 || found.told()[0].0 == "truncated", "{length}");
    }
}

#[test]
fn a_header_version_that_makes_no_sense_is_no_reason_not_to_read() {
    let mut bytes = pcap(0..2);
    bytes[4..8].fill(0xee);
    assert_eq!(cut(&bytes).packets.len(), 2);
}

#[test]
fn a_lying_length_costs_its_packet_and_is_told_with_place_and_size() {
    for lie in [0x7fff_ffff_u32, 0xffff_ffff, 600_000] {
        let mut bytes = pcap(0..6);
        let place = 24 + 2 * 56;
        bytes[place + 8..place + 12].copy_from_slice(&lie.to_le_bytes());
        let found = cut(&bytes);
        assert_eq!(found.seconds(), [0, 1, 3, 4, 5]);
        assert_eq!(found.told()[0].0, "damaged");
        assert_eq!(found.told()[0].2, 136);
        let (.., occurrence) = found.diagnostics.iter().next().unwrap();
        let sample = occurrence.sample.as_ref().unwrap().bytes();
        assert_eq!(sample, b"56 bytes skipped");
    }
}

#[test]
fn a_length_that_runs_over_the_end_is_damage_when_sound_packets_follow() {
    let mut bytes = pcap(0..6);
    bytes[24 + 8..24 + 12].copy_from_slice(&5000_u32.to_le_bytes());
    let found = cut(&bytes);
    assert_eq!(found.seconds(), [1, 2, 3, 4, 5]);
    assert_eq!(found.told()[0].0, "damaged");
}

#[test]
fn a_length_that_is_a_little_wrong_is_found_at_the_next_record() {
    let mut bytes = pcap(0..6);
    bytes[24 + 56 + 8] = 45;
    let found = cut(&bytes);
    // Packet 1 is longer than it was on the wire, and no record follows.
    assert_eq!(found.seconds(), [0, 2, 3, 4, 5]);
    assert_eq!(found.told()[0].2, 24 + 56);
}

#[test]
fn zeros_and_noise_between_packets_are_skipped_within_the_bound() {
    for (filler, length) in [(0, 4096), (0xa7, 999), (0, limits::RESYNC_BYTES - 1)] {
        let mut bytes = pcap(0..3);
        bytes.resize(bytes.len() + length, filler);
        bytes.extend(&pcap(3..6)[24..]);
        let found = cut(&bytes);
        assert_eq!(found.seconds(), [0, 1, 2, 3, 4, 5], "{filler} {length}");
        assert_eq!(found.told().len(), 1);
    }
    let mut bytes = pcap(0..3);
    bytes.resize(bytes.len() + limits::RESYNC_BYTES + 1, 0);
    bytes.extend(&pcap(3..6)[24..]);
    let found = cut(&bytes);
    assert_eq!(found.seconds(), [0, 1, 2]);
    assert_eq!(found.told()[1].1, NOTHING_SOUND);
}

#[test]
fn a_packet_with_an_odd_time_is_taken_when_what_follows_is_sound() {
    let mut bytes = pcap(0..2);
    bytes.extend(pcap_record(0, b"no clock yet"));
    bytes.extend(&pcap(2..4)[24..]);
    let found = cut(&bytes);
    assert_eq!(found.packets.len(), 5);
    assert_eq!(found.told(), []);
}

#[test]
fn a_wrong_time_does_not_mislead_a_search() {
    let mut bytes = pcap(0..6);
    bytes[24 + 56..24 + 60].fill(0xee); // the time of packet 1
    bytes[24 + 176..24 + 180].fill(0xff); // the length of packet 3
    let found = cut(&bytes);
    assert_eq!(found.packets.len(), 5);
    assert_eq!(found.seconds()[2..], [2, 4, 5]);
}

#[test]
fn a_writer_that_is_odd_in_every_record_is_read() {
    let mut bytes = pcap_header(0xa1b2_c3d4, false);
    for second in 0..4 {
        bytes.extend(words(&[SECOND + second, 999_999_999, 4, 0], false));
        bytes.extend(b"abcd");
    }
    assert_eq!(cut(&bytes).packets.len(), 4);
}

#[test]
fn a_record_longer_than_any_packet_is_damage_and_what_follows_is_read() {
    let longest = pcap_record(SECOND + 3, &vec![0x55; limits::PACKET_BYTES]);
    let bytes = [&pcap(0..3)[..], &longest, &pcap(4..7)[24..]].concat();
    let found = cut(&bytes);
    assert_eq!(found.seconds(), [0, 1, 2, 3, 4, 5, 6]);
    assert!(found.told().is_empty(), "{:?}", found.told());
    let longer = pcap_record(SECOND + 3, &vec![0x55; limits::PACKET_BYTES + 1]);
    let bytes = [&pcap(0..3)[..], &longer, &pcap(4..7)[24..]].concat();
    let found = cut(&bytes);
    assert_eq!(found.seconds(), [0, 1, 2, 4, 5, 6]);
    assert_eq!(found.told()[0].0, "damaged");
}

/// A time a year off is damage where the length is odd too; alone it is none.
#[test]
fn a_time_of_another_year_is_read_where_the_packets_around_it_are_sound() {
    let year = u32::try_from(limits::PACKET_GAP_NANOS / 1_000_000_000).unwrap();
    let odd = pcap_record(SECOND + 2 * year, &[0x55; 40]);
    let bytes = [&pcap(0..3)[..], &odd, &pcap(4..7)[24..]].concat();
    let found = cut(&bytes);
    assert_eq!(found.seconds(), [0, 1, 2, 2 * i64::from(year), 4, 5, 6]);
}
