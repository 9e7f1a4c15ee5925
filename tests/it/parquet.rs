//! Parquet files, read back row by row.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use ftpwhy::limits;
use ftpwhy::report::parquet::{Rows, Table};
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::Field;
use serde_json::{Map, Value};

use crate::cli::ftpwhy;
use crate::support::Temporary;
use crate::synth::{Container, Conversation, capture};

const INPUT: &str = "testdata/demo";

/// A field as the JSON that it was made of; times as microseconds.
fn value(field: &Field) -> Value {
    match field {
        Field::Null => Value::Null,
        Field::Str(text) => Value::from(text.as_str()),
        Field::Int(number) => Value::from(*number),
        Field::Long(number) | Field::TimestampMicros(number) => Value::from(*number),
        Field::Double(number) => Value::from(*number),
        Field::Bool(flag) => Value::from(*flag),
        Field::ListInternal(list) => list.elements().iter().map(value).collect(),
        other => panic!("{other:?}"),
    }
}

fn rows(path: &Path) -> Vec<Map<String, Value>> {
    let reader = SerializedFileReader::new(File::open(path).unwrap()).unwrap();
    let rows = reader.get_row_iter(None).unwrap();
    rows.map(|row| {
        let row = row.unwrap();
        let fields = row.get_column_iter();
        fields
            .map(|(name, field)| (name.clone(), value(field)))
            .collect()
    })
    .collect()
}

/// What a command writes as Parquet.
fn written(arguments: &[&str]) -> Vec<Map<String, Value>> {
    let temporary = Temporary::new();
    let file = temporary.path("x.parquet");
    let output = ftpwhy(&[arguments, &["-o", file.to_str().unwrap()]].concat());
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(output.stdout.is_empty());
    rows(&file)
}

/// The same as lines of JSON.
fn lines(arguments: &[&str]) -> Vec<Value> {
    let output = ftpwhy(&[arguments, &["--as", "ndjson"]].concat());
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Microseconds of a time as it stands in JSON.
fn micros(time: &Value) -> Value {
    let Some(time) = time.as_str() else {
        return Value::Null;
    };
    let time: jiff::Timestamp = time.parse().unwrap();
    Value::from(time.as_microsecond())
}

/// Fails unless these columns of a row hold what stands at these places of its JSON.
fn assert_same(row: &Map<String, Value>, json: &Value, columns: &[(&str, &str)]) {
    for (column, pointer) in columns {
        let wanted = json.pointer(pointer).unwrap_or(&Value::Null);
        let wanted = match *column {
            "time" | "start" | "end_at" => micros(wanted),
            _ => wanted.clone(),
        };
        assert_eq!(row[*column], wanted, "{column} of {json}");
    }
}

const ENDS: [(&str, &str); 7] = [
    ("session", "/session"),
    ("vantage", "/vantage"),
    ("client", "/client/ip"),
    ("client_port", "/client/port"),
    ("server", "/server/ip"),
    ("server_port", "/server/port"),
    ("user", "/user"),
];

#[test]
fn events_are_the_same_in_columns() {
    let (rows, lines) = (written(&["events", INPUT]), lines(&["events", INPUT]));
    assert!(
        rows.len() == lines.len() && rows.len() > 500,
        "{}",
        rows.len()
    );
    let columns = [
        ("time", "/at"),
        ("kind", "/kind"),
        ("source", "/origin/source"),
        ("record", "/origin/record"),
        ("byte", "/origin/offset"),
        ("verb", "/verb"),
        ("argument", "/argument"),
        ("secret", "/secret"),
        ("code", "/code"),
        ("text", "/text"),
        ("evidence", "/evidence"),
        ("accepted", "/accepted"),
        ("bytes", "/bytes"),
        ("complete", "/complete"),
        ("announced_port", "/announced/port"),
        ("restart", "/offset"),
        ("bytes_to_client", "/bytes_to_client"),
        ("ended", "/end"),
        ("ended_by", "/ended_by"),
    ];
    let mut kinds = std::collections::BTreeSet::new();
    for (row, json) in rows.iter().zip(&lines) {
        assert_same(row, json, &ENDS);
        assert_same(row, json, &columns);
        kinds.insert(json["kind"].as_str().unwrap());
        let rest: Value = row["rest"]
            .as_str()
            .map_or(Value::Null, |rest| serde_json::from_str(rest).unwrap());
        for field in ["tcp", "tls", "also", "codes", "opener"] {
            assert_eq!(rest[field], json[field], "{field} of {json}");
        }
    }
    assert!(kinds.len() >= 7, "{kinds:?}");
}

#[test]
fn sessions_are_the_same_in_columns() {
    let (rows, lines) = (written(&["sessions", INPUT]), lines(&["sessions", INPUT]));
    assert!(rows.len() == lines.len() && rows.len() > 20);
    let columns = [
        ("start", "/start"),
        ("end_at", "/end_at"),
        ("duration", "/duration"),
        ("ended", "/end"),
        ("tls", "/tls"),
        ("commands", "/commands"),
        ("replies", "/replies"),
        ("transfers", "/transfers"),
        ("bytes", "/bytes"),
        ("failures", "/failures"),
        ("not_counted", "/not_counted"),
        ("origins", "/origins"),
    ];
    for (row, json) in rows.iter().zip(&lines) {
        assert_same(row, json, &ENDS);
        assert_same(row, json, &columns);
    }
    let several = rows
        .iter()
        .filter(|row| row["failures"].as_array().unwrap().len() > 1);
    let none = rows
        .iter()
        .filter(|row| row["failures"].as_array().unwrap().is_empty());
    assert!(several.count() > 2 && none.count() > 2);
}

#[test]
fn failures_have_a_row_each_with_the_place_that_shows_it() {
    // Of several vantages the report counts one; the recording's captures alone are one.
    let input = "testdata/demo/permission-denied.pcap";
    let rows = written(&["causes", input]);
    let report = ftpwhy(&["causes", input, "--json"]).stdout;
    let report: Value = serde_json::from_slice(&report).unwrap();
    let causes = report["failures"]["causes"].as_array().unwrap();
    assert!(causes.len() > 1);
    for cause in causes {
        let of = rows
            .iter()
            .filter(|row| row["cause"] == cause["id"])
            .collect::<Vec<_>>();
        assert_eq!(Value::from(of.len()), cause["count"], "{cause}");
        assert!(
            of.iter()
                .all(|row| row["counted"] == true && row["side"] == cause["side"])
        );
        let first = &cause["evidence"][0];
        let shown = |row: &&&Map<String, Value>| {
            row["source"] == first["source"] && row["record"] == first["record"]
        };
        let shown = of.iter().find(shown).unwrap();
        assert_eq!(shown["evidence"], first["text"]);
    }
    let all = report["failures"]["total"].as_u64().unwrap();
    let counted = rows.iter().filter(|row| row["counted"] == true);
    assert_eq!(counted.count() as u64, all);
    assert!(rows.iter().all(|row| row["byte"].as_i64().unwrap() > 0));
    assert!(
        rows.iter().any(|row| row["code"] == 550
            && row["verb"] == "RETR"
            && row["argument"] == "secret.txt")
    );
}

/// How often each command was settled by each code, of the rows and of the report's leading vantage.
fn assert_settled_alike(arguments: &[&str]) {
    let rows = written(&[&["codes"], arguments].concat());
    let report = ftpwhy(&[arguments, &["--json"]].concat()).stdout;
    let report: Value = serde_json::from_slice(&report).unwrap();
    let mut found = BTreeMap::new();
    for row in rows
        .iter()
        .filter(|row| row["vantage"] == report["vantage"] && !row["code"].is_null())
    {
        let key = (
            row["verb"].as_str().map(str::to_owned),
            row["code"].as_u64(),
        );
        *found.entry(key).or_insert(0) += 1;
    }
    let commands = report["commands"].as_array().unwrap().iter();
    let wanted: BTreeMap<_, _> = commands
        .map(|row| {
            let key = (
                row["verb"].as_str().map(str::to_owned),
                row["code"].as_u64(),
            );
            (key, row["count"].as_u64().unwrap())
        })
        .collect();
    assert_eq!(found, wanted, "{arguments:?}");
    assert!(!wanted.is_empty(), "{arguments:?}");
}

#[test]
fn every_exchange_has_a_row() {
    for arguments in [
        &["testdata/demo/permission-denied.pcap"][..],
        &["testdata/demo/password-guessing.vsftpd.log"],
        // Captures and logs: what both hold is one, and what TLS hides comes from the log.
        &[INPUT],
        &[INPUT, "--user", "alice", "--code", "5xx"],
        &[INPUT, "--failed"],
    ] {
        assert_settled_alike(arguments);
    }
    let rows = written(&["codes", "testdata/demo/permission-denied.pcap"]);
    let refused = rows
        .iter()
        .find(|row| row["argument"] == "secret.txt" && row["verb"] == "RETR")
        .unwrap();
    assert_eq!(
        (&refused["code"], &refused["cause"]),
        (&Value::from(550), &Value::from("path-unavailable"))
    );
    assert!(refused["waited"].as_f64().unwrap() > 0.0 && refused["counted"] == true);
    let password = rows.iter().find(|row| row["verb"] == "PASS").unwrap();
    assert!(password["argument"].is_null() && password["secret"] == true);
}

#[test]
fn what_a_long_session_does_not_keep_has_its_rows_too() {
    let many = limits::KEPT_EXCHANGES + 300;
    let noops = "> NOOP\n< 200 ok\n".repeat(many);
    let talk = format!(
        "< 220 hi\n> USER bob\n< 331 pw\n> PASS x\n< 230 in\n{noops}> QUIT\n< 221 bye\n! server fin\n"
    );
    let temporary = Temporary::new();
    let bytes = capture(&Conversation::parse(&talk).packets(), Container::PcapMicros);
    let wire = temporary.file("x.pcap", &bytes);
    let wire = wire.to_str().unwrap();
    assert_settled_alike(&[wire]);
    assert_settled_alike(&[wire, "--user", "bob"]);
    assert_eq!(written(&["codes", wire]).len(), many + 4);
    assert!(written(&["codes", wire, "--user", "eve"]).is_empty());
    let other = written(&["codes", wire, "--anonymize=k"]);
    assert!(
        other
            .iter()
            .all(|row| row["user"] != "bob" && row["argument"] != "bob")
    );
}

#[test]
fn the_report_writes_its_failures_beside_a_page() {
    let temporary = Temporary::new();
    let [page, table] = ["x.html", "x.parquet"].map(|name| temporary.path(name));
    let alone = temporary.path("alone.html");
    for files in [&[&page, &table][..], &[&alone]] {
        let outputs = files.iter().flat_map(|file| ["-o", file.to_str().unwrap()]);
        let arguments: Vec<&str> = [INPUT, "--user", "alice"]
            .into_iter()
            .chain(outputs)
            .collect();
        assert_eq!(ftpwhy(&arguments).status.code(), Some(0));
    }
    assert_eq!(rows(&table), written(&["causes", INPUT, "--user", "alice"]));
    assert!(!rows(&table).is_empty());
    let [page, alone] = [page, alone].map(|file| std::fs::read(file).unwrap());
    assert!(page == alone && !page.is_empty());
}

#[test]
fn other_names_and_filters_hold_in_columns_too() {
    let asked = [
        "events",
        INPUT,
        "--anonymize=k",
        "--code",
        "550",
        "--user",
        "alice",
    ];
    let (rows, lines) = (written(&asked), lines(&asked));
    assert!(rows.len() == lines.len() && rows.len() < 60);
    for (row, json) in rows.iter().zip(&lines) {
        assert_same(row, json, &ENDS);
        assert!(row["user"].is_null() || row["user"].as_str().unwrap().starts_with("user-"));
    }
}

#[test]
fn no_secret_is_in_a_column() {
    let talk = Conversation::parse(
        "< 220 hi\n> USER bob\n< 331 pw\n> PASS c4n4ry\n< 530 no\n> ACCT c4n4ry\n< 530 no\n> QUIT\n< 221 bye\n! server fin\n",
    );
    let temporary = Temporary::new();
    let wire = temporary.file("x.pcap", &capture(&talk.packets(), Container::PcapMicros));
    for command in ["events", "codes", "sessions", "causes"] {
        let rows = written(&[command, wire.to_str().unwrap()]);
        let all = serde_json::to_string(&rows).unwrap();
        assert!(!rows.is_empty() && !all.contains("c4n4ry"), "{all}");
        assert!(all.contains("bob"));
    }
}

#[test]
fn what_is_held_in_memory_is_bounded_by_groups() {
    let long = "x".repeat(64 * 1024);
    let mut rows = Rows::new(Vec::new(), Table::Events).unwrap();
    for number in 0..1_100 {
        let row = format!("{{\"session\":\"{number}\",\"text\":\"{long}\"}}\n");
        // Lines may come in pieces.
        let (one, other) = row.as_bytes().split_at(number);
        rows.write_all(one).unwrap();
        rows.write_all(other).unwrap();
    }
    let temporary = Temporary::new();
    let file = temporary.file("x.parquet", &rows.finish().unwrap());
    let reader = SerializedFileReader::new(File::open(&file).unwrap()).unwrap();
    let groups = reader.metadata().row_groups();
    let counts: Vec<i64> = groups.iter().map(RowGroupMetaData::num_rows).collect();
    assert!(
        counts.len() == 3 && counts.iter().all(|rows| *rows < 520),
        "{counts:?}"
    );
    let back = self::rows(&file);
    assert_eq!(back.len(), 1_100);
    assert!(
        back.iter()
            .enumerate()
            .all(|(n, row)| row["session"].as_str() == Some(&n.to_string()))
    );
}

#[test]
fn where_there_are_no_rows_the_file_has_its_columns_all_the_same() {
    let rows = Rows::new(Vec::new(), Table::Sessions).unwrap();
    let temporary = Temporary::new();
    let file = temporary.file("x.parquet", &rows.finish().unwrap());
    let reader = SerializedFileReader::new(File::open(&file).unwrap()).unwrap();
    let metadata = reader.metadata().file_metadata();
    assert_eq!(
        (metadata.num_rows(), metadata.schema_descr().num_columns()),
        (0, 23)
    );
    let about = metadata.key_value_metadata().unwrap();
    assert!(
        about
            .iter()
            .any(|pair| pair.value.as_deref() == Some("ftpwhy.sessions/1"))
    );
}

#[test]
fn the_same_input_gives_the_same_file() {
    let temporary = Temporary::new();
    let files = ["a.parquet", "b.parquet"].map(|name| temporary.path(name));
    for (file, threads) in files.iter().zip(["1", "4"]) {
        let output = ftpwhy(&["events", INPUT, "-j", threads, "-o", file.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
    }
    let [a, b] = files.map(|file| std::fs::read(file).unwrap());
    assert!(a == b && !a.is_empty());
}

#[test]
fn commands_without_rows_have_no_such_form() {
    for arguments in [
        &["codes", INPUT, "--matrix", "-o", "x.parquet"][..],
        &["causes", INPUT, "--by", "user", "-o", "x.parquet"],
        &["timeline", INPUT, "-o", "x.parquet"],
    ] {
        let output = ftpwhy(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains("no form parquet"), "{said}");
    }
}
