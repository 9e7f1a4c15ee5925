//! The worked post-mortems in `docs/`: their commands are run, and what they print is compared with the page.
//!
//! To write the page again after a change, run `FTPWHY_WRITE_DOCS=1 cargo test post_mortems`.

use std::path::Path;
use std::process::Command;

use crate::support::{Temporary, files_below, testdata};

/// Runs a line of a console among copies of the demonstration; gives what it prints.
fn printed(line: &str, place: &Temporary) -> String {
    let arguments = line.strip_prefix("$ ftpwhy ").expect(line);
    // Words, and words in quotation marks.
    let mut words = Vec::new();
    for (number, part) in arguments.split('"').enumerate() {
        if number % 2 == 1 {
            words.push(part);
        } else {
            words.extend(part.split_whitespace());
        }
    }
    let output = Command::new(env!("CARGO_BIN_EXE_ftpwhy"))
        .args(words)
        .current_dir(place.path(""))
        .env("TZ", "UTC")
        .env_remove("NO_COLOR")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{line}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The page with all that is printed in its place.
fn written_again(page: &str, place: &Temporary) -> (String, usize) {
    let (mut out, mut runs) = (String::new(), 0);
    let mut lines = page.lines();
    let mut last = None;
    while let Some(line) = lines.next() {
        out.push_str(line);
        out.push('\n');
        if line.starts_with("$ ") {
            last = Some(printed(line, place));
            runs += 1;
        } else if line == "```text" {
            let shown = last.take().expect("a command before what it prints");
            out.push_str(shown.trim_matches('\n'));
            out.push_str("\n```\n");
            lines.by_ref().find(|line| *line == "```").expect("an end");
        } else if line.is_empty()
            && let Some(shown) = last.take()
        {
            assert_eq!(shown, "", "what a command prints is shown");
        }
    }
    (out, runs)
}

#[test]
fn the_post_mortems_show_what_the_program_prints() {
    let place = Temporary::new();
    for file in files_below(&testdata().join("demo")) {
        let name = file.file_name().unwrap();
        place.file(name.to_str().unwrap(), &std::fs::read(&file).unwrap());
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/POST-MORTEMS.md");
    let page = std::fs::read_to_string(&path)
        .unwrap()
        .replace("\r\n", "\n");
    let (want, runs) = written_again(&page, &place);
    assert!(runs >= 10, "{runs} commands");
    for (file, begin) in [
        ("post-mortem.md", "# FTP report"),
        ("post-mortem.html", "<!doctype html>"),
    ] {
        let written = std::fs::read_to_string(place.path(file)).unwrap();
        assert!(written.starts_with(begin), "{file}");
    }
    if std::env::var_os("FTPWHY_WRITE_DOCS").is_some() {
        std::fs::write(&path, &want).unwrap();
    }
    let found = std::fs::read_to_string(&path)
        .unwrap()
        .replace("\r\n", "\n");
    assert!(
        found == want,
        "docs/POST-MORTEMS.md is stale: run `FTPWHY_WRITE_DOCS=1 cargo test post_mortems`"
    );
}
