//! Where results go: several forms of one run, files that are the old one or the whole new one, and what is said where
//! nothing can be written.

use std::path::Path;
use std::process::{Command, Output};

use crate::cli::ftpwhy;
use crate::support::{Temporary, testdata};

const INPUT: &str = "testdata/demo/disk-full.pcap";

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn told(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Fails unless it ended so, with these words on standard error.
fn assert_refused(arguments: &[&str], words: &str) {
    let output = ftpwhy(arguments);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {output:?}");
    assert!(told(&output).contains(words), "{arguments:?}: {output:?}");
    assert!(output.stdout.is_empty(), "{arguments:?}: {output:?}");
}

#[test]
fn one_run_writes_every_form_and_each_is_what_it_is_alone() {
    let temporary = Temporary::new();
    let (json, text) = (temporary.path("a.json"), temporary.path("a.TXT"));
    let bare = temporary.path("report");
    let written = ftpwhy(&[
        INPUT,
        "-o",
        path(&json),
        "-o",
        path(&text),
        "-o",
        "-",
        "-o",
        path(&bare),
        "--as",
        "ndjson",
    ]);
    assert_eq!(written.status.code(), Some(0), "{written:?}");
    let (as_text, as_json) = (ftpwhy(&[INPUT]).stdout, ftpwhy(&[INPUT, "--json"]).stdout);
    assert_eq!(std::fs::read(text).unwrap(), as_text);
    assert_eq!(std::fs::read(json).unwrap(), as_json);
    assert_eq!(std::fs::read(bare).unwrap(), as_json);
    assert_eq!(written.stdout, as_json);
}

#[test]
fn every_command_that_reads_can_write_to_a_file() {
    let temporary = Temporary::new();
    for (command, name) in [
        ("codes", "x.txt"),
        ("causes", "x.json"),
        ("sessions", "x.ndjson"),
        ("timeline", "x.txt"),
        ("events", "x.jsonl"),
        ("formats", "x.txt"),
    ] {
        let file = temporary.path(name);
        let form = if name == "x.json" { "json" } else { "ndjson" };
        let shown = match name {
            "x.txt" => ftpwhy(&[command, INPUT]),
            _ => ftpwhy(&[command, INPUT, "--as", form]),
        };
        let written = ftpwhy(&[command, INPUT, "-o", path(&file)]);
        assert_eq!(written.status.code(), Some(0), "{command}: {written:?}");
        assert!(written.stdout.is_empty(), "{command}");
        let found = std::fs::read(&file).unwrap();
        assert!(!found.is_empty() && found == shown.stdout, "{command}");
    }
}

#[test]
fn wrong_outputs_are_told_before_anything_is_read() {
    let temporary = Temporary::new();
    let nowhere = temporary.path("no/a.json");
    assert_refused(&["missing.pcap", "-o", path(&nowhere)], "cannot write");
    assert_refused(
        &[INPUT, "-o", "report"],
        "does not tell its form; end it in .txt, .json",
    );
    assert_refused(&[INPUT, "-o", "a.txt", "--json"], "no output is json");
    assert_refused(&[INPUT, "-o", "-", "-o", "-"], "given twice");
    let (twice, other) = (temporary.path("a.json"), temporary.path("./a.json"));
    assert_refused(
        &[INPUT, "-o", path(&twice), "-o", path(&other)],
        "given twice",
    );
    assert_refused(
        &["timeline", INPUT, "-o", path(&twice)],
        "has no form json; it has text",
    );
    assert_refused(
        &["events", INPUT, "-o", "-", "-o", "x.ndjson"],
        "give --output once",
    );
    assert!(!twice.exists());
    let log = temporary.file("vsftpd.txt", b"x\n");
    assert_refused(&[path(&log), "-o", path(&log)], "--output would replace it");
    assert_eq!(std::fs::read(log).unwrap(), b"x\n");
}

#[cfg(unix)]
#[test]
fn a_file_that_can_not_be_finished_leaves_the_old_one() {
    let temporary = Temporary::new();
    let old = temporary.file("a.json", b"old");
    // No file may grow: as on a full disk, the first byte is refused.
    let script = r#"trap '' XFSZ; ulimit -f 0; exec "$0" "$@""#;
    let output = Command::new("sh")
        .args(["-c", script, env!("CARGO_BIN_EXE_ftpwhy")])
        .args([
            path(&testdata().join("demo/disk-full.pcap")),
            "-o",
            path(&old),
            "-o",
            "-",
        ])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(
        told(&output).contains("a.json: File too large"),
        "{output:?}"
    );
    assert!(
        output.stdout.starts_with(b"ftpwhy"),
        "the others are written"
    );
    assert_eq!(std::fs::read(&old).unwrap(), b"old");
    let names = std::fs::read_dir(old.parent().unwrap()).unwrap().count();
    assert_eq!(names, 1, "nothing is left behind");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_device_is_told() {
    let full = ftpwhy(&[INPUT, "-o", "/dev/full", "--as", "json"]);
    assert_eq!(full.status.code(), Some(2), "{full:?}");
    assert!(
        told(&full).contains("cannot write /dev/full: No space left"),
        "{full:?}"
    );
    let device = ftpwhy(&[INPUT, "-o", "/dev/null", "--as", "json"]);
    assert_eq!(device.status.code(), Some(0), "{device:?}");
}
