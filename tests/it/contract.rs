//! What docs/OUTPUT.md and docs/report.schema.json promise to programs, held against what comes out.

use std::collections::BTreeSet;
use std::time::Duration;

use ftpwhy::cause::Rule;
use ftpwhy::report::{
    self, AtOnce, BreachRow, Burst, Options, Pattern, Report, SharedRow, SpreadRow, TurnedAway,
};
use ftpwhy::run::Wanted;
use ftpwhy::tally::{By, Grouping, Limit, Span};
use ftpwhy::text::Text;
use ftpwhy::time::Timestamp;
use jiff::tz::TimeZone;
use jsonschema::Validator;
use serde_json::Value;

use crate::cli::ftpwhy;
use crate::support::{Temporary, files_below, run_with, settings, testdata};

fn document(name: &str) -> String {
    std::fs::read_to_string(format!("docs/{name}")).unwrap()
}

/// The part of docs/OUTPUT.md below a heading that holds these words.
fn section(words: &str) -> String {
    let page = document("OUTPUT.md");
    let mut parts = page
        .split("\n## ")
        .filter(|part| part.lines().next().unwrap().contains(words));
    let part = parts
        .next()
        .unwrap_or_else(|| panic!("no heading has {words}"));
    assert!(parts.next().is_none(), "two headings have {words}");
    part.to_owned()
}

/// The words in code spans.
fn spans(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// The same where they stand outside of brackets: those inside explain, and name nothing.
fn names(text: &str) -> Vec<&str> {
    let outside = text
        .split('(')
        .map(|part| part.split(')').next_back().unwrap());
    outside.flat_map(spans).collect()
}

/// The cells of a table's row that begins so.
fn row(section: &str, first: &str) -> String {
    let start = format!("| {first} |");
    let mut rows = section.lines().filter_map(|line| line.strip_prefix(&start));
    rows.next()
        .unwrap_or_else(|| panic!("no row begins with {first}"))
        .to_owned()
}

/// A report in which every pattern shows that there can be.
fn filled(mut report: Report) -> Report {
    let name = || Text::from("alice");
    let (at, span) = (Timestamp::from_seconds(1_800_000_000, 0), Span::default());
    let main = &mut report.main;
    main.causes[0].pattern = Pattern {
        burst: Some(Burst {
            count: 12,
            seconds: 600,
            from: at,
        }),
        began_after: Some(Duration::from_secs(900)),
        directory: Some(name()),
        open: Some(AtOnce {
            limit: Limit::Total,
            least: 5,
            most: 6,
            refusals: 7,
        }),
        ports: Some((50_000, 50_009, 10)),
    };
    main.patterns.shared = vec![SharedRow {
        attribute: "user",
        value: name(),
        failed: (7, 1000),
        others: (0, 0),
        tenths: None,
    }];
    main.patterns.spread = vec![SpreadRow {
        kind: "user",
        value: name(),
        clients: 12,
        tries: 12,
        accepted: 0,
    }];
    main.patterns.turned_away = vec![TurnedAway {
        user: name(),
        tries: 3,
        clients: 3,
        refused: span,
        let_in: Some(at),
    }];
    main.protocol.breaches = vec![BreachRow {
        rule: Rule::Unasked,
        count: 1,
        first: None,
    }];
    report
}

/// Reports of everything in the test data: each file by itself, each folder, and all.
fn reports() -> Vec<(String, Report)> {
    let root = testdata();
    let mut inputs = files_below(&root);
    inputs.retain(|path| {
        path.extension()
            .is_none_or(|end| end != "toml" && end != "md")
    });
    let folders: BTreeSet<_> = inputs
        .iter()
        .map(|path| path.parent().unwrap().to_owned())
        .collect();
    inputs.extend(folders);
    inputs.push(root);
    let of = |path: &std::path::Path, by: Option<By>| {
        let mut settings = settings(&[path], Wanted::Tallies);
        settings.grouping = by.map(|by| Grouping::new(by, TimeZone::UTC));
        let findings = run_with(&settings).0;
        let options = Options {
            sources: findings.sources.clone(),
            by,
            ..Options::default()
        };
        Report::new(&findings.tallies, &options)
    };
    let mut reports: Vec<_> = inputs
        .iter()
        .map(|path| (path.display().to_string(), of(path, None)))
        .collect();
    let demo = testdata().join("demo");
    for by in [
        By::User,
        By::Client,
        By::Server,
        By::Hour,
        By::Weekday,
        By::Day,
        By::Command,
        By::Path,
    ] {
        reports.push((format!("by {by:?}"), of(&demo, Some(by))));
    }
    reports.push(("filled".to_owned(), filled(of(&demo, None))));
    let earlier = of(&demo.join("healthy.pcap"), None);
    let compared = of(&demo, None).with_earlier(earlier);
    reports.push(("compared".to_owned(), compared));
    reports
}

/// The schema with every object closed: a field that it does not name is a fault of the schema.
fn closed(mut schema: Value) -> Value {
    match &mut schema {
        Value::Object(fields) => {
            for field in fields.values_mut() {
                *field = closed(field.take());
            }
            if fields
                .get("properties")
                .is_some_and(|p| p.is_object() && fields.contains_key("type"))
            {
                fields
                    .entry("additionalProperties")
                    .or_insert(Value::Bool(false));
            }
        }
        Value::Array(list) => {
            for entry in list {
                *entry = closed(entry.take());
            }
        }
        _ => {}
    }
    schema
}

fn assert_valid(validator: &Validator, what: &str, report: &Value) {
    let errors: Vec<_> = validator
        .iter_errors(report)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{what}: {errors:#?}");
}

/// Names of fields, wherever they stand; those of maps from codes, ids and options left out.
fn fields(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                found.insert(name.clone());
                fields(value, found);
            }
        }
        Value::Array(list) => list.iter().for_each(|value| fields(value, found)),
        _ => {}
    }
}

/// Names of the properties that a schema describes.
fn properties(schema: &Value, found: &mut BTreeSet<String>) {
    match schema {
        Value::Object(object) => {
            if let Some(Value::Object(named)) = object.get("properties") {
                found.extend(named.keys().cloned());
            }
            object.values().for_each(|value| properties(value, found));
        }
        Value::Array(list) => list.iter().for_each(|value| properties(value, found)),
        _ => {}
    }
}

#[test]
fn every_report_fits_its_schema_and_has_no_field_beside_it() {
    let open: Value = serde_json::from_str(&document("report.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&closed(open.clone())).unwrap();
    let mut met = BTreeSet::new();
    let mut tried = 0;
    for (what, report) in reports() {
        let json: Value = serde_json::from_str(&report::json::report(&report)).unwrap();
        assert_valid(&validator, &what, &json);
        fields(&json, &mut met);
        tried += 1;
    }
    assert!(tried > 100, "{tried}");
    for arguments in [
        &[
            "testdata/demo",
            "--user",
            "alice",
            "--since",
            "2026-11-22T08:15",
            "--code",
            "5xx",
        ][..],
        &["testdata/demo", "--anonymize=k"],
        &[
            "testdata/cases/capture-ends-early",
            "testdata/broken",
            "-n",
            "0",
        ],
        &["missing.pcap"],
    ] {
        let printed = ftpwhy(&[arguments, &["--json"]].concat()).stdout;
        let json: Value = serde_json::from_slice(&printed).unwrap();
        assert_valid(&validator, &format!("{arguments:?}"), &json);
        fields(&json, &mut met);
    }
    // Sums tell from which report an input is.
    let directory = Temporary::new();
    let report = ftpwhy(&["testdata/demo", "--json"]).stdout;
    let report = directory.file("h1.json", &report);
    let sum = ftpwhy(&["merge", "--json", report.to_str().unwrap()]).stdout;
    let sum: Value = serde_json::from_slice(&sum).unwrap();
    assert_valid(&validator, "a sum", &sum);
    fields(&sum, &mut met);
    let mut named = BTreeSet::new();
    properties(&open, &mut named);
    let never: Vec<_> = named.difference(&met).collect();
    assert!(
        never.is_empty(),
        "the schema describes what no report has: {never:?}"
    );
    // And the other way round: what is wrong is found.
    let mut wrong: Value =
        serde_json::from_slice(&ftpwhy(&["testdata/demo", "--json"]).stdout).unwrap();
    wrong["replies"]["by_code"][0]["new"] = Value::from(1);
    assert!(!validator.is_valid(&wrong));
    assert!(
        jsonschema::validator_for(&open).unwrap().is_valid(&wrong),
        "fields may be added"
    );
    wrong["replies"]["total"] = Value::from("7");
    assert!(!jsonschema::validator_for(&open).unwrap().is_valid(&wrong));
}

#[test]
fn the_page_names_every_field_of_the_report() {
    let page = document("OUTPUT.md");
    let schema: Value = serde_json::from_str(&document("report.schema.json")).unwrap();
    let mut named = BTreeSet::new();
    properties(&schema, &mut named);
    let told: BTreeSet<_> = spans(&page).into_iter().collect();
    let untold: Vec<_> = named
        .iter()
        .filter(|name| !told.contains(name.as_str()))
        .collect();
    assert!(untold.is_empty(), "docs/OUTPUT.md does not name {untold:?}");
}

/// The first row of a table.
fn head(csv: &str) -> Vec<String> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .from_reader(csv.as_bytes());
    let first = reader.records().next().unwrap().unwrap();
    first.iter().map(str::to_owned).collect()
}

#[test]
fn every_table_has_the_columns_that_are_promised() {
    let promised = section("`--as csv`");
    for (command, arguments) in [
        ("`report`", &["report"][..]),
        ("`codes`", &["codes"]),
        ("`codes --matrix`", &["codes", "--matrix"]),
        ("`causes`", &["causes"]),
        ("`sessions`", &["sessions"]),
    ] {
        let printed = ftpwhy(&[arguments, &["testdata/demo", "--csv"]].concat()).stdout;
        let columns = head(std::str::from_utf8(&printed).unwrap());
        let row = row(&promised, command);
        let row = row.split(": one number").next().unwrap();
        assert_eq!(names(row), columns, "{command}");
    }
    let grouped = row(&promised, "any with `--by`");
    let spans = spans(&grouped);
    for (by, what) in [("user", "user"), ("hour", "hour")] {
        let printed = ftpwhy(&["codes", "testdata/demo", "--by", by, "--csv"]).stdout;
        let columns = head(std::str::from_utf8(&printed).unwrap());
        assert_eq!(&columns[..2], ["vantage", what]);
        let behind = [
            "sessions",
            "failed",
            "replies",
            "1xx",
            "2xx",
            "3xx",
            "4xx",
            "5xx",
            "6xx",
            "failures",
            "transfers",
            "bytes",
        ];
        assert_eq!(columns[2..], behind);
        for column in &columns {
            let is_class = column.ends_with("xx");
            assert!(is_class || spans.contains(&column.as_str()), "{column}");
        }
        assert!(spans.contains(&"1xx") && spans.contains(&"6xx"));
    }
}

#[test]
fn the_report_as_a_table_has_the_sections_that_are_promised() {
    let promised = row(&section("`--as csv`"), "`report`");
    let promised = promised.split("Sections: ").nth(1).unwrap();
    let names: BTreeSet<_> = names(promised).into_iter().map(str::to_owned).collect();
    let mut met = BTreeSet::new();
    let mut tables: Vec<String> = reports()
        .iter()
        .map(|(_, report)| report::csv::report(report))
        .collect();
    let filtered = ftpwhy(&["testdata/demo", "--user", "alice", "--csv"]).stdout;
    tables.push(String::from_utf8(filtered).unwrap());
    for table in tables {
        let mut reader = csv::Reader::from_reader(table.as_bytes());
        met.extend(reader.records().map(|row| row.unwrap()[1].to_owned()));
    }
    assert_eq!(names, met);
}

#[test]
fn every_metric_is_promised_and_every_promised_one_is_there() {
    let promised = section("`ftpwhy report PATH... --as prom`");
    let is_name = |span: &&str| span.starts_with("ftpwhy_");
    let promised: BTreeSet<String> = spans(&promised)
        .into_iter()
        .filter(is_name)
        .map(str::to_owned)
        .collect();
    let mut met = BTreeSet::new();
    for (_, report) in reports() {
        let metrics = report::metrics::report(&report);
        let names = metrics.lines().filter(|line| !line.starts_with('#'));
        met.extend(names.map(|line| line.split(['{', ' ']).next().unwrap().to_owned()));
    }
    assert_eq!(promised, met);
}

#[cfg(feature = "parquet")]
#[test]
fn parquet_files_have_the_columns_that_are_promised() {
    use ftpwhy::report::parquet::{Rows, Table};
    use parquet::file::reader::{FileReader as _, SerializedFileReader};
    use std::io::Write as _;

    let promised = section("`--as parquet`");
    for (rows, table) in [
        ("events", Table::Events),
        ("exchanges", Table::Exchanges),
        ("sessions", Table::Sessions),
        ("failures", Table::Failures),
    ] {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&Rows::new(Vec::new(), table).unwrap().finish().unwrap())
            .unwrap();
        let reader = SerializedFileReader::new(file).unwrap();
        let schema = reader.metadata().file_metadata().schema();
        let columns: Vec<_> = schema
            .get_fields()
            .iter()
            .map(|field| field.name().to_owned())
            .collect();
        let row = row(&promised, rows);
        assert_eq!(names(&row), columns, "{rows}");
    }
}
