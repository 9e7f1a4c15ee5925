//! Runs that go on where the last one ended: however a log is cut into runs, they add up to one run over all of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use ftpwhy::log::{Detected, FORMATS};
use ftpwhy::report::{self, Options, Report};
use ftpwhy::run::{Findings, Format, Settings, Wanted, run_on};
use ftpwhy::state::State;
use ftpwhy::tally::Tallies;
use serde_json::Value;

use crate::support::{Temporary, files_below, run_with, settings, testdata};
use crate::traffic::{Rng, random_conversation, vsftpd_log};

/// One run with a state, which goes through its file.
pub(crate) fn go_on(settings: &Settings, state: &mut State, closes: bool) -> Findings {
    let file = state.to_file().unwrap();
    let before = State::of_file(&file).unwrap();
    let (findings, next) = run_on(settings, &before, closes, &mut Vec::new()).unwrap();
    *state = next;
    findings
}

/// All that is counted, times and examples and all.
pub(crate) fn numbers(tallies: &Tallies) -> String {
    let mut lines = String::new();
    for (vantage, tally) in &tallies.by_vantage {
        writeln!(lines, "{vantage:?} {tally:#?}").unwrap();
    }
    let (mut records, mut taken, mut ignored, mut unrecognised) = (0, 0, 0, 0);
    for input in tallies.inputs.values() {
        records += input.records;
        taken += input.taken;
        ignored += input.ignored;
        unrecognised += input.unrecognised;
        assert_eq!(
            input.records,
            input.taken + input.ignored + input.unrecognised
        );
    }
    write!(lines, "{records} {taken} {ignored} {unrecognised}").unwrap();
    lines
}

/// The numbers of reports in JSON, added up: what was heard, what failed and why, what was read.
#[derive(Debug, Default, PartialEq, Eq, Clone)]
pub(crate) struct Sum(BTreeMap<String, u64>);

impl Sum {
    pub(crate) fn add(&mut self, json: &str) {
        let report: Value = serde_json::from_str(json).unwrap();
        let number = |value: &Value| value.as_u64().unwrap();
        let mut add = |name: String, count: u64| {
            if count > 0 {
                *self.0.entry(name).or_default() += count;
            }
        };
        for row in report["replies"]["by_code"].as_array().unwrap() {
            add(
                format!("observed {}", row["code"]),
                number(&row["observed"]),
            );
            add(format!("implied {}", row["code"]), number(&row["implied"]));
        }
        for row in report["commands"].as_array().unwrap() {
            add(
                format!("{} {}", row["verb"], row["code"]),
                number(&row["count"]),
            );
        }
        for name in ["total", "logged_in", "failed", "clean"] {
            add(
                format!("sessions {name}"),
                number(&report["sessions"][name]),
            );
        }
        for (end, count) in report["sessions"]["ends"].as_object().unwrap() {
            add(format!("ends {end}"), number(count));
        }
        for row in report["failures"]["causes"].as_array().unwrap() {
            // Whether a wrong password is one of many shows in all sessions of a run together.
            let id = row["id"]
                .as_str()
                .unwrap()
                .replace("abuse-brute-force", "auth-bad-credentials");
            add(format!("cause {id}"), number(&row["count"]));
        }
        for row in report["failures"]["not_counted"].as_array().unwrap() {
            add(format!("not counted {}", row["id"]), number(&row["count"]));
        }
        for input in report["inputs"].as_array().unwrap() {
            for name in ["records", "taken", "ignored", "unrecognised", "bytes"] {
                add(format!("inputs {name}"), number(&input[name]));
            }
        }
    }

    pub(crate) fn of(tallies: &Tallies) -> Self {
        let mut sum = Self::default();
        sum.add_tallies(tallies);
        sum
    }

    pub(crate) fn add_tallies(&mut self, tallies: &Tallies) {
        let report = Report::new(tallies, &Options::default());
        self.add(&report::json::report(&report));
    }
}

fn first_difference(one: &str, other: &str) -> String {
    let pairs = one.lines().zip(other.lines()).enumerate();
    let different = pairs.filter(|(_, (a, b))| a != b).take(3);
    let told: Vec<String> = different
        .map(|(at, (a, b))| format!("{at}: {a} | {b}"))
        .collect();
    told.join("\n")
}

/// Cuts a file behind each of these bytes; gives what each run found.
fn in_parts(
    path: &Path,
    bytes: &[u8],
    cuts: &[usize],
    format: Option<&str>,
) -> (Vec<Tallies>, State) {
    let mut settings = settings(&[path], Wanted::Tallies);
    settings.from = format.and_then(Format::named);
    let mut state = State::default();
    let mut parts = Vec::new();
    for cut in cuts {
        std::fs::write(path, &bytes[..*cut]).unwrap();
        parts.push(go_on(&settings, &mut state, false).tallies);
    }
    std::fs::write(path, bytes).unwrap();
    parts.push(go_on(&settings, &mut state, true).tallies);
    (parts, state)
}

fn in_runs(path: &Path, bytes: &[u8], cuts: &[usize], format: Option<&str>) -> (Tallies, State) {
    let (parts, state) = in_parts(path, bytes, cuts, format);
    let mut sum = Tallies::default();
    for part in parts {
        sum.absorb(part);
    }
    (sum, state)
}

/// Date, host and the rest of a line of syslog.
fn of_syslog(line: &str) -> Option<(&str, &str, &str)> {
    let (stamp, rest) = line.split_at_checked(15)?;
    let dated = jiff::civil::DateTime::strptime("%Y %b %e %H:%M:%S", format!("2026 {stamp}"));
    let (host, rest) = rest.strip_prefix(' ')?.split_once(' ')?;
    dated.is_ok().then_some((stamp, host, rest))
}

/// The same lines as syslogd and rsyslog have them where each of their own was written again and again; nothing where none is.
fn repeated(lines: &str) -> Option<[String; 2]> {
    let behind = |line: &str| {
        let times = 1 + line.len() % 3;
        let again = of_syslog(line).map(|(stamp, host, _)| {
            format!("{stamp} {host} last message repeated {times} times\n")
        });
        format!("{line}\n{}", again.unwrap_or_default())
    };
    let around = |line: &str| {
        let again = of_syslog(line).and_then(|(stamp, host, rest)| {
            let (tag, message) = rest
                .split_once(": ")
                .filter(|(tag, _)| !tag.contains(' '))?;
            let again = format!("message repeated 2 times: [ {message}]");
            Some(format!("{line}\n{stamp} {host} {tag}: {again}\n"))
        });
        again.unwrap_or_else(|| format!("{line}\n"))
    };
    let is_any = lines.lines().any(|line| of_syslog(line).is_some());
    let both = || {
        let behind = lines.lines().map(behind).collect();
        [behind, lines.lines().map(around).collect()]
    };
    is_any.then(both)
}

#[test]
fn any_cut_of_any_format_adds_up() {
    let directory = Temporary::new();
    let mut failed = Vec::new();
    let mut with_repetitions = BTreeSet::new();
    for format in FORMATS {
        let description = format.describe();
        let samples = description.samples.iter().flat_map(|sample| {
            let repeated = repeated(sample.lines).into_iter().flatten();
            let repeated = repeated.map(|lines| (lines, true));
            std::iter::once((sample.lines.to_owned(), false)).chain(repeated)
        });
        for (number, (lines, is_repeated)) in samples.enumerate() {
            let bytes = lines.as_bytes();
            if Detected::by_head(bytes).is_none() {
                continue;
            }
            if is_repeated {
                with_repetitions.insert(description.name);
            }
            let name = format!("{}-{number}.txt", description.name);
            let path = directory.path(&name);
            std::fs::write(&path, bytes).unwrap();
            let mut whole_settings = settings(&[&path], Wanted::Tallies);
            whole_settings.from = Format::named(description.name);
            let (whole, _) = run_with(&whole_settings);
            let expected = numbers(&whole.tallies);
            for cut in 1..bytes.len() {
                if bytes[cut - 1] != b'\n' && cut % 17 != 0 {
                    continue;
                }
                let (sum, state) = in_runs(&path, bytes, &[cut], Some(description.name));
                let got = numbers(&sum);
                if got != expected {
                    failed.push(format!(
                        "{name} cut at {cut}: {}",
                        first_difference(&got, &expected)
                    ));
                }
                assert_eq!(state.open_sessions(), 0);
            }
        }
    }
    assert!(
        failed.is_empty(),
        "{} cuts\n{}",
        failed.len(),
        failed.join("\n")
    );
    assert!(with_repetitions.len() > 5, "{with_repetitions:?}");
}

/// A capture that grows: cut behind any of its bytes.
#[test]
fn a_capture_that_grows_adds_up() {
    let directory = Temporary::new();
    let mut failed = Vec::new();
    for case in [
        "healthy-session",
        "passive-rejected",
        "capture-starts-late",
        "tls-explicit",
        "port-used-again",
    ] {
        let folder = testdata().join("cases").join(case);
        for capture in files_below(&folder) {
            let is_capture = capture
                .extension()
                .is_some_and(|e| e == "pcap" || e == "pcapng");
            if !is_capture {
                continue;
            }
            let bytes = std::fs::read(&capture).unwrap();
            let path = directory.path("x.pcap");
            std::fs::write(&path, &bytes).unwrap();
            let (whole, _) = run_with(&settings(&[&path], Wanted::Tallies));
            let expected = Sum::of(&whole.tallies);
            let mut rng = Rng::new(bytes.len() as u64);
            for _ in 0..12 {
                let mut cuts = [rng.below(bytes.len()), rng.below(bytes.len())];
                cuts.sort_unstable();
                let (parts, state) = in_parts(&path, &bytes, &cuts, None);
                let mut got = Sum::default();
                for part in &parts {
                    got.add_tallies(part);
                }
                if got != expected {
                    failed.push(format!("{case} cut at {cuts:?}: {got:?} {expected:?}"));
                }
                assert_eq!(state.open_sessions(), 0);
            }
        }
    }
    assert!(
        failed.is_empty(),
        "{} cuts\n{}",
        failed.len(),
        failed.join("\n")
    );
}

fn assert_cuts_add_up(path: &Path, bytes: &[u8], cuts: &[usize]) {
    std::fs::write(path, bytes).unwrap();
    let (whole, _) = run_with(&settings(&[path], Wanted::Tallies));
    let (sum, state) = in_runs(path, bytes, cuts, None);
    let (got, expected) = (numbers(&sum), numbers(&whole.tallies));
    assert!(
        got == expected,
        "{cuts:?}: {}",
        first_difference(&got, &expected)
    );
    assert_eq!(state.open_sessions(), 0);
}

fn some_cuts(rng: &mut Rng, length: usize) -> Vec<usize> {
    let mut cuts: Vec<usize> = (0..=rng.below(5)).map(|_| rng.below(length)).collect();
    cuts.sort_unstable();
    cuts
}

pub(crate) fn busy_log(seed: u64, sessions: u32) -> String {
    let mut rng = Rng::new(seed);
    let conversations: Vec<_> = (0..sessions)
        .map(|i| random_conversation(&mut rng, i))
        .collect();
    vsftpd_log(&conversations, 100)
}

#[test]
fn any_cut_of_a_busy_log_adds_up() {
    let directory = Temporary::new();
    for seed in 1..9 {
        let log = busy_log(seed, 40);
        let mut rng = Rng::new(seed);
        for _ in 0..6 {
            let cuts = some_cuts(&mut rng, log.len());
            assert_cuts_add_up(&directory.path("vsftpd.log"), log.as_bytes(), &cuts);
        }
    }
}

#[test]
fn any_cut_of_a_recorded_log_adds_up() {
    let directory = Temporary::new();
    let mut rng = Rng::new(5);
    let mut logs = 0;
    for path in files_below(&testdata()) {
        let bytes = std::fs::read(&path).unwrap();
        if Detected::by_head(&bytes).is_none() {
            continue;
        }
        logs += 1;
        for _ in 0..4 {
            let cuts = some_cuts(&mut rng, bytes.len());
            assert_cuts_add_up(&directory.path("a.log"), &bytes, &cuts);
        }
    }
    assert!(logs > 30, "{logs}");
}
