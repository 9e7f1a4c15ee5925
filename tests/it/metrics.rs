//! The metrics of a run, read back by a parser of Prometheus' text form.

use prometheus_parse::{Sample, Scrape, Value};

use crate::cli::ftpwhy;
use crate::support::Temporary;
use crate::synth::{Container, Conversation, capture};

fn metrics(input: &str) -> (String, Vec<Sample>) {
    let output = ftpwhy(&[input, "--as", "prom"]);
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = text.lines().map(|line| Ok(line.to_owned()));
    let samples = Scrape::parse(lines).unwrap().samples;
    (text, samples)
}

/// The sum of a metric's rows of a vantage.
fn sum(samples: &[Sample], name: &str, vantage: &str) -> u64 {
    let rows = samples
        .iter()
        .filter(|s| s.metric == name && s.labels.get("vantage") == Some(vantage));
    let numbers = rows.map(|s| match s.value {
        Value::Counter(n) => n,
        ref other => panic!("{name} is no counter: {other:?}"),
    });
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "counts"
    )]
    let sum = numbers.sum::<f64>() as u64;
    sum
}

#[test]
fn metrics_tell_the_numbers_of_the_report() {
    let report = ftpwhy(&["testdata/demo", "--json"]);
    let report: serde_json::Value = serde_json::from_slice(&report.stdout).unwrap();
    let (text, samples) = metrics("testdata/demo");
    let number = |value: &serde_json::Value| value.as_u64().unwrap();
    for (name, total) in [
        ("ftpwhy_replies_total", &report["replies"]["total"]),
        ("ftpwhy_sessions_total", &report["sessions"]["total"]),
        ("ftpwhy_failures_total", &report["failures"]["total"]),
    ] {
        assert_eq!(sum(&samples, name, "wire"), number(total), "{name}");
    }
    let settled = report["commands"].as_array().unwrap().iter();
    let settled: u64 = settled.map(|row| number(&row["count"])).sum();
    assert_eq!(sum(&samples, "ftpwhy_commands_total", "wire"), settled);
    for cause in report["failures"]["causes"].as_array().unwrap() {
        let labels = format!(
            "ftpwhy_failures_total{{vantage=\"wire\",cause=\"{}\",side=\"{}\"}} {}\n",
            cause["id"].as_str().unwrap(),
            cause["side"].as_str().unwrap(),
            number(&cause["count"]),
        );
        assert!(text.contains(&labels), "{labels}");
    }
    let waits = samples
        .iter()
        .filter(|s| s.metric == "ftpwhy_reply_seconds");
    assert!(waits.count() > 20);
    assert!(
        samples
            .iter()
            .any(|s| s.metric == "ftpwhy_last_event_timestamp_seconds")
    );
    assert_eq!(text, metrics("testdata/demo").0, "the same every time");
}

/// Prometheus' own tool finds no fault, where it is installed.
#[test]
fn promtool_has_nothing_to_complain_of() {
    use std::io::Write as _;
    let mut tool = std::process::Command::new("promtool");
    tool.args(["check", "metrics"])
        .stdin(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    let Ok(mut child) = tool.spawn() else {
        eprintln!("skipped: there is no promtool here");
        return;
    };
    let (text, _) = metrics("testdata/demo");
    let mut input = child.stdin.take().unwrap();
    input.write_all(text.as_bytes()).unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}

#[test]
fn nothing_that_a_client_chooses_becomes_a_label() {
    let talk = Conversation::parse(
        "< 220 hi\n> USER mallory\"}\n< 331 pw\n> PASS x\n< 230 in\n> HAXOR a\n< 500 no\n> EVILVERB\n< 502 no\n> QUIT\n< 221 bye\n! server fin\n",
    );
    let temporary = Temporary::new();
    let path = temporary.file("odd.pcap", &capture(&talk.packets(), Container::PcapMicros));
    let (text, samples) = metrics(path.to_str().unwrap());
    assert_eq!(sum(&samples, "ftpwhy_replies_total", "wire"), 6);
    for word in ["mallory", "HAXOR", "EVILVERB"] {
        assert!(!text.contains(word), "{text}");
    }
}

#[test]
fn where_nothing_was_heard_there_are_no_rows_of_it() {
    let temporary = Temporary::new();
    let path = temporary.file("empty.log", b"");
    let (text, samples) = metrics(path.to_str().unwrap());
    assert_eq!(
        samples
            .iter()
            .filter(|s| s.metric != "ftpwhy_records_total")
            .count(),
        0,
        "{text}"
    );
}
