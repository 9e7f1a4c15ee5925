//! Numbers by user, hour, command and so on: they add up to the whole, whatever the threads.

use std::path::Path;

use ftpwhy::run::{Findings, Wanted};
use ftpwhy::tally::{By, Group, Grouping};
use jiff::tz::TimeZone;
use serde_json::Value;

use crate::cli::ftpwhy;
use crate::support::{Temporary, run_with, settings};
use crate::synth::{Container, Conversation, capture, merge};
use crate::traffic::{Rng, random_conversation, vsftpd_log};

const ALL: [By; 8] = [
    By::User,
    By::Client,
    By::Server,
    By::Hour,
    By::Weekday,
    By::Day,
    By::Command,
    By::Path,
];

fn run(path: &Path, by: By, zone: &str) -> Findings {
    let mut settings = settings(&[path], Wanted::Tallies);
    settings.grouping = Some(Grouping::new(by, TimeZone::get(zone).unwrap()));
    run_with(&settings).0
}

fn packets(talks: &[Conversation]) -> Vec<u8> {
    let packets = talks.iter().map(Conversation::packets).collect();
    capture(&merge(packets), Container::PcapNanos)
}

#[test]
fn groups_add_up_to_the_whole() {
    let directory = Temporary::new();
    let mut rng = Rng::new(4);
    let talks: Vec<_> = (0..60).map(|n| random_conversation(&mut rng, n)).collect();
    let inputs = [
        directory.file("a.pcap", &packets(&talks)),
        directory.file("vsftpd.log", vsftpd_log(&talks, 9).as_bytes()),
    ];
    for path in &inputs {
        for by in ALL {
            let findings = run(path, by, "Europe/Berlin");
            let tally = findings.tallies.by_vantage.values().next().unwrap();
            let rows: Vec<_> = tally.groups.iter().map(|(_, row)| row).collect();
            let sum = |of: fn(&&ftpwhy::tally::GroupTally) -> u64| rows.iter().map(of).sum::<u64>();
            let failures = tally.causes.iter().filter(|(key, _)| !key.1);
            let failures = failures.map(|(_, cause)| cause.count).sum::<u64>();
            let files = tally.transfers.values().map(|t| t.files).sum::<u64>();
            assert_eq!(
                sum(|row| row.replies.total()),
                tally.observed.total(),
                "{by:?} {path:?}"
            );
            assert_eq!(sum(|row| row.causes.total()), failures, "{by:?} {path:?}");
            assert_eq!(sum(|row| row.transfers), files, "{by:?} {path:?}");
            if !matches!(by, By::Command | By::Path) {
                assert_eq!(
                    sum(|row| row.sessions),
                    tally.sessions.total,
                    "{by:?} {path:?}"
                );
                assert_eq!(
                    sum(|row| row.failed),
                    tally.sessions.failed,
                    "{by:?} {path:?}"
                );
            }
            assert!(
                rows.iter().all(|row| row.failed <= row.sessions),
                "{by:?} {path:?}"
            );
        }
    }
}

#[test]
fn groups_depend_on_no_threads() {
    let directory = Temporary::new();
    let mut rng = Rng::new(6);
    let talks: Vec<_> = (0..60).map(|n| random_conversation(&mut rng, n)).collect();
    let path = directory.file("a.pcap", &packets(&talks));
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        let pool = pool.build().unwrap();
        let of = |by| format!("{:?}", run(&path, by, "UTC").tallies);
        pool.install(|| ALL.map(of))
    };
    let one = with(1);
    assert_eq!(with(2), one);
    assert_eq!(with(8), one);
}

/// Twice 23:30 UTC, on a Saturday and on a Sunday: in Kolkata it is 5 in the morning of the next days.
#[test]
fn hours_and_days_are_those_of_the_zone() {
    let directory = Temporary::new();
    let say = "< 220 hi\n> USER bob\n< 331 pw\n> PASS x\n< 530 no\n! server fin";
    let talk = |day: u32| {
        let port = 40_000 + day;
        Conversation::parse(&format!(
            "client 198.51.100.7:{port}\nstart 2026-03-{day:02}T23:30:00Z\n{say}"
        ))
    };
    let path = directory.file("a.pcap", &packets(&[talk(7), talk(8)]));
    let names = |by, zone| {
        let findings = run(&path, by, zone);
        let tally = findings.tallies.by_vantage.values().next().unwrap();
        let mut names: Vec<_> = tally
            .groups
            .iter()
            .map(|(g, row)| (g.clone(), row.sessions))
            .collect();
        names.sort();
        names
    };
    assert_eq!(names(By::Hour, "UTC"), [(Group::Number(23), 2)]);
    assert_eq!(names(By::Hour, "Asia/Kolkata"), [(Group::Number(5), 2)]);
    let (sunday, monday) = (Group::Number(6), Group::Number(0));
    assert_eq!(
        names(By::Weekday, "Asia/Kolkata"),
        [(monday, 1), (sunday, 1)]
    );
    let day = |day| (Group::Day(2026, 3, day), 1);
    assert_eq!(names(By::Day, "Asia/Kolkata"), [day(8), day(9)]);
}

fn told(arguments: &[&str]) -> String {
    let output = ftpwhy(arguments);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn tables_are_sorted_and_cut_as_asked() {
    let first = |arguments: &[&str]| {
        let text = told(&[arguments, &["testdata/demo"]].concat());
        let mut lines = text.lines().skip_while(|l| !l.contains(" BY ")).skip(2);
        let name = |line: &str| line.split_whitespace().next().map(str::to_owned);
        name(lines.next().unwrap()).unwrap()
    };
    assert_eq!(first(&["codes", "--by", "command"]), "PASS");
    assert_eq!(
        first(&["codes", "--by", "command", "--sort", "name"]),
        "APPE"
    );
    assert_eq!(first(&["causes", "--by", "client"]), "198.51.100.11");
    assert_eq!(first(&["sessions", "--by", "hour", "--tz", "UTC"]), "08:00");
    let text = told(&["codes", "testdata/demo", "--by", "command", "-n", "2"]);
    assert!(text.contains("more: -n 0 for all"), "{text}");
    assert_eq!(text.lines().count(), 2 + 1 + 2 + 1, "{text}");
    let rows = told(&[
        "sessions",
        "testdata/demo",
        "--sort",
        "bytes",
        "-n",
        "3",
        "--as",
        "ndjson",
    ]);
    let bytes = rows
        .lines()
        .map(|l| serde_json::from_str::<Value>(l).unwrap()["bytes"].as_u64());
    let bytes: Vec<_> = bytes.map(Option::unwrap).collect();
    assert!(
        bytes.len() == 3 && bytes.is_sorted_by(|a, b| a >= b),
        "{bytes:?}"
    );
    let output = ftpwhy(&["codes", "testdata/demo", "--sort", "duration"]);
    assert_eq!(output.status.code(), Some(2));
    let words = String::from_utf8(output.stderr).unwrap();
    assert_eq!(words, "ftpwhy: --sort duration: here one of name, count\n");
}

/// Every cell of the matrix is there once, however many blocks the width asks for.
#[test]
fn a_matrix_holds_every_settled_command_in_any_width() {
    let report: Value = serde_json::from_str(&told(&["codes", "testdata/demo", "--json"])).unwrap();
    let commands = report["commands"].as_array().unwrap();
    let settled: u64 = commands
        .iter()
        .map(|row| row["count"].as_u64().unwrap())
        .sum();
    for width in ["40", "78", "200"] {
        let text = told(&["codes", "testdata/demo", "--matrix", "--width", width]);
        assert!(
            text.lines().all(|l| l.len() <= width.parse().unwrap()),
            "{text}"
        );
        let rows = text.lines().skip(2).filter(|l| !l.contains(" all "));
        let cells = rows.flat_map(|line| line.split_whitespace().skip(2).map(str::to_owned));
        let sum: u64 = cells
            .map(|cell| cell.replace(',', "").parse::<u64>().unwrap())
            .sum();
        assert_eq!(sum, settled, "{text}");
    }
}

#[test]
fn names_of_strangers_act_on_nothing_in_tables() {
    let directory = Temporary::new();
    let talk = "client 198.51.100.7:40001\n< 220 hi\n> USER \\x1b[2J<b>=1+1|\\xe2\\x80\\xae\n< 331 pw\n> PASS x\n< 230 in\n\
                > RETR =cmd|\\x07'/C calc'!A0\n< 550 no\n! server fin";
    let path = directory.file("evil.pcap", &packets(&[Conversation::parse(talk)]));
    let path = path.to_str().unwrap();
    for by in ["user", "path", "client", "command"] {
        for command in ["codes", "causes", "sessions"] {
            for form in ["text", "json"] {
                let text = told(&[command, path, "--by", by, "--as", form]);
                let acts = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
                assert!(!text.contains(acts), "{command} {by} {form}: {text:?}");
            }
        }
    }
}

/// Sizes and rates, and what is not whole: of four transfers two are known to the byte and one is cut.
#[test]
fn transfers_are_told_with_sizes_and_who_failed_most() {
    let report: Value =
        serde_json::from_str(&told(&["report", "testdata/demo", "--json"])).unwrap();
    let uploads = &report["transfers"][0];
    assert_eq!(uploads["direction"], "upload");
    let numbers = |field: &str| uploads[field].as_u64().unwrap();
    assert_eq!(numbers("files"), 6);
    assert_eq!(
        uploads["sizes"]["n"].as_u64().unwrap() + numbers("unmeasured"),
        6
    );
    let sizes = &uploads["sizes"];
    assert!(
        sizes["p10"].as_u64() <= sizes["p50"].as_u64()
            && sizes["p50"].as_u64() <= sizes["max"].as_u64()
    );
    assert!(uploads["bytes_per_second"]["n"].as_u64().unwrap() > 0);
    let paths = report["tops"]["paths"].as_array().unwrap();
    assert_eq!(
        paths[0],
        serde_json::json!({"name": "ro/locked.txt", "failures": 2})
    );
    assert_eq!(
        report["tops"]["servers"][0]["failures"],
        report["failures"]["total"]
    );
}

/// A log of transfers knows no commands: what was moved stands for them.
#[test]
fn transfers_of_a_log_are_grouped_by_all_that_it_tells() {
    let log = "Sun Mar  1 10:00:00 2026 1 203.0.113.7 5 /a b _ o r bob ftp 0 * c\n\
               Mon Mar  2 11:00:00 2026 1 203.0.113.7 7 /b b _ o r bob ftp 0 * i\n\
               Mon Mar  2 11:30:00 2026 1 203.0.113.8 9 /b b _ i r eve ftp 0 * c\n";
    let temporary = Temporary::new();
    let path = temporary.file("xferlog", log.as_bytes());
    let rows = |by: &str| {
        let read = ["sessions", path.to_str().unwrap(), "--by", by, "--csv"];
        let zones = ["--log-tz", "UTC", "--tz", "UTC"];
        let text = told(&[&read[..], &zones].concat());
        // The name, sessions, failed ones, failures, transfers, bytes.
        let row = |line: &str| {
            let fields: Vec<_> = line.split(',').collect();
            [1, 2, 3, 11, 12, 13].map(|at| fields[at]).join(" ")
        };
        text.lines().skip(1).map(row).collect::<Vec<_>>()
    };
    for (by, expected) in [
        ("weekday", ["Monday 2 1 1 2 16", "Sunday 1 0 0 1 5"]),
        ("day", ["2026-03-01 1 0 0 1 5", "2026-03-02 2 1 1 2 16"]),
        ("hour", ["10:00 1 0 0 1 5", "11:00 2 1 1 2 16"]),
        ("user", ["bob 2 1 1 2 12", "eve 1 0 0 1 9"]),
        (
            "client",
            ["203.0.113.7 2 1 1 2 12", "203.0.113.8 1 0 0 1 9"],
        ),
        ("command", ["RETR 2 1 1 2 12", "STOR 1 0 0 1 9"]),
        ("path", ["/b 2 1 1 2 16", "/a 1 0 0 1 5"]),
    ] {
        assert_eq!(rows(by), expected, "{by}");
    }
    assert_eq!(rows("server"), ["'- 3 1 1 3 21"]);
}
