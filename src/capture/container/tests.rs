//! Captures written by hand, whole and damaged, and what is cut out of them.

use super::*;
use proptest::prelude::*;

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
fn sections_of_both_orders_have_their_own_interfaces() {
    let mut bytes = section(false);
    bytes.extend(interface(1, 0, None, 0, false));
    bytes.extend(enhanced(0, 2_000_000, b"ether", false));
    bytes.extend(section(true));
    bytes.extend(interface(101, 0, Some(9), 0, true));
    bytes.extend(interface(276, 0, Some(3), -5, true));
    bytes.extend(enhanced(0, 2, b"raw", true));
    bytes.extend(enhanced(1, 7001, b"sll", true));
    let found = cut(&bytes);
    let seen: Vec<_> = found.packets.iter().map(|p| (p.0, p.1, &p.2[..])).collect();
    let expected: [(_, _, &[u8]); 3] = [
        (Some(2 * NANOS), 1, b"ether"),
        (Some(2), 101, b"raw"),
        (Some(2 * NANOS + 1_000_000), 276, b"sll"),
    ];
    assert_eq!(seen, expected);
}

#[test]
fn time_resolutions_are_powers_of_ten_or_two() {
    for (resolution, ticks, nanos) in [
        (0, 3, Some(3 * NANOS)),
        (6, 1_500_000, Some(1_500_000_000)),
        (12, 1_000_000_001_000, Some(1_000_000_001)),
        (0x80, 3, Some(3 * NANOS)),
        (0x94, 3 << 19, Some(1_500_000_000)),
        (0xbf, 1 << 62, Some(500_000_000)),
        (20, 5, None),
        (0xc0, 5, None),
    ] {
        let mut bytes = section(false);
        bytes.extend(interface(1, 0, Some(resolution), 0, false));
        bytes.extend(enhanced(0, ticks, b"x", false));
        let found = cut(&bytes);
        assert_eq!(found.times(), [nanos], "{resolution}");
        assert_eq!(found.told().len(), usize::from(nanos.is_none()));
    }
}

#[test]
fn simple_and_old_packet_blocks_are_packets_and_other_blocks_are_not() {
    let mut bytes = section(false);
    bytes.extend(interface(1, 6, None, 0, false));
    bytes.extend(block(4, &[0; 400], false));
    bytes.extend(block(
        3,
        &[&word(100, false)[..], b"simple__"].concat(),
        false,
    ));
    bytes.extend(block(0x8765_4321, b"?", false));
    let old = words(&[0, 0, 1_000_000, 3, 3], false);
    bytes.extend(block(2, &[&old[..], b"old"].concat(), false));
    let found = cut(&bytes);
    let seen: Vec<_> = found.packets.iter().map(|p| (p.0, &p.2[..], p.3)).collect();
    let expected: [(_, &[u8], _); 2] = [(None, b"simple", 1), (Some(NANOS), b"old", 2)];
    assert_eq!(seen, expected);
    assert_eq!(found.told().len(), 1, "the block of an unknown kind");
}

fn option(code: u16, value: &[u8], big: bool) -> Vec<u8> {
    let half = |v: u16| word(u32::from(v) << if big { 16 } else { 0 }, big)[..2].to_vec();
    let mut bytes = [half(code), half(u16::try_from(value.len()).unwrap())].concat();
    bytes.extend(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

fn long(value: u64, big: bool) -> [u8; 8] {
    if big {
        value.to_be_bytes()
    } else {
        value.to_le_bytes()
    }
}

/// Statistics of interface 0: received, dropped by the interface, dropped by the system.
fn statistics(by_interface: u64, by_system: u64, big: bool) -> Vec<u8> {
    let mut body = words(&[0, 1, 2], big);
    body.extend(option(1, b"a comment", big));
    for (code, value) in [(4, 1000), (5, by_interface), (7, by_system)] {
        body.extend(option(code, &long(value, big), big));
    }
    body.extend(option(0, b"", big));
    block(5, &body, big)
}

#[test]
fn packets_that_the_capturing_machine_dropped_are_told_once() {
    for big in [false, true] {
        let mut bytes = section(big);
        bytes.extend(interface(1, 0, None, 0, big));
        bytes.extend(statistics(3, 0, big));
        bytes.extend(enhanced(0, 1, b"abcd", big));
        // Statistics count from the start.
        bytes.extend(statistics(5, 2, big));
        bytes.extend(section(big));
        bytes.extend(interface(1, 0, None, 0, big));
        let fields = words(&[0, 0, 1, 5, 5], big);
        let options = [option(1, b"odd", big), option(4, &long(4, big), big)].concat();
        let packet = [&fields[..], b"abcde\0\0\0", &options].concat();
        bytes.extend(block(6, &packet, big));
        bytes.extend(block(6, &packet, big));
        bytes.extend(statistics(1, 1, big));
        let found = cut(&bytes);
        assert_eq!(found.packets.len(), 3);
        let reason = "the capturing machine dropped 15 packets, as the file says";
        assert_eq!(found.told(), [("missing", reason, 0, 1)]);
    }
    // The old form counts in its second half word; all ones say that it is not known.
    for big in [false, true] {
        let mut bytes = section(big);
        bytes.extend(interface(1, 0, None, 0, big));
        for dropped in [0, 3, 0xffff] {
            let first = if big { dropped } else { dropped << 16 };
            let old = [&words(&[first, 0, 1, 3, 3], big)[..], b"old"].concat();
            bytes.extend(block(2, &old, big));
        }
        let found = cut(&bytes);
        assert_eq!(found.packets.len(), 3);
        let reason = "the capturing machine dropped 3 packets, as the file says";
        assert_eq!(found.told(), [("missing", reason, 0, 1)]);
    }
    let mut bytes = section(false);
    bytes.extend(interface(1, 0, None, 0, false));
    bytes.extend(statistics(0, 0, false));
    assert_eq!(cut(&bytes).told(), []);
}

#[test]
fn blocks_that_are_not_read_are_named_and_of_secrets_nothing_else_is_told() {
    let mut bytes = section(false);
    bytes.extend(interface(1, 0, None, 0, false));
    let secret = b"CLIENT_RANDOM 00 01";
    let keys = [&words(&[0x544c_534b, 19], false)[..], secret].concat();
    bytes.extend(block(10, &keys, false));
    bytes.extend(block(0xbad, b"\0\0\0\x01 something", false));
    bytes.extend(block(0x7777, b"?", false));
    bytes.extend(block(0x7778, b"?", false));
    bytes.extend(enhanced(0, 1, b"good", false));
    let found = cut(&bytes);
    assert_eq!((found.records, found.packets.len()), (1, 1));
    let told: Vec<_> = found
        .told()
        .into_iter()
        .map(|it| (it.0, it.1, it.3))
        .collect();
    let keys = "the file holds keys of TLS sessions; they are not used, and whoever gets the file can use them";
    let expected = [
        (
            "not-read",
            "blocks that are not looked into: an unknown kind",
            2,
        ),
        (
            "not-read",
            "blocks that are not looked into: custom ones",
            1,
        ),
        ("not-read", keys, 1),
    ];
    assert_eq!(told, expected);
    assert!(!format!("{:?}", found.diagnostics).contains("CLIENT_RANDOM"));
}

#[test]
fn what_a_section_says_of_its_length_does_not_matter() {
    for length in [[u32::MAX; 2], [0, 0], [7, 0], [0, 1]] {
        let body = words(&[0x1a2b_3c4d, 1, length[0], length[1]], false);
        let mut bytes = block(0x0a0d_0d0a, &body, false);
        bytes.extend(interface(1, 0, None, 0, false));
        bytes.extend(enhanced(0, 1, b"good", false));
        let found = cut(&bytes);
        assert_eq!((found.packets.len(), found.told()), (1, vec![]));
    }
}

#[test]
fn options_that_cant_be_cost_no_packet() {
    let mut bytes = section(false);
    bytes.extend(interface(1, 0, None, 0, false));
    let fields = words(&[0, 0, 1, 4, 4], false);
    let packet = [&fields[..], b"abcd", &[4, 0, 0xff, 0xff, 1, 2, 3, 4]].concat();
    bytes.extend(block(6, &packet, false));
    let found = cut(&bytes);
    assert_eq!((found.packets.len(), found.told()), (1, vec![]));
}

#[test]
fn a_packet_without_the_padding_behind_it_is_read() {
    for big in [false, true] {
        let mut bytes = section(big);
        bytes.extend(interface(1, 0, None, 0, big));
        let length = 32 + 3;
        bytes.extend(words(&[6, length, 0, 0, 1, 3, 3], big));
        bytes.extend(b"abc");
        bytes.extend(word(length, big));
        bytes.extend(enhanced(0, 2, b"good", big));
        let found = cut(&bytes);
        let seen: Vec<_> = found.packets.iter().map(|p| (p.0, &p.2[..])).collect();
        let expected: [(_, &[u8]); 2] = [(Some(1000), b"abc"), (Some(2000), b"good")];
        assert_eq!((seen, found.told()), (expected.to_vec(), vec![]));
    }
}

#[test]
fn what_stands_behind_the_end_of_the_options_is_none() {
    for big in [false, true] {
        let end = option(0, b"", big);
        let mut bytes = section(big);
        let mut description = words(&[if big { 1 << 16 } else { 1 }, 0], big);
        description.extend([&option(9, &[3], big)[..], &end, &option(9, &[9], big)].concat());
        bytes.extend(block(1, &description, big));
        let mut packet = words(&[0, 0, 1, 4, 4], big);
        packet.extend([&b"abcd"[..], &end, &option(4, &long(7, big), big)].concat());
        bytes.extend(block(6, &packet, big));
        let found = cut(&bytes);
        assert_eq!(
            (found.times(), found.told()),
            (vec![Some(1_000_000)], vec![])
        );
    }
}

#[test]
fn packets_that_contradict_their_block_are_counted_and_told() {
    let mut bytes = section(false);
    bytes.extend(enhanced(0, 1, b"nobody's", false));
    bytes.extend(interface(1, 0, None, 0, false));
    let mut lying = enhanced(0, 1, b"abcd", false);
    lying[20..24].copy_from_slice(&400_u32.to_le_bytes());
    bytes.extend(lying);
    bytes.extend(enhanced(0, 1, b"good", false));
    let found = cut(&bytes);
    assert_eq!(found.records, 3);
    assert_eq!(found.packets.len(), 1);
    assert_eq!(found.packets[0].3, 3);
    assert_eq!(found.told().len(), 2);
}

#[test]
fn a_damaged_block_is_skipped_up_to_the_next_whose_lengths_agree() {
    for (at, lie) in [(4, 0x7fff_ffff_u32), (4, 0), (4, 5000), (36, 77)] {
        let mut bytes = section(false);
        bytes.extend(interface(1, 0, None, 0, false));
        let start = bytes.len();
        for tick in 0..4 {
            bytes.extend(enhanced(0, tick, b"abcdefgh", false));
        }
        bytes[start + at..start + at + 4].copy_from_slice(&lie.to_le_bytes());
        let found = cut(&bytes);
        assert_eq!(found.times(), [Some(1000), Some(2000), Some(3000)]);
        assert_eq!(found.told()[0].0, "damaged");
        assert_eq!(found.told()[0].2, start as u64);
    }
}

/// One byte before a block its kind stands where a length would; 1536 bytes on there was another kind to match it.
#[test]
fn a_search_is_not_misled_by_the_kinds_of_blocks() {
    let mut bytes = section(false);
    bytes.extend(interface(1, 0, None, 0, false));
    let start = bytes.len();
    for length in [1, 1000, 464, 1, 1] {
        bytes.extend(enhanced(0, 1, &vec![0; length], false));
    }
    bytes[start..start + 6].fill(0);
    assert_eq!(cut(&bytes).packets.len(), 4);
}

#[test]
fn interfaces_are_bounded() {
    let mut bytes = section(false);
    for _ in 0..limits::INTERFACES + 3 {
        bytes.extend(interface(1, 0, None, 0, false));
    }
    let limit = ("limit-reached", "interfaces of a section");
    let found = cut(&bytes);
    assert_eq!((found.told()[0].0, found.told()[0].1), limit);
    assert_eq!(found.told()[0].3, 3);
}

/// A capture of either family, with a few bytes overwritten, taken out or put in.
fn mangled() -> impl Strategy<Value = Vec<u8>> {
    let edits = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3), 0..6);
    (any::<bool>(), edits).prop_map(|(ng, edits)| {
        let mut bytes = if ng {
            let mut bytes = section(true);
            bytes.extend(interface(1, 0, None, 0, true));
            for tick in 0..8 {
                bytes.extend(enhanced(0, tick, b"0123456789", true));
            }
            bytes
        } else {
            pcap(0..8)
        };
        for (place, byte, edit) in edits {
            let place = 12 + place.index(bytes.len() - 12);
            match edit {
                0 => bytes[place] = byte,
                1 => bytes.truncate(place.max(60)),
                _ => bytes.insert(place, byte),
            }
        }
        bytes
    })
}

/// A sound capture of packets with random content, and where its records begin.
fn sound() -> impl Strategy<Value = (Vec<u8>, Vec<usize>)> {
    let packet = prop::collection::vec(any::<u8>(), 1..200);
    let packets = prop::collection::vec((packet, 0..1000_u32), 8..40);
    (any::<bool>(), packets).prop_map(|(ng, packets)| {
        let mut bytes = if ng {
            [section(false), interface(1, 0, None, 0, false)].concat()
        } else {
            pcap_header(0xa1b2_c3d4, false)
        };
        let mut starts = Vec::new();
        let mut second = SECOND;
        for (data, pause) in packets {
            starts.push(bytes.len());
            second += pause;
            bytes.extend(if ng {
                enhanced(0, u64::from(second) * 1_000_000, &data, false)
            } else {
                pcap_record(second, &data)
            });
        }
        (bytes, starts)
    })
}

fn offset(packet: &Seen) -> usize {
    usize::try_from(packet.4).unwrap()
}

proptest! {
    #[test]
    fn a_sound_capture_is_read_whole_and_nothing_is_told((bytes, starts) in sound()) {
        let found = cut(&bytes);
        let offsets: Vec<_> = found.packets.iter().map(offset).collect();
        prop_assert_eq!(offsets, starts);
        prop_assert_eq!(found.told(), []);
    }

    /// What lies wholly before a damage is read, and so is what lies behind it, but for the record that follows on it.
    #[test]
    fn damage_costs_what_it_hits(
        (mut bytes, starts) in sound(),
        place in any::<prop::sample::Index>(),
        noise in prop::collection::vec(any::<u8>(), 1..40),
    ) {
        let first = starts[0];
        let place = first + place.index(bytes.len() - first - noise.len());
        let end = place + noise.len();
        let whole = cut(&bytes);
        bytes[place..end].copy_from_slice(&noise);
        let found = cut(&bytes);
        let behind = starts.iter().position(|start| *start >= end).unwrap_or(starts.len());
        for (index, packet) in whole.packets.iter().enumerate() {
            let next = starts.get(index + 1).copied().unwrap_or(bytes.len());
            let is_found = found.packets.iter().any(|it| it.4 == packet.4 && it.2 == packet.2);
            if next <= place || index > behind {
                prop_assert!(is_found, "packet {} of {}", index, starts.len());
            }
        }
        for packet in &found.packets {
            let start = offset(packet);
            let touches = start < end && start + packet.2.len() + 40 > place;
            prop_assert!(touches || starts.contains(&start), "made up at {start}");
        }
    }

    #[test]
    fn the_result_does_not_depend_on_the_windows(bytes in mangled(), step in 1..200_usize) {
        prop_assert_eq!(cut_windows(&bytes, step), cut(&bytes));
    }

    #[test]
    fn packets_lie_in_the_file_in_order_and_apart(bytes in mangled()) {
        let found = cut(&bytes);
        let mut end = 0;
        for (_, _, data, _, offset) in found.packets {
            prop_assert!(offset >= end);
            end = offset + data.len() as u64;
        }
        prop_assert!(end <= bytes.len() as u64);
    }
}
