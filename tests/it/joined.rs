//! A capture and a log of the same sessions: each session once, whatever the clocks say.

use std::path::Path;

use ftpwhy::report::json;
use ftpwhy::run::Wanted;
use serde_json::Value;

use crate::support::{Temporary, run_with, settings};
use crate::synth::{Container, Conversation, capture, merge};
use crate::tls::{hello, record, rest_of_handshake, server_hello};
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

/// The same pcap (microseconds, little-endian) by a clock that is so many microseconds off.
fn by_another_clock(pcap: &[u8], micros: i64) -> Vec<u8> {
    let mut out = pcap.to_vec();
    let number = |at: usize| u32::from_le_bytes(pcap[at..at + 4].try_into().unwrap());
    let mut at = 24;
    while at < pcap.len() {
        let time = i64::from(number(at)) * 1_000_000 + i64::from(number(at + 4)) + micros;
        let seconds = u32::try_from(time / 1_000_000).unwrap();
        let rest = u32::try_from(time % 1_000_000).unwrap();
        out[at..at + 4].copy_from_slice(&seconds.to_le_bytes());
        out[at + 4..at + 8].copy_from_slice(&rest.to_le_bytes());
        at += 16 + usize::try_from(number(at + 8)).unwrap();
    }
    out
}

/// A recording and the log of the server in it, whose stamps are whole seconds: both clocks are those of one machine, so
/// what is planted is what must be found.
#[test]
fn a_planted_difference_is_found_to_ten_milliseconds() {
    let directory = Temporary::new();
    let demo = crate::support::testdata().join("demo");
    let recording = std::fs::read(demo.join("password-guessing.pcap")).unwrap();
    let log = demo.join("password-guessing.vsftpd.log");
    let differences = [
        (0, 0.0),
        (3_412_000, 3.412),
        (-3_412_000, -3.412),
        (3_600_000_000, 3600.0),
        (-7_200_000_000, -7200.0),
        (3_603_412_000, 3603.412),
    ];
    for (planted, seconds) in differences {
        let path = directory.file("a.pcap", &by_another_clock(&recording, -planted));
        let (rows, told) = sessions(&[&path, &log]);
        let both = |row: &&Value| row["origins"].as_array().unwrap().len() == 2;
        assert_eq!(
            rows.iter().filter(both).count(),
            rows.len(),
            "{planted}: {told:?}"
        );
        let (found, within) = clock(&told).expect("a clock");
        assert!(
            f64::abs(found - seconds) <= 0.01 && within <= 0.01,
            "{planted}: {told:?}"
        );
    }
}

/// What is told of a capture and a log whose clock is so many seconds ahead: the sessions that are left, and how it came.
fn by_zone(talks: &[Conversation], logged: &[Conversation], seconds: i64) -> (usize, Vec<String>) {
    let directory = Temporary::new();
    let pcap = directory.file("a.pcap", &packets(talks));
    let words = vsftpd_log(&later(logged, seconds * SECOND), 100);
    let log = directory.file("vsftpd.log", words.as_bytes());
    let (rows, told) = sessions(&[&pcap, &log]);
    let about = |words: &String| words.contains("joined with");
    (rows.len(), told.into_iter().filter(about).collect())
}

/// Behind TLS a capture has few words in clear. A port that both have is worth more than these.
#[test]
fn a_zone_is_proven_by_a_port_that_tls_hid() {
    let (client, server) = (hello(""), server_hello());
    let begin = "< 220 ready\n> AUTH TLS\n< 234 go\n";
    let hidden = |port: u8| {
        format!(
            "{begin}> {client}\\c\n< {server}\\c\n! lost < 227 ok (192,0,2,10,200,{port})\n\
             ! data opened 800 server fin\nwait 1s\n! client fin"
        )
    };
    let clear = |port: u8| {
        format!(
            "{begin}> USER bob\n< 331 pw\n> PASS x\n< 230 in\n> PASV\n\
             < 227 Entering Passive Mode (192,0,2,10,200,{port}).\n> LIST\n< 150 go\n< 226 ok\n! client fin"
        )
    };
    let heard = [Conversation::parse(&hidden(1))];
    let told = |port: u8| [Conversation::parse(&clear(port))];
    for seconds in [3600, -7200, 19_803] {
        let (left, words) = by_zone(&heard, &told(1), seconds);
        assert_eq!(left, 1, "{seconds}: {words:?}");
        // Another port is another session's.
        let (left, words) = by_zone(&heard, &told(2), seconds);
        assert_eq!(left, 2, "{seconds}: {words:?}");
        assert!(
            words.iter().all(|w| w.starts_with("not joined")),
            "{words:?}"
        );
    }
}

/// A name and a password are said by everybody, so they prove no zone; that is told, and what can be done.
#[test]
fn what_any_session_says_proves_no_zone() {
    let login = |host: u8, port: u16, start: &str| {
        Conversation::parse(&format!(
            "client 198.51.100.{host}:{port}\nstart 2026-03-01T{start}Z\n< 220 ready\n> USER alice\n\
             < 331 go on\n> PASS x\n< 530 no\n! server fin"
        ))
    };
    let alone = [login(11, 40_001, "10:00:07")];
    let (left, words) = by_zone(&alone, &alone, 3600);
    assert_eq!(left, 2);
    let told = "1 of 1 sessions would fit if the clock were about +3600 s";
    assert!(
        words[0].starts_with("not joined with ") && words[0].contains(told),
        "{words:?}"
    );
    assert!(words[0].contains("--log-tz"), "{words:?}");
    // Several that are as far apart on either side do; with other spaces between them they do not.
    let several = |times: [&str; 3]| {
        [11, 12, 13].map(|host| login(host, 40_000, times[usize::from(host) - 11]))
    };
    let heard = several(["10:00:00", "10:00:13", "10:02:07"]);
    assert_eq!(by_zone(&heard, &heard, 3600).0, 3);
    let others = several(["10:00:00", "10:00:53", "10:03:11"]);
    assert_eq!(by_zone(&heard, &others, 3600).0, 6);
    // A difference that is no zone's is not proven by so little, however well it fits.
    let (left, words) = by_zone(&heard, &heard, 3650);
    assert_eq!(left, 6);
    assert!(words[0].contains("no zone differs so"), "{words:?}");
}

/// A script that runs every hour says the same each time, but for what failed.
#[test]
fn what_is_left_over_on_both_sides_speaks_against_a_zone() {
    let talk = |host: u8, start: &str, words: &str| {
        Conversation::parse(&format!(
            "client 198.51.100.{host}:40001\nstart 2026-03-01T10:{start}Z\n< 220 ready\n> USER alice\n\
             < 331 go on\n> PASS x\n{words}> QUIT\n< 221 bye\n! server fin"
        ))
    };
    let run = |words: &str| {
        let [done, tried] = ["< 230 in\n> NOOP\n< 200 ok\n", words];
        let talks = [
            (11, "00:07", done),
            (12, "00:19", done),
            (13, "01:02", done),
            (13, "02:03", tried),
        ];
        talks.map(|(host, start, words)| talk(host, start, words))
    };
    let heard = run("< 530 no\n");
    assert_eq!(by_zone(&heard, &heard, 3600).0, 4);
    let (left, words) = by_zone(&heard, &run("< 230 in\n> DELE a\n< 550 no\n"), 3600);
    assert_eq!(left, 8);
    assert!(words[0].contains("contradict one another"), "{words:?}");
    // What only one side holds says nothing: the other one may have begun later.
    assert_eq!(by_zone(&heard, &heard[..3], 3600).0, 4);
}

/// The same words at the same distance, twice: either may be it.
#[test]
fn two_differences_that_explain_as_much_are_told() {
    let talk = |start: &str| {
        Conversation::parse(&format!(
            "start 2026-03-01T{start}Z\n< 220 ready\n> USER alice\n< 331 go on\n> PASS x\n< 230 in\n\
             > NOOP\n< 200 ok\n> QUIT\n< 221 bye\n! server fin"
        ))
    };
    let logged = [talk("11:00:00"), talk("12:00:00")];
    let (left, words) = by_zone(&[talk("10:00:00")], &logged, 0);
    assert_eq!(left, 3);
    assert!(
        words[0].contains("other differences explain as much"),
        "{words:?}"
    );
}

fn events(paths: &[&Path]) -> Vec<Value> {
    let (_, rows) = run_with(&settings(paths, Wanted::Events));
    rows.lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect()
}

/// Every event once, with the place in the log beside that in the capture.
#[test]
fn events_of_a_joined_session_are_told_once_with_both_places() {
    let directory = Temporary::new();
    let (pcap, log) = (directory.path("a.pcap"), directory.path("vsftpd.log"));
    let talks = conversations(11, 40);
    std::fs::write(&pcap, packets(&talks)).unwrap();
    std::fs::write(&log, vsftpd_log(&later(&talks, 3412 * SECOND / 1000), 100)).unwrap();
    let (alone, both) = (events(&[&pcap]), events(&[&pcap, &log]));
    let bare = |row: &Value| {
        let mut row = row.clone();
        row.as_object_mut().unwrap().remove("also");
        row.to_string()
    };
    let sorted = |rows: &[Value]| {
        let mut rows: Vec<String> = rows.iter().map(bare).collect();
        rows.sort();
        rows
    };
    assert_eq!(
        sorted(&alone),
        sorted(&both),
        "nothing was hidden, so nothing is added"
    );
    let is_reply = |row: &&Value| row["kind"] == "reply";
    let replies = both.iter().filter(is_reply).count();
    let told_twice = both
        .iter()
        .filter(|row| row["also"]["source"].is_string())
        .count();
    assert!(told_twice * 10 > replies * 8, "{told_twice} of {replies}");
    for row in both.iter().filter(|row| !row["also"].is_null()) {
        assert!(
            is_reply(&row) && row["origin"]["source"] != row["also"]["source"],
            "{row}"
        );
    }
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        pool.build().unwrap().install(|| events(&[&log, &pcap]))
    };
    assert_eq!(with(1), both);
    assert_eq!(with(8), both);
}

/// What TLS hides is told by the log under the session's id, at the capture's time; what only the log holds stays its own.
#[test]
fn events_that_tls_hides_come_from_the_log() {
    let demo = crate::support::testdata().join("demo");
    let pcap = demo.join("tls-session-not-reused.pcap");
    let log = demo.join("tls-session-not-reused.vsftpd.log");
    let rows = events(&[&pcap, &log]);
    let first = &rows[0]["session"];
    assert!(rows.iter().all(|row| row["session"] == *first), "{rows:?}");
    let codes = |vantage: &str| {
        let of = rows
            .iter()
            .filter(|row| row["vantage"] == vantage && row["kind"] == "reply");
        of.map(|row| row["code"].as_u64().unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(codes("wire"), [220, 234]);
    assert_eq!(
        codes("server-log"),
        [200, 200, 331, 230, 227, 150, 226, 227, 150, 522]
    );
    let times: Vec<_> = rows.iter().filter_map(|row| row["at"].as_str()).collect();
    assert!(times.is_sorted(), "{times:?}");
    let hidden = |row: &&Value| row["verb"] == "PASS";
    let password = rows.iter().find(hidden).expect("PASS");
    assert_eq!(
        (&password["argument"], &password["secret"]),
        (&Value::Null, &true.into())
    );
    let mut filtered = settings(&[&pcap, &log], Wanted::Events);
    let words = ftpwhy::filter::Words {
        codes: vec!["522".to_owned()],
        ..ftpwhy::filter::Words::default()
    };
    let now = ftpwhy::filter::Now::new(ftpwhy::time::Timestamp::default(), jiff::tz::TimeZone::UTC);
    filtered.filter = ftpwhy::filter::Filter::read(&words, &now).unwrap();
    let (_, told) = run_with(&filtered);
    let told: Vec<Value> = told
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    let answered: Vec<_> = told.iter().filter(|row| row["kind"] == "reply").collect();
    assert!(answered.iter().any(|row| row["code"] == 522), "{told:?}");
    assert!(
        answered
            .iter()
            .all(|row| row["code"] == 522 || row["code"] == 150),
        "{told:?}"
    );
}

/// A log without words tells a transfer's code, and the capture that the data connection took up no session of TLS.
#[test]
fn a_data_connection_that_tls_hides_is_tied_by_its_order() {
    let directory = Temporary::new();
    let (pcap, log) = (directory.path("a.pcap"), directory.path("access.log"));
    let (content, client) = (record(23, &[0xbb; 40]), hello(""));
    let control = format!(
        "< 220 hi\n> AUTH TLS\n< 234 go\n> {client}\\c\n{}> {content}\\c\nwait 1s\n< {content}\\c\n! server fin",
        rest_of_handshake()
    );
    let data = |moved: &str| {
        format!(
            "client 198.51.100.11:45000\nserver 192.0.2.10:51201\nstart 2026-03-01T00:00:00.105Z\n> {client}\\c\n{}{moved}! server fin",
            rest_of_handshake()
        )
    };
    let commands = [
        "AUTH TLS\" 234",
        "PROT P\" 200",
        "USER bob\" 331",
        "PASS (hidden)\" 230",
        "PASV\" 227",
        "LIST\" 425",
    ];
    let line = |command: &str| {
        format!("198.51.100.11 UNKNOWN - [01/Mar/2026:00:00:00 +0000] \"{command} -\n")
    };
    std::fs::write(&log, commands.map(line).concat()).unwrap();
    for (moved, cause) in [
        (String::new(), "tls-session-reuse-required"),
        (format!("< {content}\\c\n"), "data-passive-not-connected"),
    ] {
        let talks = [
            Conversation::parse(&control),
            Conversation::parse(&data(&moved)),
        ];
        std::fs::write(&pcap, packets(&talks)).unwrap();
        let (rows, told) = sessions(&[&pcap, &log]);
        assert_eq!(rows.len(), 1, "{told:?}");
        assert_eq!(
            rows[0]["failures"],
            serde_json::json!([cause]),
            "{}",
            rows[0]
        );
    }
}

/// The causes of the only session of a log.
fn causes_in_a_log(talk: &str) -> Vec<&'static str> {
    let directory = Temporary::new();
    let words = vsftpd_log(&[Conversation::parse(talk)], 10);
    let log = directory.file("vsftpd.log", words.as_bytes());
    let (findings, _) = run_with(&settings(&[&log], Wanted::Sessions));
    let failures = findings.sessions.iter().flat_map(|(_, failures)| failures);
    failures.map(|failure| failure.cause.name()).collect()
}

#[test]
fn a_command_that_led_to_nothing_is_told() {
    let login = "< 220 ready\n> USER alice\n< 331 go on\n> PASS x\n< 230 in\n";
    let passive = "> PASV\n< 227 Entering Passive Mode (192,0,2,10,195,80).\n";
    let quit = "> QUIT\n< 221 bye\n! server fin";
    for (talk, expected) in [
        (format!("{login}{passive}{quit}"), &["data-passive-not-connected"][..]),
        (format!("{login}{passive}{passive}{quit}"), &["data-passive-not-connected"]),
        // What was moved came somehow.
        (format!("{login}{passive}> LIST\n< 150 go\n< 226 ok\n{passive}{quit}"), &[]),
        (format!("{login}{passive}> PORT 198,51,100,11,200,1\n< 200 ok\n{quit}"), &[]),
        (format!("{login}{passive}> RETR a\n< 550 Failed to open file.\n{quit}"), &["path-unavailable"]),
        ("< 220 ready\n> AUTH TLS\n< 234 go\n! server fin".to_owned(), &["tls-handshake-failed"]),
        (
            "< 220 ready\n> AUTH TLS\n< 234 go\n< 421 No weak ciphers and no clear text here.\n! server fin".to_owned(),
            &["tls-handshake-failed"],
        ),
        (format!("< 220 ready\n> AUTH TLS\n< 234 go\n{quit}"), &[]),
    ] {
        assert_eq!(causes_in_a_log(&talk), expected, "{talk}");
    }
}
