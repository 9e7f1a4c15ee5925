//! What must never come out: passwords, and bytes that control a terminal.

use crate::cli::ftpwhy;
use crate::support::Temporary;
use crate::synth::{Container, Conversation, capture};

/// A word that occurs nowhere but as a secret.
const CANARY: &str = "c4n4ry-hunter2";

const VIEWS: &[&[&str]] = &[
    &["report"],
    &["report", "--as", "json"],
    &["report", "--as", "csv"],
    &["report", "--as", "md"],
    &["report", "--as", "html"],
    &["report", "--as", "eml"],
    &["codes"],
    &["codes", "--as", "csv"],
    &["codes", "--as", "md"],
    &["causes"],
    &["causes", "--as", "csv"],
    &["causes", "--as", "md"],
    &["sessions"],
    &["sessions", "--as", "csv"],
    &["sessions", "--as", "md"],
    &["sessions", "--as", "ndjson"],
    &["timeline"],
    &["events"],
    &["formats"],
];

/// Everything that any view prints about these files, on both outputs.
fn everything(paths: &[&str]) -> Vec<u8> {
    let mut printed = Vec::new();
    for view in VIEWS {
        let output = ftpwhy(&[*view, paths].concat());
        assert!(
            output.status.code().is_some_and(|c| c != 2),
            "{view:?}: {output:?}"
        );
        printed.extend(output.stdout);
        printed.extend(output.stderr);
    }
    printed
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|w| w == needle)
}

#[test]
fn no_secret_occurs_in_any_output() {
    let talk = format!(
        "< 220 hi\n> USER bob\n< 331 pw\n> PASS {CANARY}\n< 530 no\n> pass {CANARY}\n< 530 no\n> PASS  {CANARY}\n< 530 no\n\
         > ACCT {CANARY}\n< 530 no\n> ADAT {CANARY}\n< 500 no\n> PASSWORD {CANARY}\n< 500 no\n> SITE PSWD {CANARY} x\n< 500 no\n\
         > PASS\\t{CANARY}\n< 500 no\n> \\xff\\xf4PASS {CANARY}\n< 500 no\n> USER anonymous\n< 331 mail\n> PASS {CANARY}@example.org\n\
         < 230 in\n> QUIT\n< 221 bye\n! server fin\n"
    );
    let conversation = Conversation::parse(&talk);
    let temporary = Temporary::new();
    let wire = temporary.file(
        "x.pcap",
        &capture(&conversation.packets(), Container::PcapMicros),
    );
    let log = format!(
        "Sun Mar  1 00:00:00 2026 [pid 3] CONNECT: Client \"192.0.2.9\"\n\
         Sun Mar  1 00:00:00 2026 [pid 3] FTP command: Client \"192.0.2.9\", \"USER ftp\"\n\
         Sun Mar  1 00:00:00 2026 [pid 3] FTP command: Client \"192.0.2.9\", \"PASS {CANARY}\"\n\
         Sun Mar  1 00:00:00 2026 [pid 2] [ftp] OK LOGIN: Client \"192.0.2.9\", anon password \"{CANARY}\"\n\
         Sun Mar  1 00:00:01 2026 [pid 4] [ftp] FTP response: Client \"192.0.2.9\", \"230 Login successful.\"\n"
    );
    let log = temporary.file("vsftpd.log", log.as_bytes());
    let printed = everything(&[wire.to_str().unwrap(), log.to_str().unwrap()]);
    assert!(
        contains(&printed, b"anonymous") && contains(&printed, b"230"),
        "the inputs were read"
    );
    assert!(
        !contains(&printed, CANARY.as_bytes()),
        "{}",
        String::from_utf8_lossy(&printed)
    );
}

#[test]
fn no_control_byte_and_no_bidirectional_override_comes_out() {
    let nasty = "\\x1b]52;c;cm0=\\x07\\x9b31m\\xe2\\x80\\xaetxt.exe\\x08\\x7f";
    let talk = format!(
        "< 220 {nasty}\n> USER {nasty}\n< 331 {nasty}\n> PASS x\n< 230 in\n> CWD {nasty}\n< 550 {nasty}\n> RETR {nasty}\n\
         < 550 {nasty} No such file\n> {nasty}\n< 500 {nasty}\n{nasty}\n"
    );
    let talk = talk.trim_end().rsplit_once('\n').unwrap().0;
    let conversation = Conversation::parse(talk);
    let temporary = Temporary::new();
    let wire = temporary.file(
        "x.pcap",
        &capture(&conversation.packets(), Container::Pcapng),
    );
    let printed = everything(&[wire.to_str().unwrap()]);
    let printed = String::from_utf8(printed).unwrap();
    let printed = printed.replace("\r\n", "\n"); // the lines of a mail end so
    let bad = printed.chars().find(|c| {
        c.is_control() && *c != '\n'
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    });
    // JSON carries such characters as escapes or, beyond ASCII, as they are: only the text views must be free of them.
    let text: Vec<u8> = ["report", "codes", "causes", "sessions", "timeline"]
        .iter()
        .flat_map(|view| ftpwhy(&[view, wire.to_str().unwrap()]).stdout)
        .collect();
    let text = String::from_utf8(text).unwrap();
    assert!(text.is_ascii());
    assert!(
        !text.chars().any(|c| c.is_control() && c != '\n'),
        "{text:?}"
    );
    assert!(bad.is_none_or(|c| !c.is_ascii()), "{bad:?}");
}
