//! Every number of `limits.rs` is named in a test, or is none that anything could run into.

use std::collections::BTreeSet;

use crate::tidy::{Source, is_test_file, read, sources};

/// Numbers that bound nothing, and where the behaviour on both sides of each is told.
const NO_BOUNDS: &[(&str, &str)] = &[
    (
        "WINDOWS_PER_THREAD",
        "a piece of work: windows of any size give the same, by law",
    ),
    ("STEPS", "a piece of work"),
    (
        "SMALL_SERIES_BYTES",
        "a piece of work: who reads a series changes nothing",
    ),
    (
        "SESSIONS_TO_JUDGE",
        "a piece of work: parts are added up, by law",
    ),
    (
        "GROUP_ROWS",
        "a piece of work: a group is written, and the next one begins",
    ),
    ("GROUP_BYTES", "a piece of work"),
    (
        "WINDOW_BYTES",
        "a piece of work: windows of any size give the same, by law",
    ),
    ("FTP_PORT", "a number of a protocol"),
    ("FTP_DATA_PORT", "a number of a protocol"),
    ("FTPS_PORT", "a number of a protocol"),
    (
        "CLOCKS_AGREE_NANOS",
        "what clocks may do: captures by several clocks are in series.rs",
    ),
    (
        "CLOCK_NEAR_SECONDS",
        "what clocks may do: logs by several clocks are in joined.rs",
    ),
    ("CLOCK_FAR_SECONDS", "what clocks may do"),
    ("ZONE_HOURS", "what clocks may do"),
    (
        "BRUTE_FORCE_LOGINS",
        "a judgement: nine and ten logins are in tally/tests.rs",
    ),
    (
        "BRUTE_FORCE_NEIGHBOURS",
        "a judgement: guessing from many places is in problems.rs",
    ),
    (
        "BRUTE_FORCE_CLIENTS",
        "a judgement: guessing from many places is in problems.rs",
    ),
    (
        "TURNED_AWAY_LOGINS",
        "a judgement: who was let in before is in problems.rs",
    ),
    (
        "POOL_PORTS",
        "a judgement: the pool that is too small is in problems.rs",
    ),
    (
        "FIREWALL_SESSIONS",
        "a judgement: FTPS that does not work is in problems.rs",
    ),
];

/// The numbers that a text declares.
fn declared(text: &str) -> Vec<&str> {
    let names = text
        .lines()
        .filter_map(|line| line.strip_prefix("pub const "));
    names
        .filter_map(|line| Some(line.split_once(':')?.0))
        .collect()
}

/// What of a file is a test.
fn tests_of(source: &Source) -> &str {
    if source.path.starts_with("tests/") || is_test_file(&source.path) {
        return &source.text;
    }
    // What stands behind `mod tests;` is no test: those are in a file of their own.
    let parts = source.text.split("#[cfg(test)]\nmod ").skip(1);
    let within = |part: &&str| part.lines().next().is_some_and(|line| line.ends_with('{'));
    parts.last().filter(within).unwrap_or("")
}

/// The words of a text that may be names of numbers.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = text.split(move |c| !is_word(c));
    words.filter(|word| word.starts_with(|c: char| c.is_ascii_uppercase()))
}

/// Numbers that no test names, and those that are listed and need not be.
fn complaints(limits: &str, tests: &[&str], no_bounds: &[(&str, &str)]) -> Vec<String> {
    let mut complaints = Vec::new();
    let declared = declared(limits);
    let named: BTreeSet<&str> = tests.iter().flat_map(|text| words(text)).collect();
    for name in &declared {
        let is_named = named.contains(name);
        let is_listed = no_bounds.iter().any(|(listed, _)| listed == name);
        if !is_named && !is_listed {
            complaints.push(format!(
                "limits::{name}: no test names it, so none reaches it"
            ));
        }
    }
    for (name, why) in no_bounds {
        if !declared.contains(name) || why.is_empty() {
            complaints.push(format!(
                "{name}: listed as no bound, without being one or a reason"
            ));
        }
    }
    complaints
}

#[test]
fn every_bound_is_named_in_a_test() {
    let mut all = sources("src", ".rs");
    all.extend(sources("tests", ".rs"));
    all.retain(|source| !source.path.ends_with("limits/named.rs"));
    let tests: Vec<&str> = all.iter().map(tests_of).collect();
    let complaints = complaints(&read("src/limits.rs"), &tests, NO_BOUNDS);
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

#[test]
fn a_bound_that_no_test_names_is_found() {
    let limits = "/// A.\npub const LINE_BYTES: usize = 1;\n/// B.\npub const PORT: u16 = 21;\n";
    let found = |test: &str, listed: &[(&str, &str)]| complaints(limits, &[test], listed).len();
    assert_eq!(found("limits::LINE_BYTES", &[("PORT", "a protocol's")]), 0);
    assert_eq!(
        found("limits::LONG_LINE_BYTES", &[("PORT", "a protocol's")]),
        1
    );
    assert_eq!(found("limits::LINE_BYTES", &[]), 1);
    assert_eq!(
        found("limits::LINE_BYTES", &[("PORT", ""), ("GONE", "x")]),
        2
    );
    let source = |path: &str| Source {
        path: path.to_owned(),
        text: "limits::A\n#[cfg(test)]\nmod tests {\n    limits::B\n}\n".to_owned(),
    };
    let names = |path: &str, name: &str| words(tests_of(&source(path))).any(|word| word == name);
    assert!(!names("src/x.rs", "A"));
    assert!(names("src/x.rs", "B"));
    assert!(names("tests/it/x.rs", "A"));
    let apart = Source {
        path: "src/x.rs".to_owned(),
        text: "#[cfg(test)]\nmod tests;\n\nfn x() { limits::A }\n".to_owned(),
    };
    assert_eq!(tests_of(&apart), "");
}
