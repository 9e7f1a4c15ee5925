//! Why an operation failed: a pure function of its session.
//!
//! What counts is in the catalogue's data; here is only how it is applied: the
//! reply's text first, then its code, then what the session shows beside it.
//! Never sees captures or logs, never counts.

mod about;
mod explain;
mod facts;
mod left;
mod proof;
mod protocol;
mod rule;
mod scene;
#[cfg(test)]
mod tests;
mod text;
mod whole;

use self::facts::Case;
use self::text::{Hit, Named};
use crate::catalogue::{CauseId, Confidence, Moment};
use crate::diagnostic::Origin;
use crate::ftp::{ReplyCode, Vantage, Verb};
use crate::limits;
use crate::session::{Exchange, Outcome, Pairing, Session, Transfer};
use crate::text::Text;
use crate::time::Timestamp;

pub use protocol::{Breach, Rule, breaches, is_heard_whole};

pub use explain::{Explanation, explain, explain_line};

/// Something one can open to see for oneself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Proof {
    /// Where it stands.
    pub origin: Origin,
    /// What stands there, in few words: `RETR x -> 550 No such file`.
    pub text: Text,
}

/// A failed operation: an exchange, a login, a transfer, or a session that ended badly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Why.
    pub cause: CauseId,
    /// How sure that is.
    pub confidence: Confidence,
    /// True when it harms nobody: probes, idle sessions, what the client cancelled.
    pub benign: bool,
    /// The code that told of it.
    pub code: Option<ReplyCode>,
    /// The command that failed.
    pub verb: Option<Verb>,
    /// When it failed.
    pub at: Option<Timestamp>,
    /// The exchange: an index into the session's; `None` when it is about the session as a whole.
    pub exchange: Option<usize>,
    /// The transfer, where a log tells of it and of no command: an index into the session's.
    pub transfer: Option<usize>,
    /// What shows it, most important first; empty where nobody wanted to see it.
    pub proofs: Vec<Proof>,
}

/// All failures of a session that is over, in order; one about the session as a whole comes last.
pub fn classify(session: &Session) -> Vec<Failure> {
    classify_showing(session, &|_| true)
}

/// The same, with the proofs of those failures that `wanted` asks for. Of a million failures a report shows a few.
pub fn classify_showing(session: &Session, wanted: &Wanted<'_>) -> Vec<Failure> {
    let mut failures: Vec<Failure> = Vec::new();
    for (index, exchange) in session.exchanges.iter().enumerate() {
        failures.extend(of_exchange(session, index, exchange, wanted));
    }
    unused_announcements(session, wanted, &mut failures);
    let logged_only =
        |(_, t): &(usize, &Transfer)| t.complete == Some(false) && t.exchange.is_none();
    failures.extend(
        session
            .transfers
            .iter()
            .enumerate()
            .filter(logged_only)
            .filter_map(|(index, t)| of_transfer(session, index, t, wanted)),
    );
    // What broke the last exchange also ended the session: one operation, one failure.
    let last = session.exchanges.len().checked_sub(1);
    if !failures
        .iter()
        .any(|f| f.exchange.is_some() && f.exchange == last)
    {
        failures.extend(of_session(session, wanted));
    }
    if failures.is_empty() {
        failures.extend(left_open(session, wanted));
    }
    failures
}

/// What a server's log does not say, but for what does not follow.
fn left_open(session: &Session, wanted: &Wanted<'_>) -> Option<Failure> {
    let (index, exchange) = left::left_open(session)?;
    let by = exchange.last.as_ref().map(|reply| reply.origin);
    let exchange = Exchange {
        data: session.data.iter().position(|d| Some(d.announced_by) == by),
        ..exchange.clone()
    };
    judge(Moment::Left, session, index, &exchange, None, wanted)
}

/// Asks whether the proofs of a failure are wanted.
pub type Wanted<'w> = dyn Fn(&Failure) -> bool + 'w;

impl Failure {
    fn with_proofs(mut self, wanted: &Wanted<'_>, proofs: impl FnOnce() -> Vec<Proof>) -> Self {
        if wanted(&self) {
            self.proofs = proofs();
        }
        self
    }
}

fn of_exchange(
    session: &Session,
    index: usize,
    exchange: &Exchange,
    wanted: &Wanted<'_>,
) -> Option<Failure> {
    let verb = exchange.verb();
    let base = match (exchange.outcome, &exchange.last) {
        (Outcome::Success, _) if exchange.data.is_none() && !is_slow_to_let_in(index, exchange) => {
            return None;
        }
        (Outcome::Success, _) => {
            return judge(Moment::Success, session, index, exchange, None, wanted);
        }
        (Outcome::Failure, Some(reply)) => {
            let verb = verb.or((index == 0).then_some(Verb::CONNECT));
            text::by_text(
                reply.code,
                verb,
                named(session, index, exchange),
                reply.text.bytes(),
            )
            .or_else(|| text::by_code(reply.code, verb))
        }
        // Packets and clients show that an answer did not come; a server's log may just not hold it.
        _ if hears_the_end(session) && exchange.command.is_some() && !exchange.hidden => None,
        _ => return None,
    };
    judge(Moment::Exchange, session, index, exchange, base, wanted)
}

/// What the client named in the command or shortly before, for a reply to repeat.
fn named<'s>(session: &'s Session, index: usize, exchange: &'s Exchange) -> Named<'s> {
    const NEAR: usize = 8;
    fn argument(exchange: &Exchange) -> Option<&[u8]> {
        let command = exchange.command.as_ref()?;
        command.argument.as_ref().map(Text::bytes)
    }
    let giver = match exchange.verb() {
        Some(Verb::PASS) => Some(Verb::USER),
        Some(Verb::RNTO) => Some(Verb::RNFR),
        _ => None,
    };
    let mut nearest = session.exchanges.iter().take(index).rev().take(NEAR);
    Named {
        argument: argument(exchange),
        before: giver.and_then(|giver| argument(nearest.find(|e| e.verb() == Some(giver))?)),
    }
}

/// The greeting and the answer to a login come at once, unless something is looked up first.
fn is_slow_to_let_in(index: usize, exchange: &Exchange) -> bool {
    let lets_in = match exchange.verb() {
        None => index == 0,
        Some(verb) => matches!(verb, Verb::USER | Verb::PASS),
    };
    lets_in
        && exchange
            .waited()
            .is_some_and(|waited| waited >= limits::SLOW_TO_LET_IN)
}

fn judge(
    at: Moment,
    session: &Session,
    index: usize,
    exchange: &Exchange,
    base: Option<Hit>,
    wanted: &Wanted<'_>,
) -> Option<Failure> {
    let (code, verb) = (exchange.code(), exchange.verb());
    let case = Case {
        session,
        exchange: Some((index, exchange)),
        transfer: None,
    };
    let ruling = rule::rule(at, &case, code, verb, base)?;
    let code = code.filter(|code| code.is_negative());
    // The reply may be another command's.
    let assumed = code.is_some() && exchange.paired == Pairing::Assumed;
    let surest = if assumed {
        Confidence::Likely
    } else {
        Confidence::Certain
    };
    let failure = Failure {
        cause: ruling.cause,
        confidence: ruling.confidence.max(surest),
        benign: ruling.benign,
        code,
        verb,
        at: exchange.at(),
        exchange: Some(index),
        transfer: None,
        proofs: Vec::new(),
    };
    Some(failure.with_proofs(wanted, || {
        let mut proofs = proof::of_exchange(session, exchange);
        proofs.extend(proof::beside(session, index, ruling.shows));
        proofs
    }))
}

/// A client that can't open the data connection may never send the command that needs it.
fn unused_announcements(session: &Session, wanted: &Wanted<'_>, failures: &mut Vec<Failure>) {
    if session.data.is_empty() {
        return;
    }
    let mut used = vec![false; session.data.len()];
    for number in session.exchanges.iter().filter_map(|e| e.data) {
        if let Some(used) = used.get_mut(number) {
            *used = true;
        }
    }
    let mut from = 0; // data connections stand in the order of their announcements
    for (index, exchange) in session.exchanges.iter().enumerate() {
        let announces = exchange
            .verb()
            .is_some_and(|v| v.is_passive() || v.is_active());
        if !announces || exchange.outcome != Outcome::Success {
            continue;
        }
        let origins = [
            Some(exchange.origin),
            exchange.last.as_ref().map(|r| r.origin),
        ];
        let mut later = session.data.iter().enumerate().skip(from);
        let Some((number, _)) = later.find(|(_, d)| origins.contains(&Some(d.announced_by))) else {
            continue;
        };
        from = number + 1;
        if used.get(number) != Some(&false) {
            continue;
        }
        let exchange = Exchange {
            data: Some(number),
            ..exchange.clone()
        };
        let at = Moment::Announcement;
        failures.extend(judge(at, session, index, &exchange, None, wanted));
    }
}

fn of_transfer(
    session: &Session,
    index: usize,
    transfer: &Transfer,
    wanted: &Wanted<'_>,
) -> Option<Failure> {
    let case = Case {
        session,
        exchange: None,
        transfer: Some(transfer),
    };
    let ruling = rule::rule(Moment::Transfer, &case, None, Some(transfer.verb), None)?;
    let failure = Failure {
        cause: ruling.cause,
        confidence: ruling.confidence,
        benign: ruling.benign,
        code: None,
        verb: Some(transfer.verb),
        at: transfer.at,
        exchange: None,
        transfer: Some(index),
        proofs: Vec::new(),
    };
    Some(failure.with_proofs(wanted, || vec![proof::of_transfer(transfer)]))
}

/// How a connection began and ended, and what never came, is seen in packets and told by clients only.
fn hears_the_end(session: &Session) -> bool {
    matches!(session.vantage, Vantage::Wire | Vantage::ClientLog)
}

fn of_session(session: &Session, wanted: &Wanted<'_>) -> Option<Failure> {
    if !hears_the_end(session) {
        return None;
    }
    let case = Case {
        session,
        exchange: None,
        transfer: None,
    };
    let ruling = rule::rule(Moment::Session, &case, None, None, None)?;
    let failure = Failure {
        cause: ruling.cause,
        confidence: ruling.confidence,
        benign: ruling.benign,
        code: None,
        verb: None,
        at: session.last,
        exchange: None,
        transfer: None,
        proofs: Vec::new(),
    };
    Some(failure.with_proofs(wanted, || proof::of_session(session)))
}
