//! Captures that go on for long: what was heard of no more is forgotten, what still speaks is not.

use std::fmt::Write as _;

use ftpwhy::limits;
use ftpwhy::run::Wanted;
use serde_json::Value;

use crate::support::{Temporary, run_with, settings};
use crate::synth::{Container, Conversation, Packet, capture, merge};

/// More connections than are watched without an end in sight, and their peers vanish.
fn vanishing() -> Vec<Packet> {
    let talks = 0..=limits::QUIET_CONNECTIONS;
    let packets = talks.map(|n| {
        let (host, port) = (1 + n % 250, 20_000 + n);
        let text = format!("client 203.0.113.{host}:{port}\n< 220 hi\n> USER bob");
        Conversation::parse(&text).packets()
    });
    merge(packets.collect())
}

/// How the sessions of a client's host end, in order, with the number of their replies.
fn ends(client: &str, packets: &[Packet]) -> Vec<String> {
    let temporary = Temporary::new();
    let path = temporary.file("x.pcap", &capture(packets, Container::PcapMicros));
    let (findings, _) = run_with(&settings(&[&path], Wanted::Sessions));
    let mut told = Vec::new();
    for (session, _) in &findings.sessions {
        let end = session.client.as_ref().unwrap().host.json();
        if end.starts_with(client) {
            told.push(format!("{} {}", session.end().id(), session.replies));
        }
    }
    told
}

fn one(middle: &str) -> Vec<Packet> {
    let mut text = String::from("client 198.51.100.7:40000\n< 220 hi\n");
    write!(text, "{middle}\n> QUIT\n< 221 bye\n! server fin").unwrap();
    Conversation::parse(&text).packets()
}

#[test]
fn a_session_that_speaks_again_after_hours_is_one_while_there_is_room() {
    let packets = merge(vec![
        one("wait 300m\n> NOOP\n< 200 ok"),
        Conversation::parse("start 2026-03-01T02:30:00Z\nclient 198.51.100.8:1024\n< 220 hi")
            .packets(),
    ]);
    assert_eq!(ends("198.51.100.7", &packets), ["goodbye 3"]);
}

#[test]
fn what_is_silent_for_an_hour_is_forgotten_where_much_is_open() {
    let later = "start 2026-03-01T02:30:00Z\nclient 198.51.100.8:1024\n< 220 hi\n! server fin";
    let packets = merge(vec![vanishing(), Conversation::parse(later).packets()]);
    let ended = ends("203.0.113.", &packets);
    assert_eq!(ended.len(), limits::QUIET_CONNECTIONS + 1);
    assert!(
        ended.iter().all(|end| end == "idle 1"),
        "{:?}",
        ended.first()
    );
}

#[test]
fn a_transfer_may_keep_its_control_connection_silent() {
    let transfer = "> PASV\n< 227 Entering Passive Mode (192,0,2,10,10,1)\n> RETR big\n< 150 here it comes\n\
                    wait 300m\n< 226 done";
    let later = "start 2026-03-01T02:30:00Z\nclient 198.51.100.8:1024\n< 220 hi\n! server fin";
    let packets = merge(vec![
        vanishing(),
        one(transfer),
        Conversation::parse(later).packets(),
    ]);
    assert_eq!(ends("198.51.100.7", &packets), ["goodbye 5"]);
}

#[test]
fn a_transfer_of_more_than_a_day_is_forgotten_where_much_is_open() {
    let minutes = limits::TRANSFER_SECONDS / 60;
    let transfer = format!(
        "> PASV\n< 227 Entering Passive Mode (192,0,2,10,10,1)\n> RETR big\n< 150 here it comes\n\
         wait {}m\n< 226 done",
        minutes + 60
    );
    let mut later = Conversation::parse("client 198.51.100.8:1024\n< 220 hi\n! server fin");
    later.start_ns += i64::try_from(minutes + 10).unwrap() * 60_000_000_000;
    // Nothing was silent for longer than the transfer.
    let mut others = vanishing();
    for packet in &mut others {
        packet.at_ns += 10_000_000_000;
    }
    let packets = merge(vec![others, one(&transfer), later.packets()]);
    // What is said a day later is heard as a session of its own.
    assert_eq!(ends("198.51.100.7", &packets), ["idle 3", "goodbye 2"]);
}

/// The last segment of a connection may be sent again for minutes.
#[test]
fn a_late_segment_of_a_connection_that_is_over_begins_no_session() {
    let mut packets = one("wait 1s");
    let mut late = packets
        .iter()
        .rfind(|p| !p.payload.is_empty())
        .unwrap()
        .clone();
    late.at_ns += (i64::try_from(limits::OVER_SECONDS).unwrap() - 10) * 1_000_000_000;
    packets.push(late);
    let other = "start 2026-03-01T00:04:00Z\nclient 198.51.100.8:1024\n< 220 hi\n! server fin";
    let packets = merge(vec![packets, Conversation::parse(other).packets()]);
    assert_eq!(ends("198.51.100.7", &packets), ["goodbye 2"]);
}

/// One wrong clock reading is no reason to forget what is open.
#[test]
fn a_packet_from_another_year_forgets_nothing() {
    let stray = "start 2038-01-01T00:00:00Z\nclient 198.51.100.8:1024\n! syn unanswered";
    let mut stray = Conversation::parse(stray).packets();
    stray.truncate(1);
    let mut packets = vanishing();
    packets.insert(packets.len() - 8, stray.remove(0));
    let ended = ends("203.0.113.", &packets);
    assert!(ended.iter().all(|end| end == "input-ended 1"));
}

#[test]
fn events_of_a_forgotten_connection_are_told_once() {
    let later = "start 2026-03-01T02:30:00Z\nclient 198.51.100.8:1024\n< 220 hi\n! server fin";
    let packets = merge(vec![vanishing(), Conversation::parse(later).packets()]);
    let temporary = Temporary::new();
    let path = temporary.file("x.pcap", &capture(&packets, Container::PcapMicros));
    let (_, events) = run_with(&settings(&[&path], Wanted::Events));
    let closed = events.lines().filter(|line| {
        let event: Value = serde_json::from_str(line).unwrap();
        event["kind"] == "closed"
    });
    assert_eq!(closed.count(), limits::QUIET_CONNECTIONS + 2);
}

#[test]
fn a_clock_that_goes_back_is_told() {
    let mut packets = one("> NOOP\n< 200 ok");
    let middle = packets.len() / 2;
    for packet in &mut packets[middle..] {
        packet.at_ns -= 3_600_000_000_000;
    }
    let temporary = Temporary::new();
    let path = temporary.file("x.pcap", &capture(&packets, Container::PcapMicros));
    let (findings, events) = run_with(&settings(&[&path], Wanted::Events));
    let told: Vec<_> = findings.tallies.diagnostics.iter().collect();
    let [(kind, reason, at)] = told[..] else {
        panic!("{told:?}")
    };
    assert_eq!(
        (kind.id(), at.first.record, at.count),
        ("malformed", middle as u64 + 1, 1)
    );
    assert!(reason.starts_with("the time goes back"), "{reason}");
    assert_eq!(crate::support::reply_codes(&events), [220, 200, 221]);
}
