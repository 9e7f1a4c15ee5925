//! The program as a person runs it.

use std::path::Path;
use std::process::{Command, Output};

use crate::support::{Temporary, testdata};
use crate::synth::{Container, Conversation, capture};

/// Runs the program in the project's root, in UTC, with nothing on standard input.
pub(crate) fn ftpwhy(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ftpwhy"));
    command
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("TZ", "UTC")
        .env_remove("NO_COLOR");
    command.stdin(std::process::Stdio::null()).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn a_capture(temporary: &Temporary, name: &str) -> String {
    let talk = Conversation::parse(
        "< 220 hi\n> USER bob\n< 331 pw\n> PASS x\n< 530 Login incorrect.\n> QUIT\n< 221 bye\n! server fin\n",
    );
    path(&temporary.file(name, &capture(&talk.packets(), Container::PcapMicros)))
}

fn path(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_report_names_the_cause_in_plain_ascii_of_78_columns() {
    let output = ftpwhy(&["testdata/demo"]);
    assert_eq!(code(&output), 0, "{}", text(&output.stderr));
    let report = text(&output.stdout);
    assert!(
        report.contains("VERDICT") && report.contains("data-passive-not-connected"),
        "{report}"
    );
    assert!(report.is_ascii());
    for line in report.lines() {
        assert!(line.len() <= 78, "{line:?}");
    }
}

#[test]
fn one_bad_input_does_not_spoil_the_others() {
    let temporary = Temporary::new();
    let good = a_capture(&temporary, "good.pcap");
    let missing = path(&temporary.path("missing.pcap"));
    let noise = path(&temporary.file("noise.bin", &[7; 3000]));
    let output = ftpwhy(&[&good, &missing, &noise, "--json"]);
    assert_eq!(code(&output), 3);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["replies"]["total"], 4);
    assert_eq!(
        report["failures"]["causes"][0]["id"],
        "auth-bad-credentials"
    );
    let kinds: Vec<&str> = report["diagnostics"]
        .as_array()
        .unwrap()
        .iter()
        .map(|d| d["kind"].as_str().unwrap())
        .collect();
    assert!(
        kinds.contains(&"unreadable") && kinds.contains(&"unknown-format"),
        "{kinds:?}"
    );
}

#[test]
fn nothing_readable_is_status_2_and_says_what_to_do() {
    let temporary = Temporary::new();
    let output = ftpwhy(&[&path(&temporary.path("missing.pcap"))]);
    assert_eq!(code(&output), 2);
    let words: Vec<&str> = text(&output.stdout).split_whitespace().collect();
    assert!(
        words
            .join(" ")
            .contains("no such file or directory; check the spelling"),
        "{}",
        text(&output.stdout)
    );
    let empty = temporary.path("nothing-here");
    std::fs::create_dir(&empty).unwrap();
    assert_eq!(code(&ftpwhy(&[&path(&empty)])), 2);
    let noise = path(&temporary.file("noise.bin", &[7; 3000]));
    assert_eq!(code(&ftpwhy(&[&noise])), 2);
}

#[test]
fn an_empty_file_is_read_and_holds_nothing() {
    let temporary = Temporary::new();
    let empty = path(&temporary.file("vsftpd.log", b""));
    let output = ftpwhy(&[&empty]);
    assert_eq!(code(&output), 0);
    assert!(
        text(&output.stdout).contains("empty"),
        "{}",
        text(&output.stdout)
    );
}

#[cfg(unix)]
#[test]
fn a_file_that_may_not_be_read_is_named() {
    use std::os::unix::fs::PermissionsExt as _;
    let temporary = Temporary::new();
    let good = a_capture(&temporary, "good.pcap");
    let locked = temporary.file("locked.log", b"x");
    std::fs::set_permissions(&locked, std::fs::Permissions::from_mode(0o0)).unwrap();
    if std::fs::read(&locked).is_ok() {
        println!("skipped: this user may read everything");
        return;
    }
    let output = ftpwhy(&[&good, &path(&locked)]);
    assert_eq!(code(&output), 3);
    assert!(text(&output.stdout).contains("permission denied"));
}

#[test]
fn wrong_usage_is_status_2() {
    assert_eq!(code(&ftpwhy(&["--no-such-flag"])), 2);
    assert_eq!(
        code(&ftpwhy(&["testdata/demo", "--log-tz", "Nowhere/Land"])),
        2
    );
    assert_eq!(
        code(&ftpwhy(&["testdata/demo", "--from", "no-such-format"])),
        2
    );
    assert_eq!(
        code(&ftpwhy(&["events", "testdata/demo", "--as", "text"])),
        2
    );
}

#[test]
fn a_layout_is_given_or_taken_from_a_configuration() {
    let temporary = Temporary::new();
    let log = b"id 7 of 192.0.2.7: RETR a b -> 550\nnot of this layout\n";
    let log = path(&temporary.file("ext.log", log));
    let conf = b"LogFormat other \"%h %r\"\nLogFormat mine \"id %P of %a: %r -> %s\"\n";
    let conf = path(&temporary.file("proftpd.conf", conf));
    let capture = a_capture(&temporary, "good.pcap");
    let layouts = [
        "id %P of %a: %r -> %s".to_owned(),
        format!("@{conf}"),
        format!("@{conf}:mine"),
    ];
    for layout in layouts {
        let from = format!("proftpd-ext={layout}");
        let output = ftpwhy(&["codes", "--from", &from, &log, &capture]);
        let codes = text(&output.stdout);
        // A layout of lines is none of packets.
        assert!(
            codes.contains("550") && codes.contains("530"),
            "{from}: {codes}"
        );
    }
    for layout in [
        "%Q",
        "@no-such-file",
        &format!("@{conf}:none"),
        &format!("@{conf}:no:ne"),
    ] {
        let output = ftpwhy(&["--from", &format!("proftpd-ext={layout}"), &log]);
        assert_eq!(code(&output), 2, "{layout}");
        assert!(text(&output.stderr).contains("proftpd-ext="), "{layout}");
    }
    assert_eq!(code(&ftpwhy(&["--from", "vsftpd=%r", &log])), 2);
}

#[test]
fn a_reader_that_leaves_early_is_no_error() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_ftpwhy"))
        .args(["events", "testdata"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(code(&output), 0, "{}", text(&output.stderr));
}

#[test]
fn explain_needs_no_input() {
    let output = ftpwhy(&[
        "explain",
        "530 Login incorrect.",
        "--command",
        "PASS",
        "--as",
        "json",
    ]);
    assert_eq!(code(&output), 0);
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["cause"], "auth-bad-credentials");
    let output = ftpwhy(&["explain", "226"]);
    assert!(
        text(&output.stdout).contains("226"),
        "{}",
        text(&output.stdout)
    );
}

#[test]
fn every_command_answers() {
    for command in [
        "report", "codes", "causes", "sessions", "timeline", "events", "formats",
    ] {
        let output = ftpwhy(&[command, "testdata/demo"]);
        assert_eq!(code(&output), 0, "{command}: {}", text(&output.stderr));
        assert!(output.stdout.len() > 200, "{command}");
    }
    let formats = ftpwhy(&["formats"]);
    assert!(text(&formats.stdout).contains("vsftpd") && text(&formats.stdout).contains("xferlog"));
}

#[test]
fn standard_input_is_read() {
    let bytes = std::fs::read(testdata().join("demo")).err();
    assert!(bytes.is_some(), "the demo is a directory");
    let temporary = Temporary::new();
    let plain = std::fs::read(a_capture(&temporary, "x.pcap")).unwrap();
    let level = ruzstd::encoding::CompressionLevel::Fastest;
    let compressed = ruzstd::encoding::compress_to_vec(&plain[..], level);
    for bytes in [plain, compressed] {
        let file = std::fs::File::open(temporary.file("input", &bytes)).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_ftpwhy"))
            .args(["codes", "-"])
            .stdin(file)
            .output()
            .unwrap();
        let shown = text(&output.stdout);
        assert!(shown.contains("530"), "{shown}");
    }
}

/// What the README shows is what the program prints, from the verdict to the first causes.
#[test]
fn the_readme_shows_a_real_run() {
    let readme = std::fs::read_to_string("README.md").unwrap();
    let shown = readme
        .split("```text\n")
        .nth(1)
        .and_then(|rest| rest.split("...\n```").next())
        .unwrap();
    let output = ftpwhy(&["testdata/demo", "--tz", "UTC"]);
    let printed = text(&output.stdout);
    assert!(shown.lines().count() > 30, "the README shows too little");
    assert!(
        printed.starts_with(shown),
        "the README shows\n{shown}\nand the program prints\n{printed}"
    );
}

/// The README's commands exist: each line that runs the program is accepted.
#[test]
fn the_readme_names_commands_that_exist() {
    let readme = std::fs::read_to_string("README.md").unwrap();
    let mut tried = 0;
    for line in readme.lines().filter_map(|l| l.strip_prefix("| `ftpwhy ")) {
        let command = line.split(['`', ' ']).next().unwrap();
        if command.chars().all(|c| c.is_ascii_lowercase()) {
            assert_eq!(code(&ftpwhy(&[command, "--help"])), 0, "{command}");
            tried += 1;
        }
    }
    assert!(tried >= 7, "{tried}");
}

#[test]
fn a_configuration_is_read_with_what_it_includes() {
    let temporary = Temporary::new();
    std::fs::create_dir(temporary.path("conf.d")).unwrap();
    let configuration =
        "ServerName x\nInclude conf.d/*.conf\nInclude gone.conf\nInclude main.conf\n";
    let main = temporary.file("main.conf", configuration.as_bytes());
    let layout = "Include ../more\nLogFormat own \"at=%t who=%u from=%a did=<%r> got=%s\"\n";
    temporary.file("conf.d/log.conf", layout.as_bytes());
    temporary.file("conf.d/log.conf.bak", b"LogFormat wrong \"%q %m\"\n");
    temporary.file("more", b"LogFormat other \"%a;%m;%J;%s\"\n");
    let log = temporary.file(
        "x.log",
        b"at=[22/Nov/2026:08:16:55 +0000] who=alice from=192.0.2.7 did=<RETR a.txt> got=550\n192.0.2.7;CWD;/x;550\n",
    );
    let run = |name: &str, quiet: &[&str]| {
        let from = format!("proftpd-ext=@{}{name}", main.display());
        ftpwhy(&[&["events", "--from", &from, log.to_str().unwrap()], quiet].concat())
    };
    let output = run("", &[]);
    let events = text(&output.stdout);
    assert!(
        events.contains("\"RETR\"") && events.contains("\"CWD\""),
        "{events}"
    );
    let told = text(&output.stderr);
    assert_eq!(
        told.matches("gone.conf, which the configuration includes")
            .count(),
        1,
        "{told}"
    );
    assert!(run("", &["--quiet"]).stderr.is_empty());
    let other = run(":other", &[]);
    assert!(!text(&other.stdout).contains("RETR") && text(&other.stdout).contains("CWD"));
    assert_eq!(run(":none", &[]).status.code(), Some(2));
}
