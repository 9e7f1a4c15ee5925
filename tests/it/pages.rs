//! Manual pages and completions, as they are installed.

use std::process::{Command, Stdio};

use crate::cli::ftpwhy;
use crate::support::Temporary;

const COMMANDS: [&str; 11] = [
    "report",
    "codes",
    "causes",
    "sessions",
    "timeline",
    "events",
    "check",
    "explain",
    "formats",
    "man",
    "completions",
];

fn printed(arguments: &[&str]) -> String {
    let output = ftpwhy(arguments);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// A tool that may not be there, fed with a text; what it prints.
fn through(tool: &str, arguments: &[&str], text: &str) -> Option<(bool, String)> {
    let mut command = Command::new(tool);
    command
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().ok()?;
    let mut input = child.stdin.take().unwrap();
    let text = text.to_owned();
    let writer = std::thread::spawn(move || {
        use std::io::Write as _;
        input.write_all(text.as_bytes()).ok();
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    let all = [output.stdout, output.stderr].concat();
    Some((
        output.status.success(),
        String::from_utf8_lossy(&all).into_owned(),
    ))
}

#[test]
fn each_command_has_a_manual_page_with_its_options() {
    let temporary = Temporary::new();
    let directory = temporary.path("man1");
    std::fs::create_dir_all(&directory).unwrap();
    printed(&["man", "--into", directory.to_str().unwrap()]);
    let page = |name: &str| std::fs::read_to_string(directory.join(name)).unwrap();
    assert_eq!(page("ftpwhy.1"), printed(&["man"]));
    for command in COMMANDS {
        let text = page(&format!("ftpwhy-{command}.1"));
        assert!(text.contains(".SH OPTIONS"), "{command}");
        assert!(text.contains(&format!("ftpwhy\\-{command}")), "{command}");
    }
    assert!(page("ftpwhy-report.1").contains("fail\\-on"));
    let missing = ftpwhy(&["man", "--into", "no/such/directory"]);
    assert_eq!(missing.status.code(), Some(2));
}

#[test]
fn the_manual_page_is_read_without_a_complaint() {
    let arguments = ["-man", "-Tutf8", "-ww", "-z"];
    match through("groff", &arguments, &printed(&["man"])) {
        Some((fine, said)) => assert!(fine && said.is_empty(), "{said}"),
        None => eprintln!("skipped: there is no groff here"),
    }
}

#[test]
fn shells_take_their_completions() {
    for (shell, arguments) in [
        ("bash", &["-n"][..]),
        ("zsh", &["-n"]),
        ("fish", &["--no-execute"]),
    ] {
        let text = printed(&["completions", shell]);
        for word in COMMANDS.iter().chain(&["fail-on", "quiet-ok"]) {
            assert!(text.contains(word), "{shell}: {word}");
        }
        match through(shell, arguments, &text) {
            Some((fine, said)) => assert!(fine && said.is_empty(), "{shell}: {said}"),
            None => eprintln!("skipped: there is no {shell} here"),
        }
    }
    assert_eq!(ftpwhy(&["completions", "cmd.exe"]).status.code(), Some(2));
}
