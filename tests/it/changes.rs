//! What changed since an earlier report, in every form.

use std::fmt::Write as _;

use serde_json::Value;

use crate::cli::ftpwhy;
use crate::support::Temporary;

/// A log of vsftpd: so many sessions whose upload finds the disk full, so many with a missing file, the rest fine.
fn log(full: u32, missing: u32, fine: u32) -> String {
    let mut lines = String::new();
    for number in 0..full + missing + fine {
        let time = format!("Sun Nov 22 {:02}:{:02}:00 2026", number / 60, number % 60);
        let mut say = |words: &str| {
            let pid = 1000 + number;
            writeln!(lines, "{time} [pid {pid}] {words}").unwrap();
        };
        say("CONNECT: Client \"192.0.2.7\"");
        let mut both = |sent: &str, answer: &str| {
            say(&format!(
                "[alice] FTP command: Client \"192.0.2.7\", \"{sent}\""
            ));
            say(&format!(
                "[alice] FTP response: Client \"192.0.2.7\", \"{answer}\""
            ));
        };
        both("USER alice", "331 Please specify the password.");
        both("PASS <password>", "230 Login successful.");
        if number < full {
            both("STOR x", "452 No space left on device.");
        } else if number < full + missing {
            both("RETR x", "550 x: No such file or directory");
        }
        both("QUIT", "221 Goodbye.");
    }
    lines
}

fn told(arguments: &[&str], status: i32) -> String {
    let output = ftpwhy(arguments);
    assert_eq!(output.status.code(), Some(status), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn path(directory: &Temporary, name: &str, text: &str) -> String {
    directory
        .file(name, text.as_bytes())
        .to_str()
        .unwrap()
        .to_owned()
}

/// An earlier report of 200 sessions, 20 with a missing file, and the log of a later time: 200 sessions, 60 on a full disk,
/// one with a missing file.
fn given(directory: &Temporary) -> (String, String) {
    let before = path(directory, "before.log", &log(0, 20, 180));
    let report = path(directory, "before.json", &told(&["--json", &before], 0));
    (report, path(directory, "after.log", &log(60, 1, 139)))
}

fn row<'v>(rows: &'v Value, key: &str, wanted: &Value) -> &'v Value {
    let mut rows = rows.as_array().unwrap().iter();
    rows.find(|row| row[key] == *wanted).unwrap()
}

fn counts(row: &Value) -> [u64; 4] {
    let count = |side: &str, what: &str| row[side][what].as_u64().unwrap();
    [
        count("before", "count"),
        count("before", "of"),
        count("after", "count"),
        count("after", "of"),
    ]
}

#[test]
fn programs_are_told_what_changed() {
    let directory = Temporary::new();
    let (report, log) = given(&directory);
    let shown = |form: &str| told(&[&log, "--baseline", &report, "--as", form], 0);
    let json: Value = serde_json::from_str(&shown("json")).unwrap();
    let changes = &json["changes"];
    assert_eq!(counts(&changes["failed_sessions"]), [20, 200, 61, 200]);
    assert_eq!(changes["failed_sessions"]["change"], "more");
    let full = row(&changes["causes"], "id", &"storage-full".into());
    assert_eq!(
        (counts(full), &full["change"], &full["significant"]),
        ([0, 200, 60, 200], &"new".into(), &true.into())
    );
    let missing = row(&changes["causes"], "id", &"path-not-found".into());
    assert_eq!(
        (counts(missing), &missing["change"]),
        ([20, 200, 1, 200], &"less".into())
    );
    let code = row(&changes["codes"], "code", &452.into());
    assert_eq!(
        (
            code["before"]["count"].as_u64(),
            code["after"]["count"].as_u64()
        ),
        (Some(0), Some(60))
    );
    assert!(
        changes["before"]["inputs"][0]
            .as_str()
            .unwrap()
            .ends_with("before.log")
    );
}

#[test]
fn people_and_tables_are_told_the_same() {
    let directory = Temporary::new();
    let (report, log) = given(&directory);
    let shown = |form: &str| told(&[&log, "--baseline", &report, "--as", form], 0);
    let lines = |page: &str, words: &[&str]| {
        let has = |line: &str| words.iter().all(|word| line.contains(word));
        assert!(page.lines().any(has), "{words:?} in {page}");
    };
    let new = [
        "new",
        "storage-full",
        "0 (0.0 %)",
        "60 (30.0 %)",
        "1,000,000",
    ];
    let better = ["better", "path-not-found", "20 (10.0 %)", "1 (0.5 %)"];
    let worse = [
        "worse",
        "sessions with failures",
        "20 (10.0 %)",
        "61 (30.5 %)",
    ];
    let text = shown("text");
    assert!(
        text.contains("\nCHANGES  since an earlier report\n"),
        "{text}"
    );
    let section = text.split("\nCHANGES").nth(1).unwrap();
    let section = section.split("\nREPLY CODES").next().unwrap();
    assert!(section.lines().all(|line| line.len() <= 78), "{text}");
    assert!(section.contains("(Fisher's"), "{text}");
    let (markdown, page) = (shown("md"), shown("html"));
    assert!(
        markdown.contains("## Changes since an earlier report")
            && page.contains("<section id=\"changes\">")
    );
    for wanted in [&new[..], &better, &worse] {
        lines(&text, wanted);
        lines(&markdown, wanted);
        lines(&page, wanted);
    }
    for command in ["codes", "causes"] {
        let part = |form: &str| told(&[command, &log, "--baseline", &report, "--as", form], 0);
        assert!(
            part("text").contains(section.trim_end()),
            "{}",
            part("text")
        );
        lines(&part("md"), &new);
    }
    let mail = shown("eml");
    let mail = mail_parser::MessageParser::new().parse(&mail).unwrap();
    let letter = mail.body_html(0).unwrap();
    for words in new.iter().chain(&better).chain(&worse) {
        assert!(letter.contains(words), "{words} in {letter}");
    }
    let csv = shown("csv");
    for line in [
        "server-log,change,storage-full,new,after,60\n",
        "server-log,change,storage-full,new,significant,true\n",
        "server-log,change,sessions with failures,more,before_of,200\n",
        "server-log,change,452,new,after,60\n",
    ] {
        assert!(csv.contains(line), "{line} in {csv}");
    }
}

#[test]
fn an_earlier_report_of_the_same_changes_nothing_and_one_of_other_things_is_told() {
    let directory = Temporary::new();
    let (report, _) = given(&directory);
    let log = directory.path("before.log");
    let log = log.to_str().unwrap();
    let text = told(&[log, "--baseline", &report], 0);
    assert!(text.contains("(same)   sessions with failures"), "{text}");
    assert!(text.contains("1 cause as before"), "{text}");
    let filtered = path(
        &directory,
        "alice.json",
        &told(&[log, "--user", "alice", "--json"], 0),
    );
    let text = told(&[log, "--baseline", &filtered], 0);
    assert!(
        text.contains("before it was filtered by --user alice"),
        "{text}"
    );
    let text = told(&["testdata/demo/healthy.pcap", "--baseline", &report], 0);
    assert!(text.contains("There is nothing to compare"), "{text}");
    let without = told(&[log], 0);
    assert!(!without.contains("CHANGES"), "{without}");
    assert!(
        told(&[log, "--json"], 0).contains("\"tallies\"")
            && !told(&[log, "--json"], 0).contains("\"changes\"")
    );
    for wrong in ["before.log", "missing.json"] {
        let wrong = directory.path(wrong);
        told(&[log, "--baseline", wrong.to_str().unwrap()], 2);
    }
}

#[test]
fn two_reports_are_compared_like_what_they_are_about() {
    let directory = Temporary::new();
    let (report, log) = given(&directory);
    let before = directory.path("before.log");
    let of_logs = told(&["diff", before.to_str().unwrap(), &log], 0);
    let later = path(&directory, "after.json", &told(&[&log, "--json"], 0));
    assert_eq!(told(&["diff", &report, &later], 0), of_logs);
    assert_eq!(told(&["diff", &report, &log], 0), of_logs);
    let twice: Value =
        serde_json::from_str(&told(&["diff", "--json", &report, "--", &later, &later], 0)).unwrap();
    assert_eq!(counts(&twice["failed_sessions"]), [20, 200, 122, 400]);
    told(&["diff", &report, &later, "--user", "alice"], 2);
    told(&["diff", "--at", "2026-11-22", &report], 2);
}

#[test]
fn commands_without_a_report_have_no_conditions() {
    let log = "testdata/demo/healthy.vsftpd.log";
    for command in [&["diff", log, log][..], &["formats", log], &["formats"]] {
        for option in ["--fail-on=failures", "--quiet-ok", "--baseline=x.json"] {
            let output = ftpwhy(&[command, &[option]].concat());
            assert_eq!(output.status.code(), Some(2), "{command:?} {option}");
            let words = String::from_utf8(output.stderr).unwrap();
            let name = option.split('=').next().unwrap();
            assert!(
                words.contains(&format!("{} has no {name}", command[0])),
                "{words}"
            );
        }
        let help = told(&[command[0], "--help"], 0);
        assert!(
            !help.contains("--fail-on") && help.contains("--since"),
            "{help}"
        );
    }
    let line = told(&["check", log, "--fail-on=failures"], 3);
    assert!(
        line.contains("check has no --fail-on; it has --warn and --crit"),
        "{line}"
    );
}
