//! Faults that were found once, each with the input that showed it.

use std::path::Path;

use ftpwhy::diagnostic::DiagnosticKind;
use ftpwhy::run::Wanted;

use crate::support::{Temporary, reply_codes, run_with, settings};
use crate::synth::{Container, Conversation, Packet, capture, merge};

/// The events of these packets as NDJSON.
fn events_of(packets: &[Packet]) -> String {
    let temporary = Temporary::new();
    let path = temporary.file("x.pcap", &capture(packets, Container::PcapMicros));
    run_with(&settings(&[&path], Wanted::Events)).1
}

fn causes_of(packets: &[Packet]) -> Vec<&'static str> {
    let temporary = Temporary::new();
    let path = temporary.file("x.pcap", &capture(packets, Container::PcapMicros));
    let (findings, _) = run_with(&settings(&[&path], Wanted::Sessions));
    let failures = findings.sessions.iter().flat_map(|(_, failures)| failures);
    failures.map(|f| f.cause.name()).collect()
}

const LOGIN: &str = "< 220 hi\n> USER bob\n< 331 pw\n> PASS x\n< 230 in\n";

/// A client that names the server's own port in PORT must not hide the sessions on it.
#[test]
fn a_port_command_hides_no_other_session() {
    let first = format!(
        "{LOGIN}> PORT 192,0,2,10,0,21\n< 500 Illegal PORT command.\n> QUIT\n< 221 bye\n! server fin\n"
    );
    let second = format!(
        "client 198.51.100.11:50000\nstart 2026-03-01T00:00:05Z\n{LOGIN}> QUIT\n< 221 bye\n! server fin\n"
    );
    let packets = merge(vec![
        Conversation::parse(&first).packets(),
        Conversation::parse(&second).packets(),
    ]);
    assert_eq!(
        reply_codes(&events_of(&packets)),
        [220, 331, 230, 500, 221, 220, 331, 230, 221]
    );
}

/// A capture that ends right after the refusal still tells that it was one.
#[test]
fn a_refused_data_connection_is_told_when_the_capture_ends() {
    let talk = format!(
        "{LOGIN}> PASV\n< 227 ok (192,0,2,10,200,1)\n! data refused\n> LIST\n< 425 no data connection\n"
    );
    let packets = Conversation::parse(&talk).packets();
    assert!(events_of(&packets).contains("\"fate\":\"refused\""));
    assert_eq!(causes_of(&packets), ["data-passive-not-connected"]);
}

/// Ten thousand commands without a reply took a minute: every one was judged against all others.
#[test]
fn a_session_of_unanswered_commands_stays_small() {
    let mut talk = String::from("< 220 hi\n");
    talk.push_str(&"> NOOP\n".repeat(10_000));
    let temporary = Temporary::new();
    let packets = Conversation::parse(&talk).packets();
    let path = temporary.file("x.pcap", &capture(&packets, Container::PcapMicros));
    let (findings, _) = run_with(&settings(&[&path], Wanted::Sessions));
    let (session, _) = &findings.sessions[0];
    assert_eq!(session.commands, 10_000);
    assert!(
        session.exchanges.len() <= ftpwhy::limits::KEPT_EXCHANGES + 1,
        "{}",
        session.exchanges.len()
    );
    assert!(session.elided > 5000);
}

/// News and mail speak in three digits too, and in words that hold passwords.
#[test]
fn secrets_of_neighbouring_protocols_are_not_shown() {
    let news = "server 192.0.2.10:119\n< 200 news.example NNRP server ready\n> MODE READER\n< 200 ok\n> AUTHINFO PASS hunter2\n< 281 ok\n";
    let mail = "server 192.0.2.10:587\n< 220 mail ready\n> NOOP\n< 250 ok\n> AUTH PLAIN AGJvYgBodW50ZXIy\n< 235 ok\n";
    for talk in [news, mail] {
        assert_eq!(
            events_of(&Conversation::parse(talk).packets()),
            "",
            "{talk}"
        );
    }
    let glued = format!(
        "{LOGIN}> PASShunter2\n< 500 no\n> PAS hunter2\n< 500 no\n> PASS\\x00hunter2\n< 500 no\n> AUTH PLAIN hunter2\n< 504 no\n"
    );
    let events = events_of(&Conversation::parse(&glued).packets());
    assert_eq!(reply_codes(&events), [220, 331, 230, 500, 500, 500, 504]);
    assert!(!events.to_ascii_lowercase().contains("hunt"), "{events}");
}

/// A reset or a SYN with a made-up sequence number changes nothing.
#[test]
fn made_up_segments_end_no_session() {
    let talk = format!("{LOGIN}> PWD\n< 257 \"/\"\n> QUIT\n< 221 bye\n! server fin\n");
    let packets = Conversation::parse(&talk).packets();
    let middle = packets
        .iter()
        .position(|p| p.payload.starts_with(b"PWD"))
        .unwrap();
    let server = packets
        .iter()
        .find(|p| p.payload.starts_with(b"220"))
        .unwrap();
    for flags in [0x04, 0x12] {
        let made_up = Packet {
            seq: server.seq.wrapping_add(77_777_777),
            flags,
            payload: Vec::new(),
            ..server.clone()
        };
        let mut packets = packets.clone();
        packets.insert(middle, made_up);
        assert_eq!(
            reply_codes(&events_of(&packets)),
            [220, 331, 230, 257, 221],
            "flags {flags:#x}"
        );
    }
}

/// A SYN whose number contradicts what follows, in one capture, and the rest in the next: that is taken for two
/// connections, since networks with the same private addresses look like that, and so it has to be told.
#[test]
fn two_connections_of_one_are_told() {
    let talk = format!("{LOGIN}> QUIT\n< 221 bye\n! server fin\n");
    let mut packets = Conversation::parse(&talk).packets();
    packets[0].seq ^= 0x4000_0000;
    let greeted = packets.iter().position(|packet| !packet.payload.is_empty());
    let (first, second) = packets.split_at(greeted.unwrap() + 1);
    let temporary = Temporary::new();
    let write = |name, packets| temporary.file(name, &capture(packets, Container::PcapMicros));
    let paths = [write("a.pcap", first), write("b.pcap", second)];
    let told_of = |paths: &[&Path]| {
        let (findings, rows) = run_with(&settings(paths, Wanted::Events));
        assert_eq!(reply_codes(&rows), [220, 331, 230, 221]);
        let mut told = findings.tallies.diagnostics.iter();
        told.any(|(kind, ..)| kind == DiagnosticKind::Assumed)
    };
    assert!(told_of(&[&paths[0], &paths[1]]));
    let whole = write("whole.pcap", &packets);
    assert!(!told_of(&[&whole]));
}
