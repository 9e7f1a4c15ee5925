//! Which rules are held against a case at all. What a case lacks rules out most: a fact about a data connection can't hold
//! where there is none, and HTTP's words are none of FTP's commands.
//!
//! The scenes of a log are few and come again and again, so the rules for each are chosen once. Nothing is decided here that
//! a fact does not decide as well.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::LazyLock;

use super::facts::{self, Case, FactSet};
use super::rule::{RULES, Rule};
use super::text::Hit;
use crate::catalogue::{Moment, catalogue};
use crate::ftp::{ReplyCode, Vantage, Verb};
use crate::limits;
use crate::lookup::Lookup;
use crate::session::Pairing;

/// What a case has, a bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Has(u16);

impl Has {
    const DATA: u16 = 1;
    const SEEN: u16 = 1 << 1;
    const TLS: u16 = 1 << 2;
    const WIRE: u16 = 1 << 3;
    const PRELIMINARY: u16 = 1 << 4;
    const LOGIN: u16 = 1 << 5;
    const ASCII: u16 = 1 << 6;
    const ASTRAY: u16 = 1 << 7;
    const ABORT: u16 = 1 << 8;
    const UNASKED: u16 = 1 << 9;
    const LONG_ARGUMENT: u16 = 1 << 10;
    const TRANSFER: u16 = 1 << 11;

    fn of(case: &Case<'_>) -> Self {
        let session = case.session;
        let mut has = [
            (Self::TLS, session.tls.is_some()),
            (Self::WIRE, session.vantage == Vantage::Wire),
            (Self::TRANSFER, case.transfer.is_some()),
        ]
        .map(bit)
        .iter()
        .fold(0, |all, bit| all | bit);
        if let Some(exchange) = facts::exchange(case) {
            let data = session.data_of(exchange);
            let is_unasked = exchange.command.is_none() && exchange.paired == Pairing::Unasked;
            let argument = facts::argument(exchange).map_or(0, <[u8]>::len);
            let more = [
                (Self::DATA, data.is_some()),
                (Self::SEEN, data.is_some_and(|data| data.seen.is_some())),
                (Self::PRELIMINARY, exchange.preliminary.is_some()),
                (Self::LOGIN, exchange.state.logged_in),
                (Self::ASCII, exchange.state.ascii),
                (Self::ASTRAY, exchange.state.astray),
                (Self::ABORT, exchange.aborted),
                (Self::UNASKED, is_unasked),
                (Self::LONG_ARGUMENT, argument > LONG),
            ];
            has = more.map(bit).iter().fold(has, |all, bit| all | bit);
        }
        Self(has)
    }
}

fn bit((bit, is_set): (u16, bool)) -> u16 {
    if is_set { bit } else { 0 }
}

/// First words of other protocols: HTTP's methods, a mail client's greeting.
static FOREIGN_WORDS: LazyLock<[Verb; 12]> = LazyLock::new(|| {
    let words: [&[u8]; 12] = [
        b"GET",
        b"POST",
        b"HEAD",
        b"PUT",
        b"OPTIONS",
        b"CONNECT",
        b"EHLO",
        b"HELO",
        b"TRACE",
        b"DELETE",
        b"PROPFIND",
        b"NICK",
    ];
    words.map(Verb::new)
});

/// True for a first word that FTP does not have.
pub(super) fn is_foreign(verb: Verb) -> bool {
    verb == Verb::ODD || FOREIGN_WORDS.contains(&verb)
}

/// What no file system's name is longer than.
const LONG: usize = 255;

/// Facts that hold only where a case has something.
#[rustfmt::skip]
const ONLY_WITH: &[(u16, &[&str])] = &[
    (Has::DATA, &["passive", "active", "announced-unroutable", "announced-elsewhere", "announced-nowhere", "data-unseen"]),
    (Has::SEEN, &[
        "data-opened", "data-refused", "data-unanswered", "data-never-tried", "data-reset", "data-ended-by-client",
        "data-ended-by-receiver", "data-ended-by-sender", "data-open-at-end", "data-window-closed", "data-silent",
        "data-unacknowledged", "data-by-stranger", "data-tls-anew", "moved-nothing", "moved-less", "bytes-expected", "sizes-differ",
    ]),
    (Has::SEEN | Has::TRANSFER, &["moved-bytes"]),
    (Has::TLS, &["tls-failed", "tls-alert", "tls-client-certificate-refused"]),
    (Has::WIRE, &["tls-agreed-in-vain", "clear-on-implicit-port"]),
    (Has::PRELIMINARY, &["begun"]),
    (Has::LOGIN, &["logged-in"]),
    (Has::ASCII, &["ascii-in-force"]),
    (Has::ASTRAY, &["astray"]),
    (Has::ABORT, &["aborted"]),
    (Has::UNASKED, &["unasked"]),
    (Has::LONG_ARGUMENT, &["long-argument", "name-beyond-limits"]),
];

/// The same as sets of facts.
static ONLY_WITH_SETS: LazyLock<Vec<(u16, FactSet)>> = LazyLock::new(|| {
    let sets = ONLY_WITH.iter().filter_map(|(has, names)| {
        let set = FactSet::named(names.iter().copied())?;
        Some((*has, set))
    });
    sets.collect()
});

/// Facts that do not hold in any case that has no more than this, with this command.
fn ruled_out(has: Has, verb: Option<Verb>) -> FactSet {
    let lacking = ONLY_WITH_SETS.iter().filter(|(any, _)| any & has.0 == 0);
    let lacking = lacking.fold(FactSet::default(), |all, (_, set)| all.and(*set));
    let is_odd = verb.is_some_and(is_foreign);
    let is_known = verb.is_none_or(|verb| catalogue().command(verb).is_some());
    let of_words = [("foreign-words", is_odd), ("no-such-command", !is_known)];
    let of_words = of_words.iter().filter(|(_, may_be)| !may_be);
    let of_words = FactSet::named(of_words.map(|(name, _)| *name));
    lacking.and(of_words.unwrap_or_default())
}

/// What decides which rules are held against a case: its moment and code, what it has, and the cause that they would
/// overrule; and the verb.
type Scene = (u64, u64);

thread_local! {
    /// The rules for the scenes met so far.
    static MET: RefCell<Lookup<Scene, Rc<[&'static Rule]>>> = RefCell::default();
}

fn scene(
    at: Moment,
    code: Option<ReplyCode>,
    verb: Option<Verb>,
    base: Option<Hit>,
    has: Has,
) -> Scene {
    let code = code.map_or(0, ReplyCode::number);
    let base = base.map_or(0, |hit| {
        1 | (hit.confidence as u64) << 1 | u64::from(hit.cause.number()) << 4
    });
    let place = u64::from(has.0) | u64::from(code) << 16 | (at as u64) << 32 | base << 36;
    (place, verb.map_or(0, Verb::number))
}

/// The rules that may hold for a case, the most specific first.
pub(super) fn rules(
    at: Moment,
    case: &Case<'_>,
    code: Option<ReplyCode>,
    verb: Option<Verb>,
    base: Option<Hit>,
) -> Rc<[&'static Rule]> {
    let has = Has::of(case);
    let scene = scene(at, code, verb, base, has);
    MET.with_borrow_mut(|met| {
        if let Some(rules) = met.get(&scene) {
            return Rc::clone(rules);
        }
        let ruled_out = ruled_out(has, verb);
        let in_scope = |rule: &&Rule| {
            let scope = &rule.when.scope;
            rule.when.at == at
                && !rule.facts.has_any(ruled_out)
                && rule.yields_to(base)
                && match code {
                    Some(code) => scope.holds(code, verb),
                    None => scope.codes.is_empty() && scope.holds_verb(verb),
                }
        };
        let rules: Rc<[_]> = RULES.iter().filter(in_scope).collect();
        if met.len() >= limits::KNOWN_TEXTS {
            *met = Lookup::default();
        }
        met.insert(scene, Rc::clone(&rules));
        rules
    })
}

/// How many scenes are remembered.
#[cfg(test)]
pub(super) fn remembered() -> usize {
    MET.with_borrow(Lookup::len)
}

/// Facts that hold for a case although they were ruled out.
#[cfg(test)]
pub(super) fn mistaken(case: &Case<'_>) -> Vec<&'static str> {
    let verb = facts::exchange(case).and_then(crate::session::Exchange::verb);
    let out = ruled_out(Has::of(case), verb);
    let is_out = |name| out.has_any(FactSet::named([name].into_iter()).unwrap());
    let wrong = facts::all().filter(|fact| is_out(fact.name) && (fact.holds)(case));
    wrong.map(|fact| fact.name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_ruled_out_are_facts_that_are_known() {
        assert_eq!(ONLY_WITH_SETS.len(), ONLY_WITH.len());
        let of_get = ruled_out(Has(u16::MAX), Some(Verb::new(b"GET")));
        assert_eq!(of_get.len(), 0);
        let of_retr = ruled_out(Has(u16::MAX), Some(Verb::RETR));
        assert_eq!(of_retr.len(), 2);
        let named: usize = ONLY_WITH.iter().map(|(_, names)| names.len()).sum();
        let of_nothing = ruled_out(Has(0), Some(Verb::RETR));
        assert_eq!(of_nothing.len() as usize, 2 + named);
    }
}
