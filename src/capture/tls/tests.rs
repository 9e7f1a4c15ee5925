//! Handshakes as they are on the wire, made by hand.

use super::*;
use crate::diagnostic::Origin;

fn record(kind: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    [&[kind, 3, 3], &length[..], content].concat()
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    [&[kind], &length[1..], body].concat()
}

fn extension(kind: u16, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap();
    [&kind.to_be_bytes()[..], &length.to_be_bytes(), content].concat()
}

fn hello(session: &[u8], choice: &[u8], extensions: &[Vec<u8>]) -> Vec<u8> {
    let extensions = extensions.concat();
    let length = u16::try_from(extensions.len()).unwrap().to_be_bytes();
    let number = [u8::try_from(session.len()).unwrap()];
    [
        &[3, 3],
        &[7; 32][..],
        &number,
        session,
        choice,
        &length,
        &extensions,
    ]
    .concat()
}

fn client_hello(session: &[u8], extensions: &[Vec<u8>]) -> Vec<u8> {
    let choice = [0, 4, 0xc0, 0x2f, 0x13, 0x01, 1, 0];
    record(HANDSHAKE, &message(1, &hello(session, &choice, extensions)))
}

fn server_hello(session: &[u8], extensions: &[Vec<u8>]) -> Vec<u8> {
    record(
        HANDSHAKE,
        &message(2, &hello(session, &[0xc0, 0x2f, 0], extensions)),
    )
}

fn place(record: u64) -> Place {
    let origin = Origin {
        record,
        ..Origin::default()
    };
    Place { at: None, origin }
}

/// Everything said, a piece a packet, whole, and cut in pieces of one and of seven bytes: the facts are the same.
fn watch(pieces: &[(Side, Vec<u8>)]) -> Watch {
    let play = |size: usize| {
        let mut watch = Watch::default();
        for (number, (side, bytes)) in (1..).zip(pieces) {
            for part in bytes.chunks(size) {
                let taken = watch.take(*side, place(number), &Delivery::Bytes(part));
                assert_eq!(taken, part.len());
            }
        }
        watch
    };
    let whole = play(100_000);
    assert_eq!(play(1).facts, whole.facts);
    assert_eq!(play(7).facts, whole.facts);
    whole
}

const CLIENT: Side = Side::Client;
const SERVER: Side = Side::Server;

fn protected(kind: u8, length: usize) -> Vec<u8> {
    record(kind, &vec![0xaa; length])
}

fn cipher_changes() -> Vec<u8> {
    record(CHANGE_CIPHER, &[1])
}

#[test]
fn a_classic_handshake_is_read_to_its_end() {
    let name = [&[0, 14, 0, 0, 11][..], b"ftp.example"].concat();
    let offers = [
        extension(0, &name),
        extension(16, b"\0\x04\x03ftp"),
        extension(35, b""),
    ];
    let mut pieces = vec![
        (CLIENT, client_hello(&[], &offers)),
        (SERVER, server_hello(&[5; 32], &[])),
        (
            SERVER,
            record(
                HANDSHAKE,
                &[
                    message(11, &[0, 0, 0]),
                    message(13, &[0; 4]),
                    message(14, &[]),
                ]
                .concat(),
            ),
        ),
        (
            CLIENT,
            record(
                HANDSHAKE,
                &[message(11, &[0, 0, 0]), message(16, &[1; 40])].concat(),
            ),
        ),
        (
            CLIENT,
            [cipher_changes(), protected(HANDSHAKE, 40)].concat(),
        ),
    ];
    assert_eq!(watch(&pieces).facts.completed, None);
    pieces.push((
        SERVER,
        [cipher_changes(), protected(HANDSHAKE, 40)].concat(),
    ));
    let facts = watch(&pieces).facts;
    assert_eq!(facts.offered, [TlsVersion(0x0303)]);
    assert_eq!(facts.version, Some(TlsVersion(0x0303)));
    assert_eq!(facts.server_name.as_ref().unwrap().bytes(), b"ftp.example");
    assert_eq!(facts.protocols[0].bytes(), b"ftp");
    assert_eq!(
        facts.cipher_name().unwrap(),
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"
    );
    assert_eq!(
        (facts.offers_resumption, facts.resumed),
        (false, Some(false))
    );
    assert_eq!(
        (facts.wants_certificate, facts.client_certificate),
        (true, Some(false))
    );
    assert_eq!(facts.completed, Some(true));
}

#[test]
fn an_older_session_is_told_by_its_number_and_by_the_keys_that_are_not_sent() {
    let ends = || [cipher_changes(), protected(HANDSHAKE, 40)].concat();
    let by_number = [
        (CLIENT, client_hello(&[5; 32], &[])),
        (SERVER, [server_hello(&[5; 32], &[]), ends()].concat()),
        (CLIENT, ends()),
    ];
    let by_ticket = [
        (CLIENT, client_hello(&[], &[extension(35, &[9; 50])])),
        (
            SERVER,
            [server_hello(&[], &[extension(35, &[])]), ends()].concat(),
        ),
        (CLIENT, ends()),
    ];
    for pieces in [&by_number, &by_ticket] {
        let facts = watch(pieces).facts;
        assert_eq!((facts.offers_resumption, facts.resumed), (true, Some(true)));
        assert_eq!(facts.completed, Some(true));
    }
}

#[test]
fn a_modern_handshake_ends_with_the_clients_protected_words() {
    let versions = extension(43, &[4, 3, 4, 3, 3]);
    let chosen = extension(43, &[3, 4]);
    let mut pieces = vec![
        (
            CLIENT,
            client_hello(&[8; 32], &[versions, extension(41, &[0; 40])]),
        ),
        (
            SERVER,
            [
                server_hello(&[8; 32], &[chosen, extension(41, &[0, 0])]),
                cipher_changes(),
            ]
            .concat(),
        ),
        (
            SERVER,
            [protected(CONTENT, 30), protected(CONTENT, 53)].concat(),
        ),
    ];
    assert_eq!(watch(&pieces).facts.completed, None);
    let mut refused = pieces.clone();
    refused.push((CLIENT, [cipher_changes(), protected(CONTENT, 19)].concat()));
    let mut refused = watch(&refused);
    refused.finish(true);
    assert_eq!(refused.facts.completed, Some(false));
    assert_eq!(refused.facts.breaking().unwrap().sender, CLIENT);
    pieces.push((CLIENT, [cipher_changes(), protected(CONTENT, 53)].concat()));
    let facts = watch(&pieces).facts;
    assert_eq!(facts.offered, [TlsVersion::TLS13, TlsVersion(0x0303)]);
    assert_eq!(facts.version, Some(TlsVersion::TLS13));
    assert_eq!((facts.offers_resumption, facts.resumed), (true, Some(true)));
    assert_eq!(facts.completed, Some(true));
}

#[test]
fn an_alert_says_who_broke_off_and_why() {
    let pieces = [
        (CLIENT, client_hello(&[], &[])),
        (SERVER, record(ALERT, &[2, 40])),
    ];
    let facts = watch(&pieces).facts;
    let alert = facts.fatal().unwrap();
    assert_eq!(
        (alert.sender, alert.name(), alert.origin.record),
        (SERVER, Some("handshake_failure"), 2)
    );
    assert_eq!(facts.completed, Some(false));
    // A warning ends nothing.
    let pieces = [
        (CLIENT, client_hello(&[], &[])),
        (SERVER, record(ALERT, &[1, 112])),
    ];
    assert_eq!(watch(&pieces).facts.completed, None);
}

#[test]
fn words_after_a_record_are_words() {
    let mut watch = watch(&[
        (CLIENT, client_hello(&[], &[])),
        (SERVER, record(ALERT, &[2, 70])),
    ]);
    let taken = watch.take(SERVER, place(3), &Delivery::Bytes(b"421 no TLS\r\n"));
    assert_eq!(
        (taken, watch.is_clear(SERVER), watch.is_clear(CLIENT)),
        (0, true, false)
    );
    let mixed = [protected(ALERT, 26), b"257 \"/\"\r\n".to_vec()].concat();
    let mut watch = Watch::default();
    assert_eq!(
        watch.take(SERVER, place(1), &Delivery::Bytes(&mixed)),
        HEADER + 26
    );
    assert!(watch.is_clear(SERVER));
}

#[test]
fn a_hole_hides_only_what_is_in_it() {
    let mut watch = Watch::default();
    let server = [
        server_hello(&[5; 32], &[]),
        record(HANDSHAKE, &message(11, &[1; 3000])),
    ]
    .concat();
    watch.take(CLIENT, place(1), &Delivery::Bytes(&client_hello(&[], &[])));
    watch.take(SERVER, place(2), &Delivery::Bytes(&server[..120]));
    watch.take(SERVER, place(2), &Delivery::Hole(server.len() as u64 - 120));
    assert_eq!(watch.facts.version, Some(TlsVersion(0x0303)));
    watch.take(
        CLIENT,
        place(3),
        &Delivery::Bytes(&[cipher_changes(), protected(HANDSHAKE, 40)].concat()),
    );
    watch.take(
        SERVER,
        place(4),
        &Delivery::Bytes(&[cipher_changes(), protected(HANDSHAKE, 40)].concat()),
    );
    assert_eq!(
        (watch.facts.completed, watch.facts.resumed),
        (Some(true), Some(false))
    );
    // The start of a record is lost: the next segment that begins with one is understood, words are words.
    watch.take(SERVER, place(5), &Delivery::Hole(1000));
    assert_eq!(
        watch.take(SERVER, place(6), &Delivery::Bytes(&[0xee; 30])),
        30
    );
    watch.take(SERVER, place(7), &Delivery::Bytes(&protected(CONTENT, 30)));
    assert!(!watch.is_clear(SERVER));
    watch.take(SERVER, place(8), &Delivery::Hole(1000));
    assert_eq!(
        watch.take(SERVER, place(9), &Delivery::Bytes(b"200 ok\r\n")),
        0
    );
}

#[test]
fn a_cut_hello_gives_what_is_whole() {
    let versions = extension(43, &[2, 3, 4]);
    let whole = client_hello(&[8; 32], &[versions, extension(0, &[0; 400])]);
    let mut watch = Watch::default();
    watch.take(CLIENT, place(1), &Delivery::Bytes(&whole[..110]));
    watch.take(CLIENT, place(1), &Delivery::Hole(whole.len() as u64 - 110));
    assert_eq!(watch.facts.offered, [TlsVersion::TLS13]);
    // Of a server's hello, what would make it TLS 1.3 may be lost.
    let whole = server_hello(&[8; 32], &[extension(43, &[3, 4])]);
    watch.take(SERVER, place(2), &Delivery::Bytes(&whole[..82]));
    watch.take(SERVER, place(2), &Delivery::Hole(whole.len() as u64 - 82));
    assert_eq!(watch.facts.version, None);
    assert_eq!(watch.facts.cipher, Some(0xc02f));
}

/// Captures keep the first bytes of each packet of a data connection only; what was resumed shows all the same.
#[test]
fn an_older_session_is_told_though_every_packet_is_cut() {
    let cut = |pieces: &[(Side, Vec<u8>)]| {
        let mut watch = Watch::default();
        for (number, (side, bytes)) in (1..).zip(pieces) {
            let kept = bytes.len().min(30);
            watch.take(*side, place(number), &Delivery::Bytes(&bytes[..kept]));
            let lost = bytes.len() as u64 - kept as u64;
            if lost > 0 {
                watch.take(*side, place(number), &Delivery::Hole(lost));
            }
        }
        watch.facts
    };
    let ends = || [cipher_changes(), protected(HANDSHAKE, 40)].concat();
    let hello = (CLIENT, client_hello(&[5; 32], &[extension(35, &[9; 50])]));
    let taken_up = [
        hello.clone(),
        (SERVER, [server_hello(&[5; 32], &[]), ends()].concat()),
        (CLIENT, ends()),
    ];
    assert_eq!(cut(&taken_up).resumed, Some(true));
    let keys = [record(HANDSHAKE, &message(16, &[1; 60])), ends()].concat();
    let new = [
        hello,
        (SERVER, [server_hello(&[5; 32], &[]), ends()].concat()),
        (CLIENT, keys),
    ];
    assert_eq!(cut(&new).resumed, Some(false));
}

#[test]
fn a_hello_of_ssl_2_is_one() {
    let hello = [&[0x80, 0x2e, 1, 3, 1, 0, 0x15, 0, 0, 0, 0x10][..], &[6; 37]].concat();
    assert!(may_begin(&hello));
    let mut watch = Watch::default();
    assert_eq!(
        watch.take(CLIENT, place(1), &Delivery::Bytes(&hello)),
        hello.len()
    );
    watch.take(SERVER, place(2), &Delivery::Bytes(&record(ALERT, &[2, 70])));
    assert_eq!(watch.facts.completed, Some(false));
}

#[test]
fn a_record_longer_than_any_is_none() {
    let begin = |length: usize| {
        let length = u16::try_from(length).unwrap().to_be_bytes();
        header(&[HANDSHAKE, 3, 3, length[0], length[1]])
    };
    assert!(begin(limits::TLS_RECORD_BYTES).is_some());
    assert_eq!(begin(limits::TLS_RECORD_BYTES + 1), None);
}

/// Ten thousand records, each with a part of a message that never ends.
#[test]
fn a_handshake_without_end_is_read_up_to_a_bound_and_the_rest_is_passed_over() {
    let mut watch = Watch::default();
    let endless = [&[11, 0xff, 0xff, 0xff][..], &[0; 96]].concat();
    let mut number = 1;
    let mut take = |watch: &mut Watch, side: Side, bytes: &[u8]| {
        number += 1;
        let taken = watch.take(side, place(number), &Delivery::Bytes(bytes));
        assert_eq!(taken, bytes.len());
    };
    take(&mut watch, CLIENT, &client_hello(&[], &[]));
    take(&mut watch, SERVER, &server_hello(&[5; 32], &[]));
    for _ in 0..10_000 {
        take(&mut watch, SERVER, &record(HANDSHAKE, &endless));
    }
    let kept = watch.halves[slot(SERVER)].message.len();
    assert!(
        kept <= limits::TLS_HANDSHAKE_BYTES + endless.len(),
        "{kept}"
    );
    assert!(kept > limits::TLS_HANDSHAKE_BYTES / 2);
    for side in [CLIENT, SERVER] {
        take(
            &mut watch,
            side,
            &[cipher_changes(), protected(HANDSHAKE, 40)].concat(),
        );
    }
    assert_eq!(watch.facts.completed, Some(true));
}

#[test]
fn of_many_alerts_and_protocols_the_first_are_kept() {
    let names: Vec<u8> = (0..100_u8).flat_map(|n| [2, b'a', n]).collect();
    let length = u16::try_from(names.len()).unwrap().to_be_bytes();
    let offer = extension(16, &[&length[..], &names].concat());
    let mut pieces = vec![(CLIENT, client_hello(&[], &[offer]))];
    for _ in 0..1000 {
        pieces.push((SERVER, record(ALERT, &[1, 90])));
    }
    let facts = watch(&pieces).facts;
    assert_eq!(facts.protocols.len(), limits::CERTIFICATE_NAMES);
    assert_eq!(facts.alerts.len(), limits::TLS_ALERTS);
}
