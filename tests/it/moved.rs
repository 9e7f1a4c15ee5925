//! A capture and a log of transfers: each transfer once, in the session that made it.

use std::path::Path;

use ftpwhy::ftp::Vantage;
use ftpwhy::report::json;
use ftpwhy::run::Wanted;
use serde_json::Value;

use crate::support::{Temporary, run_with, settings};
use crate::synth::{Container, Conversation, capture};
use crate::traffic::vsftpd_log;

const LOGIN: &str = "< 220 hi\n> USER bob\n< 331 pw\n> PASS x\n< 230 in\n";
const QUIT: &str = "> QUIT\n< 221 bye\n! client fin";

/// A download of so many bytes over this port.
fn download(name: &str, bytes: u32, port: u8) -> String {
    format!(
        "> PASV\n< 227 ok (192,0,2,10,200,{port})\n> RETR {name}\n< 150 go\n! data opened {bytes} server fin\n< 226 done\n"
    )
}

fn upload(name: &str, bytes: u32, port: u8) -> String {
    let stor = download(name, bytes, port).replace("RETR", "STOR");
    stor.replace("server fin", "client fin")
}

/// A line of xferlog(5), so many seconds behind midnight: `500 /a b _ o r bob`.
fn line(seconds: u32, what: &str) -> String {
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let (size, rest) = what.split_once(' ').unwrap();
    format!(
        "Sun Mar  1 {hours:02}:{minutes:02}:{seconds:02} 2026 1 198.51.100.11 {size} {rest} ftp 0 * c\n"
    )
}

struct Told {
    sessions: Vec<Value>,
    events: Vec<Value>,
    words: Vec<String>,
    /// What shows the failures.
    proofs: Vec<String>,
    /// Sessions and transfers of the log alone.
    stray: (u64, u64),
}

fn told(talk: &str, log: &str) -> Told {
    let directory = Temporary::new();
    let packets = Conversation::parse(&format!("{LOGIN}{talk}{QUIT}")).packets();
    let pcap = directory.file("a.pcap", &capture(&packets, Container::PcapNanos));
    let log = directory.file("xferlog", log.as_bytes());
    let paths: [&Path; 2] = [&pcap, &log];
    let (findings, _) = run_with(&settings(&paths, Wanted::Sessions));
    let mut out = Vec::new();
    let mut proofs = Vec::new();
    for (session, failures) in &findings.sessions {
        let of = failures.iter().flat_map(|failure| &failure.proofs);
        proofs.extend(of.map(|proof| String::from_utf8_lossy(proof.text.bytes()).into_owned()));
        json::session(&mut out, session, failures, &findings.sources);
    }
    let read = |text: &str| -> Vec<Value> {
        let lines = text.lines();
        lines.map(|l| serde_json::from_str(l).unwrap()).collect()
    };
    let reasons = findings.tallies.diagnostics.iter();
    let words = reasons.map(|(_, reason, _)| reason.to_owned());
    let words = words.filter(|words| words.contains("joined with"));
    let stray = findings.tallies.by_vantage.get(&Vantage::TransferLog);
    Told {
        sessions: read(std::str::from_utf8(&out).unwrap()),
        events: read(&run_with(&settings(&paths, Wanted::Events)).1),
        words: words.collect(),
        proofs,
        stray: stray.map_or((0, 0), |t| {
            let transfers = t.transfers.values().map(|t| t.files);
            (t.sessions.total, transfers.sum())
        }),
    }
}

#[test]
fn transfers_are_given_to_the_session_that_made_them() {
    let talk = [
        download("a.txt", 500, 1),
        "wait 3s\n".to_owned(),
        upload("up/b.bin", 7000, 2),
        "> PASV\n< 227 ok (192,0,2,10,200,3)\n> RETR gone\n< 550 No such file.\n".to_owned(),
    ]
    .concat();
    let log = [
        line(0, "500 /srv/bob/a.txt b _ o r bob"),
        line(3, "7000 /srv/bob/up/b.bin b _ i r bob"),
        line(3, "0 /srv/bob/gone b _ o r bob"),
    ]
    .concat();
    let all = told(&talk, &log);
    assert_eq!(
        (all.sessions.len(), all.stray),
        (1, (0, 0)),
        "{:?}",
        all.words
    );
    assert_eq!(all.sessions[0]["origins"].as_array().unwrap().len(), 2);
    assert!(
        all.words[0].contains("in 3 of 3 transfers, clock "),
        "{:?}",
        all.words
    );
    let also = all.events.iter().filter(|e| e["also"].is_object());
    let also = also.map(|e| (e["code"].as_u64(), e["also"]["record"].as_u64()));
    let expected = [(226, 1), (226, 2), (550, 3)].map(|(code, line)| (Some(code), Some(line)));
    assert_eq!(also.collect::<Vec<_>>(), expected);
    assert!(all.events.iter().all(|e| e["vantage"] == "wire"));
    // A log of transfers has no codes, so none is shown as its own.
    assert_eq!(
        all.proofs,
        ["RETR gone -> 550 No such file.", "the same transfer"]
    );
    // What the capture does not hold stays the log's.
    let more = format!("{log}{}", line(4, "12 /srv/bob/other b _ o r bob"));
    let all = told(&talk, &more);
    assert_eq!(
        (all.sessions.len(), all.stray),
        (2, (1, 1)),
        "{:?}",
        all.words
    );
    assert!(
        all.words[0].contains("in 3 of 4 transfers"),
        "{:?}",
        all.words
    );
    let stray = all.events.iter().filter(|e| e["kind"] == "transfer");
    let stray: Vec<_> = stray.map(|e| e["path"].as_str().unwrap()).collect();
    assert_eq!(stray, ["/srv/bob/other"]);
}

#[test]
fn what_differs_or_occurs_twice_stays_apart() {
    let one = download("a.txt", 500, 1);
    for (seconds, what) in [
        (0, "501 /a.txt b _ o r bob"),
        (0, "500 /b.txt b _ o r bob"),
        (0, "500 /a.txt b _ i r bob"),
        (0, "500 /a.txt b _ o r alice"),
        // Clocks may differ so, but one transfer proves no zone.
        (3600, "500 /a.txt b _ o r bob"),
        (100, "500 /a.txt b _ o r bob"),
        // Sent to another server a little later.
        (4, "500 /a.txt b _ o r bob"),
    ] {
        let all = told(&one, &line(seconds, what));
        assert_eq!(
            (all.sessions.len(), all.stray),
            (2, (1, 1)),
            "{seconds} {what}"
        );
        assert_eq!(all.words, [""; 0], "{seconds} {what}");
    }
    let two = [&*one, &download("a.txt", 500, 2)].concat();
    let same = line(0, "500 /a.txt b _ o r bob");
    assert_eq!(told(&two, &same).stray, (1, 1));
    assert_eq!(told(&one, &same.repeat(2)).stray, (1, 2));
    // Further apart than the log's seconds are, they are two.
    let two = [&*one, "wait 5s\n", &download("a.txt", 500, 2)].concat();
    let both = [same, line(5, "500 /a.txt b _ o r bob")].concat();
    assert_eq!(told(&two, &both).stray, (0, 0));
}

/// Several names and sizes at the same distances prove a zone.
#[test]
fn the_zone_of_a_log_of_transfers_may_be_another() {
    let files: [(&str, u32); 5] = [("a", 500), ("b", 1), ("c", 90_000), ("d", 12), ("e", 77)];
    let (mut talk, mut log) = (String::new(), String::new());
    for (place, (name, bytes)) in (1..).zip(files) {
        talk += "wait 7s\n";
        talk += &download(name, bytes, place);
        log += &line(
            7200 + 7 * u32::from(place),
            &format!("{bytes} /{name} b _ o r bob"),
        );
    }
    let all = told(&talk, &log);
    assert_eq!(all.stray, (0, 0), "{:?}", all.words);
    assert!(all.words[0].contains("clock +7200."), "{:?}", all.words);
}

/// A server's log of the same machine has proven the zone.
#[test]
fn one_transfer_is_believed_by_a_clock_that_another_log_proved() {
    let directory = Temporary::new();
    let talk = format!(
        "start 2026-03-01T00:00:07Z\n{LOGIN}{}{QUIT}",
        download("a.txt", 500, 1)
    );
    let conversation = Conversation::parse(&talk);
    let pcap = directory.file(
        "a.pcap",
        &capture(&conversation.packets(), Container::PcapNanos),
    );
    let mut later = conversation;
    later.start_ns += 3_600_000_000_000;
    let log = directory.file("vsftpd.log", vsftpd_log(&[later], 10).as_bytes());
    let moved = line(3607, "500 /srv/a.txt b _ o r bob");
    let moved = directory.file("xferlog", moved.as_bytes());
    let sessions = |paths: &[&Path]| {
        let (findings, _) = run_with(&settings(paths, Wanted::Sessions));
        let sources = findings.sessions.iter().map(|(s, _)| s.sources.len());
        sources.collect::<Vec<_>>()
    };
    assert_eq!(sessions(&[&pcap, &moved]), [1, 1]);
    assert_eq!(sessions(&[&pcap, &log, &moved]), [3]);
}
