//! Parts of one run, read by themselves: what they come to is what the one run comes to.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use ftpwhy::report::{self, Options, Report};
use ftpwhy::run::{Listed, Settings, Task, Wanted, list, tasks};
use ftpwhy::tally::Tallies;
use ftpwhy::tally::written::{Written, read};
use serde_json::Value;

use crate::cli::ftpwhy;
use crate::support::{Temporary, files_below, run_with, settings, testdata};

/// The inputs of tasks, as they come from a list in a file.
fn listed(directory: &Temporary, tasks: &[&Task]) -> Vec<Listed> {
    let inputs = tasks.iter().flat_map(|task| &task.inputs);
    let lines = inputs.map(|input| serde_json::to_string(input).unwrap() + "\n");
    let path = directory.file("list", lines.collect::<String>().as_bytes());
    list(&path).unwrap()
}

/// A part of a run, written down and read back.
fn part(settings: &Settings) -> Tallies {
    let (findings, _) = run_with(settings);
    read(&serde_json::to_string(&Written::new(&findings.sums())).unwrap()).unwrap()
}

/// Holds the parts of a run against the run: each task by itself, and several at a time. Gives the number of tasks.
fn check(whole: &Settings) -> usize {
    let directory = Temporary::new();
    let (expected, _) = run_with(whole);
    let planned = tasks(whole).unwrap();
    let count = planned.tasks.len();
    for at_a_time in [1, 2, 7, 50] {
        for turn in [0, 3] {
            let mut order: Vec<&Task> = planned.tasks.iter().collect();
            order.rotate_left(turn % count);
            // What stands far apart is read in one part.
            order.sort_by_key(|task| task.inputs.len() * 31 % 7);
            let mut sum = Tallies::default();
            sum.merge_part(planned.told.clone()).unwrap();
            for tasks in order.chunks(at_a_time) {
                let settings = Settings {
                    paths: Vec::new(),
                    listed: Some(listed(&directory, tasks)),
                    ..whole.clone()
                };
                sum.merge_part(part(&settings)).unwrap();
            }
            let sum_report = Report::new(&sum, &Options::default());
            let options = Options {
                sources: expected.sources.clone(),
                ..Options::default()
            };
            let report = Report::new(&expected.tallies, &options);
            assert_eq!(
                report::json::report(&sum_report),
                report::json::report(&report)
            );
            assert_eq!(sum, expected.tallies, "{at_a_time} tasks at a time");
        }
    }
    count
}

/// The same with captures and logs joined and apart; gives the numbers of tasks.
fn check_both(files: &[PathBuf]) -> [usize; 2] {
    let paths: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
    [true, false].map(|joins| {
        check(&Settings {
            joins,
            ..settings(&paths, Wanted::Tallies)
        })
    })
}

#[test]
fn parts_come_to_the_whole() {
    for folder in ["demo", "broken"] {
        let [joined, apart] = check_both(&files_below(&testdata().join(folder)));
        assert!(joined < apart, "{folder}: {joined} tasks, {apart} apart");
    }
}

#[test]
fn parts_of_all_recordings_come_to_the_whole() {
    let mut files = files_below(&testdata().join("cases"));
    let directory = Temporary::new();
    // A rotated log beside a copy of one of its files, and what can't be read.
    let log = std::fs::read(testdata().join("demo/disk-full.vsftpd.log")).unwrap();
    let half = log.len() / 2;
    files.push(directory.file("x.log.1", &log[..half]));
    files.push(directory.file("x.log", &log[half..]));
    files.push(directory.file("y.log", &log[half..]));
    files.push(directory.file("y.log.1", &log));
    files.push(directory.path("missing.log"));
    // A capture that goes on in another one, twice there.
    let capture = std::fs::read(testdata().join("demo/disk-full.pcap")).unwrap();
    let cut = packet_border(&capture);
    let head = &capture[..24];
    let rest = [head, &capture[cut..]].concat();
    files.push(directory.file("b.pcap", &capture[..cut]));
    files.push(directory.file("a.pcap", &rest));
    files.push(directory.file("c.pcap", &rest));
    let [joined, apart] = check_both(&files);
    assert!(
        joined < apart && apart > 60,
        "{joined} tasks, {apart} apart"
    );
}

/// Where a packet in the middle of a capture ends.
fn packet_border(capture: &[u8]) -> usize {
    let mut at = 24;
    while at < capture.len() / 2 {
        let length = u32::from_le_bytes(capture[at + 8..at + 12].try_into().unwrap());
        at += 16 + length as usize;
    }
    at
}

fn told(arguments: &[&str], status: i32) -> String {
    let output = ftpwhy(arguments);
    assert_eq!(output.status.code(), Some(status), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The report of a folder, and the reports of its parts with what is told beside them, by the program.
fn by_the_program(directory: &Temporary, folder: &str, options: &[&str]) -> (String, Vec<String>) {
    let with = |words: &[&str], status| told(&[words, options].concat(), status);
    let whole = with(&["--json", folder], 0);
    let series: Value =
        serde_json::from_str(&with(&["formats", "--series", "--as", "json", folder], 0)).unwrap();
    let mut reports: Vec<String> = Vec::new();
    let mut save = |text: &str| {
        let path = directory.file(&format!("part-{}.json", reports.len()), text.as_bytes());
        reports.push(path.to_str().unwrap().to_owned());
    };
    for task in series["series"].as_array().unwrap() {
        let inputs = task["inputs"].as_array().unwrap();
        let lines: Vec<_> = inputs.iter().map(Value::to_string).collect();
        let path = directory.file("inputs", lines.join("\n").as_bytes());
        save(&with(&["--json", "--inputs", path.to_str().unwrap()], 0));
    }
    if !series["report"].is_null() {
        save(&series["report"].to_string());
    }
    (whole, reports)
}

#[test]
fn the_program_adds_up_parts_to_the_bytes_of_the_whole() {
    let folder = testdata().join("demo");
    let folder = folder.to_str().unwrap();
    for options in [
        &["--log-tz=UTC", "--no-join"][..],
        &["--log-tz=UTC", "--no-join", "--since=2026-03-01"],
        &["--log-tz=UTC"],
    ] {
        let directory = Temporary::new();
        let (whole, reports) = by_the_program(&directory, folder, options);
        assert!(
            reports.len() > usize::from(options.len() > 1),
            "{options:?}"
        );
        let parts: Vec<&str> = reports.iter().map(String::as_str).collect();
        let merged = told(&[&["merge", "--parts", "--json"], &parts[..]].concat(), 0);
        assert_eq!(merged, whole, "{options:?}");
        // By steps, the other way round.
        let (one, other) = parts.split_at(parts.len() / 2);
        if one.is_empty() {
            continue;
        }
        let half = told(&[&["merge", "--parts", "--json"], other].concat(), 0);
        let half = directory.file("half.json", half.as_bytes());
        let merge = ["merge", "--parts", "--json", half.to_str().unwrap()];
        assert_eq!(told(&[&merge, one].concat(), 0), whole, "{options:?}");
        // A part that is there twice, or missing, or no part.
        let twice = [&["merge", "--parts"], &parts[..], &parts[..1]].concat();
        let output = ftpwhy(&twice);
        assert_eq!(output.status.code(), Some(2));
        let words = String::from_utf8(output.stderr).unwrap();
        assert!(
            words.contains("has the number of an input of another report"),
            "{words}"
        );
        let missing = directory.path("missing.json");
        told(
            &["merge", "--parts", parts[0], missing.to_str().unwrap()],
            2,
        );
    }
}

/// Other names go by the places in the whole run.
#[test]
fn parts_with_other_names_are_those_of_the_whole() {
    let directory = Temporary::new();
    let folder = testdata().join("demo");
    let paths = files_below(&folder);
    let paths: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
    let whole = Settings {
        joins: false,
        anonymizer: Some(ftpwhy::anonymize::Anonymizer::new(b"key")),
        ..settings(&paths, Wanted::Tallies)
    };
    let (expected, _) = run_with(&whole);
    let planned = tasks(&Settings {
        joins: false,
        ..settings(&paths, Wanted::Tallies)
    });
    let mut sum = Tallies::default();
    for task in planned.unwrap().tasks.iter().rev() {
        sum.merge_part(part(&Settings {
            listed: Some(listed(&directory, &[task])),
            paths: Vec::new(),
            ..whole.clone()
        }))
        .unwrap();
    }
    assert_eq!(sum, expected.tallies);
    // Whoever has to open inputs has to know their names.
    let folder = folder.to_str().unwrap();
    told(&["formats", "--series", "--anonymize=key", folder], 2);
}

/// Inputs that are pipes here, and have names and numbers elsewhere.
#[cfg(unix)]
#[test]
fn what_comes_by_a_pipe_counts_under_its_own_name() {
    let directory = Temporary::new();
    let names = ["disk-full.pcap", "disk-full.vsftpd.log"];
    let bytes = names.map(|name| std::fs::read(testdata().join("demo").join(name)).unwrap());
    let mut lines = String::new();
    let pipes = names.map(|name| {
        let path = directory.path(name);
        let made = std::process::Command::new("mkfifo").arg(&path).status();
        assert!(made.unwrap().success());
        lines += &serde_json::json!({
            "path": format!("s3a://logs/{name}"), "at": path, "length": 1, "modified": 1_780_000_000,
        })
        .to_string();
        lines.push('\n');
        path
    });
    let feed = || {
        for (path, bytes) in pipes.iter().cloned().zip(bytes.clone()) {
            std::thread::spawn(move || {
                let mut pipe = std::fs::OpenOptions::new().write(true).open(path).unwrap();
                pipe.write_all(&bytes).unwrap();
            });
        }
    };
    let run = |arguments: &[&str], lines: &str| {
        feed();
        let list = directory.file("list", lines.as_bytes());
        told(
            &[arguments, &["--inputs", list.to_str().unwrap()]].concat(),
            0,
        )
    };
    let looked = run(&["formats", "--look"], &lines);
    assert_eq!(looked.lines().count(), 2);
    let list = directory.file("list", looked.as_bytes());
    let series = ["formats", "--series", "--json", "--no-join", "--inputs"];
    let series: Value =
        serde_json::from_str(&told(&[&series[..], &[list.to_str().unwrap()]].concat(), 0)).unwrap();
    let series = series["series"].as_array().unwrap();
    let kinds: Vec<_> = series.iter().map(|task| &task["kind"]).collect();
    assert_eq!(kinds, ["captures", "logs"]);
    let inputs = series.iter().map(|task| task["inputs"][0].to_string());
    let report = run(&["--json"], &inputs.collect::<Vec<_>>().join("\n"));
    let report: Value = serde_json::from_str(&report).unwrap();
    let paths: Vec<_> = report["inputs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|i| &i["path"])
        .collect();
    assert_eq!(
        paths,
        names.map(|name| format!("s3a://logs/{name}")).each_ref()
    );
    assert_eq!(report["sessions"]["joined"], 1);
}

#[test]
fn what_is_no_list_is_told_before_anything_is_read() {
    let directory = Temporary::new();
    let bad = directory.file("bad", b"{\"path\":1}");
    let bad = bad.to_str().unwrap();
    for arguments in [
        &["--inputs", bad][..],
        &["events", "--inputs", "missing"],
        &["--inputs", bad, "a.log"],
        &["--inputs", bad, "--state", "s"],
        &["formats", "--look", "--series", "x"],
        &["formats", "--look", "--as", "text", "x"],
        &["formats", "--series", "--fail-on", "failures>0", "x"],
    ] {
        assert_eq!(told(arguments, 2), "", "{arguments:?}");
    }
    let words = told(
        &[
            "formats",
            "--series",
            testdata().join("demo").to_str().unwrap(),
        ],
        0,
    );
    assert!(
        words.contains(" inputs read as one, ") && words.contains("inputs by themselves"),
        "{words}"
    );
}
