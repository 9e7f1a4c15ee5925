//! Reports are added up: the sum of the reports of parts is the report of the whole.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use ftpwhy::report::{self, Options, Report};
use ftpwhy::run::Wanted;
use ftpwhy::tally::Tallies;
use ftpwhy::tally::written::{Written, read};
use serde_json::Value;

use crate::cli::ftpwhy;
use crate::support::{Temporary, files_below, run_with, settings, testdata};

fn told(arguments: &[&str], status: i32) -> String {
    let output = ftpwhy(arguments);
    assert_eq!(output.status.code(), Some(status), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn words<'w>(first: &[&'w str], more: &'w [String]) -> Vec<&'w str> {
    first
        .iter()
        .copied()
        .chain(more.iter().map(String::as_str))
        .collect()
}

/// The demo's logs, by their paths.
fn logs() -> Vec<String> {
    let files = files_below(&testdata().join("demo")).into_iter();
    let logs = files.filter(|path| path.extension().is_some_and(|e| e == "log"));
    logs.map(|path| path.to_str().unwrap().to_owned()).collect()
}

/// A report of each input, in files `0.json`, `1.json`, …
fn reports(directory: &Temporary, inputs: &[String]) -> Vec<String> {
    let file = |(number, input): (usize, &String)| {
        let json = told(&["--json", input], 0);
        let path = directory.file(&format!("{number}.json"), json.as_bytes());
        path.to_str().unwrap().to_owned()
    };
    inputs.iter().enumerate().map(file).collect()
}

/// Without what tells that it is a sum.
fn numbers(json: &str) -> Value {
    let mut report: Value = serde_json::from_str(json).unwrap();
    report.as_object_mut().unwrap().remove("tallies").unwrap();
    for input in report["inputs"].as_array_mut().unwrap() {
        input.as_object_mut().unwrap().remove("report");
    }
    report
}

/// The lines that tell what sums lack.
fn of_sums(line: &str) -> bool {
    let words = [
        "sums of other reports",
        "step by step; ",
        "one from its input",
    ];
    words.iter().any(|words| line.contains(words))
}

#[test]
fn the_sum_of_reports_is_the_report_of_all_inputs_in_every_form() {
    let directory = Temporary::new();
    let logs = logs();
    assert_eq!(logs.len(), 8);
    let reports = reports(&directory, &logs);
    let whole = told(&words(&["--json"], &logs), 0);
    let sum = told(&words(&["merge", "--json"], &reports), 0);
    assert_eq!(numbers(&sum), numbers(&whole));
    for form in ["csv", "prom"] {
        let whole = told(&words(&["--as", form], &logs), 0);
        let sum = told(&words(&["merge", "--as", form], &reports), 0);
        assert_eq!(sum, whole, "{form}");
    }
    // Where to go on is on other machines.
    for form in ["text", "md"] {
        let cut = |page: String| {
            let lines = page
                .lines()
                .filter(|line| !line.contains("ftpwhy timeline"))
                .filter(|line| !of_sums(line));
            lines
                .map(|line| line.trim_start_matches("next:").trim().to_owned())
                .collect::<Vec<_>>()
        };
        let whole = told(&words(&["--as", form, "-n", "0"], &logs), 0);
        let sum = told(&words(&["merge", "--as", form, "-n", "0"], &reports), 0);
        assert!(!whole.lines().any(of_sums));
        let said = sum.split_whitespace().collect::<Vec<_>>().join(" ");
        let says = "the sums of other reports, which hold no session step by step";
        assert!(said.contains(says), "{form}: {sum}");
        assert_eq!(cut(sum), cut(whole), "{form}");
    }
    let page = told(&words(&["merge", "--as", "html"], &reports), 0);
    let total = numbers(&whole)["failures"]["total"].to_string();
    assert!(page.contains(&format!("{total} failed operations in ")));
    assert!(page.contains("hold no session step by step"));
    let causes = page.matches("<h3>Where it shows</h3>").count();
    let noted = page.matches("No example is shown step by step").count();
    assert!(causes > 1 && noted == causes, "{noted} of {causes}");
    assert!(!told(&words(&["--as", "html"], &logs), 0).contains("No example is shown"));
    let mail = ["merge", "--as", "eml", "--mail-to", "a@example.org"];
    let mail = told(&words(&mail, &reports), 0);
    assert!(
        mail.contains(&format!("\nSubject: [ftpwhy] !! {total} failed operations")),
        "{mail}"
    );
}

#[test]
fn neither_order_nor_nesting_nor_packing_shows() {
    let directory = Temporary::new();
    let mut reports = reports(&directory, &logs());
    let expected = told(&words(&["merge", "--json"], &reports), 0);
    let save = |name: &str, bytes: &[u8]| {
        let path = directory.file(name, bytes);
        path.to_str().unwrap().to_owned()
    };
    let check = |arguments: &[String]| {
        assert_eq!(
            told(&words(&["merge", "--json"], arguments), 0),
            expected,
            "{arguments:?}"
        );
    };
    for at in 1..reports.len() {
        reports.rotate_left(1);
        let (one, other) = reports.split_at(at);
        let one = save(
            "one.json",
            told(&words(&["merge", "--json"], one), 0).as_bytes(),
        );
        let other = save(
            "other.json",
            told(&words(&["merge", "--json"], other), 0).as_bytes(),
        );
        check(&[other.clone(), one.clone()]);
        let both: Vec<u8> = [one, other]
            .iter()
            .flat_map(|path| std::fs::read(path).unwrap())
            .collect();
        check(&[save("both.ndjson", &both)]);
    }
    reports.reverse();
    check(&reports);
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(expected.as_bytes()).unwrap();
    check(&[save("packed.json.gz", &packed.finish().unwrap())]);
}

/// The sums of each of these inputs alone, added up as reports.
fn sum_of(paths: &[PathBuf]) -> Tallies {
    let mut sum = Tallies::default();
    for path in paths {
        let (findings, _) = run_with(&settings(&[path], Wanted::Tallies));
        let json = serde_json::to_string(&Written::new(&findings.tallies)).unwrap();
        let back = read(&json).unwrap();
        assert_eq!(back, findings.tallies, "{}", path.display());
        sum.merge(back);
    }
    sum
}

/// All recordings and logs, also damaged and alien ones, each come back as what they were; and what does not belong to the same
/// series adds up to what all of it is in one run.
#[test]
fn sums_over_the_recordings_are_those_of_one_run() {
    for folder in ["cases", "broken", "demo"] {
        let mut kinds = BTreeMap::<String, Vec<PathBuf>>::new();
        // Sessions of a log that was rotated, or cut, begin in one part and end in another.
        let is_series = |path: &Path| {
            let words = ["rotated-log", "log-cut-in-session"];
            words
                .iter()
                .any(|word| path.to_str().unwrap().contains(word))
        };
        let files = files_below(&testdata().join(folder));
        for path in files.into_iter().filter(|path| !is_series(path)) {
            let (findings, _) = run_with(&settings(&[&path], Wanted::Tallies));
            let input = findings.tallies.inputs.values().next().cloned();
            let Some(format) = input.and_then(|input| input.format) else {
                continue;
            };
            kinds.entry(format.to_owned()).or_default().push(path);
        }
        for (format, paths) in kinds {
            let all: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
            let (whole, _) = run_with(&settings(&all, Wanted::Tallies));
            let sum = sum_of(&paths);
            let shown = |tallies: &Tallies| {
                report::json::report(&Report::new(tallies, &Options::default()))
            };
            if folder == "broken" {
                continue; // the same traffic again and again, which one run hears
            }
            assert_eq!(shown(&sum), shown(&whole.tallies), "{folder}: {format}");
        }
    }
}

#[test]
fn each_host_has_its_own_inputs_and_what_is_given_twice_is_told() {
    let directory = Temporary::new();
    let log = std::fs::read(testdata().join("demo/healthy.vsftpd.log")).unwrap();
    let other = std::fs::read(testdata().join("demo/disk-full.vsftpd.log")).unwrap();
    let path = directory.file("vsftpd.log", &log);
    let path = path.to_str().unwrap();
    let save = |name: &str| {
        let file = directory.file(name, told(&["--json", path], 0).as_bytes());
        file.to_str().unwrap().to_owned()
    };
    let h1 = save("h1.json");
    std::fs::write(path, other).unwrap();
    let h2 = save("h2.json");
    let sum: Value = serde_json::from_str(&told(&["merge", "--json", &h2, &h1], 0)).unwrap();
    let inputs: Vec<_> = sum["inputs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|input| {
            (
                input["path"].as_str().unwrap(),
                input["records"].as_u64().unwrap(),
                input["report"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(inputs, [(path, 32, h2.as_str()), (path, 134, h1.as_str())]);
    assert_eq!(sum["diagnostics"].as_array().unwrap().len(), 0);
    let text = told(&["merge", &h1, &h2], 0);
    assert!(
        text.contains("vsftpd.log:20 (h2.json): STOR small/two.bin"),
        "{text}"
    );
    // Once more the same, under the same and another name.
    let copy = directory.file("copy.json", &std::fs::read(&h1).unwrap());
    let twice = ["merge", "--json", &h1, &h2, copy.to_str().unwrap()];
    let sum: Value = serde_json::from_str(&told(&twice, 0)).unwrap();
    let note = &sum["diagnostics"][0];
    assert_eq!(
        (&note["kind"], &note["severity"], &note["count"]),
        (&"counted-twice".into(), &"warning".into(), &2.into())
    );
    assert!(
        note["text"].as_str().unwrap().contains("copy.json, "),
        "{note}"
    );
    assert_eq!(sum["inputs"].as_array().unwrap().len(), 3);
}

/// What is no report that can be added up: a name, what stands in it, and what is told.
fn wrong(json: &str, log: &str) -> Vec<(&'static str, String, &'static str)> {
    vec![
        (
            "cut.json",
            json.chars().take(json.len() / 2).collect(),
            "EOF",
        ),
        (
            "newer.json",
            json.replace(r#""tallies":{"form":1"#, r#""tallies":{"form":2"#),
            "made by a newer version",
        ),
        (
            "slim.json",
            json.replace(r#""tallies":"#, r#""more":"#),
            "made by an older version",
        ),
        (
            "huge.json",
            json.replace(r#""unrecognised":0}"#, r#""unrecognised":999999999999}"#),
            "more than 11 digits",
        ),
        (
            "below.json",
            json.replace(r#""unrecognised":0}"#, r#""unrecognised":-1}"#),
            "invalid value: integer `-1`",
        ),
        (
            "alien.json",
            json.replace(r#""data-port-refused","#, r#""data-of-tomorrow","#),
            "\"data-of-tomorrow\" is not a cause",
        ),
        ("deep.json", "[".repeat(1_000_000), "not a report in JSON"),
        (
            "other.json",
            "{\"schema\":\"ftpwhy.diff/1\"}".to_owned(),
            "a report of another version",
        ),
        ("none.json", String::new(), "nothing stands in it"),
        (
            "a.log",
            std::fs::read_to_string(log).unwrap(),
            "not a report in JSON",
        ),
    ]
}

#[test]
fn what_can_not_be_added_up_is_told_and_the_rest_is_added_up() {
    let directory = Temporary::new();
    let log = &logs()[0];
    let json = told(&["--json", log], 0);
    let save = |name: &str, text: &str| {
        let path = directory.file(name, text.as_bytes());
        path.to_str().unwrap().to_owned()
    };
    let sound = save("sound.json", &json);
    for (name, text, why) in wrong(&json, log) {
        let path = save(name, &text);
        let sum: Value =
            serde_json::from_str(&told(&["merge", "--json", &sound, &path], 3)).unwrap();
        assert_eq!(sum["failures"]["total"], 1, "{name}");
        let note = &sum["diagnostics"][0];
        assert_eq!(note["source"], path, "{name}");
        assert!(
            note["text"].as_str().unwrap().contains(why),
            "{name}: {note}"
        );
        told(&["merge", &path], 2);
    }
    told(
        &[
            "merge",
            &sound,
            directory.path("missing.json").to_str().unwrap(),
        ],
        3,
    );
    for option in [
        "--user=x",
        "--since=2h",
        "--from=pcap",
        "--anonymize",
        "--failed",
        "-j2",
    ] {
        let output = ftpwhy(&["merge", option, &sound]);
        assert_eq!(output.status.code(), Some(2), "{option}");
    }
}

#[test]
fn more_reports_than_the_bounds_are_refused() {
    let directory = Temporary::new();
    let blanks = vec![b' '; ftpwhy::limits::REPORT_BYTES + 1];
    let path = directory.file("blanks.json", &blanks);
    let sum = told(&["merge", "--json", path.to_str().unwrap()], 2);
    assert!(sum.contains("has more than 134217728 bytes"), "{sum}");
    let many = vec!["x".to_owned(); ftpwhy::limits::MERGED_REPORTS + 1];
    let output = ftpwhy(&words(&["merge"], &many));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("more than 4096 reports at once"), "{told}");
}

#[test]
fn filters_and_other_names_stay_what_they_were() {
    let directory = Temporary::new();
    let log = logs()
        .into_iter()
        .find(|path| path.contains("guessing"))
        .unwrap();
    let save = |name: &str, arguments: &[&str]| {
        let json = told(arguments, 0);
        let path = directory.file(name, json.as_bytes());
        path.to_str().unwrap().to_owned()
    };
    let alice = save("alice.json", &["--json", "--user", "alice", &log]);
    let all = save("secret-host.json", &["--json", "--anonymize=key", &log]);
    let sum: Value = serde_json::from_str(&told(&["merge", "--json", &alice, &alice], 0)).unwrap();
    assert_eq!(sum["filtered"]["conditions"]["user"], "alice");
    let one: Value = serde_json::from_str(&std::fs::read_to_string(&alice).unwrap()).unwrap();
    let left_out = |report: &Value| {
        report["filtered"]["left_out"][0]["sessions"]
            .as_u64()
            .unwrap()
    };
    assert!(left_out(&one) > 0);
    assert_eq!(left_out(&sum), 2 * left_out(&one));
    let both: Value = serde_json::from_str(&told(&["merge", "--json", &alice, &all], 0)).unwrap();
    assert_eq!(both["filtered"]["conditions"]["user"], "alice or all");
    let hidden = told(&["merge", "--json", &all], 0);
    for name in ["alice", "198.51.100.11", "secret-host", "password-guessing"] {
        assert!(!hidden.contains(name), "{name} in {hidden}");
    }
    assert!(
        hidden.contains("input-1.vsftpd.log") || hidden.contains("input-1.log"),
        "{hidden}"
    );
}

#[test]
fn conditions_and_baselines_work_on_sums() {
    let directory = Temporary::new();
    let reports = reports(&directory, &logs());
    let whole = told(&words(&["merge", "--json"], &reports), 0);
    let whole = directory.file("whole.json", whole.as_bytes());
    let baseline = ["--baseline", whole.to_str().unwrap(), "--fail-on"];
    told(
        &words(
            &[&["merge"], &baseline[..], &["new-cause"]].concat(),
            &reports,
        ),
        0,
    );
    told(
        &words(
            &[&["merge"], &baseline[..], &["failures>63"]].concat(),
            &reports,
        ),
        1,
    );
    let first = ["merge", "--baseline", &reports[0], "--fail-on", "new-cause"];
    told(&words(&first, &reports), 1);
    let healthy = reports[2].as_str();
    assert_eq!(told(&["merge", "--quiet-ok", healthy], 0), "");
    let list = told(&words(&["merge", "-n", "2"], &reports), 0);
    assert!(list.contains("198.51.100.12 16\n"), "{list}");
}
