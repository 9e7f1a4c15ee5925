//! Filters: what they keep, what they leave out, and that the two are all there is.

use std::path::{Path, PathBuf};

use ftpwhy::filter::{Filter, Now, Words};
use ftpwhy::run::{Findings, Wanted};
use ftpwhy::time::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;

use crate::cli::ftpwhy;
use crate::support::{Temporary, run_with, settings};
use crate::synth::{Container, Conversation, capture, merge};
use crate::traffic::{Rng, random_conversation, vsftpd_log};

pub(crate) fn filter(set: impl FnOnce(&mut Words)) -> Option<Filter> {
    let mut words = Words::default();
    set(&mut words);
    let now = Now::new(Timestamp::from_nanos(0), TimeZone::UTC);
    Filter::read(&words, &now).expect("a filter")
}

fn run(path: &Path, wanted: Wanted, filter: Option<Filter>) -> (Findings, Vec<Value>) {
    let mut settings = settings(&[path], wanted);
    settings.filter = filter;
    let (findings, rows) = run_with(&settings);
    let rows = rows.lines().map(|l| serde_json::from_str(l).unwrap());
    (findings, rows.collect())
}

/// Sessions, replies, failures, settled exchanges, transfers.
fn numbers(findings: &Findings) -> [u64; 5] {
    let tallies = findings.tallies.by_vantage.values();
    let mut sum = [0; 5];
    for tally in tallies {
        let failures = tally.causes.values().map(|t| t.count);
        sum[0] += tally.sessions.total;
        sum[1] += tally.observed.total();
        sum[2] += failures.sum::<u64>();
        sum[3] += tally.exchanges.total();
        sum[4] += tally.transfers.values().map(|t| t.files).sum::<u64>();
    }
    sum
}

fn left_out(findings: &Findings) -> (u64, u64) {
    let tallies = findings.tallies.by_vantage.values();
    let sums = tallies.map(|t| (t.left_out.sessions, t.left_out.operations));
    sums.fold((0, 0), |(a, b), (c, d)| (a + c, b + d))
}

/// Random conversations as a capture and as a log.
fn inputs(directory: &Temporary) -> [PathBuf; 2] {
    let mut rng = Rng::new(77);
    let talks: Vec<Conversation> = (0..80).map(|n| random_conversation(&mut rng, n)).collect();
    let packets = talks.iter().map(Conversation::packets).collect();
    let packets = capture(&merge(packets), Container::PcapNanos);
    [
        directory.file("a.pcap", &packets),
        directory.file("vsftpd.log", vsftpd_log(&talks, 100).as_bytes()),
    ]
}

/// Whatever is asked of sessions: those kept and those left out are all, and so are their numbers.
#[test]
fn a_session_is_kept_whole_or_left_out_whole() {
    let directory = Temporary::new();
    for path in inputs(&directory) {
        let (all, _) = run(&path, Wanted::Tallies, None);
        let all = numbers(&all);
        let asked: [fn(&mut Words, bool); 3] = [
            |w, not| w.users.push(if not { "!a*" } else { "a*" }.into()),
            |w, not| {
                w.clients.push(
                    if not {
                        "!198.51.100.8/29"
                    } else {
                        "198.51.100.8/29"
                    }
                    .into(),
                );
            },
            |w, not| {
                w.sessions
                    .push(if not { "![0-7]" } else { "7" }.replace("[0-7]", "7"));
            },
        ];
        for set in asked {
            let (kept, _) = run(&path, Wanted::Tallies, filter(|w| set(w, false)));
            let (rest, _) = run(&path, Wanted::Tallies, filter(|w| set(w, true)));
            let (a, b) = (numbers(&kept), numbers(&rest));
            assert_eq!(left_out(&kept), (b[0], 0));
            assert_eq!(left_out(&rest), (a[0], 0));
            assert!(a[0] > 0 && b[0] > 0, "{a:?} {b:?}");
            let sum: Vec<u64> = a.iter().zip(b).map(|(a, b)| a + b).collect();
            assert_eq!(sum, all);
        }
    }
}

/// Whatever is asked of operations: each is kept by a condition or by its contrary.
#[test]
fn an_operation_is_kept_or_left_out() {
    let directory = Temporary::new();
    for path in inputs(&directory) {
        let (all, _) = run(&path, Wanted::Tallies, None);
        let all = numbers(&all);
        let asked: [fn(&mut Words, bool); 4] = [
            |w, not| {
                w.codes
                    .push(if not { "!5xx,!226" } else { "5xx,226" }.into());
            },
            |w, not| {
                w.commands
                    .push(if not { "!RETR,!PASS" } else { "RETR,PASS" }.into());
            },
            |w, not| w.paths.push(if not { "!data-*" } else { "data-*" }.into()),
            |w, not| {
                let half = Some("2026-03-01T00:03:00Z".to_owned());
                if not { w.since = half } else { w.until = half }
            },
        ];
        for (number, set) in asked.into_iter().enumerate() {
            let (kept, _) = run(&path, Wanted::Tallies, filter(|w| set(w, false)));
            let (rest, _) = run(&path, Wanted::Tallies, filter(|w| set(w, true)));
            let (a, b) = (numbers(&kept), numbers(&rest));
            for (place, what) in ["replies", "failures", "exchanges", "transfers"]
                .iter()
                .enumerate()
            {
                let place = place + 1;
                assert_eq!(
                    a[place] + b[place],
                    all[place],
                    "{what} of {number} in {path:?}"
                );
            }
            assert!(a[1] > 0 && b[1] > 0, "{number}: {a:?} {b:?}");
            assert_eq!(a[0] + left_out(&kept).0, all[0]);
        }
    }
}

/// Two sessions: alice fails with 550 at 10:00 and is fine at 10:10; bob's password is wrong at 10:05.
fn two(directory: &Temporary) -> PathBuf {
    let alice = "client 198.51.100.7:40001\nstart 2026-03-01T10:00:00Z\n< 220 hi\n> USER alice\n< 331 pw\n> PASS x\n< 230 in\n\
                 > RETR in/gone.csv\n< 550 No such file.\n> NOOP\n< 200 ok\n> QUIT\n< 221 bye\n! server fin";
    let bob = "client 198.51.100.8:40002\nstart 2026-03-01T10:05:00Z\n< 220 hi\n> USER bob\n< 331 pw\n> PASS x\n\
               < 530 Login incorrect.\n> QUIT\n< 221 bye\n! server fin";
    let talks = [alice, bob].map(Conversation::parse);
    let packets = talks.iter().map(Conversation::packets).collect();
    directory.file("two.pcap", &capture(&merge(packets), Container::PcapNanos))
}

fn codes(findings: &Findings) -> Vec<(u16, u64)> {
    let tally = findings
        .tallies
        .by_vantage
        .values()
        .next()
        .expect("a vantage");
    tally
        .observed
        .iter()
        .map(|(code, n)| (code.number(), n))
        .collect()
}

#[test]
fn causes_and_sides_keep_what_failed_for_them() {
    let directory = Temporary::new();
    let path = two(&directory);
    let (found, _) = run(
        &path,
        Wanted::Sessions,
        filter(|w| w.causes.push("path-*".into())),
    );
    assert_eq!(codes(&found), [(550, 1)]);
    // What is shown step by step is shown whole.
    assert_eq!(found.sessions.len(), 1);
    assert_eq!(found.sessions[0].0.exchanges.len(), 6);
    let (found, _) = run(
        &path,
        Wanted::Tallies,
        filter(|w| w.causes.push("!path-*".into())),
    );
    assert_eq!(codes(&found), [(530, 1)]);
    let (found, _) = run(
        &path,
        Wanted::Tallies,
        filter(|w| w.sides.push("network".into())),
    );
    assert_eq!((numbers(&found)[0], left_out(&found).0), (0, 2));
    let (found, _) = run(&path, Wanted::Tallies, filter(|w| w.failed = true));
    assert_eq!(numbers(&found)[0], 2);
    // Guessing shows only where all sessions are counted: the refused logins are what there is of it.
    let guessed = filter(|w| w.causes.push("abuse-brute-force".into()));
    assert_eq!(codes(&run(&path, Wanted::Tallies, guessed).0), [(530, 1)]);
}

#[test]
fn events_are_those_of_what_is_kept() {
    let directory = Temporary::new();
    let path = two(&directory);
    let told = |filter| {
        let (_, rows) = run(&path, Wanted::Events, filter);
        let word = |row: &Value| {
            let word = row.get("verb").or(row.get("code")).unwrap_or(&row["kind"]);
            word.to_string().replace('"', "")
        };
        rows.iter().map(word).collect::<Vec<_>>().join(" ")
    };
    let all = told(None);
    let of = |set: fn(&mut Words)| told(filter(set));
    assert_eq!(of(|w| w.codes.push("550".into())), "RETR 550");
    assert_eq!(of(|w| w.causes.push("auth-*".into())), "PASS 530");
    assert_eq!(of(|w| w.paths.push("*.csv".into())), "RETR 550");
    assert_eq!(
        of(|w| w.users.push("bob".into())),
        "opened 220 USER 331 PASS 530 QUIT 221 closed"
    );
    let early = of(|w| w.until = Some("2026-03-01T10:04:00Z".into()));
    let late = of(|w| w.since = Some("2026-03-01T10:04:00Z".into()));
    assert_eq!(format!("{early} {late}"), all);
}

/// A session over the edge of the window is cut there.
#[test]
fn a_window_cuts_by_the_time_of_the_operation() {
    let directory = Temporary::new();
    let path = two(&directory);
    let (whole, _) = run(&path, Wanted::Sessions, None);
    let alice = &whole.sessions[0].0;
    let at = alice.exchanges[3].sent.unwrap();
    let since = filter(|w| w.since = Some(at.to_string()));
    let (found, _) = run(&path, Wanted::Tallies, since);
    let tally = found.tallies.by_vantage.values().next().unwrap();
    assert_eq!(tally.span.first(), Some(at));
    assert_eq!(left_out(&found), (0, 3));
    let until = filter(|w| w.until = Some(at.to_string()));
    let (found, _) = run(&path, Wanted::Tallies, until);
    assert_eq!(codes(&found), [(220, 1), (230, 1), (331, 1)]);
    assert_eq!(left_out(&found), (1, 3));
}

/// What a very long session no longer keeps is filtered when it is dropped.
#[test]
fn a_session_that_is_too_long_to_be_kept_is_filtered_as_well() {
    let directory = Temporary::new();
    let mut talk =
        "client 198.51.100.7:40001\n< 220 hi\n> USER alice\n< 331 pw\n> PASS x\n< 230 in\n"
            .to_owned();
    for _ in 0..5000 {
        talk.push_str("> NOOP\n< 200 ok\n> PWD\n< 257 \"/\"\n");
    }
    talk.push_str("! server fin");
    let packets = Conversation::parse(&talk).packets();
    let path = directory.file("long.pcap", &capture(&packets, Container::PcapNanos));
    let noop = || filter(|w| w.commands.push("NOOP".into()));
    let (found, _) = run(&path, Wanted::Tallies, noop());
    assert_eq!(codes(&found), [(200, 5000)]);
    let (_, rows) = run(&path, Wanted::Events, noop());
    assert_eq!(rows.len(), 10_000);
    let bob = filter(|w| w.users.push("bob".into()));
    let (found, rows) = run(&path, Wanted::Events, bob);
    assert_eq!((rows.len(), left_out(&found)), (0, (1, 0)));
}

#[test]
fn the_report_says_what_was_left_out() {
    let directory = Temporary::new();
    let path = two(&directory);
    let path = path.to_str().unwrap();
    let output = ftpwhy(&[path, "--user", "alice", "--code", "5xx"]);
    let text = String::from_utf8(output.stdout).unwrap();
    let line = "filtered --user alice --code 5xx";
    assert!(text.contains(line), "{text}");
    assert!(
        text.contains("1 of 2 sessions left out, and 5 operations of the others"),
        "{text}"
    );
    let output = ftpwhy(&[
        "codes",
        path,
        "--json",
        "-c",
        "!198.51.100.8",
        "--command",
        "RETR",
    ]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let expected = serde_json::json!({
        "conditions": {"client": "!198.51.100.8", "command": "RETR"},
        "left_out": [{"vantage": "wire", "of": 2, "sessions": 1, "operations": 5}],
    });
    assert_eq!(report["filtered"], expected);
    assert_eq!(report["replies"]["total"], 1);
    let output = ftpwhy(&["sessions", path, "-u", "nobody"]);
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(
        told.contains("filtered by --user nobody: 2 of 2 sessions left out"),
        "{told}"
    );
}

#[test]
fn now_can_be_given_and_a_wrong_time_is_pointed_at() {
    let directory = Temporary::new();
    let path = two(&directory);
    let path = path.to_str().unwrap();
    let options = [
        "--now",
        "2026-03-01T10:06:00Z",
        "-S",
        "-3min",
        "--json",
        "--tz",
        "UTC",
    ];
    let output = ftpwhy(&[&[path], &options[..]].concat());
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        report["filtered"]["conditions"]["since"],
        "2026-03-01T10:03:00Z"
    );
    assert_eq!(report["sessions"]["total"], 1);
    let output = ftpwhy(&[path, "-S", "2026-03-01T10:60"]);
    assert_eq!(output.status.code(), Some(2));
    let told = String::from_utf8(output.stderr).unwrap();
    let expected = "ftpwhy: --since: a minute is a number from 00 to 59\n        2026-03-01T10:60\n                      ^\n";
    assert_eq!(told, expected);
}

/// Names made to act on a terminal, a table or a mail are found by patterns and harmless in what is said of the filter.
#[test]
fn hostile_names_and_patterns_act_on_nothing() {
    let directory = Temporary::new();
    let talk = "client 198.51.100.7:40001\n< 220 hi\n> USER \\x1b[2J<b>=1+1|\n< 331 pw\n> PASS x\n< 530 no\n! server fin";
    let packets = Conversation::parse(talk).packets();
    let path = directory.file("evil.pcap", &capture(&packets, Container::PcapNanos));
    let path = path.to_str().unwrap();
    for command in ["report", "codes", "causes", "sessions", "timeline"] {
        let output = ftpwhy(&[
            command,
            path,
            "-u",
            "\u{1b}[[]2J<b>=*",
            "--path",
            "!\u{202e}\n*",
        ]);
        for text in [&output.stdout, &output.stderr] {
            let text = String::from_utf8(text.clone()).unwrap();
            assert!(
                !text.contains(['\u{1b}', '\u{202e}']),
                "{command}: {text:?}"
            );
        }
        let told = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(
            told.contains("0 of 1 session left out"),
            "{command}: {told}"
        );
    }
}
