//! Bounds on what is kept of a connection in a capture, and on how long is waited for it.

use ftpwhy::diagnostic::DiagnosticKind;
use ftpwhy::limits;

use super::{count, limits_of, of_packets, of_talk, only, read, replies, sessions};
use crate::synth::{Container, Conversation, Packet, capture, merge};
use crate::tls::{hello, record, server_hello};

const SECOND: i64 = 1_000_000_000;
const SYN: u8 = 2;

fn packets(talk: &str) -> Vec<Packet> {
    Conversation::parse(talk).packets()
}

/// Where the segment is that holds these words.
fn place_of(packets: &[Packet], words: &str) -> usize {
    let holds = |packet: &Packet| String::from_utf8_lossy(&packet.payload).contains(words);
    packets.iter().position(holds).unwrap()
}

/// A talk whose first answer is captured behind all that follows on it: how many replies are heard, and how often bytes were
/// given up. All of it takes a millisecond.
fn first_answer_at_the_end(count_of: usize, padding: usize) -> (u64, u64) {
    let padding = "x".repeat(padding);
    let more = format!("> NOOP\n< 200 {padding}\n").repeat(count_of);
    let mut packets = packets(&format!("< 220 hi\n> NOOP\n< 200 first\n{more}"));
    let late = packets.remove(place_of(&packets, "200 first"));
    packets.push(late);
    let start = packets[0].at_ns;
    for (at, packet) in (start..).step_by(1000).zip(&mut packets) {
        packet.at_ns = at;
    }
    let findings = of_packets(&packets);
    (
        replies(&findings),
        count(&findings, DiagnosticKind::Missing),
    )
}

#[test]
fn out_of_order_segments_are_kept_up_to_a_number_and_then_the_hole_is_told() {
    let some = limits::OUT_OF_ORDER_SEGMENTS / 2 - 4;
    assert_eq!(first_answer_at_the_end(some, 1), (some as u64 + 2, 0));
    let many = limits::OUT_OF_ORDER_SEGMENTS / 2 + 8;
    assert_eq!(first_answer_at_the_end(many, 1), (many as u64 + 1, 1));
}

#[test]
fn out_of_order_bytes_are_kept_up_to_a_number_and_then_the_hole_is_told() {
    let few = limits::OUT_OF_ORDER_BYTES / 1300 - 30;
    assert_eq!(first_answer_at_the_end(few, 1200), (few as u64 + 2, 0));
    let many = limits::OUT_OF_ORDER_BYTES / 1200 + 2;
    assert!(2 * many < limits::OUT_OF_ORDER_SEGMENTS);
    assert_eq!(first_answer_at_the_end(many, 1200), (many as u64 + 1, 1));
}

/// An answer that is captured so many seconds late, with a word of the server's before it. Where it was not acknowledged
/// the sender may still repeat it.
fn late_by(seconds: u64, acknowledged: bool) -> (u64, u64) {
    let mut packets = packets("< 220 hi\n> NOOP\n< 200 late\n> NOOP\n< 200 ok\n> NOOP\n< 200 ok");
    let mut late = packets.remove(place_of(&packets, "200 late"));
    if !acknowledged {
        for packet in packets.iter_mut().filter(|p| p.src == late.dst) {
            packet.ack = packet.ack.min(late.seq);
        }
    }
    late.at_ns += i64::try_from(seconds).unwrap() * SECOND;
    let findings = of_packets(&merge(vec![packets, vec![late]]));
    (
        replies(&findings),
        count(&findings, DiagnosticKind::Missing),
    )
}

#[test]
fn missing_bytes_are_waited_for_some_seconds_of_capture_time() {
    assert_eq!(late_by(limits::HOLE_SECONDS - 1, true), (4, 0));
    assert_eq!(late_by(limits::HOLE_SECONDS + 2, true), (3, 1));
    let patience = limits::HOLE_UNACKNOWLEDGED_SECONDS;
    assert_eq!(late_by(patience - 1, false), (4, 0));
    assert_eq!(late_by(patience + 2, false), (3, 1));
}

#[test]
fn a_segment_out_of_all_reach_is_passed_over() {
    let mut packets = packets("< 220 hi\n> NOOP\n< 200 ok\n> NOOP\n< 200 ok");
    let place = place_of(&packets, "200 ok");
    let mut wild = packets[place].clone();
    let reach = limits::SEQUENCE_REACH.unsigned_abs();
    wild.seq = wild.seq.wrapping_add(reach + 100);
    wild.payload = b"500 wild\r\n".to_vec();
    packets.insert(place, wild);
    let findings = of_packets(&packets);
    assert_eq!(replies(&findings), 3);
    assert_eq!(count(&findings, DiagnosticKind::Missing), 0);
}

/// How many conflicts are told when a reply comes a second time with other words, behind so many bytes.
fn conflicts_behind(bytes: usize) -> u64 {
    let talk = format!(
        "< 220 hi\n> NOOP\n< 200 once\n> NOOP\n< 200 {}",
        "x".repeat(bytes)
    );
    let mut packets = packets(&talk);
    let mut again = packets[place_of(&packets, "200 once")].clone();
    again.payload = b"200 LIED\r\n".to_vec();
    again.at_ns = packets.last().unwrap().at_ns + 1000;
    packets.push(again);
    let findings = of_packets(&packets);
    assert_eq!(replies(&findings), 3);
    count(&findings, DiagnosticKind::Malformed)
}

#[test]
fn bytes_that_come_again_are_compared_with_the_last_ones() {
    assert_eq!(conflicts_behind(limits::COMPARED_BYTES / 2), 1);
    assert_eq!(conflicts_behind(limits::COMPARED_BYTES + 20), 0);
}

#[test]
fn of_many_syns_the_first_times_are_kept_and_all_are_counted() {
    let one = packets("! syn unanswered").remove(0);
    let syn = |nth: usize| Packet {
        at_ns: one.at_ns + i64::try_from(nth).unwrap() * SECOND,
        ..one.clone()
    };
    let attempts = 4 * limits::SYN_TIMES;
    let findings = of_packets(&(0..attempts).map(syn).collect::<Vec<_>>());
    let (session, failures) = only(&findings);
    let closing = session.closing.as_ref().unwrap();
    let tcp = closing.tcp.as_ref().unwrap();
    assert_eq!(tcp.retries.len(), limits::SYN_TIMES);
    assert_eq!(failures.len(), 1);
}

/// A client's connection to a passive port, with a few bytes, so many steps after the start.
fn data_connection(number: u16, steps: i64, ending: &str) -> Vec<Packet> {
    let mut conversation = Conversation::parse(&format!(
        "client 198.51.100.11:{}\nserver 192.0.2.10:{}\n< \\x17\\x03\\x03\\x00\\x01x\\c\n{ending}",
        50_000 + number,
        30_000 + number
    ));
    conversation.start_ns += steps * SECOND / 100;
    conversation.packets()
}

#[test]
fn data_connections_that_are_not_over_are_each_told() {
    let count = u16::try_from(limits::OLDER_DATA_CONNECTIONS).unwrap() + 5;
    let (mut talk, mut all) = (String::from("< 220 hi\n"), Vec::new());
    for number in 0..count {
        let (high, low) = ((30_000 + number) / 256, (30_000 + number) % 256);
        let announced = format!("Entering Passive Mode (192,0,2,10,{high},{low})");
        talk += "> PASV\n< 227 ";
        talk += &announced;
        talk += "\n> LIST\n< 150 here\nwait 100ms\n< 226 done\n";
        // Behind the 150 of its turn.
        all.push(data_connection(number, 2 + 5 + i64::from(number) * 15, ""));
    }
    talk += "> QUIT\n< 221 bye\n! server fin";
    all.push(packets(&talk));
    let findings = of_packets(&merge(all));
    let (session, _) = only(&findings);
    assert_eq!(session.data.len(), usize::from(count));
    assert!(session.data.iter().all(|data| data.seen.is_some()));
    assert_eq!(replies(&findings), 2 + 3 * u64::from(count));
}

/// Data connections that are guessed of a session behind TLS, of which there are so many at a time.
fn guessed(count: u16, ending: &str) -> usize {
    let talk = format!(
        "< 220 hi\n> AUTH TLS\n< 234 go\n> {}\\c\n< {}\\c\nwait 60s\n> {}\\c\n! client fin",
        hello(""),
        server_hello(),
        record(23, &[1; 40])
    );
    let mut all: Vec<_> = (0..count)
        .map(|number| data_connection(number, 100 + i64::from(number), ending))
        .collect();
    all.push(packets(&talk));
    let findings = of_packets(&merge(all));
    assert_eq!(replies(&findings), 2);
    only(&findings).0.data.len()
}

#[test]
fn guessed_data_connections_are_bounded_at_a_time_but_not_in_all() {
    let many = u16::try_from(limits::GUESSED_DATA_CONNECTIONS).unwrap() + 20;
    assert_eq!(guessed(many, ""), limits::GUESSED_DATA_CONNECTIONS);
    assert_eq!(guessed(many, "! server fin"), usize::from(many));
}

#[test]
fn what_says_nothing_for_long_is_no_session_and_hides_none() {
    let other = |bytes: usize| {
        let talk = format!(
            "client 198.51.100.7:1024\nserver 192.0.2.10:2121\n> {}\\c",
            "x".repeat(bytes)
        );
        packets(&format!(
            "{talk}\n< 220 hi\n> USER bob\n< 331 pw\n> PASS x\n< 230 in"
        ))
    };
    let talk = packets(
        "start 2026-03-01T00:01:00Z\nserver 192.0.2.10:2121\n< 220 FTP server ready\n> USER bob\n< 331 pw\n> PASS x\n< 230 in",
    );
    let findings = of_packets(&merge(vec![other(limits::PROBE_BYTES + 1), talk]));
    assert_eq!((sessions(&findings), replies(&findings)), (1, 3));
}

#[test]
fn a_greeting_may_be_long_before_anybody_speaks() {
    for bytes in [limits::PROBE_BYTES + 1000, limits::GREETING_BYTES + 1000] {
        let lines = "<+ 220-Be kind, all of you, and welcome here.\n".repeat(bytes / 45);
        let talk = format!(
            "server 192.0.2.10:2121\n< 220-Welcome to this FTP server\n{lines}<+ 220 ready\n> USER bob\n< 331 pw\n> PASS x\n< 230 in"
        );
        let findings = of_talk(&talk);
        assert_eq!((sessions(&findings), replies(&findings)), (1, 3), "{bytes}");
    }
}

/// A capture of headers alone: every payload was on the wire and none is in the file.
fn headers_of(packets: &[Packet]) -> Vec<u8> {
    let mut bytes = capture(&[], Container::PcapMicros);
    for packet in packets {
        let frame = packet.frame();
        let kept = frame.len() - packet.payload.len();
        let seconds = packet.at_ns / SECOND;
        let micros = packet.at_ns % SECOND / 1000;
        for word in [
            seconds,
            micros,
            kept.try_into().unwrap(),
            frame.len().try_into().unwrap(),
        ] {
            bytes.extend(u32::try_from(word).unwrap().to_le_bytes());
        }
        bytes.extend(&frame[..kept]);
    }
    bytes
}

/// Both sides speak in turn, and nothing that they say was captured: holes must not be kept without end.
#[test]
fn a_capture_of_headers_alone_is_read_and_hides_no_session() {
    let long = "x".repeat(20);
    let turns = format!("> {long}\n< {long}\n").repeat(limits::PROBE_PIECES);
    let other = packets(&format!(
        "client 198.51.100.7:1024\nserver 192.0.2.10:2222\n{turns}"
    ));
    let refused = packets("start 2026-03-01T00:00:01Z\n! syn refused");
    let findings = read("x.pcap", &headers_of(&merge(vec![other, refused])));
    assert_eq!((sessions(&findings), replies(&findings)), (1, 0));
}

/// One SYN that nobody answers is an attempt once it would have been sent again.
#[test]
fn a_syn_is_an_attempt_once_it_would_have_been_sent_again() {
    let told = |seconds: u64| {
        let mut syn = packets("client 198.51.100.7:1024\n! syn unanswered");
        syn.truncate(1);
        let mut last =
            packets("server 192.0.2.10:2222\nclient 198.51.100.8:1024\n! syn unanswered");
        last.truncate(1);
        last[0].at_ns = syn[0].at_ns + i64::try_from(seconds).unwrap() * SECOND;
        sessions(&of_packets(&merge(vec![syn, last])))
    };
    assert_eq!(told(limits::SYN_SECONDS - 1), 0);
    assert_eq!(told(limits::SYN_SECONDS), 1);
}

#[test]
fn a_packet_some_seconds_back_is_told_and_one_some_milliseconds_is_not() {
    let set_back = |nanos: i64| {
        let mut packets = packets("< 220 hi\n> NOOP\n< 200 ok");
        let middle = packets.len() / 2;
        for packet in &mut packets[middle..] {
            packet.at_ns -= nanos;
        }
        let findings = of_packets(&packets);
        assert_eq!(replies(&findings), 2);
        count(&findings, DiagnosticKind::Malformed)
    };
    let bound = i64::try_from(limits::CLOCK_BACK_SECONDS).unwrap() * SECOND;
    assert_eq!(set_back(bound / 2), 0);
    assert_eq!(set_back(2 * bound), 1);
}

#[test]
fn replies_of_many_bytes_are_cut_and_what_follows_is_heard() {
    let lines = format!("<+ {}\n", "x".repeat(limits::CONTROL_LINE_BYTES - 10));
    let lines = lines.repeat(limits::REPLY_BYTES / limits::CONTROL_LINE_BYTES + 4);
    let findings = of_talk(&format!(
        "< 220 hi\n> STAT\n< 211-a\n{lines}<+ 211 end\n> NOOP\n< 200 ok"
    ));
    assert_eq!(replies(&findings), 3);
    let told = limits_of(&findings);
    assert!(
        told.iter()
            .any(|words| words.starts_with("a reply is longer")),
        "{told:?}"
    );
}

#[test]
fn names_and_texts_are_kept_up_to_a_bound() {
    let long = "n".repeat(60_000);
    let findings = of_talk(&format!(
        "< 220 hi\n> USER {long}\n< 331 pw\n> PASS x\n< 530 {long}\n> CWD {long}\n< 550 {long}\n> NOOP\n< 200 ok"
    ));
    let (session, _) = only(&findings);
    assert_eq!(replies(&findings), 5);
    let user = session.user.as_ref().unwrap();
    assert_eq!(user.bytes().len(), limits::ARGUMENT_BYTES);
    for exchange in &session.exchanges {
        let argument = exchange.command.as_ref().and_then(|c| c.argument.as_ref());
        assert!(argument.is_none_or(|text| text.bytes().len() <= limits::ARGUMENT_BYTES));
        let text = &exchange.last.as_ref().unwrap().text;
        assert!(text.bytes().len() <= limits::REPLY_TEXT_BYTES);
    }
    let told = limits_of(&findings);
    assert!(
        told.iter()
            .any(|words| words.starts_with("a line of a control connection")),
        "{told:?}"
    );
}

/// What is half open is given up in the order of its silence; what speaks is not.
#[test]
fn a_flood_of_syns_hides_no_session() {
    let one = packets("client 203.0.113.7:1024\n! syn unanswered").remove(0);
    let flood = (0..3000_u32).map(|nth| Packet {
        at_ns: one.at_ns + i64::from(nth) * 1_000_000,
        src: format!("203.0.{}.{}:{}", 113 + nth % 2, nth % 250, 1024 + nth)
            .parse()
            .unwrap(),
        seq: nth * 70_000,
        ..one.clone()
    });
    let flood: Vec<_> = flood.collect();
    assert!(flood.iter().all(|packet| packet.flags == SYN));
    let talk = packets(
        "start 2026-03-01T00:00:01Z\n< 220 hi\n> NOOP\n< 200 ok\n> QUIT\n< 221 bye\n! server fin",
    );
    let findings = of_packets(&merge(vec![flood, talk]));
    assert_eq!(replies(&findings), 3);
    let spoken = findings
        .sessions
        .iter()
        .filter(|(session, _)| session.replies > 0);
    assert_eq!(spoken.count(), 1);
}

#[test]
fn what_says_nothing_for_an_hour_is_given_up() {
    let end = |seconds: u64| {
        let talk = packets("< 220 hi\n> USER bob\n< 331 pw");
        let mut last =
            packets("server 192.0.2.10:2222\nclient 198.51.100.8:1024\n! syn unanswered");
        last.truncate(1);
        last[0].at_ns = talk.last().unwrap().at_ns + i64::try_from(seconds).unwrap() * SECOND;
        let findings = of_packets(&merge(vec![talk, last]));
        assert_eq!(replies(&findings), 2);
        only(&findings).0.end().id()
    };
    assert_eq!(end(limits::CONNECTION_IDLE_SECONDS - 1), "input-ended");
    assert_eq!(end(limits::CONNECTION_IDLE_SECONDS), "idle");
}
