//! `--state` from outside: runs in the night, killed, refused, and a month of them.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Instant;

use ftpwhy::state::{Bytes, State};

use crate::cli::ftpwhy;
use crate::state::{Sum, busy_log};
use crate::support::{Temporary, files_below};
use crate::traffic::Rng;

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn told(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn sum_of(paths: &[PathBuf]) -> Sum {
    let mut sum = Sum::default();
    for path in paths {
        sum.add(&std::fs::read_to_string(path).unwrap());
    }
    sum
}

/// What one run over a whole log reports.
fn whole(folder: &Temporary, log: &str) -> Sum {
    let path = folder.file("whole.log", log.as_bytes());
    let output = ftpwhy(&[text(&path), "--json", "--log-tz", "UTC"]);
    let mut sum = Sum::default();
    sum.add(std::str::from_utf8(&output.stdout).unwrap());
    std::fs::remove_file(path).unwrap();
    sum
}

#[test]
fn a_state_that_is_none_is_refused_and_left_as_it_is() {
    let folder = Temporary::new();
    let log = folder.file("x.log", busy_log(1, 5).as_bytes());
    let state = folder.path("state");
    assert_eq!(
        ftpwhy(&[text(&log), "--state", text(&state)]).status.code(),
        Some(0)
    );
    let good = std::fs::read(&state).unwrap();
    let cut = good[..good.len() - 9].to_vec();
    let newer = String::from_utf8(good.clone())
        .unwrap()
        .replacen(" 1 ", " 7 ", 1);
    let wrong: [(&[u8], &str); 4] = [
        (b"", "no state"),
        (b"{\"a\": 1}", "no state"),
        (&cut, "damaged"),
        (newer.as_bytes(), "later version"),
    ];
    for (bytes, words) in wrong {
        std::fs::write(&state, bytes).unwrap();
        for command in ["report", "codes", "sessions", "events"] {
            let output = ftpwhy(&[command, text(&log), "--state", text(&state)]);
            assert_eq!(output.status.code(), Some(2), "{output:?}");
            assert!(told(&output).contains(words), "{output:?}");
            assert!(output.stdout.is_empty());
        }
        let output = ftpwhy(&["check", text(&log), "--state", text(&state)]);
        assert_eq!(output.status.code(), Some(3), "unknown: {output:?}");
        assert_eq!(std::fs::read(&state).unwrap(), bytes);
    }
    let output = ftpwhy(&["state", "reset", text(&state)]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(!state.exists() && folder.path("state.bad").exists());
}

#[test]
fn what_can_not_be_read_again_has_no_state() {
    let folder = Temporary::new();
    let state = folder.path("state");
    for arguments in [&["-"][..], &[], &["diff", "a", "b"], &["formats", "a"]] {
        let arguments = [arguments, &["--state", text(&state)]].concat();
        let output = ftpwhy(&arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?} {output:?}");
        assert!(told(&output).contains("--state"), "{output:?}");
        assert!(!state.exists());
    }
}

#[test]
fn two_runs_at_once_are_one() {
    let folder = Temporary::new();
    let log = folder.file("x.log", busy_log(1, 5).as_bytes());
    let state = folder.path("state");
    let lock = std::fs::File::create(folder.path("state.lock")).unwrap();
    lock.lock().unwrap();
    let output = ftpwhy(&[text(&log), "--state", text(&state)]);
    assert_eq!(output.status.code(), Some(75), "{output:?}");
    assert!(output.stdout.is_empty() && told(&output).contains("another run"));
    assert_eq!(
        ftpwhy(&["state", "reset", text(&state)]).status.code(),
        Some(2)
    );
    lock.unlock().unwrap();
    assert_eq!(
        ftpwhy(&[text(&log), "--state", text(&state)]).status.code(),
        Some(0)
    );
    let mode = std::os::unix::fs::PermissionsExt::mode(&state.metadata().unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600, "records are nobody else's business");
}

#[test]
fn every_command_that_reads_goes_on() {
    let folder = Temporary::new();
    let log = busy_log(2, 20);
    let (first, _) = log.split_at(log.len() / 2);
    let path = folder.path("x.log");
    for (command, lines) in [
        ("events", true),
        ("sessions", true),
        ("codes", false),
        ("causes", false),
        ("timeline", false),
    ] {
        let state = folder.path(&format!("{command}.state"));
        let mut rows = Vec::new();
        for (bytes, more) in [(first, ""), (log.as_str(), ""), (log.as_str(), "--close")] {
            std::fs::write(&path, bytes).unwrap();
            let mut arguments = vec![command, text(&path), "--state", text(&state)];
            arguments.extend((!more.is_empty()).then_some(more));
            arguments.extend(lines.then_some("--ndjson"));
            let output = ftpwhy(&arguments);
            assert_eq!(output.status.code(), Some(0), "{output:?}");
            rows.extend(
                String::from_utf8(output.stdout)
                    .unwrap()
                    .lines()
                    .map(str::to_owned),
            );
        }
        if lines {
            std::fs::write(&path, &log).unwrap();
            let output = ftpwhy(&[command, text(&path), "--ndjson"]);
            let mut whole: Vec<String> = String::from_utf8(output.stdout)
                .unwrap()
                .lines()
                .map(str::to_owned)
                .collect();
            rows.sort();
            whole.sort();
            assert_eq!(rows, whole, "{command}");
        }
    }
}

#[test]
fn a_run_in_which_all_is_still_open_says_so() {
    let folder = Temporary::new();
    let login = "Thu Nov 26 03:12:01 2026 [pid 2] CONNECT: Client \"192.0.2.9\"\n\
                 Thu Nov 26 03:12:01 2026 [pid 1] [u] FAIL LOGIN: Client \"192.0.2.9\"\n";
    let log = folder.file("x.log", login.as_bytes());
    let state = folder.path("state");
    let verdict = |more: &[&str]| {
        let output = ftpwhy(&[&[text(&log), "--state", text(&state)], more].concat());
        let report = String::from_utf8(output.stdout).unwrap();
        let (_, after) = report.split_once("VERDICT ").unwrap();
        let (verdict, _) = after.split_once("\n\n").unwrap();
        verdict.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let open = |records: &str| {
        format!("i No session is over yet in {records}; those that are open count when they are.")
    };
    assert_eq!(verdict(&[]), open("2 new records"));
    assert_eq!(verdict(&[]), open("0 new records"));
    let closed = verdict(&["--close"]);
    assert!(
        closed.starts_with("!! 1 failed operation in 1 of 1 session."),
        "{closed}"
    );
}

fn append(path: &Path, lines: &[&str]) {
    use std::io::Write as _;
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.append(true).create(true).open(path).unwrap();
    file.write_all(lines.concat().as_bytes()).unwrap();
}

/// `x.log` becomes `x.log.1`, and that `x.log.2`.
fn rotate(logs: &Path) {
    let name = |number: u32| {
        logs.join(if number == 0 {
            "x.log".to_owned()
        } else {
            format!("x.log.{number}")
        })
    };
    for number in (0..100).rev().filter(|number| name(*number).exists()) {
        std::fs::rename(name(number), name(number + 1)).unwrap();
    }
}

/// A run that was ended between its state and its outputs: the next one puts these in their places.
#[test]
fn outputs_that_are_named_and_not_in_their_places_are_put_there() {
    let folder = Temporary::new();
    let log = folder.file("x.log", busy_log(1, 5).as_bytes());
    let (state, report) = (folder.path("state"), folder.path("report.json"));
    let run = |log: &Path| {
        let output = ftpwhy(&[
            text(log),
            "--state",
            text(&state),
            "-o",
            text(&folder.path("other.json")),
        ]);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
    };
    run(&log);
    let mut left = State::of_file(&std::fs::read(&state).unwrap()).unwrap();
    let staged = folder.file(".ftpwhy-abc.part", b"written");
    let foreign = folder.file("mine.txt", b"mine");
    left.outputs = vec![
        (Bytes::of(&staged), Bytes::of(&report)),
        (
            Bytes::of(&foreign),
            Bytes::of(&folder.path("elsewhere.txt")),
        ),
        (
            Bytes::of(&folder.path(".ftpwhy-gone.part")),
            Bytes::of(&log),
        ),
    ];
    std::fs::write(&state, left.to_file().unwrap()).unwrap();
    run(&log);
    assert_eq!(std::fs::read(&report).unwrap(), b"written");
    assert!(!staged.exists() && foreign.exists() && log.exists());
}

/// Kills runs at any moment while the log is written to and rotated; the reports that are in their places add up.
#[test]
fn killed_at_any_moment_nothing_is_lost_or_counted_twice() {
    let folder = Temporary::new();
    let log = busy_log(11, 60);
    let lines: Vec<&str> = log.split_inclusive('\n').collect();
    let logs = folder.path("logs");
    let reports = folder.path("reports");
    std::fs::create_dir(&logs).unwrap();
    std::fs::create_dir(&reports).unwrap();
    let state = folder.path("state");
    let path = logs.join("x.log");
    std::fs::write(&path, "").unwrap();
    let run = |turn: usize| {
        let report = reports.join(format!("{turn:03}.json"));
        let mut command = Command::new(env!("CARGO_BIN_EXE_ftpwhy"));
        command
            .arg(&logs)
            .arg("--state")
            .arg(&state)
            .arg("-o")
            .arg(&report);
        command
            .args(["--log-tz", "UTC", "-j", "1"])
            .env("TZ", "UTC");
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    };
    // How long a run takes, so that it is killed at any moment of it; it takes longer where others work too.
    let begun = Instant::now();
    assert!(run(0).status().unwrap().success());
    let mut takes = begun.elapsed();
    let mut rng = Rng::new(77);
    let (mut killed, mut over) = (0, 0);
    let mut pieces = lines.chunks(lines.len().div_ceil(250));
    for turn in 1..900 {
        if killed >= 200 && over >= 40 {
            break;
        }
        append(&path, pieces.next().unwrap_or_default());
        if rng.below(9) == 0 {
            rotate(&logs);
        }
        let mut child = run(turn).spawn().unwrap();
        std::thread::sleep(takes * u32::try_from(rng.below(1000)).unwrap() / 800);
        if let Some(status) = child.try_wait().unwrap() {
            assert_eq!(status.code(), Some(0));
            over += 1;
            takes = takes.mul_f64(0.97);
        } else {
            child.kill().unwrap();
            child.wait().unwrap();
            killed += 1;
            takes = takes.mul_f64(1.01);
        }
    }
    pieces.for_each(|piece| append(&path, piece));
    let last = run(999).arg("--close").status().unwrap();
    assert_eq!(last.code(), Some(0));
    let written: Vec<PathBuf> = files_below(&reports)
        .into_iter()
        .filter(|p| p.extension().is_some_and(|e| e == "json"))
        .collect();
    eprintln!("{killed} killed, {over} over, {} reports", written.len());
    assert!(killed >= 200 && over >= 40, "{killed} {over}");
    assert_eq!(sum_of(&written), whole(&folder, &log));
}

/// Nothing can be written beyond a bound, as on a full disk: the old files stay, and the next run tells all.
#[test]
fn where_nothing_can_be_written_all_stays_as_it_was() {
    let folder = Temporary::new();
    let log = busy_log(5, 30);
    let path = folder.file("x.log", &log.as_bytes()[..log.len() / 2]);
    let (state, report) = (folder.path("state"), folder.path("report.json"));
    let run = |blocks: &str| {
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
        let mut command = Command::new("sh");
        command
            .arg("-c")
            .arg(script)
            .arg(env!("CARGO_BIN_EXE_ftpwhy"));
        command
            .arg(&path)
            .arg("--state")
            .arg(&state)
            .arg("-o")
            .arg(&report);
        command.stdin(Stdio::null()).output().unwrap()
    };
    assert_eq!(run("unlimited").status.code(), Some(0));
    let (before, old) = (
        std::fs::read(&state).unwrap(),
        std::fs::read(&report).unwrap(),
    );
    std::fs::write(&path, &log).unwrap();
    // The report is longer than one block, the state longer than it.
    let names = files_below(path.parent().unwrap()).len();
    for blocks in ["0", "1", "4"] {
        let output = run(blocks);
        assert_eq!(output.status.code(), Some(2), "{blocks}: {output:?}");
        assert!(told(&output).contains("cannot write"), "{output:?}");
        assert_eq!(std::fs::read(&state).unwrap(), before);
        assert_eq!(std::fs::read(&report).unwrap(), old);
        assert_eq!(
            files_below(path.parent().unwrap()).len(),
            names,
            "nothing is left behind"
        );
    }
    assert_eq!(run("unlimited").status.code(), Some(0));
    assert_ne!(std::fs::read(&state).unwrap(), before);
}

#[test]
fn a_state_holds_no_secret() {
    const CANARY: &str = "c4n4ry-hunter2";
    let folder = Temporary::new();
    for (number, format) in ftpwhy::log::FORMATS.iter().enumerate() {
        let description = format.describe();
        for sample in description.samples {
            let lines = sample
                .lines
                .replace("hunter2", CANARY)
                .replace("PASS *****", &format!("PASS {CANARY}"));
            let lines = lines
                .replace("PASS (hidden)", &format!("PASS {CANARY}"))
                .replace("PASS ***", &format!("PASS {CANARY}"));
            let ends: Vec<usize> = lines.match_indices('\n').map(|(at, _)| at + 1).collect();
            let path = folder.path(&format!("{number}.log"));
            for end in ends {
                let state = folder.path("state");
                std::fs::write(&path, &lines.as_bytes()[..end]).unwrap();
                let settings = crate::support::settings(&[&path], ftpwhy::run::Wanted::Tallies);
                let settings = ftpwhy::run::Settings {
                    from: ftpwhy::run::Format::named(description.name),
                    ..settings
                };
                let empty = ftpwhy::state::State::default();
                let (_, left) =
                    ftpwhy::run::run_on(&settings, &empty, false, &mut Vec::new()).unwrap();
                let file = left.to_file().unwrap();
                std::fs::write(&state, &file).unwrap();
                let is_there = file
                    .windows(CANARY.len())
                    .any(|part| part == CANARY.as_bytes());
                assert!(
                    !is_there,
                    "{}: {}",
                    description.name,
                    String::from_utf8_lossy(&file)
                );
            }
        }
    }
}

/// Thirty nights: on three of them something new goes wrong, and those nights speak, and no other.
#[test]
fn a_month_of_nights_finds_what_is_new_that_night() {
    let folder = Temporary::new();
    let (log, state) = (folder.path("vsftpd.log"), folder.path("state"));
    let (metrics, reports) = (folder.path("ftp.prom"), folder.path("reports"));
    std::fs::create_dir(&reports).unwrap();
    let planted = [
        (7, "550 Permission denied."),
        (16, "452 Insufficient storage space."),
        (25, "425 Failed to establish connection."),
    ];
    let (mut all, mut before, mut replies) = (String::new(), 0, Vec::new());
    for night in 1..=30 {
        let incident = planted
            .iter()
            .find(|(day, _)| *day == night)
            .map(|(_, reply)| *reply);
        let day = a_day(night, incident);
        if night % 7 == 1 && log.exists() {
            std::fs::rename(&log, folder.path("vsftpd.log.1")).unwrap();
        }
        let mut written = std::fs::read_to_string(&log).unwrap_or_default();
        written.push_str(&day);
        std::fs::write(&log, written).unwrap();
        all.push_str(&day);
        let report = reports.join(format!("{night:02}.json"));
        let close: &[&str] = if night == 30 { &["--close"] } else { &[] };
        let arguments = [
            &[
                text(&log),
                "--state",
                text(&state),
                "--fail-on",
                "new-cause",
                "--quiet-ok",
                "--log-tz",
                "UTC",
            ][..],
            &["-o", "-", "-o", text(&report), "-o", text(&metrics)],
            close,
        ];
        let output = ftpwhy(&arguments.concat());
        let speaks = output.status.code() == Some(1) && !output.stdout.is_empty();
        let is_silent = output.status.code() == Some(0) && output.stdout.is_empty();
        assert!(
            if incident.is_some() {
                speaks
            } else {
                is_silent
            },
            "night {night}: {output:?}"
        );
        let now = replies_of(&std::fs::read_to_string(&metrics).unwrap());
        assert!(now > before, "counters only grow: {now} {before}");
        before = now;
        replies.push(now);
    }
    let sum = sum_of(&files_below(&reports));
    let whole = whole(&folder, &all);
    assert_eq!(sum, whole);
    // Six replies in each of the 40 sessions of a day, one more in each of three.
    assert_eq!(replies.last(), Some(&(30 * 40 * 6 + 3)));
}

/// All replies that metrics tell of.
fn replies_of(metrics: &str) -> u64 {
    let rows = metrics
        .lines()
        .filter(|line| line.starts_with("ftpwhy_replies_total{"));
    rows.map(|row| row.rsplit(' ').next().unwrap().parse::<u64>().unwrap())
        .sum()
}

/// A day of a vsftpd: each session downloads, and is over before the next begins, but for the last.
fn a_day(day: u32, incident: Option<&str>) -> String {
    let mut log = String::new();
    for session in 0..40 {
        let (hour, minute) = (session / 2, 30 * (session % 2) + 5);
        let pid = 100 + day * 1000 + session * 4;
        let client = format!("Client \"192.0.2.{}\"", 10 + session);
        let is_cut = session == 39;
        let mut second = 0;
        let mut say = |who: &str, what: &str| {
            let hour = if is_cut { 23 } else { hour };
            let date = format!("Mar {day:>2} {hour:02}:{minute:02}:{second:02} 2026");
            writeln!(log, "{} {date} [pid {pid}] {who}FTP {what}", weekday(day)).unwrap();
            second += 1;
        };
        let reply = |say: &mut dyn FnMut(&str, &str), text: &str| {
            say("[alice] ", &format!("response: {client}, \"{text}\""));
        };
        let command = |text: &str| format!("command: {client}, \"{text}\"");
        reply(&mut say, "220 Ready.");
        say("[alice] ", &command("USER alice"));
        reply(&mut say, "331 Please specify the password.");
        say("[alice] ", &command("PASS <password>"));
        reply(&mut say, "230 Login successful.");
        say("[alice] ", &command("TYPE I"));
        reply(&mut say, "200 Switching to Binary mode.");
        if session == 20
            && let Some(incident) = incident
        {
            let verb = if incident.starts_with("550") {
                "DELE a"
            } else {
                "STOR a"
            };
            say("[alice] ", &command(verb));
            reply(&mut say, incident);
        }
        say("[alice] ", &command("NOOP"));
        reply(&mut say, "200 NOOP ok.");
        say("[alice] ", &command("QUIT"));
        reply(&mut say, "221 Goodbye.");
    }
    log
}

/// March of 2026 began on a Sunday.
fn weekday(day: u32) -> &'static str {
    ["Sat", "Sun", "Mon", "Tue", "Wed", "Thu", "Fri"][day as usize % 7]
}
