//! Whether two sessions say the same, exchange by exchange.
//!
//! A log leaves out what its writer thought unimportant, and a capture holds nothing behind TLS. So the log's exchanges
//! are looked for in the capture's, in order, and what TLS may hide is not missed.

use crate::ftp::{Verb, grammar};
use crate::limits;
use crate::session::{DataConnection, Exchange, KeptReply, Session};
use crate::text::Text;

/// How two sessions agree.
#[derive(Debug, Default)]
pub(super) struct Agreement {
    /// The exchanges that are the same: the capture's, the log's.
    pub(super) pairs: Vec<(usize, usize)>,
    /// Ports are the same that no other session has: the client's, or two announced for data.
    pub(super) strong: bool,
    /// Neither holds a command that the other one does not, and there are some.
    pub(super) whole: bool,
    /// Exchanges of the log that the capture should hold.
    missed: usize,
    /// Commands in the capture that the log does not hold, between those that it does.
    passed: usize,
}

impl Agreement {
    /// How well they agree; more is better.
    pub(super) fn score(&self) -> usize {
        let strong = if self.strong { 1 << 20 } else { 0 };
        (strong + 4 * self.pairs.len()).saturating_sub(self.missed + self.passed)
    }
}

/// The exchange after which TLS hides a session from a capture; `None` where it does not. 0 where it does from the start.
pub(super) fn hidden_after(wire: &Session) -> Option<usize> {
    let agreed = |e: &Exchange| e.code().is_some_and(|code| code.number() == 234);
    wire.protected
        .then(|| wire.exchanges.iter().position(agreed).unwrap_or(0))
}

/// Compares a capture's session with a log's. `None` where they contradict each other.
pub(super) fn agreement(wire: &Session, log: &Session) -> Option<Agreement> {
    let port = |session: &Session| session.client.as_ref().and_then(|c| c.port);
    let mut found = Agreement::default();
    if let (Some(a), Some(b)) = (port(wire), port(log)) {
        if a != b {
            return None;
        }
        found.strong = true;
    }
    let hidden = hidden_after(wire);
    let (mut next, mut unknown, mut ports) = (0, 0, 0);
    for (index, told) in log.exchanges.iter().enumerate() {
        if told.command.is_none() && told.code().is_none() {
            continue;
        }
        let mut ahead = wire.exchanges.iter().enumerate().skip(next);
        let place = ahead
            .by_ref()
            .take(limits::JOIN_PASSED)
            .find(|(_, heard)| is_same(heard, told));
        let Some((place, heard)) = place else {
            unknown += 1;
            continue;
        };
        // What stands between two that both hold must be in the capture too, unless TLS hides it.
        if hidden.is_none_or(|after| place <= after) {
            found.missed += unknown;
            found.passed += commands(wire, next, place);
        }
        unknown = 0;
        ports += usize::from(same_ports(heard, told));
        found.pairs.push((place, index));
        next = place + 1;
    }
    ports += guessed_ports(wire, log);
    found.strong |= ports >= 2;
    if hidden.is_none() {
        found.missed += unknown;
        let exact = found.missed + found.passed + commands(wire, next, wire.exchanges.len()) == 0;
        found.whole = exact && commands(wire, 0, next) >= 3;
    }
    // Between the same ports at the same time an odd line that the log writes otherwise does not matter.
    let enough = if found.strong {
        found.missed <= 2 * found.pairs.len()
    } else {
        2 * found.missed <= found.pairs.len()
    };
    enough.then_some(found)
}

/// Ports that the log announces and to which the capture saw data connections whose announcement TLS hid.
fn guessed_ports(wire: &Session, log: &Session) -> usize {
    let guessed = |data: &&DataConnection| data.seen.as_ref().is_some_and(|seen| seen.guessed);
    let seen = wire.data.iter().filter(guessed).take(limits::JOIN_PASSED);
    let seen: Vec<u16> = seen
        .filter_map(|data| data.announced.as_ref()?.port)
        .collect();
    if seen.is_empty() {
        return 0;
    }
    let told = log.exchanges.iter().take(limits::JOIN_CANDIDATES);
    told.filter_map(announced)
        .filter(|port| seen.contains(port))
        .count()
}

/// True where a log holds nothing of a session but that it was there.
pub(super) fn is_silent(log: &Session) -> bool {
    let tells = |e: &Exchange| e.command.is_some() || e.code().is_some();
    log.elided == 0 && log.transfers.is_empty() && !log.exchanges.iter().any(tells)
}

fn commands(wire: &Session, from: usize, to: usize) -> usize {
    let between = wire.exchanges.get(from..to).unwrap_or_default();
    between.iter().filter(|e| e.command.is_some()).count()
}

fn argument(exchange: &Exchange) -> Option<&[u8]> {
    let command = exchange.command.as_ref()?;
    command.argument.as_ref().map(Text::bytes)
}

fn is_same(heard: &Exchange, told: &Exchange) -> bool {
    let codes = heard.code().zip(told.code());
    // A reply that came late or stands in the log without its command is that of some command.
    let alone = heard.command.is_none() || told.command.is_none();
    if heard.verb() != told.verb() && !(alone && codes.is_some()) {
        return false;
    }
    if codes.is_some_and(|(a, b)| a != b) {
        return false;
    }
    let differ = match argument(heard).zip(argument(told)) {
        Some((a, b)) => match heard.verb() {
            Some(Verb::USER | Verb::PORT | Verb::EPRT | Verb::LPRT) => a != b,
            _ => false, // logs write paths and odd bytes in ways of their own
        },
        None => false,
    };
    !differ
        && announced(heard)
            .zip(announced(told))
            .is_none_or(|(a, b)| a == b)
}

/// The port that a reply announces for data.
pub(super) fn announced(exchange: &Exchange) -> Option<u16> {
    let reply = exchange.last.as_ref()?;
    let text = reply.text.bytes();
    match reply.code.number() {
        227 => grammar::passive(text).map(|(_, port)| port),
        229 => grammar::extended_passive(text).map(|(_, port)| port),
        _ => None,
    }
}

fn same_ports(heard: &Exchange, told: &Exchange) -> bool {
    let active = matches!(heard.verb(), Some(Verb::PORT | Verb::EPRT | Verb::LPRT));
    let arguments = argument(heard).zip(argument(told));
    active && arguments.is_some_and(|(a, b)| a == b)
        || announced(heard)
            .zip(announced(told))
            .is_some_and(|(a, b)| a == b)
}

/// How far the log's times are ahead, of every command and reply that both hold.
pub(super) fn differences<'a>(
    wire: &'a Session,
    log: &'a Session,
    found: &'a Agreement,
) -> impl Iterator<Item = i64> + 'a {
    let of = |(heard, told): (&Exchange, &Exchange)| {
        let at = |reply: Option<&KeptReply>| reply.and_then(|r| r.at);
        let begun = at(heard.preliminary.as_deref()).zip(at(told.preliminary.as_deref()));
        let settled = at(heard.last.as_ref()).zip(at(told.last.as_ref()));
        // One line that tells of command and reply was written behind the reply.
        let one_line = told.last.as_ref().is_some_and(|r| r.origin == told.origin);
        let sent = heard.sent.zip(told.sent).filter(|_| !one_line);
        let times = [begun, settled, sent].into_iter().flatten();
        times.map(|(heard, told)| told.nanos().saturating_sub(heard.nanos()))
    };
    let pair = |(a, b): &(usize, usize)| Some((wire.exchanges.get(*a)?, log.exchanges.get(*b)?));
    found.pairs.iter().filter_map(pair).flat_map(of)
}

/// How far the log's times are ahead, in the middle of all; of sessions without a common exchange, by their starts.
pub(super) fn lag(wire: &Session, log: &Session, found: &Agreement) -> Option<i64> {
    let mut all: Vec<i64> = differences(wire, log, found).collect();
    all.sort_unstable();
    let middle = all.get(all.len() / 2).copied();
    let starts = log.start.zip(wire.start);
    middle.or_else(|| starts.map(|(log, wire)| log.nanos().saturating_sub(wire.nanos())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ftp::Vantage;
    use crate::tally::tests::Talk;

    /// What a log leaves out is passed over, so many commands of it.
    #[test]
    fn what_stands_far_behind_is_not_looked_for() {
        let told = Talk {
            vantage: Vantage::ServerLog,
            ..Talk::new(&["> CWD x", "< 550 no"])
        };
        let found = |passed: usize| {
            let mut lines = vec!["< 220 hi"];
            lines.extend(["> NOOP", "< 200 ok"].repeat(passed));
            lines.extend(["> CWD x", "< 550 no"]);
            let heard = Talk::new(&lines).session();
            agreement(&heard, &told.session()).map(|found| found.pairs.len())
        };
        // The greeting is one of them.
        assert_eq!(found(limits::JOIN_PASSED - 2), Some(1));
        assert_eq!(found(limits::JOIN_PASSED), None);
    }
}
