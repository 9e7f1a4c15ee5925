//! Breaches of RFC 959 are told as such, what is only unusual is told as information, and neither is a failure.

use ftpwhy::run::Wanted;

use crate::support::{Temporary, run_with, settings};
use crate::synth::{Container, Conversation, capture};

const LOGIN: &str = "< 220 ready\n> USER bob\n< 331 pw\n> PASS x\n< 230 in\n";
const PASV: &str = "> PASV\n< 227 Entering Passive Mode (192,0,2,10,195,80).\n";

/// The breaches of a conversation, by rule, and the failures that count.
fn breaches(talk: &str) -> (Vec<(&'static str, u64)>, usize) {
    let temporary = Temporary::new();
    let packets = Conversation::parse(&format!("{talk}! client fin\n")).packets();
    let path = temporary.file("x.pcap", &capture(&packets, Container::PcapMicros));
    let (findings, _) = run_with(&settings(&[&path], Wanted::Sessions));
    let tallies = findings.tallies.by_vantage.values();
    let told = tallies.flat_map(|t| t.breaches.iter().map(|(rule, b)| (rule.id(), b.count)));
    let failures = findings
        .sessions
        .iter()
        .flat_map(|(_, f)| f)
        .filter(|f| !f.benign);
    (told.collect(), failures.count())
}

#[track_caller]
fn check(talk: &str, expected: &[(&str, u64)]) {
    let (told, failures) = breaches(&format!("{LOGIN}{talk}"));
    assert_eq!(told, expected, "{talk}");
    assert_eq!(failures, 0, "{talk}");
}

#[test]
fn what_the_standard_allows_is_no_breach() {
    let list = format!("{PASV}> LIST\n< 150 go\n! data opened 99 server fin\n< 226 done\n");
    check(&list, &[]);
    check(
        "> RNFR a\n< 350 go on\n> RNTO b\n< 250 done\n> RNFR a\n< 350 go on\n> QUIT\n< 221 bye\n",
        &[],
    );
    check(
        "> CDUP\n< 200 ok\n> CDUP\n< 250 ok\n> NOOP\n< 200 ok\n",
        &[],
    );
    // ABOR ends a transfer by two replies, and a restart marker may come at any time.
    check(
        &format!(
            "{PASV}> RETR a\n< 150 go\n< 110 MARK 1 = 2\n> ABOR\n! data opened 5 server fin\n< 426 cut\n< 226 ok\n"
        ),
        &[],
    );
    check("> NOOP\n< 200 ok\n< 221 Logout.\n", &[]);
    check("wait 300s\n< 421 Timeout.\n! server fin\n", &[]);
}

#[test]
fn a_breach_is_told_and_is_no_failure() {
    let done = "! data opened 99 server fin\n< 226 done\n";
    check(&format!("{PASV}> LIST\n{done}"), &[("not-begun", 1)]);
    check(
        &format!("{PASV}> LIST\n< 150 go\n< 150 again\n{done}"),
        &[("begun-twice", 1)],
    );
    check(
        &format!("{PASV}> LIST\n< 150 go\n{done}< 226 once more\n"),
        &[("complete-twice", 1)],
    );
    check("> NOOP\n< 200 ok\n< 200 ok\n", &[("unasked", 1)]);
    check(
        "> NOOP\n< 150 wait\n< 200 ok\n",
        &[("begun-for-nothing", 1)],
    );
    check("> NOOP\n< 350 more\n", &[("asks-for-nothing", 1)]);
    check(
        "> RNFR a\n< 350 go on\n> PWD\n< 257 \"/\"\n",
        &[("not-followed", 1)],
    );
}

#[test]
fn where_bytes_are_missing_nothing_is_said() {
    let talk = format!(
        "{LOGIN}{PASV}> LIST\n! lost < 150 go\n! data opened 99 server fin\n< 226 done\n> NOOP\n< 200 ok\n"
    );
    assert_eq!(breaches(&talk).0, []);
    let late = "! no handshake\n> LIST\n! data opened 99 server fin\n< 226 done\n";
    assert_eq!(breaches(&format!("{PASV}{late}")).0, []);
}

#[test]
fn a_common_reply_outside_the_lists_is_information() {
    let temporary = Temporary::new();
    let talk = format!("{LOGIN}{PASV}> STOR a.txt\n< 550 no\n> NOOP\n< 299 fine\n! client fin\n");
    let packets = Conversation::parse(&talk).packets();
    let path = temporary.file("x.pcap", &capture(&packets, Container::PcapMicros));
    let output = crate::cli::ftpwhy(&[path.to_str().unwrap()]).stdout;
    let text = String::from_utf8(output).unwrap();
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let told = "PROTOCOL 2 replies outside the lists of the RFCs common 550 to STOR 1 unlisted 299 to NOOP 1";
    assert!(words.contains(told), "{text}");
}
