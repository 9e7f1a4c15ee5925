//! The repository keeps to its own rules: layers, sizes, registers, words.
//!
//! Reads the sources as text and judges nothing by meaning. Each rule is a function from text to complaints and has a
//! test with a bad example, so that a rule that finds nothing is known to be able to.
#![allow(clippy::panic, clippy::expect_used, reason = "tests only")]
#![allow(clippy::indexing_slicing, clippy::string_slice, reason = "tests only")]

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::Path;

/// A module may use those on earlier lines; neighbours on one line do not know each other.
const LAYERS: &[&[&str]] = &[
    &["text", "time", "limits", "lookup"],
    &["diagnostic"],
    &["ftp"],
    &["catalogue", "input"],
    &["capture", "log"],
    &["session"],
    &["cause", "join"],
    &["anonymize", "filter"],
    &["tally"],
    &["report"],
    &["threshold"],
    &["cli", "exit", "output", "progress"],
    &["state"],
    &["run"],
    &["app"],
];

/// Lines of a file, without its tests. What is longer holds two things.
const FILE_LINES: usize = 600;

/// What reads packets, frames and grammars, spreads work over threads and sets tables is not written here.
const LIBRARIES: &[&str] = &[
    "pcap_parser",
    "etherparse",
    "nom",
    "rayon",
    "comfy_table",
    "askama",
    "csv",
    "tempfile",
];

/// A file of the repository.
pub(crate) struct Source {
    /// Its path below the root, with `/` on every system.
    pub(crate) path: String,
    pub(crate) text: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Names in a folder, sorted, and whether each is a folder itself.
fn entries(folder: &str) -> Vec<(String, bool)> {
    let listed =
        fs::read_dir(root().join(folder)).unwrap_or_else(|error| panic!("{folder}: {error}"));
    let mut names: Vec<(String, bool)> = listed
        .map(|entry| entry.expect("an entry"))
        .map(|entry| {
            (
                entry.file_name().to_string_lossy().into_owned(),
                entry.path().is_dir(),
            )
        })
        .collect();
    names.sort();
    names
}

/// Every file below a folder whose name ends so.
pub(crate) fn sources(folder: &str, ending: &str) -> Vec<Source> {
    let mut found = Vec::new();
    for (name, is_folder) in entries(folder) {
        let path = format!("{folder}/{name}");
        if is_folder {
            found.extend(sources(&path, ending));
        } else if name.ends_with(ending) {
            let text = read(&path);
            found.push(Source { path, text });
        }
    }
    found
}

fn assert_none(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

// ---- Reading Rust -------------------------------------------------------------------------------------------------

/// The text without comments and without what stands in quotation marks; line ends stay.
fn code_only(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        let length = if rest.starts_with(b"//") {
            rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len())
        } else if rest.starts_with(b"/*") {
            find(rest, b"*/").map_or(rest.len(), |end| end + 2)
        } else if let Some(length) = raw_string(rest, bytes[..at].last().copied()) {
            length
        } else if rest[0] == b'"' {
            string(rest)
        } else if rest[0] == b'\'' {
            character(rest)
        } else {
            out.push(rest[0]);
            at += 1;
            continue;
        };
        out.extend(
            rest[..length]
                .iter()
                .map(|b| if *b == b'\n' { b'\n' } else { b' ' }),
        );
        at += length;
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}

/// The length of `r"…"` or `r##"…"##` at the start; `before` tells that the `r` is not the end of a name.
fn raw_string(rest: &[u8], before: Option<u8>) -> Option<usize> {
    if rest[0] != b'r'
        || before.is_some_and(|b| b.is_ascii_alphanumeric() && b != b'b' || b == b'_')
    {
        return None;
    }
    let marks = rest[1..].iter().take_while(|b| **b == b'#').count();
    if rest.get(1 + marks) != Some(&b'"') {
        return None;
    }
    let end = [&b"\""[..], &vec![b'#'; marks]].concat();
    let body = &rest[marks + 2..];
    Some(marks + 2 + find(body, &end).map_or(body.len(), |at| at + end.len()))
}

fn string(rest: &[u8]) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != b'"' {
        at += if rest[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(rest.len())
}

/// `'x'`, `'\n'`, `'\u{202e}'`; a lifetime's mark alone is one byte long.
fn character(rest: &[u8]) -> usize {
    if rest.get(1) == Some(&b'\\') {
        return rest
            .iter()
            .skip(3)
            .position(|b| *b == b'\'')
            .map_or(1, |at| at + 4);
    }
    let letter = match rest.get(1) {
        Some(0xf0..) => 4,
        Some(0xe0..) => 3,
        Some(0xc0..) => 2,
        _ => 1,
    };
    if rest.get(letter + 1) == Some(&b'\'') {
        letter + 2
    } else {
        1
    }
}

/// The text without its items for tests: from `#[cfg(test)]` to the item's end at the same indentation.
fn without_tests(text: &str) -> String {
    let mut out = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.trim() != "#[cfg(test)]" {
            out.push_str(line);
            out.push('\n');
            continue;
        }
        let indent = &line[..line.len() - line.trim_start().len()];
        let closing = format!("{indent}}}");
        for line in lines.by_ref() {
            let is_short = line.starts_with(indent)
                && !line[indent.len()..].starts_with(' ')
                && line.ends_with(';');
            if line == closing || is_short {
                break;
            }
        }
    }
    out
}

pub(crate) fn is_test_file(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.contains("/tests/")
}

/// The first name of each branch of the paths that begin with `prefix`, which may be grouped: `crate::{a::{B}, c}`.
fn heads(code: &str, prefix: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices(prefix) {
        let before = code[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
            continue;
        }
        let rest = code[at + prefix.len()..].trim_start();
        let Some(group) = rest.strip_prefix('{') else {
            found.extend(name(rest));
            continue;
        };
        let mut depth = 1;
        let mut is_start = true;
        for (at, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 1 => is_start = true,
                c if is_start && depth == 1 && !c.is_whitespace() => {
                    found.extend(name(&group[at..]));
                    is_start = false;
                }
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
    }
    found
}

fn name(text: &str) -> Option<String> {
    let name: String = text
        .chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect();
    (!name.is_empty()).then_some(name)
}

// ---- Rules --------------------------------------------------------------------------------------------------------

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|line| line.contains(&module))
}

/// `src/log/xferlog.rs` is in `log`, `src/run.rs` in `run`.
fn module_of(path: &str) -> &str {
    let below = path.strip_prefix("src/").unwrap_or(path);
    let first = below.split('/').next().unwrap_or(below);
    first.strip_suffix(".rs").unwrap_or(first)
}

/// What a file uses against the order of the layers. lib.rs and main.rs see everything.
fn layer_complaints(source: &Source) -> Vec<String> {
    let module = module_of(&source.path);
    if matches!(module, "lib" | "main") || is_test_file(&source.path) {
        return Vec::new();
    }
    let Some(own) = layer(module) else {
        return vec![format!(
            "{}: module `{module}` stands in no layer",
            source.path
        )];
    };
    let code = code_only(&without_tests(&source.text));
    let mut used = heads(&code, "crate::");
    let is_top =
        source.path.matches('/').count() == 1 || source.path == format!("src/{module}/mod.rs");
    if is_top {
        used.extend(heads(&code, "super::"));
    }
    used.sort();
    used.dedup();
    let is_wrong = |name: &String| *name != module && layer(name).is_none_or(|layer| layer >= own);
    let complain = |name: &String| format!("{}: `{module}` may not use `{name}`", source.path);
    used.iter()
        .filter(|name| is_wrong(name))
        .map(complain)
        .collect()
}

/// Head, length, and ways of naming of one file.
fn shape_complaints(source: &Source) -> Vec<String> {
    let mut complaints = Vec::new();
    if !source.text.starts_with("//!") {
        complaints.push(format!(
            "{}: does not begin with `//!`: what is it for?",
            source.path
        ));
    }
    let body = source
        .text
        .split("#[cfg(test)]\nmod tests {")
        .next()
        .unwrap_or_default();
    let lines = body.lines().count();
    if lines > FILE_LINES && !is_test_file(&source.path) {
        complaints.push(format!(
            "{}: {lines} lines, at most {FILE_LINES}: it holds two things",
            source.path
        ));
    }
    if heads(&code_only(&source.text), "super::")
        .iter()
        .any(|name| name == "super")
    {
        complaints.push(format!(
            "{}: two levels of `super`; begin at `crate::`",
            source.path
        ));
    }
    complaints
}

/// Files of formats that the list in `src/log/mod.rs` does not name.
fn format_complaints(files: &[Source], register: &str) -> Vec<String> {
    let code = code_only(register);
    let list = code
        .match_indices("formats!")
        .next()
        .map_or("", |(at, _)| &code[at..]);
    let list = list
        .split_once('{')
        .and_then(|(_, list)| list.split_once('}'))
        .map_or("", |(list, _)| list);
    let listed: BTreeSet<&str> = list.split(',').map(str::trim).collect();
    let is_format = |source: &&Source| {
        let code = code_only(&without_tests(&source.text));
        !is_test_file(&source.path)
            && (code.contains("impl Format for") || code.contains(" FORMAT:"))
    };
    let stem = |source: &Source| {
        let below = source.path.strip_prefix("src/log/").unwrap_or(&source.path);
        let first = below.split('/').next().unwrap_or(below);
        first.strip_suffix(".rs").unwrap_or(first).to_owned()
    };
    let missing = files
        .iter()
        .filter(is_format)
        .filter(|source| !listed.contains(stem(source).as_str()));
    missing
        .map(|source| format!("{}: not in `formats!` of src/log/mod.rs", source.path))
        .collect()
}

/// Files of a folder that its `main.rs` or `mod.rs` does not declare, so that nothing in them is run.
fn undeclared(folder: &str, names: &[String], main: &str) -> Vec<String> {
    let code = code_only(main);
    let declared: BTreeSet<&str> = code
        .lines()
        .filter_map(|line| line.trim().strip_prefix("mod ")?.strip_suffix(';'))
        .collect();
    let stems = names.iter().filter_map(|name| name.strip_suffix(".rs"));
    let missing = stems.filter(|stem| !["main", "mod"].contains(stem) && !declared.contains(stem));
    missing
        .map(|stem| format!("{folder}/{stem}.rs: not declared beside it"))
        .collect()
}

/// Libraries that no `use` outside of tests names.
fn unused(libraries: &[&str], sources: &[Source]) -> Vec<String> {
    let sources = sources.iter().filter(|source| !is_test_file(&source.path));
    let code: Vec<String> = sources
        .map(|source| code_only(&without_tests(&source.text)))
        .collect();
    let is_used = |library: &str| {
        let path = format!("use {library}::");
        let mut lines = code.iter().flat_map(|code| code.lines());
        lines.any(|line| line.trim_start().starts_with(&path))
    };
    let missing = libraries.iter().filter(|library| !is_used(library));
    missing
        .map(|library| format!("src: nothing uses `{library}`"))
        .collect()
}

/// Numbers whose sums depend on their order.
fn float_complaints(source: &Source) -> Vec<String> {
    let code = code_only(&source.text);
    let words = code.split(|c: char| !c.is_alphanumeric() && c != '_');
    let is_float = |word: &&str| ["f32", "f64", "as_secs_f32", "as_secs_f64"].contains(word);
    words
        .filter(is_float)
        .map(|word| format!("{}: `{word}` in a tally", source.path))
        .collect()
}

/// What a case's file list and its folder do not agree on.
fn case_complaints(folder: &str, present: &[String], case: &str) -> Vec<String> {
    let table: toml::Table = match case.parse() {
        Ok(table) => table,
        Err(error) => return vec![format!("{folder}/case.toml: {error}")],
    };
    let mut complaints = Vec::new();
    if table
        .get("why")
        .and_then(toml::Value::as_str)
        .is_none_or(|why| why.len() < 10)
    {
        complaints.push(format!("{folder}/case.toml: no `why`"));
    }
    let listed = strings(table.get("files"));
    let present: BTreeSet<String> = present
        .iter()
        .filter(|name| *name != "case.toml")
        .cloned()
        .collect();
    let stray = present
        .difference(&listed)
        .map(|name| format!("{folder}/{name}: not listed in case.toml"));
    let absent = listed
        .difference(&present)
        .map(|name| format!("{folder}/{name}: listed in case.toml, not there"));
    complaints.extend(stray.chain(absent));
    let runs = table
        .get("run")
        .and_then(toml::Value::as_array)
        .cloned()
        .unwrap_or_default();
    let read: BTreeSet<String> = runs
        .iter()
        .flat_map(|run| strings(run.get("read")))
        .collect();
    complaints.extend(
        listed
            .difference(&read)
            .map(|name| format!("{folder}/{name}: no run reads it")),
    );
    complaints.extend(
        read.difference(&listed)
            .map(|name| format!("{folder}/{name}: read and not listed")),
    );
    complaints
}

fn strings(value: Option<&toml::Value>) -> BTreeSet<String> {
    let list = value.and_then(toml::Value::as_array).into_iter().flatten();
    list.filter_map(toml::Value::as_str)
        .map(str::to_owned)
        .collect()
}

/// Names that a text does not mention in backquotes.
fn unmentioned(names: &[String], text: &str) -> Vec<String> {
    let mentioned = |name: &String| text.contains(&format!("`{name}`"));
    names
        .iter()
        .filter(|name| !mentioned(name))
        .map(|name| format!("testdata/README.md: says nothing of {name}"))
        .collect()
}

/// Paths of somebody's machine.
fn path_complaints(source: &Source) -> Vec<String> {
    // Written in two parts, so that this file may hold them.
    let words = [
        concat!("/ho", "me/"),
        concat!("/tm", "p/"),
        concat!("/wo", "rk/"),
        concat!("/Use", "rs/"),
    ];
    let mut complaints = Vec::new();
    for (number, line) in source.text.lines().enumerate() {
        for word in words.iter().filter(|word| line.contains(**word)) {
            complaints.push(format!(
                "{}:{}: `{word}` is a path of one machine",
                source.path,
                number + 1
            ));
        }
    }
    complaints
}

// ---- The repository -----------------------------------------------------------------------------------------------

fn each(sources: &[Source], rule: fn(&Source) -> Vec<String>) -> Vec<String> {
    sources.iter().flat_map(rule).collect()
}

#[test]
fn modules_use_earlier_layers_only() {
    assert_none(&each(&sources("src", ".rs"), layer_complaints));
}

#[test]
fn files_say_what_they_are_for_and_stay_small() {
    assert_none(&each(&sources("src", ".rs"), shape_complaints));
}

#[test]
fn every_log_format_is_registered() {
    assert_none(&format_complaints(
        &sources("src/log", ".rs"),
        &read("src/log/mod.rs"),
    ));
}

#[test]
fn every_file_of_tests_is_run() {
    for (folder, main) in [("tests/it", "main.rs"), ("tests/it/limits", "mod.rs")] {
        let names = entries(folder).into_iter().map(|(name, _)| name);
        let main = read(&format!("{folder}/{main}"));
        assert_none(&undeclared(folder, &names.collect::<Vec<_>>(), &main));
    }
}

#[test]
fn libraries_do_what_they_are_there_for() {
    assert_none(&unused(LIBRARIES, &sources("src", ".rs")));
}

#[test]
fn tallies_know_no_floats() {
    assert_none(&each(&sources("src/tally", ".rs"), float_complaints));
}

#[test]
fn every_test_file_is_listed_and_has_an_origin() {
    let names = |folder: &str| {
        entries(folder)
            .into_iter()
            .map(|(name, _)| name)
            .collect::<Vec<_>>()
    };
    let cases = names("testdata/cases");
    let mut complaints = Vec::new();
    for folder in cases
        .iter()
        .map(|case| format!("testdata/cases/{case}"))
        .chain(["testdata/broken".to_owned()])
    {
        complaints.extend(case_complaints(
            &folder,
            &names(&folder),
            &read(&format!("{folder}/case.toml")),
        ));
    }
    let told = [names("testdata/demo"), names("testdata/broken"), cases].concat();
    complaints.extend(unmentioned(&told, &read("testdata/README.md")));
    assert_none(&complaints);
}

#[test]
fn no_file_names_a_path_of_one_machine() {
    let mut all = sources("src", ".rs");
    all.extend(sources("src", ".toml"));
    all.extend(sources("tests", ".rs"));
    all.extend(sources("docs", ".md"));
    all.extend(sources("contrib", ".py"));
    all.extend(sources("contrib", ".toml"));
    all.extend(sources("testdata", ".toml"));
    all.extend(sources("testdata", ".md"));
    let is_text = |name: &str| {
        let ending = Path::new(name).extension().and_then(OsStr::to_str);
        matches!(ending, Some("md" | "toml"))
    };
    for (path, _) in entries(".")
        .into_iter()
        .filter(|(name, is_folder)| !is_folder && is_text(name))
    {
        let text = read(&path);
        all.push(Source { path, text });
    }
    assert_none(&each(&all, path_complaints));
}

// ---- Each rule can fail -------------------------------------------------------------------------------------------

fn source(path: &str, text: &str) -> Source {
    Source {
        path: path.to_owned(),
        text: text.to_owned(),
    }
}

#[test]
fn code_only_leaves_no_comment_and_no_string() {
    let text =
        "a // crate::x\nb \"crate::y \\\" z\" r#\"crate::\"q\"# 'c' &'d e '\\'' /* crate::\n */ f";
    let code = code_only(text);
    assert!(
        !code.contains("crate") && !code.contains('q') && !code.contains('c'),
        "{code}"
    );
    assert_eq!(
        code.split_whitespace().collect::<Vec<_>>(),
        ["a", "b", "&", "d", "e", "f"]
    );
    assert_eq!(code.lines().count(), text.lines().count());
}

#[test]
fn heads_reads_groups() {
    let code = "use crate::{a::{B, x}, c,\n    d::e,\n};\ncrate::f::g(); $crate::h; mycrate::i; pub(crate) j";
    assert_eq!(heads(code, "crate::"), ["a", "c", "d", "f", "h"]);
}

#[test]
fn a_wrong_layer_is_found() {
    let bad = "//! x\nuse crate::{limits, report::{A, text}};\nfn f() { crate::log::g() }\n";
    let found = layer_complaints(&source("src/capture/table.rs", bad));
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!(
        layer_complaints(&source("src/text.rs", "use super::time::X;")).len(),
        1
    );
    assert_eq!(
        layer_complaints(&source("src/input/mod.rs", "use crate::catalogue::X;")).len(),
        1
    );
    assert_eq!(layer_complaints(&source("src/novel.rs", "")).len(), 1);
    let fine = "//! [`crate::report`]\nuse crate::capture::Y;\n#[cfg(test)]\nmod tests {\n    use crate::report::X;\n}\n";
    assert_none(&layer_complaints(&source("src/capture/mod.rs", fine)));
}

#[test]
fn a_shapeless_file_is_found() {
    assert_eq!(
        shape_complaints(&source("src/a.rs", "use super::super::x;\n")).len(),
        2
    );
    let long = format!("//! x\n{}", "fn f() {}\n".repeat(FILE_LINES));
    assert_eq!(shape_complaints(&source("src/a.rs", &long)).len(), 1);
    let tested = format!(
        "//! x\n#[cfg(test)]\nmod tests {{\n{}}}\n",
        "    fn f() {}\n".repeat(FILE_LINES)
    );
    assert_none(&shape_complaints(&source("src/a.rs", &tested)));
}

#[test]
fn an_unregistered_format_is_found() {
    let register =
        "macro_rules! formats { ($($n:ident),*) => { $(mod $n;)* } }\nformats! { vsftpd, xferlog }";
    let format = |path| source(path, "pub static FORMAT: X = X;\nimpl Format for X {}");
    let files = [
        format("src/log/vsftpd.rs"),
        format("src/log/iis.rs"),
        source("src/log/mod.rs", "pub trait Format {}"),
    ];
    assert_eq!(
        format_complaints(&files, register),
        ["src/log/iis.rs: not in `formats!` of src/log/mod.rs"]
    );
}

#[test]
fn an_undeclared_test_file_is_found() {
    let names = ["main.rs", "cases.rs", "lost.rs", "notes.txt"].map(str::to_owned);
    let main = "mod cases;\n// mod lost;\n";
    assert_eq!(undeclared("tests/it", &names, main).len(), 1);
}

#[test]
fn an_unused_library_is_found() {
    let files = [
        source("src/a.rs", "use rayon::prelude::*;\n// use nom::IResult;\n"),
        source(
            "src/b.rs",
            "#[cfg(test)]\nmod tests {\n    use nom::IResult;\n}\n",
        ),
        source("src/b/tests.rs", "use nom::IResult;\n"),
    ];
    assert_eq!(
        unused(&["rayon", "nom"], &files),
        ["src: nothing uses `nom`"]
    );
}

#[test]
fn a_float_is_found() {
    assert_eq!(
        float_complaints(&source(
            "src/tally/x.rs",
            "fn f(a: f64) -> X { Y(a) } // f32"
        ))
        .len(),
        1
    );
}

#[test]
fn a_stray_file_is_found() {
    let present = ["a.pcap", "stray.log", "case.toml"].map(str::to_owned);
    let case = "why = \"because it must\"\nfiles = [\"a.pcap\", \"gone.log\"]\n[[run]]\nread = [\"a.pcap\", \"b\"]\n";
    let found = case_complaints("c", &present, case);
    assert_eq!(found.len(), 4, "{found:?}");
    assert_eq!(case_complaints("c", &[], "why =").len(), 1);
    assert_eq!(
        unmentioned(&["a".to_owned(), "b".to_owned()], "| `a` | b |").len(),
        1
    );
}

#[test]
fn a_path_of_one_machine_is_found() {
    let bad = format!("fine\nsee {}me/x for /var/log/vsftpd.log", "/ho");
    assert_eq!(path_complaints(&source("docs/x.md", &bad)).len(), 1);
}
