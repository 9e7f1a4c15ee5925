//! What stays of a session.

use super::Filter;
use crate::catalogue::catalogue;
use crate::cause::Failure;
use crate::ftp::{Evidence, ReplyCode, Verb};
use crate::session::{Exchange, KeptReply, Session, Transfer};
use crate::text::Text;
use crate::time::Timestamp;

/// An operation as the conditions see it.
struct Operation<'s> {
    at: Option<Timestamp>,
    verb: Option<Verb>,
    codes: [Option<ReplyCode>; 2],
    path: Option<&'s Text>,
}

impl<'s> Operation<'s> {
    fn of_exchange(exchange: &'s Exchange) -> Self {
        let begun = exchange.preliminary.as_ref().map(|reply| reply.code);
        Self {
            at: exchange.at(),
            verb: exchange.asked(),
            codes: [begun, exchange.code()],
            path: exchange.path(),
        }
    }

    fn of_transfer(transfer: &'s Transfer) -> Self {
        Self {
            at: transfer.at,
            verb: Some(transfer.verb),
            codes: [None, None],
            path: transfer.path.as_ref(),
        }
    }

    /// A failure that no exchange shows: of a transfer that a log tells of, or of the session.
    fn of_failure(failure: &Failure, session: &'s Session) -> Self {
        Self {
            at: failure.at,
            verb: failure.verb,
            codes: [None, failure.code],
            path: failure.path(session),
        }
    }
}

impl Filter {
    /// Keeps of a session and its failures what was asked for, and says how many operations went; `None` where all of it
    /// goes.
    pub fn narrow(&self, session: &mut Session, failures: &mut Vec<Failure>) -> Option<u64> {
        if !self.admits(session) || !self.admits_judged(failures) {
            return None;
        }
        let by_what = self.asks_what();
        let within = self.is_in_window(session.start) && self.is_in_window(session.last);
        if !by_what && within {
            return Some(0);
        }
        let kept = self.kept(session, failures);
        let stays = kept.exchanges.contains(&true)
            || kept.transfers.contains(&true)
            || kept.failures.contains(&true);
        if by_what && !stays {
            return None;
        }
        Some(kept.cut(self, session, failures))
    }

    /// True where more than the time is asked of an operation.
    pub fn asks_what(&self) -> bool {
        self.asks_failures()
            || !self.codes.is_empty()
            || !self.verbs.is_empty()
            || !self.paths.is_empty()
    }

    fn asks_failures(&self) -> bool {
        !self.causes.is_empty() || !self.sides.is_empty()
    }

    /// True for an exchange that a session does not keep; nobody judges it, so no cause is known.
    pub fn keeps_exchange(&self, exchange: &Exchange) -> bool {
        !self.asks_failures() && self.fits(&Operation::of_exchange(exchange))
    }

    /// True for a reply that an exchange does not keep.
    pub fn keeps_reply(&self, reply: &KeptReply) -> bool {
        let code = |pattern: &crate::catalogue::CodePattern| pattern.fits(reply.code);
        !self.asks_failures()
            && self.verbs.is_empty()
            && self.paths.is_empty()
            && self.codes.fits(code)
            && self.is_in_window(reply.at)
    }

    fn fits(&self, operation: &Operation<'_>) -> bool {
        let codes = operation.codes.iter().flatten().copied();
        let codes: Vec<ReplyCode> = codes.collect();
        let known = (!codes.is_empty()).then_some(codes);
        let path = operation.path.map(Text::bytes);
        self.is_in_window(operation.at)
            && self.codes.fits_known(known, |pattern, codes| {
                codes.iter().any(|code| pattern.fits(*code))
            })
            && self
                .verbs
                .fits_known(operation.verb, |wanted, verb| wanted == verb)
            && self.paths.fits_known(path, |glob, path| glob.fits(path))
    }

    fn fits_failure(&self, failure: &Failure) -> bool {
        let side = catalogue().cause(failure.cause).side;
        self.causes.fits(|ids| ids.contains(&failure.cause)) && self.sides.fits(|s| *s == side)
    }

    fn kept(&self, session: &Session, failures: &[Failure]) -> Kept {
        let fits = |exchange| self.fits(&Operation::of_exchange(exchange));
        let mut exchanges: Vec<bool> = session.exchanges.iter().map(fits).collect();
        let stays = |failure: &Failure| {
            let own = match failure.exchange {
                Some(index) => exchanges.get(index) == Some(&true),
                None => self.fits(&Operation::of_failure(failure, session)),
            };
            own && self.fits_failure(failure)
        };
        let kept: Vec<bool> = failures.iter().map(stays).collect();
        let shown = |count: usize, place: fn(&Failure) -> Option<usize>| {
            let mut shown = vec![false; count];
            let failed = failures.iter().zip(&kept).filter(|(_, kept)| **kept);
            for index in failed.filter_map(|(failure, _)| place(failure)) {
                if let Some(shown) = shown.get_mut(index) {
                    *shown = true;
                }
            }
            shown
        };
        let mut alone = Vec::new();
        if self.asks_failures() {
            exchanges = shown(exchanges.len(), |failure| failure.exchange);
            alone = shown(session.transfers.len(), |failure| failure.transfer);
        }
        let transfers = session.transfers.iter().enumerate();
        let transfers = transfers.map(|(index, transfer)| match transfer.exchange {
            Some(exchange) => exchanges.get(exchange) == Some(&true),
            None if self.asks_failures() => alone.get(index) == Some(&true),
            None => self.fits(&Operation::of_transfer(transfer)),
        });
        Kept {
            transfers: transfers.collect(),
            exchanges,
            failures: kept,
        }
    }
}

/// What stays, in the order of the session.
struct Kept {
    exchanges: Vec<bool>,
    transfers: Vec<bool>,
    failures: Vec<bool>,
}

impl Kept {
    /// Takes the rest away, and says how many operations that were.
    fn cut(self, filter: &Filter, session: &mut Session, failures: &mut Vec<Failure>) -> u64 {
        let exchanges = places(&self.exchanges);
        let transfers = places(&self.transfers);
        let alone = session.transfers.iter().zip(&self.transfers);
        let alone = alone.filter(|(transfer, kept)| transfer.exchange.is_none() && !**kept);
        let gone = alone.count() + self.exchanges.iter().filter(|kept| !**kept).count();
        retain(&mut session.exchanges, &self.exchanges);
        retain(&mut session.transfers, &self.transfers);
        retain(failures, &self.failures);
        let place = |places: &[Option<usize>], index: usize| places.get(index).copied().flatten();
        for transfer in &mut session.transfers {
            transfer.exchange = transfer.exchange.and_then(|e| place(&exchanges, e));
        }
        for failure in failures {
            failure.exchange = failure.exchange.and_then(|e| place(&exchanges, e));
            failure.transfer = failure.transfer.and_then(|t| place(&transfers, t));
        }
        // What a long session does not keep was looked at when it was dropped.
        let elided = std::mem::take(&mut session.elided);
        (session.elided_transfers, session.elided_bytes) = (0, 0);
        session.candidates.clear(); // nobody tells when they were, or of what
        count_again(session);
        if let Some(since) = filter.since {
            session.start = session.start.max(Some(since));
        }
        if let (Some(until), Some(last)) = (filter.until, session.last)
            && last >= until
        {
            session.last = Some(until);
            session.closing = None;
        }
        elided + gone as u64
    }
}

/// Where each one that is kept stands then.
fn places(kept: &[bool]) -> Vec<Option<usize>> {
    let mut next = 0;
    let place = |kept: &bool| {
        next += usize::from(*kept);
        kept.then_some(next.saturating_sub(1))
    };
    kept.iter().map(place).collect()
}

fn retain<T>(list: &mut Vec<T>, kept: &[bool]) {
    let mut kept = kept.iter();
    list.retain(|_| kept.next() == Some(&true));
}

fn count_again(session: &mut Session) {
    let commands = session.exchanges.iter().filter_map(|e| e.command.as_ref());
    session.commands = commands.filter(|command| !command.assumed).count() as u64;
    let replies = session.exchanges.iter();
    let replies = replies.flat_map(Exchange::replies);
    let observed = replies.filter(|reply| reply.evidence == Evidence::Observed);
    session.replies = observed.count() as u64;
}
