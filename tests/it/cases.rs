//! The recordings in testdata/, each held against what its recording client noted (see testdata/README.md).

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use ftpwhy::exit::Exit;
use ftpwhy::run::{Findings, Wanted};
use jiff::tz::TimeZone;
use serde::Deserialize;

use crate::support::{run_with, settings, testdata};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    why: String,
    #[expect(dead_code, reason = "the tidy test holds it against the folder")]
    files: Vec<String>,
    run: Vec<Run>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Run {
    read: Vec<String>,
    format: Option<String>,
    log_tz: Option<String>,
    year: Option<i64>,
    exit: Option<u8>,
    records: Option<u64>,
    sessions: Option<usize>,
    transfers: Option<u64>,
    replies: Option<u64>,
    codes: Option<BTreeMap<String, u64>>,
    failures: Option<usize>,
    #[serde(default)]
    causes: Vec<String>,
    #[serde(default)]
    diagnostics: Vec<String>,
    first: Option<String>,
}

/// Notes what differs: `what`, what was found, what was expected.
fn differ<T: PartialEq + std::fmt::Debug>(
    wrong: &mut Vec<String>,
    what: &str,
    found: &T,
    expected: Option<&T>,
) {
    if let Some(expected) = expected
        && found != expected
    {
        wrong.push(format!("{what}: found {found:?}, expected {expected:?}"));
    }
}

fn read(folder: &Path, run: &Run) -> Findings {
    let paths: Vec<_> = run.read.iter().map(|name| folder.join(name)).collect();
    let paths: Vec<&Path> = paths.iter().map(std::path::PathBuf::as_path).collect();
    let mut settings = settings(&paths, Wanted::Sessions);
    settings.log_zone = run
        .log_tz
        .as_ref()
        .map_or(TimeZone::UTC, |name| TimeZone::get(name).unwrap());
    settings.year = run.year;
    run_with(&settings).0
}

fn check(folder: &Path, run: &Run) -> Vec<String> {
    let findings = read(folder, run);
    let mut wrong = Vec::new();
    check_numbers(&findings, run, &mut wrong);
    check_failures(&findings, run, &mut wrong);
    wrong
}

fn check_numbers(findings: &Findings, run: &Run, wrong: &mut Vec<String>) {
    let Findings {
        tallies, sessions, ..
    } = findings;
    for input in tallies.inputs.values() {
        let format = run.format.as_deref().map(Some);
        differ(wrong, "format", &input.format, format.as_ref());
    }
    let heard = || tallies.by_vantage.values();
    let mut codes = BTreeMap::new();
    for (code, count) in heard().flat_map(|v| v.observed.iter()) {
        *codes.entry(code.number().to_string()).or_default() += count;
    }
    let records = tallies.inputs.values().map(|i| i.records).sum();
    let transfers = sessions.iter().map(|(s, _)| s.transfer_count()).sum();
    let first = sessions.iter().filter_map(|(s, _)| s.start).min();
    let first = first.map(|at| at.to_string()).unwrap_or_default();
    let first = first.get(..19).map(str::to_owned).unwrap_or_default();
    let expected = run
        .first
        .as_ref()
        .map(|f| f.trim_end_matches('Z').to_owned());
    differ(wrong, "exit", &Exit::of(tallies).code(), run.exit.as_ref());
    differ(wrong, "records", &records, run.records.as_ref());
    differ(wrong, "sessions", &sessions.len(), run.sessions.as_ref());
    differ(wrong, "transfers", &transfers, run.transfers.as_ref());
    differ(
        wrong,
        "replies",
        &heard().map(|v| v.observed.total()).sum(),
        run.replies.as_ref(),
    );
    differ(wrong, "codes", &codes, run.codes.as_ref());
    differ(wrong, "first", &first, expected.as_ref());
}

fn check_failures(findings: &Findings, run: &Run, wrong: &mut Vec<String>) {
    let failures = || findings.sessions.iter().flat_map(|(_, failures)| failures);
    let counted = failures().filter(|f| !f.benign).count();
    differ(wrong, "failures", &counted, run.failures.as_ref());
    let causes: BTreeSet<&str> = failures().map(|f| f.cause.name()).collect();
    for cause in run.causes.iter().filter(|c| !causes.contains(c.as_str())) {
        wrong.push(format!("no failure has the cause {cause}, only {causes:?}"));
    }
    let kinds = findings
        .tallies
        .diagnostics
        .iter()
        .map(|(kind, ..)| kind.id());
    let kinds: BTreeSet<&str> = kinds.collect();
    for kind in run
        .diagnostics
        .iter()
        .filter(|k| !kinds.contains(k.as_str()))
    {
        wrong.push(format!("no diagnostic is {kind}, only {kinds:?}"));
    }
}

#[test]
fn every_recording_is_read_as_it_was_noted() {
    let mut folders: Vec<_> = std::fs::read_dir(testdata().join("cases"))
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    folders.push(testdata().join("broken"));
    folders.sort();
    let mut wrong = Vec::new();
    let mut runs = 0;
    for folder in &folders {
        let text = std::fs::read_to_string(folder.join("case.toml")).unwrap();
        let case: Case =
            toml::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
        for run in &case.run {
            runs += 1;
            let name = folder.file_name().unwrap().to_string_lossy();
            wrong.extend(
                check(folder, run)
                    .iter()
                    .map(|w| format!("{name} {:?}: {w}\n    ({})", run.read, case.why)),
            );
        }
    }
    assert!(runs > 50, "{runs} runs");
    assert!(
        wrong.is_empty(),
        "{} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
