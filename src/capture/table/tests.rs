//! More connections than are watched at a time.

use super::*;
use crate::capture::decode::Flags;

const SYN: u8 = 2;
const ACK: u8 = 16;

/// Connections to FTP's port of as many clients, each greeted, in a table of so many places: how each session was told,
/// and what was said of the bound.
fn greeted(clients: u16, places: usize) -> (Vec<String>, u64) {
    let mut table = Table {
        recency: Recency::of(places),
        ..Table::default()
    };
    let mut told = Vec::new();
    let mut out = |event: crate::ftp::Event<'_>| match event.kind {
        EventKind::Reply(reply) => told.push(reply.code.number().to_string()),
        EventKind::Closed(closing) => told.push(closing.end.id().to_owned()),
        _ => {}
    };
    let server = Socket::new([192, 0, 2, 10].into(), 21);
    let mut record = 0_u32;
    for client in 0..clients {
        let client = Socket::new([198, 51, 100, 7].into(), 1024 + client);
        let sent = |source, destination, flags, sequence, payload| Segment {
            source,
            destination,
            sequence,
            acknowledgment: 101,
            flags: Flags(flags),
            id: 0,
            window: 1000,
            payload,
            missing: 0,
        };
        for segment in [
            sent(client, server, SYN, 100, &b""[..]),
            sent(server, client, SYN | ACK, 100, b""),
            sent(server, client, ACK, 101, b"220 ready\r\n"),
        ] {
            record += 1;
            let at = Timestamp::from_seconds(1_000_000, record * 1000);
            let origin = Origin {
                record: u64::from(record),
                ..Origin::default()
            };
            table.take(
                &segment,
                Place {
                    at: Some(at),
                    origin,
                },
                &mut out,
            );
        }
        assert!(table.recency.len() <= places);
        assert!(table.servers.len() <= limits::OPEN_CONNECTIONS);
    }
    table.finish(&mut out);
    let limits = table.diagnostics.iter();
    let limits = limits.filter(|(kind, ..)| *kind == DiagnosticKind::LimitReached);
    (told, limits.map(|(_, _, met)| met.count).sum())
}

#[test]
fn of_too_many_connections_the_quietest_is_closed_and_its_session_kept() {
    assert_eq!(limits::OPEN_CONNECTIONS, 200_000);
    let (told, limits) = greeted(3, 3);
    assert_eq!(
        told.join(" "),
        "220 220 220 input-ended input-ended input-ended"
    );
    assert_eq!(limits, 0);
    let (told, limits) = greeted(5, 3);
    assert_eq!(
        told.join(" "),
        "220 220 220 idle 220 idle 220 input-ended input-ended input-ended"
    );
    assert_eq!(limits, 2);
}

#[test]
fn syns_in_heaps_are_remembered_up_to_a_bound_and_the_last_ones_always() {
    let mut table = Table::default();
    let server = Socket::new([192, 0, 2, 10].into(), 21);
    let syn = |number: u32| Segment {
        source: Socket::new([198, 51, 100, 7].into(), 1024),
        destination: server,
        sequence: (1 << 16) + number,
        acknowledgment: 0,
        flags: Flags(SYN),
        id: 0,
        window: 1000,
        payload: b"",
        missing: 0,
    };
    let place = Place {
        at: Some(Timestamp::from_seconds(1_000_000, 0)),
        origin: Origin::default(),
    };
    let last = u32::try_from(limits::OPEN_CONNECTIONS).unwrap() + 5;
    for number in 0..=last {
        table.of_other_half(&syn(number), place);
    }
    assert!(table.legs.remembers(syn(last).sequence));
    assert!(table.legs.size() <= limits::OPEN_CONNECTIONS);
}
