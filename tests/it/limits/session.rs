//! Bounds on what is kept of one session.

use std::fmt::Write as _;

use ftpwhy::limits;

use super::{limits_of, of_packets, of_talk, only, replies};
use crate::synth::Conversation;

/// A talk of so many exchanges, a millisecond each.
fn long(exchange: &str, count: usize) -> Vec<crate::synth::Packet> {
    let talk = format!(
        "< 220 hi\n{}> QUIT\n< 221 bye\n! server fin",
        exchange.repeat(count)
    );
    Conversation::parse(&talk).packets()
}

#[test]
fn of_what_succeeded_long_ago_only_the_numbers_stay() {
    let count = 2 * limits::KEPT_EXCHANGES;
    let findings = of_packets(&long("> NOOP\n< 200 ok\n", count));
    let (session, failures) = only(&findings);
    assert_eq!(replies(&findings), count as u64 + 2);
    assert_eq!(session.commands, count as u64 + 1);
    assert!(session.exchanges.len() <= limits::KEPT_EXCHANGES);
    assert_eq!(
        session.elided + session.exchanges.len() as u64,
        count as u64 + 2
    );
    assert!(failures.is_empty());
    assert_eq!(limits_of(&findings), Vec::<String>::new());
}

#[test]
fn failures_that_are_not_kept_are_told() {
    let count = 2 * limits::KEPT_EXCHANGES;
    let findings = of_packets(&long("> CWD x\n< 550 no\n", count));
    let (session, failures) = only(&findings);
    assert_eq!(replies(&findings), count as u64 + 2);
    assert!(session.exchanges.len() <= limits::KEPT_EXCHANGES);
    assert!(session.elided_failures > 0 && failures.len() > limits::KEPT_EXCHANGES / 2);
    assert_eq!(
        failures.len() as u64 + session.elided_failures,
        count as u64
    );
    let told = limits_of(&findings);
    assert!(
        told[0].starts_with("a session with more failures than are kept"),
        "{told:?}"
    );
}

#[test]
fn commands_that_nobody_answers_are_given_up_in_their_order() {
    let count = limits::PENDING_COMMANDS + 50;
    let findings = of_talk(&format!(
        "< 220 hi\n{}{}",
        "> NOOP\n".repeat(count),
        "< 200 ok\n".repeat(count)
    ));
    let (session, _) = only(&findings);
    assert_eq!(replies(&findings), count as u64 + 1);
    let answered = |command: bool| {
        let all = session.exchanges.iter();
        all.filter(|e| e.command.is_some() == command && e.last.is_some())
            .count()
    };
    assert_eq!(answered(true), limits::PENDING_COMMANDS);
    assert_eq!(answered(false), 50 + 1);
    let told = limits_of(&findings);
    assert!(
        told[0].starts_with("more commands wait for a reply"),
        "{told:?}"
    );
}

#[test]
fn a_thousand_names_in_one_session_end_in_the_last() {
    let mut talk = "< 220 hi\n".to_owned();
    for number in 0..1000 {
        writeln!(talk, "> USER u{number}\n< 331 pw\n> PASS x\n< 530 no").unwrap();
    }
    let findings = of_talk(&talk);
    let (session, failures) = only(&findings);
    assert_eq!(session.user.as_ref().unwrap().bytes(), b"u999");
    assert_eq!((replies(&findings), failures.len()), (2001, 1000));
}
