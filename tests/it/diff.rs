//! Two sets beside one another.

use serde_json::Value;

use crate::cli::ftpwhy;
use crate::support::Temporary;
use crate::synth::{Container, Conversation, capture, merge};

/// Sessions of different clients, a minute apart: so many over their quota, so many with a missing file, the rest fine.
fn set(day: u32, full: u32, missing: u32, fine: u32) -> Vec<Conversation> {
    let bye = "> QUIT\n< 221 bye\n! server fin";
    let says = |number: u32| {
        let login = format!("< 220 hi\n> USER user{number}\n< 331 pw\n> PASS x\n");
        match number * 41 % (full + missing + fine) {
            n if n < full => format!("{login}< 230 in\n> STOR x\n< 552 Quota exceeded.\n{bye}"),
            n if n < full + missing => {
                format!("{login}< 230 in\n> RETR x\n< 550 No such file.\n{bye}")
            }
            _ => format!("{login}< 230 in\n> NOOP\n< 200 ok\n{bye}"),
        }
    };
    let talk = |number: u32| {
        let (hour, minute) = (number / 60, number % 60);
        let (net, host, port) = (number / 200, 1 + number % 200, 40_000 + number);
        Conversation::parse(&format!(
            "client 198.51.{net}.{host}:{port}\nstart 2026-03-{day:02}T{hour:02}:{minute:02}:00Z\n{}",
            says(number)
        ))
    };
    (0..full + missing + fine).map(talk).collect()
}

fn write(directory: &Temporary, name: &str, talks: &[Conversation]) -> String {
    let packets = talks.iter().map(Conversation::packets).collect();
    let path = directory.file(name, &capture(&merge(packets), Container::PcapNanos));
    path.to_str().unwrap().to_owned()
}

fn told(arguments: &[&str]) -> String {
    let output = ftpwhy(arguments);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn json(arguments: &[&str]) -> Value {
    serde_json::from_str(&told(
        &[&arguments[..1], &["--json"], &arguments[1..]].concat(),
    ))
    .unwrap()
}

fn cause<'v>(diff: &'v Value, id: &str) -> &'v Value {
    let mut causes = diff["causes"].as_array().unwrap().iter();
    let found = causes.find(|row| row["id"] == id);
    found.unwrap_or_else(|| panic!("{id} is not in {diff}"))
}

#[test]
fn what_is_new_is_told_from_what_may_be_chance() {
    let directory = Temporary::new();
    let before = write(&directory, "before.pcap", &set(1, 0, 5, 135));
    let after = write(&directory, "after.pcap", &set(2, 14, 6, 100));
    let diff = json(&["diff", &before, &after]);
    let full = cause(&diff, "storage-quota-exceeded");
    assert_eq!(full["before"], serde_json::json!({"count": 0, "of": 140}));
    assert_eq!(full["after"], serde_json::json!({"count": 14, "of": 120}));
    assert_eq!(
        (&full["change"], &full["significant"]),
        (&"new".into(), &true.into())
    );
    // Reckoned with exact fractions.
    assert!((full["p"].as_f64().unwrap() - 1.291_755_566e-5).abs() < 1e-11);
    assert_eq!(
        full["first"]["at"].as_str().unwrap().get(..10),
        Some("2026-03-02")
    );
    let missing = cause(&diff, "path-not-found");
    assert_eq!(
        (&missing["change"], &missing["significant"]),
        (&"more".into(), &false.into())
    );
    assert_eq!(diff["failed_sessions"]["after"]["count"], 20);
    let back = json(&["diff", &after, &before]);
    let gone = cause(&back, "storage-quota-exceeded");
    assert_eq!((&gone["change"], &gone["p"]), (&"gone".into(), &full["p"]));
    let text = told(&["diff", &before, &after]);
    assert!(text.contains("New: storage-quota-exceeded."), "{text}");
    assert!(text.contains("Fisher's exact test"), "{text}");
    let page = told(&["diff", &before, &after, "--as", "html"]);
    let row = "<tr><td>NEW</td><th scope=\"row\">storage-quota-exceeded</th><td class=\"n\">0</td><td class=\"n\"></td><td class=\"n\">14</td><td class=\"n\">11.7 %</td>";
    assert!(page.contains(row), "{page}");
    assert!(page.contains("New: storage-quota-exceeded."), "{page}");
    assert!(
        text.is_ascii() && text.lines().all(|line| line.len() <= 78),
        "{text}"
    );
}

#[test]
fn a_set_with_itself_has_not_changed() {
    let directory = Temporary::new();
    let path = write(&directory, "a.pcap", &set(1, 3, 4, 30));
    let diff = json(&["diff", &path, &path]);
    let rows = [
        diff["causes"].as_array().unwrap(),
        diff["codes"].as_array().unwrap(),
    ];
    for row in rows.into_iter().flatten() {
        assert_eq!(
            (&row["change"], &row["significant"]),
            (&"same".into(), &false.into()),
            "{row}"
        );
        assert!((row["p"].as_f64().unwrap() - 1.0).abs() < 1e-9, "{row}");
    }
}

/// One set cut in two is the same as its two parts.
#[test]
fn a_cut_is_where_the_time_says() {
    let directory = Temporary::new();
    let (first, second) = (set(1, 0, 5, 60), set(2, 20, 5, 60));
    let whole = [first.clone(), second.clone()].concat();
    let parts = [
        write(&directory, "1.pcap", &first),
        write(&directory, "2.pcap", &second),
    ];
    let whole = write(&directory, "whole.pcap", &whole);
    let cut = json(&["diff", &whole, "--at", "2026-03-02", "--tz", "UTC"]);
    let apart = json(&["diff", &parts[0], "--", &parts[1]]);
    let shares = |diff: &Value| {
        let rows = diff["causes"].as_array().unwrap().iter();
        let rows = rows.map(|row| format!("{} {} {}", row["id"], row["before"], row["after"]));
        (rows.collect::<Vec<_>>(), diff["codes"].clone())
    };
    assert_eq!(shares(&cut), shares(&apart));
    let relative = ["--now", "2026-03-02T12:00:00Z", "--at", "12h"];
    let again = json(&[&["diff", &whole], &relative[..]].concat());
    assert_eq!(shares(&again), shares(&cut));
}

#[test]
fn what_can_not_be_compared_is_said() {
    let directory = Temporary::new();
    let path = write(&directory, "a.pcap", &set(1, 1, 1, 1));
    let fails = |arguments: &[&str]| {
        let output = ftpwhy(arguments);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(fails(&["diff", &path]).contains("two lists with --"));
    assert!(fails(&["diff", "--at", "12:00"]).contains("one list of files"));
    assert!(fails(&["diff", "-", "--at", "12:00"]).contains("one list of files"));
    assert!(fails(&["diff", &path, "--at", "noon"]).starts_with("ftpwhy: --at: no time;"));
    let log = directory.file(
        "xferlog",
        b"Sun Mar  1 10:00:00 2026 1 192.0.2.7 100 /a b _ o r bob ftp 0 * c\n",
    );
    let text = told(&["diff", &path, log.to_str().unwrap()]);
    assert!(text.contains("There is nothing to compare"), "{text}");
}

#[test]
fn names_of_strangers_act_on_nothing() {
    let directory = Temporary::new();
    let talk = "client 198.51.100.7:40001\n< 220 \\x1b[2J\n> USER \\x1b]0;x\\x07\n< 331 pw\n> PASS x\n< 530 no\n! server fin";
    let path = write(&directory, "a|<b>.pcap", &[Conversation::parse(talk)]);
    for form in ["text", "json", "md", "html"] {
        let text = told(&["diff", &path, &path, "--as", form]);
        let is_markup = form == "html" && text.contains("<b>.pcap");
        assert!(!is_markup, "{text}");
        assert!(
            !text.contains(|c: char| c != '\n' && c.is_control()),
            "{text:?}"
        );
    }
}
