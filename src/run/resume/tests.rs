//! Logs that are rotated while a run looks at them, each step in its place: what is rotated when is not left to chance.

use std::cell::Cell;
use std::path::Path;

use jiff::tz::TimeZone;

use super::*;
use crate::diagnostic::DiagnosticKind;
use crate::run::{Findings, Settings, Wanted, read_on, run};

fn settings(folder: &Path) -> Settings {
    Settings {
        paths: vec![folder.to_owned()],
        listed: None,
        joins: true,
        from: None,
        log_zone: TimeZone::UTC,
        year: Some(2026),
        wanted: Wanted::Tallies,
        filter: None,
        grouping: None,
        anonymizer: None,
        window_bytes: limits::WINDOW_BYTES,
        progress: false,
    }
}

/// Lines of one session after the other, and one session that goes on beside all of them.
fn lines(numbers: std::ops::Range<u32>) -> String {
    let line = |number: u32| {
        let (minute, second) = (number / 60, number % 60);
        let stamp = format!("Sun Nov 22 09:{minute:02}:{second:02} 2026");
        let client = "Client \"192.0.2.7\"";
        match number % 4 {
            0 => format!("{stamp} [pid {number}] CONNECT: {client}\n"),
            1 => format!("{stamp} [pid {number}] [u] OK LOGIN: {client}\n"),
            2 => format!("{stamp} [pid 9] [w] FTP command: {client}, \"RETR {number}\"\n"),
            _ => format!("{stamp} [pid 9] [w] FTP response: {client}, \"550 No.\"\n"),
        }
    };
    numbers.map(line).collect()
}

/// Lines, sessions and replies.
#[derive(Debug, Default, PartialEq, Eq)]
struct Sum {
    records: u64,
    sessions: u64,
    replies: u64,
    exchanges: u64,
}

impl Sum {
    fn add(&mut self, findings: &Findings) {
        for input in findings.tallies.inputs.values() {
            self.records += input.records;
        }
        for tally in findings.tallies.by_vantage.values() {
            self.sessions += tally.sessions.total;
            self.replies += tally.observed.total();
            self.exchanges += tally.exchanges.total();
        }
    }
}

/// A folder of logs, and runs over it.
struct Night {
    folder: tempfile::TempDir,
    state: State,
    sum: Sum,
}

impl Night {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            state: State::default(),
            sum: Sum::default(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    /// A run in which something happens before the inputs are looked at and behind that; both are told how often they were
    /// looked at before. Says whether something was left, because it was renamed or replaced.
    fn run(&mut self, closes: bool, before: impl Fn(usize), behind: impl Fn(usize)) -> bool {
        let looks = Cell::new(0);
        let find = |paths: &[PathBuf], diagnostics: &mut Diagnostics| {
            let found = input::discover(paths, diagnostics);
            before(looks.get());
            let looked = fit::looked_at(found);
            behind(looks.get());
            looks.set(looks.get() + 1);
            looked
        };
        let settings = settings(self.folder.path());
        let state = self.state.clone();
        let mut diagnostics = Diagnostics::default();
        let found = Earlier::find_by(&find, &state, &settings.paths, closes, &mut diagnostics);
        let read = read_on(&settings, found, diagnostics, &mut Vec::new());
        let (findings, state) = read.unwrap();
        self.state = state;
        self.sum.add(&findings);
        let mut told = findings.tallies.diagnostics.iter();
        told.any(|(kind, reason, _)| kind == DiagnosticKind::Carried && reason.contains("a moment"))
    }

    fn quiet(&mut self, closes: bool) {
        assert!(!self.run(closes, |_| (), |_| ()));
    }

    /// What one run over all these lines finds is what the runs found.
    fn assert_adds_up(&mut self, numbers: std::ops::Range<u32>) {
        self.quiet(true);
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("x.log"), lines(numbers)).unwrap();
        let mut whole = Sum::default();
        whole.add(&run(&settings(folder.path()), &mut Vec::new()).unwrap());
        assert!(whole.sessions > 2 && whole.exchanges > 1, "{whole:?}");
        assert_eq!(self.sum, whole);
    }
}

/// Rotation that copies is over between the look at the log and the look into its copy.
#[test]
fn a_log_that_was_emptied_since_it_was_looked_at_is_not_taken_for_another_than_its_copy() {
    for was_read in [false, true] {
        let mut night = Night::new();
        if was_read {
            night.write("x.log", &lines(0..14));
            night.quiet(false);
        }
        let log = lines(0..22);
        night.write("x.log", &log);
        // In the middle of a line.
        let (begun, _) = log.split_at(log.len() / 2 + 9);
        night.write("x.log.1", begun);
        let (log, copy) = (night.path("x.log"), night.path("x.log.1"));
        let finish = |looks: usize| {
            if looks == 0 {
                std::fs::copy(&log, &copy).unwrap();
                std::fs::write(&log, "").unwrap();
            }
        };
        assert!(!night.run(false, |_| (), finish), "it was looked at again");
        night.write("x.log", &lines(22..30));
        night.assert_adds_up(0..30);
    }
}

/// The rest of the oldest log gets a name that was not there when the inputs were listed.
#[test]
fn a_log_that_got_a_new_name_since_the_inputs_were_listed_is_read_before_those_after_it() {
    for was_read in [false, true] {
        let mut night = Night::new();
        if was_read {
            night.write("x.log", &lines(0..7));
            night.quiet(false);
        }
        night.write("x.log.1", &lines(0..10));
        night.write("x.log", &lines(10..15));
        let folder = night.folder.path().to_owned();
        let rotate = |looks: usize| {
            if looks == 0 {
                let path = |name: &str| folder.join(name);
                std::fs::rename(path("x.log.1"), path("x.log.2")).unwrap();
                std::fs::rename(path("x.log"), path("x.log.1")).unwrap();
                std::fs::write(path("x.log"), lines(15..18)).unwrap();
            }
        };
        assert!(!night.run(false, rotate, |_| ()), "it was looked at again");
        assert_eq!(night.sum.records, 18);
        night.assert_adds_up(0..18);
    }
}

/// Where a log is rotated each time it is looked at, nothing of it is read, and nothing is lost.
#[test]
fn what_is_rotated_all_the_time_is_left_for_the_next_run() {
    for rotations in [limits::LOOKS - 1, limits::LOOKS] {
        let mut night = Night::new();
        night.write("x.log", &lines(0..7));
        night.write("y.log", "no log\n");
        night.quiet(false);
        night.write("x.log", &lines(0..10));
        let path = night.path("x.log");
        let rotate = |looks: usize| {
            if looks < rotations {
                let to = path.with_extension(format!("log-{}", 20_260_301 + looks));
                std::fs::rename(&path, to).unwrap();
                let first = 10 + u32::try_from(looks).unwrap();
                std::fs::write(&path, lines(first..first + 1)).unwrap();
            }
        };
        let is_left = night.run(false, |_| (), rotate);
        assert_eq!(is_left, rotations == limits::LOOKS);
        assert_eq!(night.sum.records == 7, is_left, "{:?}", night.sum);
        let all = 10 + u32::try_from(rotations).unwrap();
        night.assert_adds_up(0..all);
    }
}
