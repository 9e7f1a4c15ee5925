//! `--state` from outside: runs in the night, killed, refused. A month of them is in `month.rs`.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use ftpwhy::state::{Bytes, State};

use crate::cli::ftpwhy;
use crate::state::{Sum, busy_log};
use crate::support::{Temporary, files_below};
use crate::traffic::Rng;

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

pub(crate) fn told(output: &Output) -> String {
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
        .replacen(" 2 ", " 7 ", 1);
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
    append_bytes(path, lines.concat().as_bytes());
}

fn append_bytes(path: &Path, bytes: &[u8]) {
    use std::io::Write as _;
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.append(true).create(true).open(path).unwrap();
    file.write_all(bytes).unwrap();
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

/// How often the log is rotated at most: each run looks at all files.
const ROTATIONS: u32 = 40;

/// How often of them in the middle of a run, at least.
const ROTATIONS_IN_RUNS: u32 = 10;

/// A log that is written to and rotated, in small steps.
struct Writer<'l> {
    logs: &'l Path,
    pieces: std::slice::Chunks<'l, &'l str>,
    rng: Rng,
    rotations: u32,
}

impl Writer<'_> {
    fn name(&self, number: u32) -> PathBuf {
        self.logs.join(if number == 0 {
            "x.log".to_owned()
        } else {
            format!("x.log.{number}")
        })
    }

    /// `x.log.1` becomes `x.log.2`.
    fn make_room(&self) {
        let first = (1..200)
            .find(|number| !self.name(*number).exists())
            .unwrap();
        for number in (1..first).rev() {
            std::fs::rename(self.name(number), self.name(number + 1)).unwrap();
        }
    }

    /// A new piece, or a rotation, or nothing.
    fn step(&mut self) {
        match self.rng.below(100) {
            0..2 if self.rotations < ROTATIONS => self.rotate(),
            2..22 => self.write(),
            _ => {}
        }
    }

    fn write(&mut self) {
        append(&self.name(0), self.pieces.next().unwrap_or_default());
    }

    /// Renames the log, or copies and empties it.
    fn rotate(&mut self) {
        self.rotations += 1;
        self.make_room();
        if self.rng.below(2) == 0 {
            std::fs::rename(self.name(0), self.name(1)).unwrap();
            // Who writes it has the old one open until he is told.
            if self.rng.below(2) == 0 {
                append(&self.name(1), self.pieces.next().unwrap_or_default());
            }
            append(&self.name(0), &[]);
        } else {
            let whole = std::fs::read(self.name(0)).unwrap();
            let (first, second) = whole.split_at(whole.len() / 2);
            std::fs::write(self.name(1), first).unwrap();
            std::thread::sleep(Duration::from_millis(self.rng.below(4) as u64));
            append_bytes(&self.name(1), second);
            std::fs::File::create(self.name(0)).unwrap();
        }
    }
}

/// A run over the logs with a state, which says nothing.
fn reporting(logs: &Path, state: &Path, report: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ftpwhy"));
    command.arg(logs).arg("--state").arg(state);
    command.arg("-o").arg(report);
    command
        .args(["--log-tz", "UTC", "-j", "1"])
        .env("TZ", "UTC");
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// Kills runs at any moment while the log is written to and rotated under them; the reports that are in their places add up.
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
    let mut writer = Writer {
        logs: &logs,
        pieces: lines.chunks(lines.len().div_ceil(400)),
        rng: Rng::new(77),
        rotations: 0,
    };
    append(&writer.name(0), &[]);
    let run = |turn: usize| {
        let report = reports.join(format!("{turn:03}.json"));
        reporting(&logs, &state, &report)
    };
    // How long a run takes, so that it is killed at any moment of it; it takes longer where others work too.
    let begun = Instant::now();
    assert!(run(0).status().unwrap().success());
    let mut takes = begun.elapsed();
    let (mut killed, mut over, mut in_runs) = (0, 0, 0);
    for turn in 1..900 {
        if killed >= 200 && over >= 25 {
            break;
        }
        for _ in 0..3 {
            writer.step();
        }
        let mut child = run(turn).spawn().unwrap();
        let age = takes * u32::try_from(writer.rng.below(1000)).unwrap() / 800;
        let begun = Instant::now();
        let before = writer.rotations;
        while begun.elapsed() < age {
            writer.step();
            std::thread::sleep((age / 8).min(age.saturating_sub(begun.elapsed())));
        }
        in_runs += writer.rotations - before;
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
    while let Some(piece) = writer.pieces.next() {
        append(&writer.name(0), piece);
    }
    let last = run(999).arg("--close").status().unwrap();
    assert_eq!(last.code(), Some(0));
    let written: Vec<PathBuf> = files_below(&reports)
        .into_iter()
        .filter(|p| p.extension().is_some_and(|e| e == "json"))
        .collect();
    let rotations = writer.rotations;
    eprintln!(
        "{killed} killed, {over} over, {rotations} rotations, {in_runs} in runs, {} reports",
        written.len()
    );
    assert!(
        killed >= 200 && over >= 25 && rotations >= 20 && in_runs >= ROTATIONS_IN_RUNS,
        "{killed} {over} {rotations} {in_runs}"
    );
    assert_eq!(sum_of(&written), whole(&folder, &log));
}

/// Rotates in the middle of runs that are not killed, each time at another moment, and goes on writing at once.
#[test]
fn rotated_at_any_moment_of_a_run_nothing_is_lost_or_counted_twice() {
    let folder = Temporary::new();
    let log = busy_log(12, 60);
    let lines: Vec<&str> = log.split_inclusive('\n').collect();
    let (logs, reports) = (folder.path("logs"), folder.path("reports"));
    std::fs::create_dir(&logs).unwrap();
    std::fs::create_dir(&reports).unwrap();
    let mut writer = Writer {
        logs: &logs,
        pieces: lines.chunks(lines.len().div_ceil(400)),
        rng: Rng::new(78),
        rotations: 0,
    };
    writer.write();
    let report = |turn: u32| reports.join(format!("{turn:03}.json"));
    let run = |turn: u32| reporting(&logs, &folder.path("state"), &report(turn));
    let begun = Instant::now();
    assert!(run(0).status().unwrap().success());
    let takes = begun.elapsed();
    for turn in 1..=ROTATIONS {
        writer.write();
        let mut child = run(turn).spawn().unwrap();
        std::thread::sleep(takes * u32::try_from(writer.rng.below(1000)).unwrap() / 1000);
        writer.rotate();
        writer.write();
        writer.write();
        assert!(child.wait().unwrap().success());
    }
    while let Some(piece) = writer.pieces.next() {
        append(&writer.name(0), piece);
    }
    assert!(run(999).arg("--close").status().unwrap().success());
    let written = files_below(&reports);
    assert!(written.len() > 40, "{}", written.len());
    assert_eq!(sum_of(&written), whole(&folder, &log));
}

/// A log with open sessions is gone, one was rotated empty since, and a third holds what comes next.
#[test]
fn what_is_open_goes_on_behind_a_log_without_a_byte() {
    let folder = Temporary::new();
    let log = busy_log(7, 20);
    let lines: Vec<&str> = log.split_inclusive('\n').collect();
    let (first, second) = lines.split_at(lines.len() / 2);
    let logs = folder.path("logs");
    std::fs::create_dir(&logs).unwrap();
    let (state, reports) = (
        folder.path("state"),
        ["1.json", "2.json"].map(|name| folder.path(name)),
    );
    std::fs::write(logs.join("x.log"), first.concat()).unwrap();
    assert!(
        reporting(&logs, &state, &reports[0])
            .status()
            .unwrap()
            .success()
    );
    std::fs::write(logs.join("x.log.1"), "").unwrap();
    std::fs::remove_file(logs.join("x.log")).unwrap();
    std::fs::write(logs.join("x.log"), second.concat()).unwrap();
    let mut last = reporting(&logs, &state, &reports[1]);
    assert!(last.arg("--close").status().unwrap().success());
    assert_eq!(sum_of(&reports), whole(&folder, &log));
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
