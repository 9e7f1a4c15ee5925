//! Conditions, silence where all is well, and the line for monitoring systems.

use crate::cli::ftpwhy;
use crate::support::Temporary;

const WELL: &str = "testdata/demo/healthy.pcap";
const ILL: &str = "testdata/demo/disk-full.pcap";

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// The exit status, standard output and standard error.
fn run(arguments: &[&str]) -> (i32, String, String) {
    let output = ftpwhy(arguments);
    (
        output.status.code().unwrap(),
        text(&output.stdout).to_owned(),
        text(&output.stderr).to_owned(),
    )
}

#[test]
fn a_condition_that_holds_is_status_1_and_said_beside_the_whole_result() {
    let (plain, report, _) = run(&[ILL]);
    assert_eq!(plain, 0);
    for command in [
        "report", "codes", "causes", "sessions", "timeline", "events",
    ] {
        let (status, out, err) = run(&[command, ILL, "--fail-on", "cause(storage-io-error)"]);
        assert_eq!(status, 1, "{command}: {err}");
        assert!(
            err.contains("--fail-on holds: cause(storage-io-error) ("),
            "{command}: {err}"
        );
        assert!(command != "report" || out == report);
        let (status, _, err) = run(&[command, ILL, "--fail-on", "rate(2xx) > 100%"]);
        assert_eq!((status, err.as_str()), (0, ""), "{command}");
    }
    let (status, _, err) = run(&[
        ILL,
        "-q",
        "--fail-on",
        "failures",
        "--fail-on",
        "failures>99",
    ]);
    assert_eq!((status, err.as_str()), (1, ""));
}

#[test]
fn a_condition_outweighs_an_input_that_could_not_be_read() {
    let (status, _, _) = run(&[ILL, "testdata/no-such.log"]);
    assert_eq!(status, 3);
    let (status, _, _) = run(&[ILL, "testdata/no-such.log", "--fail-on", "failures"]);
    assert_eq!(status, 1);
    let (status, _, _) = run(&["testdata/no-such.log", "--fail-on", "failures=0"]);
    assert_eq!(status, 2, "nothing could be read");
}

#[test]
fn a_wrong_condition_is_told_before_anything_is_read() {
    let (status, out, err) = run(&["no-such.pcap", "--fail-on", "rate(5xx)>2 apples"]);
    assert_eq!((status, out.as_str()), (2, ""));
    let told: Vec<&str> = err.lines().collect();
    assert!(
        told[0].starts_with("ftpwhy: --fail-on: a condition is like"),
        "{err}"
    );
    assert_eq!(told[1].trim(), "rate(5xx)>2 apples");
    assert_eq!(told[2].find('^').unwrap() - told[1].find('r').unwrap(), 12);
    let (status, _, err) = run(&[ILL, "--fail-on", "new-cause"]);
    assert!(status == 2 && err.contains("--baseline"), "{err}");
}

#[test]
fn a_cause_is_new_against_an_earlier_report() {
    let temporary = Temporary::new();
    let report = |input: &str, name: &str| {
        let path = temporary.path(name).to_str().unwrap().to_owned();
        assert_eq!(run(&[input, "-o", &path]).0, 0);
        path
    };
    let (well, ill) = (report(WELL, "well.json"), report(ILL, "ill.json"));
    let new =
        |input, baseline: &str| run(&[input, "--baseline", baseline, "--fail-on", "new-cause"]);
    assert_eq!(new(ILL, &ill).0, 0);
    let (status, _, err) = new(ILL, &well);
    assert!(status == 1 && err.contains("new-cause ("), "{err}");
    let broken = temporary.file("broken.json", b"{\"schema\":\"\\u001b[31m\"");
    let (status, _, err) = new(ILL, broken.to_str().unwrap());
    assert!(status == 2 && err.contains("not a report in JSON"), "{err}");
    assert!(!err.contains('\u{1b}'));
    assert_eq!(new(ILL, "no-such.json").0, 2);
}

#[test]
fn where_all_is_well_nothing_is_printed() {
    let temporary = Temporary::new();
    let file = temporary.path("well.txt");
    let written = file.to_str().unwrap();
    let arguments = [WELL, "--quiet-ok", "-o", written, "-o", "-"];
    assert_eq!(run(&arguments), (0, String::new(), String::new()));
    assert!(std::fs::read_to_string(&file).unwrap().contains("VERDICT"));
    for command in ["codes", "causes", "sessions", "timeline"] {
        let quiet = run(&[command, WELL, "--quiet-ok"]);
        assert_eq!(quiet, (0, String::new(), String::new()), "{command}");
        assert!(
            !run(&[command, ILL, "--quiet-ok"]).1.is_empty(),
            "{command}"
        );
    }
    assert!(run(&[ILL, "--quiet-ok"]).1.contains("storage-io-error"));
    // What could not be read, and a condition that holds, are something to say.
    assert!(!run(&[WELL, "no-such.log", "--quiet-ok"]).1.is_empty());
    let (status, out, _) = run(&[WELL, "--quiet-ok", "--fail-on", "sessions"]);
    assert!(status == 1 && !out.is_empty());
    assert_eq!(run(&["events", WELL, "--quiet-ok"]).0, 2);
}

#[test]
fn monitoring_gets_one_line_and_its_own_status() {
    for (arguments, status, begin) in [
        (&[WELL][..], 0, "FTP OK - "),
        (&[ILL][..], 1, "FTP WARNING - "),
        (&[ILL, "--warn", "failures>1000"], 0, "FTP OK - "),
        (
            &[
                ILL,
                "--warn",
                "failures",
                "--crit",
                "cause(storage-io-error)>0",
            ],
            2,
            "FTP CRITICAL - cause(storage-io-error)>0 (",
        ),
        (
            &[WELL, "no-such.log"],
            3,
            "FTP UNKNOWN - not all could be read: ",
        ),
        (&["no-such.log"], 3, "FTP UNKNOWN - "),
        (
            &[ILL, "no-such.log", "--crit", "failures"],
            2,
            "FTP CRITICAL - failures (",
        ),
        (&[ILL, "--crit", "nonsense"], 3, "FTP UNKNOWN - --crit: "),
        (&[ILL, "--no-such-option"], 3, ""),
    ] {
        let (found, out, _) = run(&[&["check"], arguments].concat());
        assert_eq!(found, status, "{arguments:?}: {out}");
        assert!(out.starts_with(begin), "{arguments:?}: {out}");
        assert!(out.lines().count() <= 1, "{out}");
    }
    let (_, out, _) = run(&["check", WELL]);
    let (words, numbers) = out.split_once(" | ").unwrap();
    assert!(words.contains("No failure seen"), "{out}");
    for number in [
        "replies=",
        "sessions=",
        "failures=0;;;0",
        "failed=0.0%;;;0;100",
        "login_p90=",
    ] {
        assert!(numbers.contains(number), "{number}: {out}");
    }
}
