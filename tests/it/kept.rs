//! What a state keeps, for how long, and from whom: of logs that are gone, of files that nobody named, of names in links.

use std::path::Path;
use std::process::Output;

use ftpwhy::state::{Bytes, State};

use crate::cli::ftpwhy;
use crate::nightly::{text, told};
use crate::state::busy_log;
use crate::support::Temporary;

#[test]
fn logs_that_are_gone_are_forgotten_when_that_is_asked_for() {
    let folder = Temporary::new();
    let (one, two) = (folder.path("one.log"), folder.path("two.log"));
    std::fs::write(&one, busy_log(1, 5)).unwrap();
    std::fs::write(
        &two,
        "Sun Mar  1 10:00:00 2026 1 203.0.113.7 5 /a b _ o r bob ftp 0 * c\n",
    )
    .unwrap();
    let state = folder.path("state");
    let run = |log: &Path, more: &[&str]| {
        let output = ftpwhy(&[&[text(log), "--state", text(&state)], more].concat());
        assert!(output.status.success(), "{output:?}");
    };
    let tidy = || {
        let output = ftpwhy(&["state", "gc", text(&state)]);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    run(&two, &[]);
    assert!(tidy().starts_with("0 of 1 logs forgotten"));
    run(&one, &[]);
    // A session is open in it, which a later run counts.
    assert!(tidy().starts_with("0 of 2 logs forgotten"));
    run(&two, &["--close"]);
    run(&one, &[]);
    assert!(tidy().starts_with("1 of 2 logs forgotten"));
    assert!(tidy().starts_with("0 of 1 logs forgotten"));
    // What was forgotten is read anew.
    let again = [text(&two), "--state", text(&state), "--close", "--json"];
    let again = ftpwhy(&again);
    let report: serde_json::Value = serde_json::from_slice(&again.stdout).unwrap();
    assert_eq!(report["sessions"]["total"], 1);
    for action in ["show", "reset", "gc"] {
        let output = ftpwhy(&["state", action, text(&folder.path("other"))]);
        assert_eq!(output.status.code(), Some(2));
        assert!(
            told(&output).contains("there is no such state"),
            "{output:?}"
        );
    }
}

#[test]
fn a_state_that_others_could_read_is_private_again() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Temporary::new();
    let log = folder.file("x.log", busy_log(1, 5).as_bytes());
    let state = folder.path("state");
    let run = || {
        let output = ftpwhy(&[text(&log), "--state", text(&state)]);
        assert!(output.status.success());
    };
    run();
    std::fs::set_permissions(&state, std::fs::Permissions::from_mode(0o664)).unwrap();
    run();
    for name in ["state", "state.lock"] {
        let mode = folder.path(name).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

/// A text that is no log, and whose words nobody is to see.
const ELSEWHERE: &str = "root:x:0:0:c4n4ry:/root:/bin/sh\n";

/// Fails where a word of it is in an output or in a state.
fn assert_unseen(output: &Output, state: &Path) {
    let state = std::fs::read(state).unwrap();
    for bytes in [&output.stdout, &output.stderr, &state] {
        assert!(
            !String::from_utf8_lossy(bytes).contains("c4n4ry"),
            "{output:?}"
        );
    }
}

#[test]
fn a_link_in_the_place_of_a_log_shows_nothing_of_where_it_leads() {
    let folder = Temporary::new();
    let logs = folder.path("logs");
    std::fs::create_dir(&logs).unwrap();
    let elsewhere = folder.file("elsewhere", ELSEWHERE.as_bytes());
    let (log, state) = (logs.join("x.log"), folder.path("state"));
    std::fs::write(&log, busy_log(1, 5)).unwrap();
    let run = |named: &Path| ftpwhy(&[text(named), "--state", text(&state), "--json"]);
    assert_eq!(run(&log).status.code(), Some(0));
    std::fs::remove_file(&log).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &log).unwrap();
    std::os::unix::fs::symlink(&elsewhere, logs.join("x.log.1")).unwrap();
    for named in [&log, &logs] {
        let output = run(named);
        let report = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(report.contains("\"changed\""), "{report}");
        assert_unseen(&output, &state);
    }
}

/// Whoever may write a state can name any file in it; only what was named to the program, or was read before, is read.
#[test]
fn a_state_leads_to_no_file_that_was_not_named() {
    let folder = Temporary::new();
    let (private, logs) = (folder.path("private"), folder.path("logs"));
    std::fs::create_dir(&private).unwrap();
    std::fs::create_dir(&logs).unwrap();
    let line = |word: &str| {
        format!("Thu Nov 26 03:12:01 2026 [pid 2] CONNECT: Client \"{word}\"\n").repeat(3)
    };
    std::fs::write(private.join("x.log.1"), line("c4n4ry.example") + ELSEWHERE).unwrap();
    let (log, state) = (logs.join("x.log"), folder.path("state"));
    std::fs::write(&log, line("192.0.2.9")).unwrap();
    let run = |more: &[&str]| {
        let arguments = ["events", text(&log), "--state", text(&state)];
        ftpwhy(&[&arguments[..], more].concat())
    };
    assert_eq!(run(&[]).status.code(), Some(0));
    let mut forged = State::of_file(&std::fs::read(&state).unwrap()).unwrap();
    forged.logs[0].path = Bytes::of(&private.join("x.log"));
    forged.logs[0].carried.logs[0].path = Bytes::of(&private.join("x.log.1"));
    std::fs::write(&state, forged.to_file().unwrap()).unwrap();
    std::fs::write(&log, line("192.0.2.10")).unwrap();
    let output = run(&["--close"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("192.0.2.10"));
    assert_unseen(&output, &state);
}
