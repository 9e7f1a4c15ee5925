//! A capture and a log of the same sessions: each session once, whatever the clocks say.

use std::path::Path;

use ftpwhy::report::json;
use ftpwhy::run::Wanted;
use serde_json::Value;

use crate::support::{Temporary, run_with, settings};
use crate::synth::{Container, Conversation, capture, merge};
use crate::tls::{hello, record, server_hello};
use crate::traffic::{Rng, random_conversation, vsftpd_log};

const SECOND: i64 = 1_000_000_000;

/// Conversations of which a log tells: those that were never answered are in no log.
fn conversations(seed: u64, count: u32) -> Vec<Conversation> {
    let mut rng = Rng::new(seed);
    let all = (0..count).map(|index| random_conversation(&mut rng, index));
    all.filter(|c| c.handshake).collect()
}

fn later(conversations: &[Conversation], nanos: i64) -> Vec<Conversation> {
    let mut later = conversations.to_vec();
    for conversation in &mut later {
        conversation.start_ns += nanos;
    }
    later
}

fn packets(conversations: &[Conversation]) -> Vec<u8> {
    let packets = conversations.iter().map(Conversation::packets).collect();
    capture(&merge(packets), Container::PcapNanos)
}

/// The rows of `sessions`, and all diagnostics' words.
fn sessions(paths: &[&Path]) -> (Vec<Value>, Vec<String>) {
    let (findings, _) = run_with(&settings(paths, Wanted::Sessions));
    let mut out = Vec::new();
    for (session, failures) in &findings.sessions {
        json::session(&mut out, session, failures, &findings.sources);
    }
    let rows = String::from_utf8(out).unwrap();
    let rows = rows.lines().map(|l| serde_json::from_str(l).unwrap());
    let told = findings.tallies.diagnostics.iter();
    let told = told.map(|(_, reason, _)| reason.to_owned()).collect();
    (rows.collect(), told)
}

/// The clock's difference and how sure it is, as told.
fn clock(told: &[String]) -> Option<(f64, f64)> {
    let words = told.iter().find(|words| words.starts_with("joined with"))?;
    let number = |before: &str| {
        let (_, rest) = words.split_once(before)?;
        rest.split_once(" s")?.0.parse::<f64>().ok()
    };
    Some((number("clock ")?, number("within ")?))
}

#[test]
fn a_capture_and_a_log_are_one_session_each() {
    let directory = Temporary::new();
    let (pcap, log) = (directory.path("a.pcap"), directory.path("vsftpd.log"));
    for (seed, ahead) in [(1, 0), (2, 3_412), (3, -3_600_000), (4, 7_200_250)] {
        let talks = conversations(seed, 120);
        std::fs::write(&pcap, packets(&talks)).unwrap();
        let logged = later(&talks, ahead * SECOND / 1000);
        std::fs::write(&log, vsftpd_log(&logged, 100)).unwrap();
        let (rows, told) = sessions(&[&pcap, &log]);
        let both = |row: &&Value| row["origins"].as_array().unwrap().len() == 2;
        let joined = rows.iter().filter(both).count();
        assert_eq!(rows.len(), talks.len(), "clock {ahead} ms: {told:?}");
        assert_eq!(joined, talks.len(), "clock {ahead} ms");
        let (found, within) = clock(&told).expect("a clock");
        let off = (found - f64::from(i32::try_from(ahead).unwrap()) / 1000.0).abs();
        assert!(off <= within + 0.001, "clock {ahead} ms: {told:?}");
        assert!(within < 0.05, "clock {ahead} ms: {told:?}");
    }
}

#[test]
fn joining_depends_on_no_order() {
    let directory = Temporary::new();
    let (pcap, log) = (directory.path("a.pcap"), directory.path("vsftpd.log"));
    let talks = conversations(9, 60);
    std::fs::write(&pcap, packets(&talks)).unwrap();
    std::fs::write(&log, vsftpd_log(&later(&talks, 1500 * SECOND / 1000), 7)).unwrap();
    let with = |threads, paths: &[&Path]| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| {
            let (findings, _) = run_with(&settings(paths, Wanted::Tallies));
            let tallies = format!("{:?}", findings.tallies);
            (format!("{:?}", sessions(paths)), tallies)
        })
    };
    let expected = with(1, &[&pcap, &log]);
    assert_eq!(with(2, &[&log, &pcap]), expected);
    assert_eq!(with(8, &[&pcap, &log]), expected);
}

/// What both hold counts once; the log's own sessions stay apart.
#[test]
fn what_is_joined_counts_once() {
    let directory = Temporary::new();
    let (pcap, log) = (directory.path("a.pcap"), directory.path("vsftpd.log"));
    let talks = conversations(5, 50);
    let (early, late) = talks.split_at(40);
    std::fs::write(&pcap, packets(early)).unwrap();
    std::fs::write(&log, vsftpd_log(&talks, 100)).unwrap();
    let numbers = |paths: &[&Path]| {
        let (findings, _) = run_with(&settings(paths, Wanted::Tallies));
        let tallies = findings.tallies.by_vantage.into_iter();
        let numbers = tallies.map(|(_, t)| (t.sessions.total, t.observed.total()));
        numbers.collect::<Vec<_>>()
    };
    let alone = numbers(&[&pcap]);
    let both = numbers(&[&pcap, &log]);
    assert_eq!(both.first(), alone.first());
    assert_eq!(both.get(1).map(|n| n.0), Some(late.len() as u64));
}

#[test]
fn what_tls_hides_comes_from_the_log() {
    let directory = Temporary::new();
    let (pcap, log) = (directory.path("a.pcap"), directory.path("vsftpd.log"));
    let clear = Conversation::parse(
        "< 220 ready\n> AUTH TLS\n< 234 Proceed with negotiation.\n> USER alice\n< 331 Password please.\n\
         > PASS secret\n< 530 Login incorrect.\n> QUIT\n< 221 Goodbye.\n! server fin",
    );
    std::fs::write(&log, vsftpd_log(std::slice::from_ref(&clear), 10)).unwrap();
    let (client, server) = (hello(""), server_hello());
    let data = record(23, b"what nobody can read");
    let words = format!("> {data}\\c\n< {data}\\c\n").repeat(3);
    let hidden = format!(
        "< 220 ready\n> AUTH TLS\n< 234 Proceed with negotiation.\n> {client}\\c\n< {server}\\c\n{words}! server fin"
    );
    std::fs::write(&pcap, packets(&[Conversation::parse(&hidden)])).unwrap();
    let (rows, told) = sessions(&[&pcap, &log]);
    assert_eq!(rows.len(), 1, "{told:?}");
    let row = &rows[0];
    assert_eq!(row["replies"], 5, "{row}");
    assert_eq!(row["user"], "alice");
    assert_eq!(row["failures"], serde_json::json!(["auth-bad-credentials"]));
    assert!(!row.to_string().contains("secret"));
}

/// Two sessions of one client at the same time, and one of them in the log: nobody can tell which.
#[test]
fn what_does_not_prove_itself_stays_apart() {
    let directory = Temporary::new();
    let (pcap, log) = (directory.path("a.pcap"), directory.path("vsftpd.log"));
    let say =
        "< 220 ready\n> USER alice\n< 331 Password please.\n> QUIT\n< 221 Goodbye.\n! server fin";
    let talk = |port: u16, start: &str| {
        Conversation::parse(&format!(
            "client 198.51.100.11:{port}\nstart 2026-03-01T{start}Z\n{say}"
        ))
    };
    let twins = [talk(40_001, "10:00:00"), talk(40_002, "10:00:00")];
    std::fs::write(&pcap, packets(&twins)).unwrap();
    std::fs::write(&log, vsftpd_log(&twins[..1], 10)).unwrap();
    assert_eq!(sessions(&[&pcap, &log]).0.len(), 3);
    std::fs::write(&log, vsftpd_log(&twins, 10)).unwrap();
    assert_eq!(sessions(&[&pcap, &log]).0.len(), 2);
    // The same words once, a little later: clocks may differ so, but one session proves too little.
    let alone = [talk(40_001, "10:01:40")];
    std::fs::write(&pcap, packets(&twins[..1])).unwrap();
    std::fs::write(&log, vsftpd_log(&alone, 10)).unwrap();
    assert_eq!(sessions(&[&pcap, &log]).0.len(), 2);
    std::fs::write(&pcap, packets(&twins)).unwrap();
    // The same words at another time, of which there are several: no clock is that wrong.
    let others = [talk(40_001, "10:20:00"), talk(40_002, "10:37:00")];
    std::fs::write(&log, vsftpd_log(&others, 10)).unwrap();
    assert_eq!(sessions(&[&pcap, &log]).0.len(), 4);
}
