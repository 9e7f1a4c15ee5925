//! Where a dialogue breaks the rules of RFC 959 section 5.4: replies that come twice or to nothing, a transfer that ends
//! and never began, a reply that asks for a command that does not come.
//!
//! A breach is no failure: what it led to is counted where that failed. Codes that no list has are another thing, and are
//! told from sums.

use super::Proof;
use super::proof;
use crate::catalogue::catalogue;
use crate::ftp::{ReplyClass, Vantage, Verb};
use crate::session::{Exchange, Outcome, Pairing, Session};

/// A rule that was broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// A transfer was complete without the 1yz reply that begins it.
    NotBegun,
    /// A second 1yz reply to one command; a restart marker (110) is none.
    BegunTwice,
    /// A 1yz reply to a command that moves no data.
    BegunForNothing,
    /// A second reply of completion behind the one that ended a transfer.
    CompleteTwice,
    /// A reply of success that no command waited for.
    Unasked,
    /// A 3yz reply to a command that has none.
    AsksForNothing,
    /// A 3yz reply asked for a command, and another one came.
    NotFollowed,
}

impl Rule {
    /// The word in machine-readable output.
    pub fn id(self) -> &'static str {
        match self {
            Self::NotBegun => "not-begun",
            Self::BegunTwice => "begun-twice",
            Self::BegunForNothing => "begun-for-nothing",
            Self::CompleteTwice => "complete-twice",
            Self::Unasked => "unasked",
            Self::AsksForNothing => "asks-for-nothing",
            Self::NotFollowed => "not-followed",
        }
    }

    /// In a few words.
    pub fn words(self) -> &'static str {
        match self {
            Self::NotBegun => "a transfer complete without 125 or 150 before",
            Self::BegunTwice => "a second 1yz reply to one command",
            Self::BegunForNothing => "a 1yz reply to a command that moves no data",
            Self::CompleteTwice => "a second reply that the transfer is complete",
            Self::Unasked => "a reply of success to no command",
            Self::AsksForNothing => "a 3yz reply to a command that has none",
            Self::NotFollowed => "a 3yz reply not followed by the command it asks for",
        }
    }
}

/// A place where a rule was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breach {
    /// Which.
    pub rule: Rule,
    /// What shows it.
    pub proof: Proof,
}

/// Only packets show what was not said, and only where all of them are there.
pub fn is_heard_whole(session: &Session) -> bool {
    session.vantage == Vantage::Wire
        && session.opened
        && session.missing.1 == 0
        && session.elided == 0
}

/// The breaches that a session shows.
pub fn breaches(session: &Session) -> impl Iterator<Item = Breach> {
    let shown = if is_heard_whole(session) {
        session.exchanges.len()
    } else {
        0
    };
    let exchanges = session.exchanges.iter().enumerate().take(shown);
    exchanges.filter_map(|(index, exchange)| {
        let rule = broken(session, index, exchange)?;
        let proof = proof::dialogue(exchange);
        Some(Breach { rule, proof })
    })
}

fn broken(session: &Session, index: usize, exchange: &Exchange) -> Option<Rule> {
    let last = exchange.last.as_ref().filter(|_| !exchange.hidden);
    let class = last.map(|reply| reply.code.class());
    let Some(verb) = exchange.verb() else {
        let success = matches!(
            class,
            Some(ReplyClass::Completion | ReplyClass::Intermediate)
        );
        let unasked = exchange.paired == Pairing::Unasked && index > 0 && success;
        // Some servers say goodbye when the client hangs up.
        let goodbye = exchange.code().is_some_and(|code| code.number() == 221);
        return (unasked && !goodbye).then(|| unasked_rule(session, index, exchange));
    };
    let begun = exchange.preliminary.is_some();
    if verb.is_transfer() {
        let complete = class == Some(ReplyClass::Completion);
        return (complete && !begun && exchange.paired != Pairing::Assumed)
            .then_some(Rule::NotBegun);
    }
    if !begun && class != Some(ReplyClass::Intermediate) {
        return None;
    }
    let entry = catalogue().command(verb)?;
    if begun && entry.preliminary.is_empty() {
        return Some(Rule::BegunForNothing);
    }
    if class != Some(ReplyClass::Intermediate) {
        return None;
    }
    if entry.intermediate.is_empty() {
        return Some(Rule::AsksForNothing);
    }
    not_followed(session, index, verb).then_some(Rule::NotFollowed)
}

/// 226 or 250 once more, right behind a transfer that was complete.
fn unasked_rule(session: &Session, index: usize, exchange: &Exchange) -> Rule {
    let ends = |e: &Exchange| {
        e.code()
            .is_some_and(|code| matches!(code.number(), 226 | 250))
    };
    let before = index
        .checked_sub(1)
        .and_then(|before| session.exchanges.get(before));
    let complete = before.is_some_and(|e| {
        ends(e) && e.outcome == Outcome::Success && e.verb().is_some_and(|v| v.is_transfer())
    });
    if complete && ends(exchange) {
        Rule::CompleteTwice
    } else {
        Rule::Unasked
    }
}

/// USER asks for PASS and RNFR for RNTO; to give up, to ask for TLS or to begin anew is no breach.
fn not_followed(session: &Session, index: usize, verb: Verb) -> bool {
    #[rustfmt::skip]
    let wanted = match verb {
        Verb::USER => &[Verb::PASS, Verb::ACCT, Verb::ADAT, Verb::USER, Verb::AUTH, Verb::REIN, Verb::HOST][..],
        Verb::RNFR => &[Verb::RNTO, Verb::RNFR],
        _ => return false,
    };
    let mut next = session
        .exchanges
        .iter()
        .skip(index + 1)
        .filter_map(Exchange::verb);
    let next = next.find(|v| !matches!(*v, Verb::NOOP | Verb::STAT));
    next.is_some_and(|next| !wanted.contains(&next) && !matches!(next, Verb::QUIT | Verb::ABOR))
}
