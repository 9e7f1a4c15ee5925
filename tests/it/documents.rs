//! The pages in `docs/` that are written from the catalogue.
//!
//! They are files of the repository, so that they can be read and searched without building anything. A test compares them
//! with the catalogue; to write them again after a change, run `FTPWHY_WRITE_DOCS=1 cargo test documents`.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use ftpwhy::catalogue::{Cause, Party, ReplyEntry, catalogue};

/// Fails where the page is not what the catalogue says; writes it where that is asked for.
fn check(name: &str, want: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("docs")
        .join(name);
    if std::env::var_os("FTPWHY_WRITE_DOCS").is_some() {
        std::fs::write(&path, want).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found.replace("\r\n", "\n") == want,
        "docs/{name} is stale: run `FTPWHY_WRITE_DOCS=1 cargo test documents`"
    );
}

/// Breaks a paragraph into lines of at most 120 columns; what follows the first is indented.
fn paragraph(out: &mut String, first: &str, indent: &str, text: &str) {
    let mut line = first.to_owned();
    let mut is_empty = true;
    for word in text.split_whitespace() {
        if !is_empty && line.chars().count() + 1 + word.chars().count() > 120 {
            writeln!(out, "{line}").unwrap();
            indent.clone_into(&mut line);
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        line.push_str(word);
        is_empty = false;
    }
    writeln!(out, "{line}").unwrap();
}

fn side(cause: &Cause) -> &'static str {
    match cause.side {
        Party::Client => "on the client's side",
        Party::Server => "on the server's side",
        Party::Network => "in the network between",
        Party::Policy => "by whoever made the rule",
        Party::Unknown => "not told by what is seen",
    }
}

const FAMILIES: &[(&str, &str)] = &[
    ("auth", "Logging in"),
    ("access", "Permission"),
    ("path", "Names of files and directories"),
    ("storage", "Storage"),
    ("data", "Data connections"),
    ("tls", "Encryption"),
    ("limit", "Limits"),
    ("timeout", "Time limits"),
    ("client", "What the client asks"),
    ("server", "The server itself"),
    ("net", "The network"),
    ("abuse", "Probing and attacks"),
    ("transfer", "Transfers of which no reply is known"),
];

fn cause(out: &mut String, cause: &Cause) {
    writeln!(out, "\n### {}\n", cause.id).unwrap();
    let benign = if cause.benign {
        " Harms nobody, and is counted apart."
    } else {
        ""
    };
    paragraph(
        out,
        "",
        "",
        &format!("**{}.** {}{benign}", cause.title, cause.meaning),
    );
    writeln!(out).unwrap();
    paragraph(out, "* ", "  ", &format!("Mended {}.", side(cause)));
    if let Some(needs) = &cause.needs {
        paragraph(out, "* ", "  ", &format!("Can only be told from {needs}."));
    }
    for advice in &cause.advice {
        paragraph(out, "* ", "  ", advice);
    }
    paragraph(out, "* ", "  ", &format!("Source: {}.", cause.source));
}

fn causes() -> String {
    let mut out = "# Causes\n\n".to_owned();
    paragraph(
        &mut out,
        "",
        "",
        "Every cause that `ftpwhy` names, with what it means and what to do. The ids are stable. This page is written from \
         [src/catalogue/causes.toml](../src/catalogue/causes.toml), which also has the texts, codes and facts that point to \
         each; `ftpwhy explain ID` prints one.",
    );
    for (family, title) in FAMILIES {
        writeln!(out, "\n## {title}").unwrap();
        for (_, entry) in catalogue().causes().filter(|(_, c)| c.family == *family) {
            cause(&mut out, entry);
        }
    }
    out
}

fn reply(out: &mut String, entry: &ReplyEntry) {
    writeln!(out, "\n### {} {}\n", entry.code, entry.name).unwrap();
    paragraph(out, "", "", &entry.meaning);
    writeln!(out).unwrap();
    if !entry.text.is_empty() {
        paragraph(
            out,
            "* ",
            "  ",
            &format!("Text: `{}`", entry.text.replace('`', "'")),
        );
    }
    if !entry.commands.is_empty() {
        paragraph(
            out,
            "* ",
            "  ",
            &format!("Answers: {}.", entry.commands.join(", ")),
        );
    }
    paragraph(
        out,
        "* ",
        "  ",
        &format!("Source: {} ({}).", entry.source, entry.status),
    );
}

fn reply_codes() -> String {
    let mut out = "# Reply codes\n\n".to_owned();
    paragraph(
        &mut out,
        "",
        "",
        "Reply codes that were seen on control connections, by standard and by practice, and the error numbers that some \
         clients print in a code's place. This page is written from \
         [src/catalogue/replies.toml](../src/catalogue/replies.toml); `ftpwhy explain CODE` prints one, with the causes it may \
         have.",
    );
    let classes = [
        ("Preliminary", 100..200),
        ("Completion", 200..300),
        ("Intermediate", 300..400),
        ("Transient negative", 400..500),
        ("Permanent negative", 500..600),
        ("Protected", 600..1000),
        ("Numbers of clients", 1000..u16::MAX),
    ];
    for (title, codes) in classes {
        let within: Vec<_> = catalogue()
            .replies()
            .iter()
            .filter(|entry| codes.contains(&entry.code))
            .collect();
        if !within.is_empty() {
            writeln!(out, "\n## {title}").unwrap();
        }
        for entry in within {
            reply(&mut out, entry);
        }
    }
    out
}

#[test]
fn the_page_of_causes_is_the_catalogue() {
    let page = causes();
    for (_, cause) in catalogue().causes() {
        assert!(
            page.contains(&format!("\n### {}\n", cause.id)),
            "{}",
            cause.family
        );
    }
    check("CAUSES.md", &page);
}

#[test]
fn the_page_of_reply_codes_is_the_catalogue() {
    let page = reply_codes();
    for entry in catalogue().replies() {
        assert!(
            page.contains(&format!("\n### {} ", entry.code)),
            "{}",
            entry.code
        );
    }
    check("REPLY-CODES.md", &page);
}

/// What stands in backquotes in the last column of the tables whose last column is headed `tests`, with its row; a row
/// without any names the compiler instead.
fn claims(page: &str) -> Vec<(&str, Vec<&str>)> {
    let mut claims = Vec::new();
    let mut is_inside = false;
    for line in page.lines() {
        let Some(row) = line
            .strip_prefix("| ")
            .and_then(|row| row.strip_suffix(" |"))
        else {
            is_inside = false;
            continue;
        };
        let last = row.rsplit(" | ").next().unwrap_or(row);
        if last == "tests" {
            is_inside = true;
        } else if is_inside && !last.starts_with("---") && !last.starts_with("the compiler") {
            claims.push((row, last.split('`').skip(1).step_by(2).collect()));
        }
    }
    claims
}

/// The names of all tests in the repository.
fn tests() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for folder in ["src", "tests"] {
        for source in crate::tidy::sources(folder, ".rs") {
            let mut is_test = false;
            for line in source.text.lines().map(str::trim) {
                let name = line
                    .strip_prefix("fn ")
                    .and_then(|rest| rest.split_once('('));
                if let Some((name, _)) = name.filter(|_| is_test) {
                    found.insert(name.to_owned());
                }
                is_test = line == "#[test]" || is_test && line.starts_with("#[");
            }
        }
    }
    found
}

/// Rows without a test, and tests that do not exist.
fn unfounded(page: &str, tests: &BTreeSet<String>) -> Vec<String> {
    let mut complaints = Vec::new();
    for (row, names) in claims(page) {
        if names.is_empty() {
            complaints.push(format!("no test: {row}"));
        }
        let missing = names.iter().filter(|name| !tests.contains(**name));
        complaints.extend(missing.map(|name| format!("no such test: {name}")));
    }
    complaints
}

#[test]
fn each_answer_in_the_threat_model_is_held_by_tests_that_exist() {
    let page = crate::tidy::read("docs/THREAT_MODEL.md");
    assert!(claims(&page).len() > 40);
    let complaints = unfounded(&page, &tests());
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

#[test]
fn an_answer_without_a_test_is_found() {
    let tests = BTreeSet::from(["it_holds".to_owned()]);
    let page = |cell: &str| format!("| threat | tests |\n| --- | --- |\n| a `b` c | {cell} |\n");
    let complaints = |cell: &str| unfounded(&page(cell), &tests).len();
    assert_eq!(complaints("`it_holds`"), 0);
    assert_eq!(complaints("the compiler"), 0);
    assert_eq!(complaints("`it_holds`, `it_does_not`"), 1);
    assert_eq!(complaints("somebody looks"), 1);
}
