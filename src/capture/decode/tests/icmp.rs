//! Errors of ICMP: what they quote, and what they say is in the way.

use super::*;

fn icmp(kind: u8, code: u8, quoted: &[u8]) -> Vec<u8> {
    carried(1, &inside(&[kind, code, 0, 0, 0, 0, 5, 0xdc], quoted))
}

fn icmpv6(kind: u8, code: u8, quoted: &[u8]) -> Vec<u8> {
    let mut bytes = ipv6([0x30; 16])[..40].to_vec();
    bytes[6] = 58;
    bytes[4..6].copy_from_slice(&u16::try_from(quoted.len() + 8).unwrap().to_be_bytes());
    bytes.extend([kind, code, 0, 0, 0, 0, 0, 0]);
    bytes.extend(quoted);
    bytes
}

fn obstacle(packet: &[u8]) -> Option<Obstacle> {
    match whole(101, packet) {
        Decoded::Unreachable(quoted) => Some(quoted.why),
        _ => None,
    }
}

#[test]
fn an_icmp_error_names_the_segment_that_it_quotes() {
    let quoted = Unreachable {
        why: Obstacle::Prohibited,
        source: "192.0.2.1:21".parse().unwrap(),
        destination: "192.0.2.2:40000".parse().unwrap(),
        sequence: 1000,
    };
    let told = Decoded::Unreachable(quoted);
    let segment = &ipv4()[..28];
    assert_eq!(whole(101, &icmp(3, 13, segment)), told);
    // The same behind a tunnel of its own, and about a tunnel's packet.
    assert_eq!(whole(101, &carried(4, &icmp(3, 13, segment))), told);
    let tunnel = carried(47, &inside(&[0, 0, 8, 0], segment));
    assert_eq!(whole(101, &icmp(3, 13, &tunnel)), told);
    let v6 = ipv6([0x20; 16]);
    let Decoded::Unreachable(quoted) = whole(101, &icmpv6(1, 4, &v6)) else {
        panic!("not read")
    };
    let source = "[2020:2020:2020:2020:2020:2020:2020:2020]:21".parse();
    assert_eq!((quoted.source, quoted.sequence), (source.unwrap(), 1000));
}

#[test]
fn codes_of_icmp_say_what_is_in_the_way() {
    let segment = &ipv4()[..28];
    for (kind, code, why) in [
        (3, 0, Obstacle::Network),
        (3, 1, Obstacle::Host),
        (3, 2, Obstacle::Protocol),
        (3, 3, Obstacle::Port),
        (3, 4, Obstacle::TooBig),
        (3, 7, Obstacle::Host),
        (3, 9, Obstacle::Prohibited),
        (3, 10, Obstacle::Prohibited),
        (3, 200, Obstacle::Other),
        (11, 0, Obstacle::Expired),
        (11, 1, Obstacle::Incomplete),
    ] {
        assert_eq!(obstacle(&icmp(kind, code, segment)), Some(why));
    }
    for (kind, code, why) in [
        (1, 0, Obstacle::Network),
        (1, 1, Obstacle::Prohibited),
        (1, 3, Obstacle::Host),
        (1, 4, Obstacle::Port),
        (1, 5, Obstacle::Prohibited),
        (1, 9, Obstacle::Other),
        (2, 0, Obstacle::TooBig),
        (3, 0, Obstacle::Expired),
        (3, 1, Obstacle::Incomplete),
    ] {
        let packet = icmpv6(kind, code, &ipv6([0x20; 16]));
        assert_eq!(obstacle(&packet), Some(why));
    }
    let ends = [Obstacle::Port, Obstacle::Prohibited, Obstacle::Host];
    assert!(ends.into_iter().all(Obstacle::refuses));
    let passes = [Obstacle::TooBig, Obstacle::Expired, Obstacle::Incomplete];
    assert!(!passes.into_iter().any(Obstacle::refuses));
}

#[test]
fn obstacles_have_words_of_their_own_and_some_end_an_attempt() {
    let words: Vec<_> = (0..=15)
        .map(|code| obstacle(&icmp(3, code, &ipv4())).unwrap())
        .chain([0, 1].map(|code| obstacle(&icmp(11, code, &ipv4())).unwrap()))
        .map(|found| (found.id(), found.refuses()))
        .collect();
    let of = |word| words.iter().filter(|(id, _)| *id == word).count();
    let expected = [
        ("network-unreachable", 3, true),
        ("host-unreachable", 4, true),
        ("protocol-unreachable", 1, true),
        ("port-unreachable", 1, true),
        ("prohibited", 5, true),
        ("too-big", 1, false),
        ("time-exceeded", 1, false),
        ("fragments-lost", 1, false),
        ("unreachable", 1, true),
    ];
    for (word, count, _) in expected {
        assert_eq!(of(word), count, "{word}");
    }
    for (word, refuses) in &words {
        let (_, _, expected) = expected.iter().find(|(id, ..)| id == word).unwrap();
        assert_eq!(refuses, expected, "{word}");
    }
}

#[test]
fn an_icmp_message_without_a_segment_is_none() {
    let mut fragment = ipv4();
    fragment[7] = 9;
    for packet in [
        icmp(8, 0, &ipv4()),
        icmp(3, 1, &ipv4()[..27]),
        icmp(3, 3, &carried(17, &[0; 8])),
        icmp(3, 1, &fragment),
        icmp(3, 1, &[]),
        icmpv6(128, 0, &ipv6([0x20; 16])),
    ] {
        assert_eq!(whole(101, &packet), Decoded::NotTcp);
    }
}
