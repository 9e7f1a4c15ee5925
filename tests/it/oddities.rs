//! Lines that RFC 959 does not know, and that clients and servers send.

use ftpwhy::limits;
use ftpwhy::run::Wanted;
use serde_json::Value;

use crate::support::{Temporary, run_with, settings};
use crate::synth::{Container, Conversation, Packet, capture};

/// Commands (verb, argument) and replies (code, lines) in order, and the diagnostics (kind, packet, count).
fn heard(packets: &[Packet]) -> (Vec<String>, Vec<String>) {
    let temporary = Temporary::new();
    let path = temporary.file("x.pcap", &capture(packets, Container::PcapMicros));
    let (findings, events) = run_with(&settings(&[&path], Wanted::Events));
    let short = |line: &str| {
        let event: Value = serde_json::from_str(line).unwrap();
        match event["kind"].as_str().unwrap() {
            "command" => {
                let argument = event["argument"].as_str().unwrap_or_default().to_owned();
                Some(
                    format!("{} {argument}", event["verb"].as_str().unwrap())
                        .trim_end()
                        .to_owned(),
                )
            }
            "reply" => Some(format!("{}/{}", event["code"], event["lines"])),
            _ => None,
        }
    };
    let told = findings.tallies.diagnostics.iter();
    let told = told.map(|(kind, _, occurrences)| {
        format!(
            "{} {} {}",
            kind.id(),
            occurrences.first.record,
            occurrences.count
        )
    });
    (events.lines().filter_map(short).collect(), told.collect())
}

fn check(talk: &str, said: &[&str], told: &[&str]) {
    let talk = format!("< 220 hi\n{talk}\n! client fin");
    let (found, diagnostics) = heard(&Conversation::parse(&talk).packets());
    assert_eq!(found.first().map(String::as_str), Some("220/1"));
    assert_eq!(found[1..], *said, "{talk}");
    assert_eq!(diagnostics, told, "{talk}");
}

#[test]
fn ends_of_lines_and_blanks() {
    check("> NOOP\\n\\c\n< 200 ok\\n\\c", &["NOOP", "200/1"], &[]);
    check("> NOOP\\r\\c\n> \\n\\c\n< 200 ok", &["NOOP", "200/1"], &[]);
    check("> \\x20 noop \n< 200", &["NOOP", "200/1"], &[]);
    check(
        "> noop\\r\\nNoOp\\r\\nNOOP\n< 200 a\n<+ 200 b\n<+ 200 c",
        &["NOOP", "NOOP", "NOOP", "200/1", "200/1", "200/1"],
        &[],
    );
    check("> \n> NOOP\n< 200 ok", &["NOOP", "200/1"], &[]);
    check(
        "> N\\x00OOP\\x00\n< 2\\x000\\x000 ok",
        &["NOOP", "200/1"],
        &[],
    );
    // UTF-16 is text between NULs.
    check(
        "> N\\x00O\\x00O\\x00P\\x00\\r\\x00\\n\\x00\\c\n< 200 ok",
        &["NOOP", "200/1"],
        &[],
    );
}

#[test]
fn telnet_commands_wherever_they_are_cut() {
    check(
        "> \\xff\\xf4\\c\n> \\xff\\c\n> \\xf2AB\\xff\\xf1OR\n< 226 ok",
        &["ABOR", "226/1"],
        &[],
    );
    check(
        "> \\xff\\xfb\\c\n> \\x18NOOP\n< \\xff\\xfc\\x18\\c\n< 200 ok",
        &["NOOP", "200/1"],
        &[],
    );
    check(
        "> \\xff\\xfa\\x18\\x00x\\c\n> y\\xff\\xf0NOOP\n< 200 ok",
        &["NOOP", "200/1"],
        &[],
    );
    check("> CWD \\xffx\n< 250 ok", &["CWD \u{fffd}x", "250/1"], &[]);
}

#[test]
fn codes_that_are_none_are_told() {
    check("> NOOP\n< 200ok", &["NOOP"], &["malformed 8 1"]);
    check(
        "> NOOP\n< 2000 ok\n<+ 99 no\n<+ 700 no\n<+ 200\\tok",
        &["NOOP"],
        &["malformed 8 4"],
    );
    check(
        "> NOOP\n< 200 - ok\n> NOOP\n< 200-\n<+ 200",
        &["NOOP", "200/1", "NOOP", "200/2"],
        &[],
    );
    check("> \\x01\\x02\n< 500 what", &["500/1"], &["malformed 6 1"]);
}

#[test]
fn many_lines_and_ends_that_are_none() {
    check(
        "> STAT\n< 211-a\n<+  213 b\n<+ 213 c\n<+ 211-d\n<+ 211 e",
        &["STAT", "211/5"],
        &[],
    );
    check(
        "> STAT\n< 211-a\n<+ 211-b\n<+ 213 c\n> NOOP\n< 200 ok",
        &["STAT", "213/3", "NOOP", "200/1"],
        &[],
    );
    check("> STAT\n< 211-a\n<+ b", &["STAT", "211/2"], &[]);
    let lines: String = "<+ x\n".repeat(limits::REPLY_LINES as usize + 5);
    let talk = format!("> STAT\n< 211-a\n{lines}<+ 211 b\n> NOOP\n< 200 ok");
    let whole = format!("211/{}", limits::REPLY_LINES + 7);
    check(
        &talk,
        &["STAT", &whole, "NOOP", "200/1"],
        &["limit-reached 8 1"],
    );
}

#[test]
fn what_is_too_long_is_cut_and_told() {
    let long = "x".repeat(limits::CONTROL_LINE_BYTES + 100);
    let (said, told) = heard(
        &Conversation::parse(&format!(
            "< 220 hi\n> CWD {long}\n< 550 no {long}\n> NOOP\n< 200 ok"
        ))
        .packets(),
    );
    assert_eq!(said.len(), 5);
    assert!(said[1].len() <= limits::CONTROL_LINE_BYTES && said[1].starts_with("CWD x"));
    assert_eq!(said[2..], ["550/1", "NOOP", "200/1"]);
    assert_eq!(told, ["limit-reached 6 2"]);
    let waiting = "> NOOP\n".repeat(limits::PENDING_COMMANDS + 2);
    let (said, told) = heard(&Conversation::parse(&format!("< 220 hi\n{waiting}")).packets());
    assert_eq!(said.len(), limits::PENDING_COMMANDS + 3);
    assert_eq!(told.len(), 1, "{told:?}");
}

#[test]
fn after_noise_replies_are_found_again() {
    let noise: String = (1..=80).map(|_| "\\x01").collect();
    check(
        &format!("> NOOP\n< {noise}\\c\n< 200 ok"),
        &["NOOP", "200/1"],
        &["malformed 8 1"],
    );
}

#[test]
fn the_rest_of_a_line_is_told_and_shows_no_secret() {
    let talk = "! no handshake\n< 220 ftp ready\n> USER bob\n< 331 pw\n> PASS hun\\c\n! lost > ter\\c\n> ty-two\n< 230 in";
    let temporary = Temporary::new();
    let packets = Conversation::parse(talk).packets();
    let path = temporary.file("x.pcap", &capture(&packets, Container::PcapMicros));
    let (findings, events) = run_with(&settings(&[&path], Wanted::Events));
    assert!(
        !events.contains("ty-two") && !events.contains("hun"),
        "{events}"
    );
    for (_, reason, occurrences) in findings.tallies.diagnostics.iter() {
        assert!(occurrences.sample.is_none(), "{reason}");
    }
    let (said, told) = heard(&packets);
    assert_eq!(said, ["220/1", "USER bob", "331/1", "PASS", "230/1"]);
    assert_eq!(told.len(), 2, "{told:?}");
    // A capture that begins in a line.
    let (said, told) = heard(
        &Conversation::parse("! no handshake\n< t listing done\n> PWD\n< 257 \"/\"").packets(),
    );
    assert_eq!(said, ["PWD", "257/1"]);
    assert_eq!(told, ["missing 1 1"]);
}
