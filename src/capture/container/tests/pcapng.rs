//! Sections, interfaces and blocks of pcapng.

use super::*;

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

#[test]
fn a_packet_with_long_options_counts_and_one_with_longer_ones_is_damage() {
    let told = |options: usize| {
        let mut bytes = section(false);
        bytes.extend(interface(1, 0, None, 0, false));
        let mut body = words(&[0, 0, 1, 4, 4], false);
        body.extend(b"data");
        // A comment for each piece, and then the end.
        let mut left = options;
        while left > 8 {
            let length = (left - 8).min(60_000);
            body.extend(option(1, &vec![b'c'; length - length % 4], false));
            left -= length - length % 4 + 4;
        }
        bytes.extend(block(6, &body, false));
        bytes.extend(enhanced(0, 2, b"next", false));
        let found = cut(&bytes);
        let damaged = found.told().iter().any(|(kind, ..)| *kind == "damaged");
        (found.packets.len(), damaged)
    };
    assert_eq!(told(limits::BLOCK_OPTION_BYTES / 2), (2, false));
    let longest = limits::PACKET_BYTES + limits::BLOCK_OPTION_BYTES;
    assert_eq!(told(longest + 1000), (1, true));
}

/// Secrets for decryption: the longest block that is none of packets.
#[test]
fn a_block_of_no_packet_may_be_long_and_one_that_says_it_is_longer_is_damage() {
    let told = |says: Option<usize>, body: usize| {
        let mut bytes = section(false);
        bytes.extend(interface(1, 0, None, 0, false));
        let start = bytes.len();
        bytes.extend(block(10, &vec![0; body], false));
        if let Some(says) = says {
            let length = word(u32::try_from(says).unwrap(), false);
            bytes[start + 4..start + 8].copy_from_slice(&length);
        }
        bytes.extend(enhanced(0, 2, b"next", false));
        let found = cut(&bytes);
        (found.packets.len(), found.told()[0].0)
    };
    assert_eq!(told(None, limits::BLOCK_BYTES - 12), (1, "not-read"));
    // Were it believed, nothing of the rest would be read.
    assert_eq!(told(Some(limits::BLOCK_BYTES + 4), 400), (1, "damaged"));
}
