//! Frames of every link type and tunnel, and the segments in them.

mod icmp;

use super::*;
use etherparse::PacketBuilder;
use proptest::prelude::*;

const PAYLOAD: &[u8] = b"220 ready\r\n";

/// 192.0.2.1:21 to 192.0.2.2:40000, from the IP header on.
fn ipv4() -> Vec<u8> {
    let builder = PacketBuilder::ipv4([192, 0, 2, 1], [192, 0, 2, 2], 64);
    let builder = builder.tcp(21, 40_000, 1000, 8192).ack(77).psh();
    let mut bytes = Vec::new();
    builder.write(&mut bytes, PAYLOAD).unwrap();
    bytes
}

fn ipv6(source: [u8; 16]) -> Vec<u8> {
    let builder = PacketBuilder::ipv6(source, [0x20; 16], 64).tcp(21, 40_000, 1000, 8192);
    let mut bytes = Vec::new();
    builder.write(&mut bytes, PAYLOAD).unwrap();
    bytes
}

/// LLC and SNAP before IPv4.
const SNAP: &[u8] = &[0xaa, 0xaa, 3, 0, 0, 0, 8, 0];

fn inside(header: &[u8], rest: &[u8]) -> Vec<u8> {
    [header, rest].concat()
}

fn ethernet(ether_type: u16, rest: &[u8]) -> Vec<u8> {
    inside(&[&[2; 12][..], &ether_type.to_be_bytes()].concat(), rest)
}

/// An IPv4 header with a protocol of choice.
fn carried(protocol: u8, rest: &[u8]) -> Vec<u8> {
    let mut bytes = ipv4();
    bytes.truncate(20);
    bytes[9] = protocol;
    bytes.extend(rest);
    let length = u16::try_from(bytes.len()).unwrap();
    bytes[2..4].copy_from_slice(&length.to_be_bytes());
    bytes
}

fn whole(link: i32, frame: &[u8]) -> Decoded<'_> {
    decode(link, frame, bounded(frame.len()))
}

fn segment(link: i32, frame: &[u8]) -> Segment<'_> {
    match whole(link, frame) {
        Decoded::Tcp(segment) => segment,
        other => panic!("{other:?} from {frame:02x?}"),
    }
}

#[test]
fn a_segment_is_read_with_all_that_is_asked_of_it() {
    let frame = ethernet(0x0800, &ipv4());
    let expected = Segment {
        source: "192.0.2.1:21".parse().unwrap(),
        destination: "192.0.2.2:40000".parse().unwrap(),
        sequence: 1000,
        acknowledgment: 77,
        flags: Flags(0x18),
        id: 0,
        window: 8192,
        payload: PAYLOAD,
        missing: 0,
    };
    assert_eq!(segment(1, &frame), expected);
    let flags = expected.flags;
    assert!(flags.ack() && !flags.syn() && !flags.fin() && !flags.rst());
}

#[test]
fn every_link_type_leads_to_the_same_segment() {
    let ip = ipv4();
    let sll = |protocol: [u8; 2]| [&[0; 14][..], &protocol].concat();
    let vlan = [0, 5, 8, 0];
    for (link, frame) in [
        (0, inside(&[2, 0, 0, 0], &ip)),
        (0, inside(&[0, 0, 0, 2], &ip)),
        (108, inside(&[0, 0, 0, 2], &ip)),
        (9, inside(&[0xff, 3, 0, 0x21], &ip)),
        (9, inside(&[0, 0x21], &ip)),
        (50, inside(&[0xff, 3, 0x21], &ip)),
        (12, ip.clone()),
        (14, ip.clone()),
        (101, ip.clone()),
        (228, ip.clone()),
        (113, inside(&sll([8, 0]), &ip)),
        (113, inside(&sll([0x81, 0]), &inside(&vlan, &ip))),
        (276, inside(&[&[8, 0][..], &[0; 18]].concat(), &ip)),
        (104, inside(&[0x0f, 0, 8, 0], &ip)),
        (1, ethernet(30, &inside(SNAP, &ip))),
        (1, ethernet(30, &inside(&[6, 6, 3], &ip))),
    ] {
        assert_eq!(segment(link, &frame), segment(101, &ip), "{link}");
    }
    let v6 = ipv6([0x20; 16]);
    for (link, frame) in [
        (0, inside(&[30, 0, 0, 0], &v6)),
        (108, inside(&[0, 0, 0, 24], &v6)),
        (229, v6.clone()),
        (1, ethernet(0x86dd, &v6)),
    ] {
        assert_eq!(segment(link, &frame), segment(101, &v6), "{link}");
    }
}

#[test]
fn so_do_link_types_that_are_rare() {
    let ip = ipv4();
    for (link, frame) in [
        (112, inside(&[0x8f, 0, 8, 0], &ip)),
        (50, inside(&[0x0f, 0, 8, 0], &ip)),
        (166, inside(&[1, 3, 0, 0x21], &ip)),
        (204, inside(&[0, 0xff, 3, 0, 0x21], &ip)),
        (107, inside(&[0x18, 0x41, 3, 0xcc], &ip)),
        (107, inside(&[0x18, 0x41, 3, 0, 0x80, 0, 0, 0, 8, 0], &ip)),
        (107, inside(&[0x18, 0x41, 8, 0], &ip)),
        (100, inside(SNAP, &ip)),
        (6, inside(&[&[0; 14][..], SNAP].concat(), &ip)),
        (
            6,
            inside(
                &[&[0; 8][..], &[0x80; 6], &[4, 0, 0, 0], SNAP].concat(),
                &ip,
            ),
        ),
        (10, inside(&[&[0x50; 13][..], SNAP].concat(), &ip)),
        (122, inside(&[&[0; 16][..], SNAP].concat(), &ip)),
        (109, inside(&[2, 0, 0, 0, 1, 2, 3, 4, 0, 0, 0, 0], &ip)),
        (117, inside(&[&[61, 2][..], &[0; 62]].concat(), &ip)),
        (226, inside(&[1; 24], &ip)),
        (138, inside(&[&[0; 16][..], &[8, 0]].concat(), &ip)),
        (242, inside(&[&[0; 40][..], &[8, 0, 0, 0]].concat(), &ip)),
        (240, inside(&[9; 4], &ethernet(0x0800, &ip))),
        (241, inside(&[9; 12], &ethernet(0x0800, &ip))),
        (274, inside(&[0x55; 8], &ethernet(0x0800, &ip))),
        (282, inside(&[9; 4], &ethernet(0x0800, &ip))),
        (281, inside(&[&[9; 16][..], &[8, 0]].concat(), &ip)),
        (285, inside(&[&[9; 20][..], &[8, 0]].concat(), &ip)),
        // Two values before the packet, the first of three bytes; of either byte order.
        (
            239,
            inside(&[2, 0, 0, 1, 7, 0, 1, 0, 1, 2, 3, 0, 55, 0, 9, 0], &ip),
        ),
        (
            239,
            inside(&[2, 0, 0, 1, 0, 7, 0, 1, 1, 2, 3, 0, 0, 55, 0, 9], &ip),
        ),
        // PPI and PKTAP with Ethernet inside.
        (
            192,
            inside(
                &[0, 0, 12, 0, 1, 0, 0, 0, 9, 9, 9, 9],
                &ethernet(0x0800, &ip),
            ),
        ),
        (
            258,
            inside(
                &[16, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 9, 9, 9, 9],
                &ethernet(0x0800, &ip),
            ),
        ),
    ] {
        assert_eq!(segment(link, &frame), segment(101, &ip), "{link}");
    }
}

/// The frame, told by its name, holds the same segment as the bare IP packet.
fn check(name: &str, ether_type: u16, rest: &[u8]) {
    let (ip, frame) = (ipv4(), ethernet(ether_type, rest));
    assert_eq!(segment(1, &frame), segment(101, &ip), "{name}");
}

#[test]
fn tags_and_labels_are_taken_off() {
    let ip = ipv4();
    let tag = |inner: u16| [&[0, 5][..], &inner.to_be_bytes()].concat();
    let one = inside(&tag(0x0800), &ip);
    let two = inside(&tag(0x8100), &one);
    let three = inside(&tag(0x88a8), &two);
    check("VLAN", 0x8100, &one);
    check("QinQ", 0x88a8, &two);
    check("three tags", 0x9100, &three);
    let labels = [0, 1, 0, 64, 0, 1, 1, 64];
    check("MPLS", 0x8847, &inside(&labels, &ip));
    let wire = inside(&[0, 1, 1, 64, 0, 0, 0, 0], &ethernet(0x0800, &ip));
    check("pseudowire", 0x8847, &wire);
    let session = [0x11, 0, 0, 1, 0, 9, 0, 0x21];
    check("PPPoE", 0x8864, &inside(&session, &ip));
    check("VN-Tag", 0x8926, &inside(&[0, 1, 0, 2, 8, 0], &ip));
    check("802.1BR", 0x893f, &inside(&[0, 1, 0, 2, 0, 0, 8, 0], &ip));
    let frame = ethernet(0x0800, &ip);
    check("802.1ah", 0x88e7, &inside(&[0, 0, 0, 9], &frame));
    let service = [0x0f, 0xc3, 1, 1, 0, 0, 0, 9, 7, 7, 7, 7];
    check("NSH", 0x894f, &inside(&service, &ip));
}

#[test]
fn tunnels_in_ip_are_taken_off() {
    let ip = ipv4();
    let frame = ethernet(0x0800, &ip);
    let gre = |header: &[u8], rest: &[u8]| carried(47, &inside(header, rest));
    let pptp = [0x30, 0x81, 0x88, 0x0b, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2];
    check("IPIP", 0x0800, &carried(4, &ip));
    check("GRE", 0x0800, &gre(&[0, 0, 8, 0], &ip));
    check("key", 0x0800, &gre(&[0x20, 0, 8, 0, 0, 0, 0, 1], &ip));
    check("bridged", 0x0800, &gre(&[0, 0, 0x65, 0x58], &frame));
    check("PPTP", 0x0800, &gre(&pptp, &inside(&[0, 0x21], &ip)));
    let v6 = ipv6([0x20; 16]);
    assert_eq!(segment(101, &carried(41, &v6)), segment(101, &v6));
    let counted = |ether_type: [u8; 2]| [&[0x10, 0][..], &ether_type, &[0, 0, 0, 5]].concat();
    let erspan = inside(&[9; 8], &frame);
    check("ERSPAN I", 0x0800, &gre(&[0, 0, 0x88, 0xbe], &frame));
    check("ERSPAN II", 0x0800, &gre(&counted([0x88, 0xbe]), &erspan));
    for (last, more) in [(0, 0), (1, 8)] {
        let header = [&[9; 10][..], &[0, last], &[7; 8][..more]].concat();
        let packet = gre(&counted([0x22, 0xeb]), &inside(&header, &frame));
        check("ERSPAN III", 0x0800, &packet);
    }
    // Version 3 may carry packets without a frame around them: a type of 2, four bits above the last two of the header.
    let header = [&[9; 10][..], &[2 << 2, 0]].concat();
    let packet = gre(&counted([0x22, 0xeb]), &inside(&header, &ip));
    check("ERSPAN III of IP", 0x0800, &packet);
    check("WCCP 1", 0x0800, &gre(&[0, 0, 0x88, 0x3e], &ip));
    check("WCCP 2", 0x0800, &gre(&[0, 0, 0x88, 0x3e, 0, 0, 0, 0], &ip));
    check("EtherIP", 0x0800, &carried(97, &inside(&[0x30, 0], &frame)));
    check("MPLS", 0x0800, &carried(137, &inside(&[0, 1, 1, 64], &ip)));
    let authenticated = [6, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2];
    let header = inside(&authenticated, &[7; 12]);
    check("AH", 0x0800, &carried(51, &inside(&header, &ip[20..])));
}

/// Hop-by-hop options, routing, destination options, one behind the other.
#[test]
fn extension_headers_of_ipv6_are_passed_over() {
    let mut v6 = ipv6([0x20; 16]);
    let expected = v6.clone();
    v6[6] = 0;
    let length = u16::try_from(v6.len() - 40 + 32).unwrap();
    v6[4..6].copy_from_slice(&length.to_be_bytes());
    let mut extensions = vec![43, 0, 1, 4, 0, 0, 0, 0];
    extensions.extend([60, 1, 4, 0, 0, 0, 0, 0, 9, 9, 9, 9, 9, 9, 9, 9]);
    extensions.extend([6, 0, 1, 4, 0, 0, 0, 0]);
    v6.splice(40..40, extensions);
    assert_eq!(segment(101, &v6), segment(101, &expected));
}

#[test]
fn tunnels_in_udp_are_taken_off() {
    let ip = ipv4();
    let udp = |port: u16, header: &[u8], rest: &[u8]| {
        let ports = [&[0xc0, 0][..], &port.to_be_bytes(), &[0; 4]].concat();
        carried(17, &[&ports, header, rest].concat())
    };
    let vxlan = udp(4789, &[8, 0, 0, 0, 0, 0, 1, 0], &ethernet(0x0800, &ip));
    let geneve = udp(6081, &[1, 0, 8, 0, 0, 0, 1, 0, 9, 9, 9, 9], &ip);
    let gtp = udp(2152, &[0x30, 0xff, 0, 0, 0, 0, 0, 1], &ip);
    let extended = [0x34, 0xff, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0x85, 1, 0, 0, 0];
    let frame = ethernet(0x0800, &ip);
    check("VXLAN", 0x0800, &vxlan);
    let policy = udp(4789, &[0x88, 0, 0, 7, 0, 0, 1, 0], &frame);
    check("VXLAN with a policy", 0x0800, &policy);
    let generic = udp(4790, &[0x0c, 0, 0, 1, 0, 0, 1, 0], &ip);
    check("VXLAN-GPE", 0x0800, &generic);
    let service = [0x0f, 0xc2, 2, 3, 0, 0, 0, 9];
    let generic = udp(
        4790,
        &[0x0c, 0, 0, 4, 0, 0, 1, 0],
        &inside(&service, &frame),
    );
    check("NSH in VXLAN-GPE", 0x0800, &generic);
    check("LISP", 0x0800, &udp(4341, &[0x80; 8], &ip));
    check("MPLS in UDP", 0x0800, &udp(6635, &[0, 1, 1, 64], &ip));
    check("GRE in UDP", 0x0800, &udp(4754, &[0, 0, 8, 0], &ip));
    let l2tp = [
        0x4a, 2, 0, 99, 0, 1, 0, 2, 0, 5, 0, 6, 0, 2, 0, 0, 0xff, 3, 0, 0x21,
    ];
    check("L2TP", 0x0800, &udp(1701, &l2tp, &ip));
    let short = [0, 2, 0, 1, 0, 2, 0, 0x21];
    check("L2TP without options", 0x0800, &udp(1701, &short, &ip));
    let mut answer = udp(40_000, &short, &ip);
    answer[20..22].copy_from_slice(&1701_u16.to_be_bytes());
    check("L2TP from the server", 0x0800, &answer);
    let mirrored = [1, 0, 0, 1, 0, 10, 1, 200, 1];
    check("TZSP", 0x0800, &udp(37008, &mirrored, &frame));
    let controlled = [0, 0x10, 0, 0, 0, 0, 0, 0];
    check("CAPWAP", 0x0800, &udp(5247, &controlled, &frame));
    let v6 = ipv6([0x20; 16]);
    for header in [
        &[][..],
        &[0, 0, 1, 2, 3, 4, 5, 6],
        &[0, 1, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0],
    ] {
        let teredo = udp(3544, header, &v6);
        assert_eq!(segment(101, &teredo), segment(101, &v6));
    }

    check("Geneve", 0x0800, &geneve);
    check("GTP-U", 0x0800, &gtp);
    check(
        "GTP-U with an extension",
        0x0800,
        &udp(2152, &extended, &ip),
    );
}

/// A data frame of IEEE 802.11 from the access point, with LLC and SNAP.
fn wifi(control: [u8; 2], header: &[u8], rest: &[u8]) -> Vec<u8> {
    [&control, &[0; 22][..], header, rest].concat()
}

#[test]
fn data_frames_of_wifi_are_read() {
    let ip = ipv4();
    let packet = inside(SNAP, &ip);
    let plain = wifi([0x08, 2], &[], &packet);
    let quality = wifi([0x88, 2], &[0, 0], &packet);
    let controlled = wifi([0x88, 0x82], &[0; 6], &packet);
    let bridged = wifi([0x88, 3], &[0; 8], &packet);
    for frame in [&plain, &quality, &controlled, &bridged] {
        assert_eq!(segment(105, frame), segment(101, &ip));
    }
    // Radiotap: two words of fields, a time, flags; a checksum behind.
    let radio = [0, 0, 25, 0, 3, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0];
    let radio = [&radio[..], &[7; 8], &[0x10]].concat();
    let checked = [&radio, &plain[..], &[1, 2, 3, 4]].concat();
    assert_eq!(segment(127, &checked), segment(101, &ip));
    let padded = wifi([0x88, 2], &[0, 0, 0, 0], &packet);
    let radio = [0, 0, 9, 0, 2, 0, 0, 0, 0x20];
    assert_eq!(segment(127, &inside(&radio, &padded)), segment(101, &ip));
    let prism = [&[0x44, 0, 0, 0, 144, 0, 0, 0][..], &[0; 136]].concat();
    assert_eq!(segment(119, &inside(&prism, &plain)), segment(101, &ip));
    let avs = [&[0x80, 0x21, 0x10, 1, 0, 0, 0, 64][..], &[0; 56]].concat();
    assert_eq!(segment(163, &inside(&avs, &plain)), segment(101, &ip));
    let encrypted = wifi([0x08, 0x42], &[], &packet);
    let reason = Decoded::Unread("encrypted IEEE 802.11");
    assert_eq!(whole(105, &encrypted), reason);
    assert_eq!(whole(105, &wifi([0x80, 0], &[], &packet)), Decoded::NotTcp);
    assert_eq!(whole(105, &wifi([0x48, 1], &[], &[])), Decoded::NotTcp);
    let mut fragment = plain.clone();
    fragment[22] = 1;
    let reason = Decoded::Unread("a fragment of IEEE 802.11");
    assert_eq!(whole(105, &fragment), reason);
}

#[test]
fn every_packet_of_a_wifi_aggregate_is_read() {
    let (one, two) = (ipv4(), ipv6([0x20; 16]));
    let subframe = |ether_type: [u8; 2], ip: &[u8]| {
        let length = u16::try_from(8 + ip.len()).unwrap().to_be_bytes();
        let mut bytes = [&[2; 12][..], &length, &SNAP[..6], &ether_type, ip].concat();
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    };
    let both = [subframe([8, 0], &one), subframe([0x86, 0xdd], &two)].concat();
    let frame = wifi([0x88, 2], &[0x80, 0], &both);
    let Decoded::Aggregate(aggregate) = whole(105, &frame) else {
        panic!("no aggregate")
    };
    let found: Vec<_> = aggregate.packets().map(decode_part).collect();
    let expected = [segment(101, &one), segment(101, &two)].map(Decoded::Tcp);
    assert_eq!(found, expected);
}

#[test]
fn tunnels_without_end_are_left() {
    let mut bytes = Vec::new();
    for _ in 0..limits::NESTED_HEADERS {
        bytes.extend([0, 5, 0x81, 0]);
    }
    let frame = ethernet(0x8100, &bytes);
    assert_eq!(whole(1, &frame), Decoded::Unread("too many nested headers"));
}

#[test]
fn padding_behind_the_ip_length_is_no_payload() {
    let mut frame = ethernet(0x0800, &ipv4());
    frame.extend([0; 20]);
    assert_eq!(segment(1, &frame).payload, PAYLOAD);
}

#[test]
fn an_offloaded_segment_without_ip_length_is_all_payload() {
    let mut v4 = ipv4();
    v4[2..4].fill(0);
    let mut v6 = ipv6([0x20; 16]);
    v6[4..6].fill(0);
    for frame in [v4, v6] {
        assert_eq!(segment(101, &frame).payload, PAYLOAD);
        let cut = decode(101, &frame, bounded(frame.len()) + 50);
        assert!(matches!(cut, Decoded::Tcp(Segment { missing: 50, .. })));
    }
}

#[test]
fn what_the_snap_length_cut_is_counted() {
    for ip in [ipv4(), ipv6([0x20; 16])] {
        let cut = &ip[..ip.len() - 7];
        let Decoded::Tcp(segment) = decode(101, cut, bounded(ip.len())) else {
            panic!("not TCP")
        };
        assert_eq!((segment.payload, segment.missing), (&PAYLOAD[..4], 7));
        let reason = Decoded::Unread("a cut or damaged TCP header");
        assert_eq!(decode(101, &ip[..ip.len() - 15], bounded(ip.len())), reason);
    }
}

#[test]
fn a_mapped_address_stands_as_ipv4() {
    let mapped = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 9];
    let bytes = ipv6(mapped);
    assert_eq!(segment(101, &bytes).source, "192.0.2.9:21".parse().unwrap());
}

#[test]
fn a_fragment_says_which_part_of_which_packet_it_is() {
    let mut bytes = ipv4();
    bytes[4..8].copy_from_slice(&[1, 2, 0x20, 3]);
    let expected = Fragment {
        whole: Whole {
            source: "192.0.2.1".parse().unwrap(),
            destination: "192.0.2.2".parse().unwrap(),
            identification: 0x0102,
            protocol: 6,
        },
        protocol: 6,
        offset: 24,
        more: true,
        bytes: &bytes[20..],
        missing: 0,
    };
    assert_eq!(whole(101, &bytes), Decoded::Fragment(expected));
    let cut = &bytes[..bytes.len() - 5];
    assert!(
        matches!(whole(101, cut), Decoded::Fragment(it) if it.missing == 5 && it.bytes == &cut[20..])
    );

    // Options for each router, then the fragment header; what follows looks like another extension.
    let mut v6 = ipv6([0x20; 16])[..40].to_vec();
    v6[4..7].copy_from_slice(&[0, 24, 0]);
    v6.extend([44, 0, 1, 4, 0, 0, 0, 0]);
    v6.extend([60, 0, 0, 8, 0, 0, 0, 9]);
    v6.extend([255; 8]);
    let Decoded::Fragment(found) = whole(101, &v6) else {
        panic!("not a fragment")
    };
    assert_eq!(
        (found.offset, found.more, found.bytes),
        (8, false, &[255; 8][..])
    );
    assert_eq!((found.whole.identification, found.protocol), (9, 60));
    // One that is whole all the same (RFC 6946).
    let mut atomic = ipv6([0x20; 16]);
    atomic[4..7].copy_from_slice(&[0, 39, 44]);
    atomic.splice(40..40, [6, 0, 0, 0, 0, 0, 0, 9]);
    assert_eq!(segment(101, &atomic).payload, PAYLOAD);
}

#[test]
fn what_is_not_read_is_named_and_what_is_not_tcp_is_told_apart() {
    assert_eq!(whole(197, &ipv4()), Decoded::Unread("link type ERF"));
    assert_eq!(whole(-1, &ipv4()), Decoded::Unread("an unknown link type"));
    assert_eq!(whole(101, &carried(50, &[0; 40])), Decoded::Unread("IPsec"));
    let behind_nat = [0x11, 0x94, 0x11, 0x94, 0, 0, 0, 0, 1, 2, 3, 4, 0, 0, 0, 1];
    let packet = carried(17, &behind_nat);
    assert_eq!(whole(101, &packet), Decoded::Unread("IPsec"));
    for (protocol, reason) in [(108, "compressed IP"), (115, "L2TP version 3")] {
        assert_eq!(
            whole(101, &carried(protocol, &[0; 40])),
            Decoded::Unread(reason)
        );
    }
    let gre = |header: &[u8]| carried(47, header);
    let routed = gre(&[0x40, 0, 8, 0, 0, 0, 0, 0]);
    assert_eq!(whole(101, &routed), Decoded::Unread("source-routed GRE"));
    assert_eq!(
        whole(101, &gre(&[0, 0, 8])),
        Decoded::Unread("a cut tunnel header")
    );
    // Kept alive with nothing in it.
    assert_eq!(whole(101, &gre(&[0, 0, 0, 0])), Decoded::NotTcp);
    let compressed = Decoded::Unread("compressed PPP");
    assert_eq!(whole(9, &[0xff, 3, 0, 0x2d, 1, 2]), compressed);
    assert_eq!(whole(1, &[2; 13]), Decoded::Unread("a cut link header"));
    assert_eq!(whole(1, &ethernet(0x0806, &[0; 28])), Decoded::NotTcp);
    assert_eq!(
        whole(101, &carried(17, &[0, 53, 0, 53, 0, 8, 0, 0])),
        Decoded::NotTcp
    );
}

proptest! {
    #[test]
    fn any_bytes_of_any_link_type_are_decoded(
        link in 0..280,
        frame in prop::collection::vec(any::<u8>(), 0..120),
        wire_length in any::<u32>(),
    ) {
        let _decoded = decode(link, &frame, wire_length);
    }

    #[test]
    fn a_payload_lies_within_its_frame(
        edits in prop::collection::vec((0..51_usize, any::<u8>()), 0..8),
    ) {
        let mut bytes = ipv4();
        for (place, byte) in edits {
            bytes[place] = byte;
        }
        if let Decoded::Tcp(segment) = whole(101, &bytes) {
            prop_assert!(segment.payload.len() <= bytes.len() - 40);
            prop_assert!(segment.missing <= 65_535);
        }
    }
}
