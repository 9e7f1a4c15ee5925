//! What summaries of reply codes commonly leave out or get wrong, each held against the catalogue's own words and sources.

use super::{Expectation, catalogue};
use crate::ftp::{ReplyCode, Verb};

/// The catalogue says these words of a code, and where it has them from.
#[track_caller]
fn check(code: u16, words: &[&str], source: &str) {
    let entry = catalogue().number(code).unwrap();
    for words in words {
        assert!(
            entry.meaning.contains(words),
            "{code}: no {words:?} in {}",
            entry.meaning
        );
    }
    assert!(
        entry.source.contains(source),
        "{code}: no {source:?} in {}",
        entry.source
    );
}

fn expects(verb: &str, code: u16) -> Expectation {
    catalogue().expects(Verb::new(verb.as_bytes()), ReplyCode::new(code).unwrap())
}

#[test]
fn the_most_frequent_success_is_there() {
    check(
        226,
        &[
            "The transfer or listing is finished",
            "Right after a 426 it belongs to ABOR",
        ],
        "RFC 959 4.2.2",
    );
    assert_eq!(expects("RETR", 226), Expectation::Listed);
}

#[test]
fn data_comes_from_port_20_not_22() {
    check(
        150,
        &["port 20 (not 22)", "the announced port in passive mode"],
        "RFC 959",
    );
    check(425, &["port 20 (not 22)"], "RFC 959");
}

#[test]
fn a_preliminary_reply_promises_nothing() {
    check(
        150,
        &[
            "about to open",
            "nothing is connected yet and nothing is promised",
        ],
        "RFC 959 4.2.2",
    );
    check(
        125,
        &["exists already", "promises nothing"],
        "RFC 959 4.2.2",
    );
}

#[test]
fn a_login_may_be_complete_without_a_password() {
    check(
        230,
        &[
            "answer USER at once, or ACCT",
            "does not prove that a password was sent",
        ],
        "RFC 959 4.2.2",
    );
    check(232, &["certificate", "no password is wanted"], "RFC 2228");
    assert_eq!(
        (expects("USER", 230), expects("USER", 232)),
        (Expectation::Listed, Expectation::Listed)
    );
    assert_eq!(expects("ACCT", 230), Expectation::Listed);
}

#[test]
fn user_may_be_answered_by_more_than_331() {
    check(
        331,
        &[
            "does not tell whether the user exists",
            "230, 332 or 530 may answer USER as well",
        ],
        "RFC 2577 7",
    );
    assert_eq!(
        (expects("USER", 332), expects("USER", 530)),
        (Expectation::Listed, Expectation::Listed)
    );
}

#[test]
fn a_broken_data_connection_had_been_established() {
    check(
        426,
        &[
            "had been established and broke",
            "After an ABOR this is the normal answer",
            "a 226 follows it",
        ],
        "RFC 959 4.2.2",
    );
    let causes = catalogue().causes().filter(|(_, c)| {
        c.text.iter().any(|t| {
            t.scope
                .codes
                .iter()
                .any(|p| p.fits(ReplyCode::new(426).unwrap()))
        })
    });
    assert!(causes.count() > 5);
}

#[test]
fn not_logged_in_has_many_reasons() {
    check(
        530,
        &[
            "wrong password",
            "denied or locked user",
            "no login yet",
            "TLS demanded",
            "limits",
            "refused address",
            "no home directory",
        ],
        "RFC 959 4.2",
    );
    let code = ReplyCode::new(530).unwrap();
    let families = catalogue()
        .causes()
        .filter(|(_, c)| c.text.iter().any(|t| t.scope.holds(code, Some(Verb::PASS))));
    let families: std::collections::BTreeSet<&str> =
        families.map(|(_, c)| c.family.as_str()).collect();
    assert!(
        ["auth", "tls", "limit", "access"]
            .iter()
            .all(|f| families.contains(f)),
        "{families:?}"
    );
}

#[test]
fn a_refused_path_is_not_a_missing_file() {
    check(
        550,
        &[
            "missing, no permission, busy, already there, not a directory, quota and more",
            "Only the text tells which",
            "also send it for STOR",
        ],
        "RFC 959 4.2",
    );
    assert_eq!(expects("STOR", 550), Expectation::AlsoSeen);
    assert_eq!(expects("STOR", 553), Expectation::Listed);
}

#[test]
fn a_permanent_negative_may_pass() {
    check(
        550,
        &["some of the causes pass, so a later try can work"],
        "RFC 959 4.2",
    );
    check(530, &["worth another try in spite of the 5"], "RFC 959 4.2");
}

#[test]
fn a_restart_marker_starts_and_ends_nothing_and_a_wait_keeps_its_connection() {
    check(
        110,
        &[
            "neither starts nor ends the command",
            "whose direction it puts right",
        ],
        "RFC 1123 4.1.3.4",
    );
    check(120, &["the 220 must follow on this same one"], "RFC 959");
}

#[test]
fn codes_that_are_broader_than_their_names() {
    check(202, &["Treat it as success"], "RFC 959");
    check(211, &["FEAT"], "RFC 2389");
    check(257, &["PWD", "MKD"], "RFC 959");
    check(553, &["the reason need not be the spelling"], "RFC 959");
    check(421, &["often unasked"], "RFC 959");
    check(
        452,
        &["server is out of space, while 552 means the user's own share"],
        "RFC 959",
    );
    check(552, &["quota or the size limit of this user"], "RFC 959");
    check(
        551,
        &["which nobody uses", "read or write error"],
        "RFC 959",
    );
}

#[test]
fn the_standard_did_not_end_in_1985() {
    let newer = [
        228, 229, 232, 234, 235, 334, 335, 336, 431, 521, 522, 533, 534, 535, 536, 537, 554, 555,
        631, 632, 633,
    ];
    for code in newer {
        let entry = catalogue().number(code).unwrap();
        assert!(
            entry.source.contains("RFC ") && !entry.source.starts_with("RFC 959"),
            "{code}: {}",
            entry.source
        );
        assert!(
            entry.meaning.ends_with('.') && !entry.commands.is_empty(),
            "{code}"
        );
    }
}
