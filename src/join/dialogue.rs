//! Whether two sessions say the same, exchange by exchange.
//!
//! A log leaves out what its writer thought unimportant, and a capture holds nothing behind TLS. So the log's exchanges
//! are looked for in the capture's, in order, and what TLS may hide is not missed.

use crate::ftp::{Verb, grammar};
use crate::limits;
use crate::session::{DataConnection, Exchange, KeptReply, Session, Transfer};
use crate::text::Text;

/// Commands that a port stands for: it is one of many thousands, or of hundreds where a server has few, and a client says the
/// same words every time.
const PORT_FACTS: usize = 3;

/// How two sessions agree.
#[derive(Debug, Default)]
pub(super) struct Agreement {
    /// The exchanges that are the same: the capture's, the log's.
    pub(super) pairs: Vec<(usize, usize)>,
    /// Ports are the same that no other session has: the client's, or two announced for data.
    pub(super) strong: bool,
    /// How much they have in common that need not be so: commands, ports, transfers. None where one holds in clear what the
    /// other one does not.
    pub(super) facts: usize,
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
    wire.protected.then(|| agreed(wire).unwrap_or(0))
}

/// The exchange after which a server hears nothing but TLS.
fn agreed(wire: &Session) -> Option<usize> {
    let agreed = |e: &Exchange| e.code().is_some_and(|code| code.number() == 234);
    wire.exchanges.iter().position(agreed)
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
    let clear = hidden.or_else(|| agreed(wire));
    let clear = clear.map_or(wire.exchanges.len(), |last| last + 1);
    if hidden.is_none() {
        found.missed += unknown;
    }
    let beside = found.missed + found.passed + commands(wire, next, clear);
    let transfers = || same_transfers(wire, log).unwrap_or(0);
    found.facts = if beside == 0 {
        commands(wire, 0, clear) + PORT_FACTS * ports + transfers()
    } else if found.missed == 0 && !log.exchanges.iter().any(is_user) {
        names(wire, log, &found) + transfers() // such a log tells what was done, not what was said
    } else {
        0
    };
    // Between the same ports at the same time an odd line that the log writes otherwise does not matter.
    let enough = if found.strong {
        found.missed <= 2 * found.pairs.len()
    } else {
        2 * found.missed <= found.pairs.len()
    };
    enough.then_some(found)
}

/// Ports that the log announces and to which the capture saw data connections whose announcement TLS hid, in the same order.
/// A server may have so few of them that some occur in any two sessions, so most must.
fn guessed_ports(wire: &Session, log: &Session) -> usize {
    let guessed = |data: &&DataConnection| data.seen.as_ref().is_some_and(|seen| seen.guessed);
    let mut seen: Vec<&DataConnection> = wire.data.iter().filter(guessed).collect();
    seen.sort_by_key(|data| data.seen.as_ref().and_then(|seen| seen.tried));
    seen.truncate(limits::JOIN_PASSED);
    let mut told = log.exchanges.iter().filter_map(announced);
    let told: Vec<u16> = told.by_ref().take(limits::JOIN_PASSED).collect();
    let mut left = &told[..];
    let mut same = 0;
    for port in seen.iter().filter_map(|data| data.announced.as_ref()?.port) {
        if let Some(place) = left.iter().position(|told| *told == port) {
            same += 1;
            left = left.get(place + 1..).unwrap_or_default();
        }
    }
    if 2 * same > seen.len() { same } else { 0 }
}

/// Transfers that both hold, by name and size. `None` where the log holds a complete one that the capture should hold.
fn same_transfers(wire: &Session, log: &Session) -> Option<usize> {
    let (mut next, mut same) = (0, 0);
    for told in log.transfers.iter().filter(|t| t.bytes.is_some()) {
        let mut ahead = wire.transfers.iter().skip(next).take(limits::JOIN_PASSED);
        match ahead.position(|heard| is_same_transfer(heard, told)) {
            Some(place) => {
                same += 1;
                next += place + 1;
            }
            None if told.complete == Some(true) && !wire.protected => return None,
            None => {}
        }
    }
    Some(same)
}

fn is_same_transfer(heard: &Transfer, told: &Transfer) -> bool {
    let names = heard.path.as_ref().zip(told.path.as_ref());
    heard.direction == told.direction
        && heard.bytes == told.bytes
        && names.is_some_and(|(heard, told)| name(heard.bytes()) == name(told.bytes()))
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

fn is_user(exchange: &Exchange) -> bool {
    exchange.verb() == Some(Verb::USER)
}

/// Commands of the log that name what the capture's name.
fn names(wire: &Session, log: &Session, found: &Agreement) -> usize {
    let named = |(heard, told): &&(usize, usize)| {
        let heard = wire.exchanges.get(*heard).and_then(argument).map(name);
        let told = log.exchanges.get(*told).and_then(argument).map(name);
        heard.is_some_and(|heard| !heard.is_empty() && told == Some(heard))
    };
    found.pairs.iter().filter(named).count()
}

/// The last part of a path: a log's begins at the root, a capture's is what the client sent.
pub(super) fn name(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or_default()
}

fn argument(exchange: &Exchange) -> Option<&[u8]> {
    let command = exchange.command.as_ref()?;
    command.argument.as_ref().map(Text::bytes)
}

fn is_same(heard: &Exchange, told: &Exchange) -> bool {
    let codes = heard.code().zip(told.code());
    // A reply that came late or stands in the log without its command is that of some command.
    let alone = heard.command.is_none() || told.command.is_none();
    // A verb with bytes in it that the log's writer replaced, and a server does not know.
    let odd = told.verb() == Some(Verb::ODD)
        && codes.is_some_and(|(heard, _)| matches!(heard.number(), 500 | 502));
    if heard.verb() != told.verb() && !(alone && codes.is_some()) && !odd {
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

    /// What a capture's session and one of a log have in common.
    fn facts(heard: &[&str], told: &[&str]) -> Option<usize> {
        let told = Talk {
            vantage: Vantage::ServerLog,
            ..Talk::new(told)
        };
        let heard = Talk::new(heard).session();
        agreement(&heard, &told.session()).map(|found| found.facts)
    }

    #[test]
    fn facts_are_what_both_hold_and_nothing_speaks_against() {
        let login = ["< 220 hi", "> USER bob", "< 331 pw", "> PASS x", "< 230 in"];
        let and = |more: &[&'static str]| [&login[..], more].concat();
        assert_eq!(facts(&login, &login), Some(2));
        let quit = and(&["> QUIT", "< 221 bye"]);
        assert_eq!(facts(&quit, &quit), Some(3));
        assert_eq!(facts(&quit, &login), Some(0));
        // One that was announced to both is worth more than the command.
        let passive = |port: &'static str| and(&["> PASV", port]);
        let port = "< 227 ok (192,0,2,10,200,1)";
        assert_eq!(facts(&passive(port), &passive(port)), Some(3 + PORT_FACTS));
        let other = passive("< 227 ok (192,0,2,10,200,2)");
        assert_eq!(facts(&passive(port), &other), Some(0));
    }

    /// vsftpd writes bytes that can't be printed as `?`.
    #[test]
    fn a_verb_that_no_server_knows_is_written_otherwise() {
        let odd = |line, answer| ["< 220 hi", line, answer, "> QUIT", "< 221 bye"];
        let (heard, told) = ("> NOOP", "> NOOP?[31M");
        let refused = "< 500 Unknown command.";
        assert_eq!(facts(&odd(heard, refused), &odd(told, refused)), Some(2));
        let known = "< 200 ok";
        assert_eq!(facts(&odd(heard, known), &odd(told, known)), Some(0));
    }

    /// A log of what was done has no words, but names.
    #[test]
    fn a_log_without_dialogue_has_names_and_sizes() {
        let heard = ["< 220 hi", "> USER bob", "< 331 pw", "> PASS x", "< 230 in"];
        let heard = [&heard[..], &["> MKD new", "< 257 made", "+ RETR a.txt"]].concat();
        let told = |lines: &[&str]| facts(&heard, lines);
        assert_eq!(told(&["> MKD /srv/new", "< 257 made"]), Some(1));
        assert_eq!(told(&["> MKD /srv/other", "< 257 made"]), Some(0));
        let both = ["> MKD /srv/new", "< 257 made", "+ RETR /srv/a.txt"];
        assert_eq!(told(&both), Some(2));
        assert_eq!(told(&["+ RETR /srv/b.txt"]), Some(0));
    }
}
