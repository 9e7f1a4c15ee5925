//! What the end of a session tells in a server's log, which holds neither packets nor, often, how the connection ended: the
//! command after which nothing more came of what it had begun.

use crate::ftp::{DataRecord, Evidence, Fate, TlsRecord, Vantage, Verb};
use crate::session::{Exchange, Outcome, Session};

/// The exchange that was answered well and then led to nothing, in a log that holds replies: AUTH, after which not a word
/// came, or the last PASV or EPSV of a session that moved nothing.
pub(super) fn left_open(session: &Session) -> Option<(usize, &Exchange)> {
    let is_heard =
        session.vantage == Vantage::ServerLog && session.elided == 0 && session.replies > 0;
    if !is_heard || session.protected {
        return None;
    }
    let newest = session.exchanges.iter().enumerate().next_back()?;
    if newest.1.code().is_some_and(|code| code.number() == 234) && is_observed(newest.1) {
        return Some(newest);
    }
    passive_in_vain(session)
}

fn passive_in_vain(session: &Session) -> Option<(usize, &Exchange)> {
    // Nothing was moved, and no attempt was answered.
    let is_answered = |e: &Exchange| e.preliminary.is_some() || e.last.is_some();
    let moves = |e: &Exchange| e.verb().is_some_and(|verb| verb.is_transfer()) && is_answered(e);
    if session
        .transfers
        .iter()
        .any(|t| t.bytes.is_some_and(|bytes| bytes > 0))
    {
        return None;
    }
    let announces = |e: &Exchange| {
        let verb = e.verb();
        verb.is_some_and(|verb| verb.is_passive())
            && e.outcome == Outcome::Success
            && is_observed(e)
    };
    let mut all = session.exchanges.iter().enumerate().rev();
    let found = all
        .find(|(_, e)| announces(e) || moves(e) || e.verb().is_some_and(|verb| verb.is_active()))?;
    let is_in_vain = announces(found.1) && !session.exchanges.iter().any(moves);
    is_in_vain.then_some(found)
}

fn is_observed(exchange: &Exchange) -> bool {
    exchange
        .last
        .as_ref()
        .is_some_and(|reply| reply.evidence == Evidence::Observed)
}

/// A reply that nobody asked for, and the one before it agreed on TLS.
pub(super) fn auth_just_agreed(session: &Session, index: usize) -> bool {
    let before = index
        .checked_sub(1)
        .and_then(|before| session.exchanges.get(before));
    before.is_some_and(|e| {
        e.verb() == Some(Verb::AUTH) && e.code().is_some_and(|code| code.number() == 234)
    })
}

/// TLS came up on it by a handshake of its own, and nothing followed.
pub(super) fn took_up_nothing(seen: &DataRecord) -> bool {
    let anew = |tls: &&TlsRecord| tls.resumed == Some(false) && tls.completed != Some(false);
    seen.fate == Fate::Opened
        && seen
            .tls
            .as_deref()
            .as_ref()
            .is_some_and(|tls| anew(tls) && !tls.content)
}
