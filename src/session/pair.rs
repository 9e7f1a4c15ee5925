//! Which command a reply answers.
//!
//! FTP answers commands in order (RFC 959 section 5.4), so order decides first.
//! Where the code can't be an answer to the command whose turn it is, and bytes
//! were lost or that command is a transfer, a later command that expects the
//! code takes it; the ones before it stay unanswered. Otherwise the server
//! answers out of turn, and the ones before it wait on. 421 may come at any time.
//!
//! Where bytes of the server are missing, the answers to all commands but the last may be among them. A client that waits for
//! its answers would not have sent the last one otherwise, so of the commands that can have the code at all it is the last
//! one's; where the client sends commands ahead, it is the second one's.

use std::collections::VecDeque;

use super::settles;
use crate::catalogue::{Expectation, catalogue};
use crate::ftp::{ReplyClass, ReplyCode, Verb};

/// How sure it is that a reply answers its command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pairing {
    /// It was the command's turn and the code fits.
    InOrder,
    /// An earlier command's reply is missing; the code fits this one.
    ByCode,
    /// It was the command's turn, but the code is none that the command has; or bytes of the server are missing, and it may
    /// as well be the reply to another one.
    Assumed,
    /// No command was waiting.
    Unasked,
}

/// The commands that wait for an answer, oldest first, each by a number that the caller chose.
#[derive(Debug, Clone, Default)]
pub(super) struct Pending {
    queue: VecDeque<(usize, Verb)>,
    /// Bytes were lost while these commands waited.
    lost: bool,
    /// As many of them, the oldest, may have been answered in bytes that are missing.
    in_hole: usize,
    /// The client sent a command before the one before was answered.
    sends_ahead: bool,
}

/// The answer to "whose reply is this?".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Turn {
    pub(super) exchange: usize,
    pub(super) paired: Pairing,
}

impl Pending {
    pub(super) fn push(&mut self, exchange: usize, verb: Verb) {
        self.queue.push_back((exchange, verb));
    }

    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    pub(super) fn lose(&mut self) {
        self.lost = true;
    }

    /// The server said something that was not heard.
    pub(super) fn lose_replies(&mut self) {
        self.lost = true;
        self.in_hole = self.queue.len();
    }

    /// Gives up the oldest command.
    pub(super) fn drop_oldest(&mut self) {
        self.queue.pop_front();
        self.in_hole = self.in_hole.saturating_sub(1);
    }

    /// The waiting command that ABOR would end: the oldest transfer.
    pub(super) fn oldest_transfer(&self) -> Option<usize> {
        self.queue
            .iter()
            .find(|(_, verb)| verb.is_transfer())
            .map(|(exchange, _)| *exchange)
    }

    /// True when a command with this verb waits.
    pub(super) fn waits_for(&self, verb: Verb) -> Option<usize> {
        self.queue
            .iter()
            .find(|(_, v)| *v == verb)
            .map(|(exchange, _)| *exchange)
    }

    /// True when this exchange waits.
    pub(super) fn holds(&self, exchange: usize) -> bool {
        self.queue.iter().any(|(e, _)| *e == exchange)
    }

    /// Exchanges got other numbers.
    pub(super) fn rename(&mut self, place: impl Fn(usize) -> Option<usize>) {
        self.queue
            .retain_mut(|(exchange, _)| place(*exchange).map(|new| *exchange = new).is_some());
    }

    /// Whose reply a code is; a settling one takes its command off the queue, with those before it that were passed over.
    pub(super) fn take(&mut self, code: ReplyCode) -> Option<Turn> {
        if self.in_hole > 0 && self.queue.len() > 1 {
            return self.take_behind_hole(code);
        }
        let (front, verb) = *self.queue.front()?;
        self.sends_ahead |= self.queue.len() > 1 && !self.lost && !verb.is_transfer();
        let (place, exchange, paired) = match expectation(verb, code) {
            Expectation::No if code.number() != 421 => match self.later(code) {
                Some((place, exchange)) => (place, exchange, Pairing::ByCode),
                None => (0, front, Pairing::Assumed),
            },
            _ => (0, front, Pairing::InOrder),
        };
        if settles(code) {
            if place == 0 {
                self.queue.pop_front();
            } else {
                let from = if self.leaves_out(code) { 0 } else { place };
                self.queue.drain(from..=place);
            }
            self.lost &= !self.queue.is_empty();
            self.in_hole = 0;
        }
        Some(Turn { exchange, paired })
    }

    /// The first reply behind missing bytes, while several commands wait. Those before the one that has it were answered in
    /// the hole or never.
    fn take_behind_hole(&mut self, code: ReplyCode) -> Option<Turn> {
        let asked = || self.queue.iter().take(self.in_hole + 1).enumerate();
        let with = |wanted: Expectation| {
            let fits = |(_, (_, verb)): &(usize, &(usize, Verb))| {
                catalogue().expects(*verb, code) == wanted
            };
            asked().filter(fits).map(|(place, _)| place).collect()
        };
        let mut places: Vec<usize> = with(Expectation::Listed);
        if places.is_empty() {
            places = with(Expectation::AlsoSeen);
        }
        let paired = if let [_] = places[..] {
            Pairing::ByCode
        } else {
            Pairing::Assumed
        };
        if places.is_empty() {
            places = asked().map(|(place, _)| place).collect();
        }
        // What is missing answered something: the oldest one, if the client did not wait for more.
        let second = places.iter().find(|place| **place > 0);
        let place = *second.filter(|_| self.sends_ahead).or(places.last())?;
        let (exchange, _) = *self.queue.get(place)?;
        self.queue.drain(..place);
        self.in_hole = 0;
        if settles(code) {
            self.queue.pop_front();
            self.lost &= !self.queue.is_empty();
        }
        Some(Turn { exchange, paired })
    }

    /// The same for a reply that stands in one record with its command: it answers no other one.
    pub(super) fn take_own(&mut self, exchange: usize, code: ReplyCode) -> Option<Turn> {
        let place = self.queue.iter().position(|(own, _)| *own == exchange)?;
        let (_, verb) = *self.queue.get(place)?;
        if settles(code) {
            self.queue.drain(..=place);
            self.lost &= !self.queue.is_empty();
        }
        let paired = match expectation(verb, code) {
            Expectation::No if code.number() != 421 => Pairing::Assumed,
            _ => Pairing::InOrder,
        };
        Some(Turn { exchange, paired })
    }

    /// True where the command whose turn it is may never be answered: its answer was lost, or it is a transfer whose data
    /// connection broke.
    fn leaves_out(&self, code: ReplyCode) -> bool {
        let given_up = self.queue.front().is_some_and(|(_, v)| v.is_transfer())
            && code.class() == ReplyClass::Completion;
        self.lost || given_up
    }

    fn later(&self, code: ReplyCode) -> Option<(usize, usize)> {
        let fits = |(_, (_, verb)): &(usize, &(usize, Verb))| {
            expectation(*verb, code) == Expectation::Listed
        };
        self.queue
            .iter()
            .enumerate()
            .skip(1)
            .find(fits)
            .map(|(place, (exchange, _))| (place, *exchange))
    }
}

/// A command that the catalogue does not know may have any answer; any command may be refused.
fn expectation(verb: Verb, code: ReplyCode) -> Expectation {
    if code.is_negative() {
        return Expectation::AlsoSeen;
    }
    catalogue().expects(verb, code)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The exchange that each code answers, of these commands.
    fn answered(verbs: &[&str], codes: &[u16]) -> Vec<usize> {
        let mut pending = Pending::default();
        for (exchange, verb) in verbs.iter().enumerate() {
            pending.push(exchange, Verb::new(verb.as_bytes()));
        }
        let codes = codes.iter().filter_map(|code| ReplyCode::new(*code));
        codes
            .filter_map(|code| Some(pending.take(code)?.exchange))
            .collect()
    }

    #[test]
    fn what_stands_in_one_record_belongs_together() {
        let mut pending = Pending::default();
        for (exchange, verb) in [(0, Verb::STOR), (1, Verb::RETR), (2, Verb::QUIT)] {
            pending.push(exchange, verb);
        }
        let code = |number| ReplyCode::new(number).unwrap();
        let turn = |exchange, paired| Some(Turn { exchange, paired });
        assert_eq!(pending.take_own(1, code(150)), turn(1, Pairing::InOrder));
        assert_eq!(pending.take_own(1, code(230)), turn(1, Pairing::Assumed));
        assert_eq!(pending.take_own(1, code(226)), None);
        assert_eq!(pending.take(code(221)), turn(2, Pairing::InOrder));
    }

    #[test]
    fn a_transfer_that_is_never_answered_does_not_take_the_next_answer() {
        assert_eq!(
            answered(&["RETR", "NOOP", "QUIT"], &[150, 200, 221]),
            [0, 1, 2]
        );
        assert_eq!(answered(&["RETR", "ABOR"], &[150, 426, 226]), [0, 0, 1]);
        assert_eq!(answered(&["RETR", "ABOR"], &[150, 226, 225]), [0, 0, 1]);
    }

    #[test]
    fn an_answer_out_of_turn_leaves_the_others_waiting() {
        let asked = ["SIZE", "CWD", "PWD", "NOOP"];
        assert_eq!(answered(&asked, &[200, 213, 250, 257]), [3, 0, 1, 2]);
        assert_eq!(answered(&asked, &[200, 550, 250, 257]), [3, 0, 1, 2]);
        assert_eq!(
            answered(&["PWD", "NOOP", "CWD", "SIZE"], &[257, 250, 200, 213]),
            [0, 2, 1, 3]
        );
        // Where nobody else has the odd answer, it is taken as it comes.
        assert_eq!(answered(&["PWD", "CWD"], &[211, 250]), [0, 1]);
    }

    /// The replies behind a hole in what the server said, which is known once all these commands were sent.
    fn behind_a_hole(ahead: bool, verbs: &[&str], codes: &[u16]) -> Vec<(usize, Pairing)> {
        let mut pending = Pending {
            sends_ahead: ahead,
            ..Pending::default()
        };
        for (exchange, verb) in verbs.iter().enumerate() {
            pending.push(exchange, Verb::new(verb.as_bytes()));
        }
        pending.lose_replies();
        let codes = codes.iter().filter_map(|code| ReplyCode::new(*code));
        let turns = codes.filter_map(|code| pending.take(code));
        turns.map(|turn| (turn.exchange, turn.paired)).collect()
    }

    #[test]
    fn behind_a_hole_a_code_is_that_of_the_command_that_may_have_it() {
        use Pairing::{Assumed, ByCode, InOrder};
        for ahead in [false, true] {
            let told = |verbs: &[&str], codes: &[u16]| behind_a_hole(ahead, verbs, codes);
            assert_eq!(told(&["PASV", "RETR"], &[550]), [(1, ByCode)]);
            let whole = [(1, ByCode), (1, InOrder)];
            assert_eq!(told(&["PASV", "RETR"], &[150, 226]), whole);
            assert_eq!(told(&["PASV", "RETR"], &[227]), [(0, ByCode)]);
            assert_eq!(told(&["USER", "PASS", "CWD"], &[331]), [(0, ByCode)]);
            // A reply that one command waited for is that one's.
            assert_eq!(told(&["PASV"], &[550]), [(0, InOrder)]);
            // Where nobody can have it, or several can, it is that of the command that was answered next.
            assert_eq!(told(&["CWD", "NOOP"], &[299]), [(1, Assumed)]);
            assert_eq!(told(&["CWD", "CWD"], &[550]), [(1, Assumed)]);
            let next = if ahead { 1 } else { 2 };
            assert_eq!(told(&["CWD", "CWD", "CWD"], &[550]), [(next, Assumed)]);
        }
    }

    #[test]
    fn what_comes_behind_the_first_reply_is_in_order_again() {
        let mut pending = Pending::default();
        let code = |number| ReplyCode::new(number).unwrap();
        pending.push(0, Verb::PASV);
        pending.lose_replies();
        pending.push(1, Verb::RETR);
        assert_eq!(pending.take(code(550)).map(|t| t.exchange), Some(1));
        pending.push(2, Verb::PASV);
        let turn = Turn {
            exchange: 2,
            paired: Pairing::InOrder,
        };
        assert_eq!(pending.take(code(550)), Some(turn));
        assert!(pending.is_empty());
    }

    #[test]
    fn a_client_that_was_answered_late_sends_ahead() {
        let sends_ahead = |verbs: &[&str], codes: &[u16]| {
            let mut pending = Pending::default();
            for (exchange, verb) in verbs.iter().enumerate() {
                pending.push(exchange, Verb::new(verb.as_bytes()));
            }
            for code in codes {
                pending.take(ReplyCode::new(*code).unwrap());
            }
            pending.sends_ahead
        };
        assert!(sends_ahead(&["CWD", "PWD"], &[250]));
        assert!(!sends_ahead(&["CWD"], &[250]));
        // ABOR and STAT are sent while a transfer is under way, by everybody.
        assert!(!sends_ahead(&["RETR", "ABOR"], &[426]));
    }
}
