//! Every form of one run tells the same numbers: each number of the JSON report is looked for in the others.

use std::collections::BTreeMap;

use prometheus_parse::{Sample, Scrape, Value as Number};
use serde_json::Value;

use crate::cli::ftpwhy;
use crate::problems::{BYE, LOGIN, PASV, conversations, sessions};
use crate::support::Temporary;
use crate::synth::{Container, Conversation, capture, merge};

const INPUT: &str = "testdata/demo";

/// One run in every form.
struct Run {
    json: Value,
    text: String,
    csv: Vec<Vec<String>>,
    markdown: String,
    metrics: Vec<Sample>,
    /// Only the report has a page.
    page: Option<String>,
}

fn run(command: &[&str]) -> Run {
    run_on(INPUT, command)
}

fn run_on(input: &str, command: &[&str]) -> Run {
    let temporary = Temporary::new();
    let file = |ending: &str| {
        let path = temporary.path(&format!("report.{ending}"));
        path.to_str().unwrap().to_owned()
    };
    let mut endings = vec!["txt", "json", "csv", "md", "prom"];
    endings.extend((command == ["report"]).then_some("html"));
    let mut arguments: Vec<String> = command.iter().map(|&w| w.to_owned()).collect();
    arguments.extend([input, "-n", "0"].map(str::to_owned));
    for ending in &endings {
        arguments.extend(["-o".to_owned(), file(ending)]);
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let output = ftpwhy(&arguments);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let mut written = endings
        .iter()
        .map(|ending| std::fs::read_to_string(file(ending)).unwrap());
    let mut next = || written.next();
    let [text, json, table, markdown, metrics] = [(); 5].map(|()| next().unwrap());
    let metrics = metrics.lines().map(|line| Ok(line.to_owned()));
    let page = next();
    let mut reader = csv::ReaderBuilder::new();
    let rows = reader.has_headers(false).from_reader(table.as_bytes());
    let rows = rows
        .into_records()
        .map(|row| row.unwrap().iter().map(str::to_owned).collect());
    Run {
        json: serde_json::from_str(&json).unwrap(),
        text,
        csv: rows.collect(),
        markdown,
        metrics: Scrape::parse(metrics).unwrap().samples,
        page,
    }
}

/// Fails unless the page has this.
fn assert_on_page(run: &Run, html: &str) {
    let page = run.page.as_ref().unwrap();
    assert!(page.contains(html), "{html} is not in {page}");
}

/// `41007` as people read it.
fn grouped(number: &str) -> String {
    let digits: Vec<char> = number.chars().rev().collect();
    let groups: Vec<String> = digits.chunks(3).map(|c| c.iter().collect()).collect();
    groups.join(",").chars().rev().collect()
}

fn number(value: &Value) -> String {
    value.as_u64().unwrap().to_string()
}

/// The one value of the long table behind these cells.
fn in_table<'r>(run: &'r Run, section: &str, item: &str, detail: &str, measure: &str) -> &'r str {
    let wanted = ["wire", section, item, detail, measure];
    let found: Vec<_> = run.csv.iter().filter(|row| row[..5] == wanted).collect();
    assert_eq!(found.len(), 1, "{wanted:?}: {found:?}");
    &found[0][5]
}

/// The sum of a metric's rows of the capture with these labels.
fn in_metrics(run: &Run, name: &str, labels: &[(&str, &str)]) -> String {
    let fits = |sample: &&Sample| {
        let mut labels = [("vantage", "wire")].iter().chain(labels);
        sample.metric == name
            && labels.all(|(label, value)| sample.labels.get(label) == Some(value))
    };
    let rows = run
        .metrics
        .iter()
        .filter(fits)
        .map(|sample| match sample.value {
            Number::Counter(number) => number,
            ref other => panic!("{name} is no counter: {other:?}"),
        });
    // Whole numbers of this size are exact.
    format!("{:.0}", rows.fold(0.0, |sum, number| sum + number))
}

/// True where a line holds these words, each by itself and in this order.
fn has_line(page: &str, words: &[&str]) -> bool {
    let is_apart = |c: char| c.is_whitespace() || matches!(c, '|' | '`');
    page.lines().any(|line| {
        let mut parts = line
            .split(is_apart)
            .map(|part| part.trim_matches([',', '.', '*', '(', ')']));
        words.iter().all(|word| parts.any(|part| part == *word))
    })
}

fn assert_told(run: &Run, words: &[&str]) {
    assert!(has_line(&run.text, words), "{words:?} in\n{}", run.text);
    assert!(
        has_line(&run.markdown, words),
        "{words:?} in\n{}",
        run.markdown
    );
}

#[test]
fn the_totals_are_the_same_everywhere() {
    let run = run(&["report"]);
    let (sessions, replies) = (&run.json["sessions"], &run.json["replies"]["total"]);
    let failures = number(&run.json["failures"]["total"]);
    assert_told(&run, &[&grouped(&number(&sessions["total"])), "sessions"]);
    assert_told(&run, &[&grouped(&number(replies)), "replies"]);
    assert_told(&run, &[&grouped(&failures), "failed", "operations"]);
    assert_eq!(in_table(&run, "failures", "", "", "count"), failures);
    assert_eq!(
        in_table(&run, "replies", "", "", "observed"),
        number(replies)
    );
    for (field, word) in [
        ("clean", "clean"),
        ("failed", "failures"),
        ("logged_in", "in"),
    ] {
        let count = number(&sessions[field]);
        assert_eq!(in_table(&run, "sessions", "", "", field), count);
        assert!(has_line(&run.text, &["SESSIONS", word, &grouped(&count)]));
        assert!(has_line(&run.markdown, &[word, &grouped(&count)]) || word == "clean");
    }
}

#[test]
fn metrics_count_what_the_report_counts() {
    let run = run(&["report"]);
    let json = &run.json;
    let total = |name: &str, labels: &[(&str, &str)], value: &Value| {
        assert_eq!(
            in_metrics(&run, name, labels),
            number(value),
            "{name} {labels:?}"
        );
    };
    total("ftpwhy_replies_total", &[], &json["replies"]["total"]);
    total("ftpwhy_sessions_total", &[], &json["sessions"]["total"]);
    total("ftpwhy_failures_total", &[], &json["failures"]["total"]);
    for result in ["clean", "failed"] {
        total(
            "ftpwhy_sessions_total",
            &[("result", result)],
            &json["sessions"][result],
        );
    }
    for row in json["replies"]["by_code"].as_array().unwrap() {
        let code = [("code", &*number(&row["code"]))];
        total("ftpwhy_replies_total", &code, &row["observed"]);
        total("ftpwhy_implied_replies_total", &code, &row["implied"]);
    }
    for row in json["commands"].as_array().unwrap() {
        let command = row["verb"].as_str().unwrap_or("unasked");
        let labels = [("command", command), ("code", &*number(&row["code"]))];
        total("ftpwhy_commands_total", &labels, &row["count"]);
    }
    for row in json["failures"]["causes"].as_array().unwrap() {
        let labels = ["cause", "side"].map(|label| {
            (
                label,
                row[if label == "cause" { "id" } else { label }]
                    .as_str()
                    .unwrap(),
            )
        });
        total("ftpwhy_failures_total", &labels, &row["count"]);
    }
    for row in json["failures"]["not_counted"].as_array().unwrap() {
        total(
            "ftpwhy_not_counted_total",
            &[("cause", row["id"].as_str().unwrap())],
            &row["count"],
        );
    }
    for row in json["transfers"].as_array().unwrap() {
        let direction = [("direction", row["direction"].as_str().unwrap())];
        total("ftpwhy_transfers_total", &direction, &row["files"]);
        total("ftpwhy_transferred_bytes_total", &direction, &row["bytes"]);
    }
}

#[test]
fn each_code_and_command_is_counted_the_same_everywhere() {
    let (whole, run) = (run(&["report"]), run(&["codes"]));
    let rows = run.json["replies"]["by_code"].as_array().unwrap();
    assert!(rows.len() > 15);
    for row in rows {
        let (code, observed) = (number(&row["code"]), number(&row["observed"]));
        let name = row["name"].as_str().unwrap();
        let wanted = ["wire", &code, name, &observed];
        assert!(run.csv.iter().any(|row| row[..4] == wanted), "{wanted:?}");
        let last = name.rsplit('-').next().unwrap();
        let shown = grouped(&observed);
        let words = name.replace('-', " ");
        assert_on_page(
            &whole,
            &format!(">{code}</th><td>{words}</td><td class=\"n\">{shown}</td>"),
        );
        assert!(
            has_line(&run.text, &[&code, &grouped(&observed), last]),
            "{code}"
        );
        assert!(
            has_line(&run.markdown, &[&code, last, &grouped(&observed)]),
            "{code}"
        );
    }
    for row in run.json["commands"].as_array().unwrap() {
        let (code, count) = (number(&row["code"]), number(&row["count"]));
        let verb = row["verb"].as_str().map_or("(unasked)", |verb| match verb {
            "connect" => "greeting",
            verb => verb,
        });
        let verb = verb.trim_matches(['(', ')']);
        assert!(
            has_line(&run.markdown, &[verb, &code, &grouped(&count)]),
            "{row}"
        );
    }
}

#[test]
fn each_cause_is_counted_the_same_everywhere() {
    let (whole, part) = (run(&["report"]), run(&["causes"]));
    let causes = whole.json["failures"]["causes"].as_array().unwrap();
    assert_eq!(part.json["failures"]["causes"].as_array(), Some(causes));
    assert!(causes.len() > 5);
    let mut listed = BTreeMap::new();
    for row in part.csv.iter().filter(|row| row[2] == "true") {
        listed.insert(row[1].clone(), row.clone());
    }
    assert_eq!(listed.len(), causes.len());
    for cause in causes {
        let id = cause["id"].as_str().unwrap();
        let (count, clients) = (number(&cause["count"]), number(&cause["clients"]));
        let row = &listed[id];
        let page = whole.page.as_ref().unwrap();
        let block = page.split(&format!("id=\"cause-{id}\"")).nth(1).unwrap();
        let block = block.split("</summary>").next().unwrap();
        let many = format!("<span class=\"many\">{}</span>", grouped(&count));
        assert!(block.contains(&many), "{id}: {block}");
        assert_eq!((&row[6], &row[9]), (&count, &clients), "{id}");
        assert_eq!(in_table(&whole, "cause", id, "", "count"), count);
        assert_eq!(
            in_table(&whole, "cause", id, "", "sessions"),
            number(&cause["sessions"])
        );
        let side = cause["side"].as_str().unwrap();
        assert_told(
            &part,
            &[id, side, &grouped(&count), "%", &grouped(&clients)],
        );
        assert!(has_line(&whole.markdown, &[id, side, &grouped(&count)]));
    }
}

#[test]
fn groups_and_the_matrix_are_the_same_everywhere() {
    let run = run(&["sessions", "--by", "user"]);
    let groups = run.json["groups"]["rows"].as_array().unwrap();
    assert!(groups.len() > 2, "{groups:?}");
    for row in groups {
        let numbers = ["sessions", "failed", "replies"].map(|field| number(&row[field]));
        let found = run.csv.iter().filter(|cells| cells[2..5] == numbers);
        assert!(found.count() >= 1, "{row}");
        let [sessions, failed, replies] = numbers.map(|n| grouped(&n));
        assert!(
            has_line(&run.markdown, &[&sessions, &failed, &replies]),
            "{row}"
        );
    }
    let run = self::run(&["codes", "--matrix"]);
    let commands = run.json["commands"].as_array().unwrap();
    assert_eq!(run.csv.len(), commands.len() + 1);
    let cells = commands
        .iter()
        .map(|row| number(&row["count"]).parse::<u64>().unwrap());
    let listed = run
        .csv
        .iter()
        .skip(1)
        .map(|row| row[3].parse::<u64>().unwrap());
    assert_eq!(cells.sum::<u64>(), listed.sum::<u64>());
}

/// A capture of these sessions, in every form.
fn run_of(talks: &[String]) -> Run {
    let talks = conversations(talks);
    let packets = talks.iter().map(Conversation::packets).collect();
    let temporary = Temporary::new();
    let bytes = capture(&merge(packets), Container::PcapMicros);
    let path = temporary.file("x.pcap", &bytes);
    run_on(path.to_str().unwrap(), &["report"])
}

/// Fails unless text, Markdown and page say this, whatever markup and line ends are between the words.
fn assert_said(run: &Run, words: &str) {
    let joined = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let text = joined(&run.text);
    assert!(text.contains(words), "{words} in {text}");
    let markdown = joined(&run.markdown.replace(['`', '*', '\\'], ""));
    assert!(markdown.contains(words), "{words} in {markdown}");
    let page = run.page.as_ref().unwrap();
    let parts = page
        .split('<')
        .map(|part| part.split_once('>').map_or(part, |(_, text)| text));
    let page = joined(&parts.collect::<Vec<_>>().join(" "));
    assert!(page.contains(words), "{words} in {page}");
}

#[test]
fn what_failures_share_is_the_same_everywhere() {
    let fine = |_| {
        format!("{LOGIN}{PASV}> LIST\n< 150 go\n! data opened 99 server fin\n< 226 done\n{BYE}")
    };
    let broken = |_| format!("{LOGIN}> RETR /in/a.txt\n< 550 Permission denied.\n{BYE}");
    let mut talks = sessions(90, fine);
    talks.extend(sessions(110, broken).split_off(90));
    let run = run_of(&talks);
    let shared = run.json["shared"].as_array().unwrap();
    assert!(!shared.is_empty());
    for row in shared {
        let [attribute, value] = ["attribute", "value"].map(|field| row[field].as_str().unwrap());
        for measure in ["failed", "others", "of_failed", "of_others"] {
            let count = number(&row[measure]);
            assert_eq!(in_table(&run, "shared", attribute, value, measure), count);
        }
    }
    // Twenty of twenty, and no other operation.
    assert_eq!(number(&shared[0]["failed"]), "20");
    assert_said(&run, "20 failed operations, ");
    assert!(has_line(
        &run.text,
        &["command", "RETR", "100.0", "0.0", "only"]
    ));
    assert!(has_line(
        &run.markdown,
        &["command", "RETR", "100.0", "0.0", "only"]
    ));
    assert_on_page(
        &run,
        "<td>command</td><th scope=\"row\">RETR</th><td class=\"n\">100.0 %</td><td class=\"n\">0.0 %</td><td class=\"n\">only</td>",
    );
    let cause = &run.json["failures"]["causes"][0];
    let id = cause["id"].as_str().unwrap();
    assert_eq!(in_table(&run, "cause", id, "", "directory"), "/in/");
    assert_eq!(cause["directory"], "/in/");
    let after = in_table(&run, "cause", id, "", "began_after")
        .parse::<f64>()
        .unwrap();
    assert!((cause["began_after"].as_f64().unwrap() - after).abs() < 1e-9);
    assert_said(&run, "the first 1:30:00 into the input");
}

/// A network that guesses, a user who is turned away, a breach, and a guesser who got in.
fn troubled() -> Vec<String> {
    let wrong = |user: &str| {
        format!("> USER {user}\n< 331 password please\n> PASS x\n< 530 Login incorrect.\n")
    };
    let mut talks: Vec<String> = (1..10)
        .map(|n| {
            let three = wrong("root").repeat(3);
            format!("client 203.0.113.{n}:40001\nstart 2026-03-01T02:0{n}:00Z\n< 220 ready\n{three}{BYE}")
        })
        .collect();
    talks.extend(sessions(4, |_| format!("{LOGIN}{BYE}")));
    talks.extend(sessions(8, |_| format!("< 220 ready\n{}{BYE}", wrong("bob"))).split_off(4));
    talks.push(format!(
        "client 198.51.100.250:40001\nstart 2026-03-01T03:00:00Z\n< 220 ready\n> USER zoe\n< 331 pw\n> PASS y\n< 230 welcome\n> NOOP\n< 200 ok\n< 226 done\n{BYE}"
    ));
    talks.push(format!(
        "client 198.51.100.251:40001\nstart 2026-03-01T03:10:00Z\n< 220 ready\n{}{BYE}",
        wrong("eve").repeat(12)
    ));
    talks.push(format!(
        "client 198.51.100.251:40002\nstart 2026-03-01T03:20:00Z\n< 220 ready\n> USER eve\n< 331 pw\n> PASS y\n< 230 welcome\n{BYE}"
    ));
    talks
}

#[test]
fn what_shows_across_sessions_is_the_same_everywhere() {
    let run = run_of(&troubled());
    for row in run.json["brute_force_spread"].as_array().unwrap() {
        let [by, value] = ["by", "value"].map(|field| row[field].as_str().unwrap());
        let [clients, tries, accepted] = ["clients", "tries", "accepted"].map(|field| {
            let count = number(&row[field]);
            assert_eq!(
                in_table(&run, "brute-force-spread", by, value, field),
                count
            );
            count
        });
        assert_said(
            &run,
            &format!("{by} {value}: {tries} logins refused, {clients} clients, {accepted} let in"),
        );
    }
    assert!(
        !run.json["brute_force_spread"]
            .as_array()
            .unwrap()
            .is_empty()
    );
    let away = run.json["turned_away"].as_array().unwrap();
    let bob = away.iter().find(|row| row["user"] == "bob").unwrap();
    for measure in ["tries", "clients"] {
        let count = number(&bob[measure]);
        assert_eq!(in_table(&run, "turned-away", "bob", "", measure), count);
    }
    for measure in ["first", "last", "let_in"] {
        let time = in_table(&run, "turned-away", "bob", "", measure);
        assert_eq!(time, bob[measure]);
    }
    assert_said(&run, "bob: 4 logins refused from 4 clients since");
    let clear = number(&run.json["clear_text_logins"]["count"]);
    assert_eq!(in_table(&run, "clear-text-logins", "", "", "count"), clear);
    assert_said(&run, &format!("{clear} logins: bob, eve, zoe"));
    let guesser = &run.json["brute_force"][0];
    let client = guesser["client"].as_str().unwrap();
    assert_eq!(
        in_table(&run, "brute-force", client, "let_in", "session"),
        guesser["let_in"]["session"]
    );
    assert_eq!(
        in_table(&run, "brute-force", client, "let_in", "user"),
        "eve"
    );
    assert_said(&run, "198.51.100.251 got in as eve at");
    let breaches = run.json["protocol"]["breaches"].as_array().unwrap();
    assert_eq!(breaches.len(), 1);
    let place = format!(
        "{}:{}",
        breaches[0]["source"].as_str().unwrap(),
        breaches[0]["record"]
    );
    let id = breaches[0]["id"].as_str().unwrap();
    assert_eq!(in_table(&run, "breach", id, &place, "count"), "1");
    assert_said(&run, "a reply of success to no command");
    assert_said(&run, "1 breach of RFC 959");
}
