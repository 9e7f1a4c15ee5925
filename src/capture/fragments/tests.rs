//! Fragments in any order, twice, overlapping, cut, and without end.

use super::*;
use proptest::prelude::*;

const SOURCE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
const DESTINATION: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));

fn place(second: i64) -> Place {
    Place {
        at: Some(Timestamp::from_seconds(second, 0)),
        origin: Origin {
            record: u64::try_from(second).unwrap(),
            ..Origin::default()
        },
    }
}

fn fragment(identification: u32, offset: usize, bytes: &[u8], more: bool) -> Fragment<'_> {
    Fragment {
        whole: Whole {
            source: SOURCE,
            destination: DESTINATION,
            identification,
            protocol: 6,
        },
        protocol: 6,
        offset,
        more,
        bytes,
        missing: 0,
    }
}

/// Takes fragments, one a second; gives what came out.
fn put(fragments: &mut Fragments, parts: &[Fragment<'_>]) -> Vec<Reassembled> {
    let each = parts.iter().zip(1..);
    each.filter_map(|(part, second)| {
        fragments.take(part, place(second), &[(place(second).origin, 1)])
    })
    .collect()
}

fn told(fragments: &Fragments) -> Vec<&'static str> {
    fragments
        .diagnostics
        .iter()
        .map(|(kind, ..)| kind.id())
        .collect()
}

fn lost(fragments: &mut Fragments) -> Vec<(&'static str, u64)> {
    fragments.finish();
    let counts = fragments.counts.remove(&SourceId(0)).unwrap_or_default();
    counts
        .unread
        .into_iter()
        .map(|(reason, (_, count))| (reason, count))
        .collect()
}

#[test]
fn parts_in_any_order_become_the_packet() {
    let content: Vec<u8> = (0..44).collect();
    let part =
        |range: Range<usize>| fragment(7, range.start, &content[range.clone()], range.end < 44);
    let parts = [part(0..16), part(16..24), part(24..44)];
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0], [0, 2, 1]] {
        let mut fragments = Fragments::default();
        let found = put(&mut fragments, &order.map(|i| parts[i]));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].packet[20..], content);
        assert_eq!(
            (found[0].packet[3], found[0].packet[9], found[0].wire_length),
            (64, 6, 64)
        );
        assert_eq!(found[0].fragments, [(place(1).origin, 3)]);
        assert_eq!((told(&fragments), lost(&mut fragments)), (vec![], vec![]));
    }
}

#[test]
fn parts_of_different_packets_are_not_mixed() {
    let (a, b) = ([1; 16], [2; 16]);
    let mut fragments = Fragments::default();
    let mut other = fragment(7, 8, &b[8..], false);
    other.whole.protocol = 17;
    let parts = [
        fragment(7, 0, &a[..8], true),
        fragment(8, 8, &b[8..], false),
        other,
        fragment(7, 8, &a[8..], false),
    ];
    let found = put(&mut fragments, &parts);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].packet[20..], a);
    assert_eq!(lost(&mut fragments), [(ALONE, 2)]);
}

#[test]
fn fragments_that_come_twice_are_neither_lost_nor_another_packet() {
    let content = [5; 24];
    let parts = [
        fragment(7, 0, &content[..8], true),
        fragment(7, 0, &content[..8], true),
        fragment(7, 8, &content[8..], false),
        fragment(7, 0, &content[..8], true),
        fragment(7, 8, &content[8..16], true),
    ];
    let mut fragments = Fragments::default();
    let found = put(&mut fragments, &parts);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].fragments[0].1, 3);
    fragments.finish();
    assert_eq!(fragments.counts[&SourceId(0)].ignored, 2);
    assert_eq!(told(&fragments), Vec::<&str>::new());
}

#[test]
fn the_first_of_two_overlapping_fragments_wins_and_that_is_told() {
    let (first, second) = ([b'1'; 16], [b'2'; 24]);
    let mut fragments = Fragments::default();
    let parts = [fragment(7, 0, &first, true), fragment(7, 8, &second, false)];
    let found = put(&mut fragments, &parts);
    let expected = [&[b'1'; 16][..], &[b'2'; 16]].concat();
    assert_eq!(found[0].packet[20..], expected);
    assert_eq!(told(&fragments), ["assumed"]);
    // One between two that were there, with the same bytes and a gap before it.
    let content: Vec<u8> = (0..40).collect();
    let part =
        |range: Range<usize>| fragment(9, range.start, &content[range.clone()], range.end < 40);
    let mut fragments = Fragments::default();
    let parts = [part(0..8), part(24..40), part(0..32)];
    assert_eq!(put(&mut fragments, &parts)[0].packet[20..], content);
    assert_eq!(told(&fragments), Vec::<&str>::new());
}

#[test]
fn fragments_that_cant_be_are_told_and_spoil_nothing() {
    let content = [5; 32];
    let mut fragments = Fragments::default();
    let parts = [
        fragment(7, 0, &content[..8], true),
        fragment(7, 8, &content[..9], true),
        fragment(7, 65_528, &content, false),
        fragment(7, 8, &[], true),
        fragment(7, 24, &content[..8], false),
        fragment(7, 32, &content[..8], true),
        fragment(7, 16, &content[..8], false),
        fragment(7, 8, &content[..16], true),
    ];
    assert_eq!(put(&mut fragments, &parts).len(), 1);
    assert_eq!(lost(&mut fragments), [(SENSELESS, 5)]);
}

#[test]
fn a_packet_whose_fragments_were_cut_knows_what_is_missing() {
    let content = [5; 40];
    let mut cut = fragment(7, 8, &content[..6], true);
    cut.missing = 10;
    let parts = [
        fragment(7, 0, &content[..8], true),
        cut,
        fragment(7, 24, &content[..16], false),
    ];
    let found = put(&mut Fragments::default(), &parts);
    assert_eq!((found[0].packet.len(), found[0].wire_length), (20 + 14, 60));
}

#[test]
fn what_waits_is_bounded_in_time_number_and_bytes() {
    let mut fragments = Fragments::default();
    let part = |id: u32| fragment(id, 0, &[5; 8], true);
    let patience = i64::try_from(limits::FRAGMENT_SECONDS).unwrap();
    fragments.take(&part(7), place(1), &[(place(1).origin, 1)]);
    fragments.take(&part(8), place(patience), &[(place(patience).origin, 1)]);
    assert_eq!(fragments.waiting.len(), 2);
    let late = place(1 + patience);
    fragments.take(&part(7), late, &[(late.origin, 1)]);
    assert_eq!(
        fragments.counts[&SourceId(0)].unread[ALONE],
        (place(1).origin, 1)
    );
    let mut fragments = Fragments::default();
    for id in 0..=limits::FRAGMENTED_PACKETS {
        let id = 100 + u32::try_from(id).unwrap();
        fragments.take(&part(id), place(32), &[(place(32).origin, 1)]);
    }
    assert_eq!(fragments.waiting.len(), limits::FRAGMENTED_PACKETS);
    assert_eq!(told(&fragments), ["limit-reached"]);
    let mut fragments = Fragments::default();
    for id in 0..1000 {
        fragments.take(
            &fragment(id, 60_000, &[5; 8], true),
            place(32),
            &[(place(32).origin, 1)],
        );
        assert!(fragments.bytes <= limits::FRAGMENT_BYTES);
    }
    assert_eq!(told(&fragments), ["limit-reached"]);
    fragments.finish();
    assert_eq!(
        (
            fragments.bytes,
            fragments.counts[&SourceId(0)].unrecognised()
        ),
        (0, 1000)
    );
}

proptest! {
    #[test]
    fn every_fragment_is_counted_once_and_no_byte_is_made_up(
        parts in prop::collection::vec((0..3_u32, 0..6_usize, 1..30_usize, any::<bool>(), 0..20_u32), 1..60),
    ) {
        let bytes = [b'x'; 30];
        let mut fragments = Fragments::default();
        let mut whole = 0;
        for (index, (id, at, length, more, missing)) in parts.iter().enumerate() {
            let mut part = fragment(*id, at * 8, &bytes[..*length], *more);
            part.missing = *missing;
            let place = place(i64::try_from(index).unwrap());
            if let Some(found) = fragments.take(&part, place, &[(place.origin, 1)]) {
                prop_assert!(found.packet[20..].iter().all(|byte| *byte == b'x'));
                prop_assert!(found.wire_length as usize >= found.packet.len());
                whole += found.fragments[0].1;
            }
        }
        fragments.finish();
        let counts = fragments.counts.remove(&SourceId(0)).unwrap_or_default();
        prop_assert_eq!(whole + counts.ignored + counts.unrecognised(), parts.len() as u64);
    }
}
