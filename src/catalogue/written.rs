//! The TOML files as the one file that the program contains, and the samples, which only tests need.

use std::path::Path;
use std::sync::LazyLock;

use serde_json::Value;

use super::{Catalogue, CauseId};

/// Each file with what its tables are called.
const FILES: [(&str, &str); 5] = [
    ("reply", include_str!("replies.toml")),
    ("command", include_str!("commands.toml")),
    ("cause", include_str!("causes.toml")),
    ("directive", include_str!("directives.toml")),
    ("family", include_str!("families.toml")),
];

/// A file's tables, in their order.
fn tables((name, file): (&str, &str)) -> Vec<toml::Table> {
    let mut file: toml::Table = file.parse().unwrap();
    let tables = file.remove(name).unwrap();
    assert!(file.is_empty(), "{name}: {file:?}");
    tables.try_into().unwrap()
}

/// All of it but the samples, an entry a line.
pub(super) fn json() -> &'static str {
    static JSON: LazyLock<String> = LazyLock::new(written);
    &JSON
}

fn written() -> String {
    let files = FILES.map(|file| {
        let entries = tables(file).into_iter().map(|mut table| {
            table.remove("sample");
            serde_json::to_string(&in_order(table.into())).unwrap()
        });
        let entries: Vec<String> = entries.collect();
        format!("\"{}\":[\n{}\n]", file.0, entries.join(",\n"))
    });
    format!("{{{}}}\n", files.join(","))
}

/// The same with keys in the order of their letters, whatever the libraries are told to keep.
fn in_order(value: toml::Value) -> Value {
    match value {
        toml::Value::Table(table) => {
            let mut fields: Vec<_> = table.into_iter().collect();
            fields.sort_by(|a, b| a.0.cmp(&b.0));
            let fields = fields.into_iter().map(|(name, v)| (name, in_order(v)));
            Value::Object(fields.collect())
        }
        toml::Value::Array(values) => values.into_iter().map(in_order).collect(),
        other => serde_json::to_value(other).unwrap(),
    }
}

/// Conversations that must come out as the cause that they stand with, one step a line.
pub(crate) fn samples() -> Vec<(CauseId, Vec<String>)> {
    let talk = |sample: toml::Table| {
        assert_eq!(sample.len(), 1, "{sample:?}");
        sample["talk"].as_str().unwrap().to_owned()
    };
    let all = tables(FILES[2]).into_iter().map(|mut cause| {
        let id = cause["id"].as_str().unwrap();
        let id = super::catalogue().cause_by_name(id).unwrap();
        let samples: Vec<toml::Table> = match cause.remove("sample") {
            Some(samples) => samples.try_into().unwrap(),
            None => Vec::new(),
        };
        (id, samples.into_iter().map(talk).collect())
    });
    all.collect()
}

#[test]
fn what_the_program_contains_is_what_the_files_say() {
    let want = json();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/catalogue/catalogue.json");
    if std::env::var_os("FTPWHY_WRITE_DOCS").is_some() {
        std::fs::write(&path, want).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found.replace("\r\n", "\n") == want,
        "src/catalogue/catalogue.json is stale: run `FTPWHY_WRITE_DOCS=1 cargo test --lib catalogue`"
    );
    assert!(Catalogue::read(&found).is_ok());
}
