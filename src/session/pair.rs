//! Which command a reply answers.
//!
//! FTP answers commands in order (RFC 959 section 5.4), so order decides first.
//! Where the code can't be an answer to the command whose turn it is, and bytes
//! were lost or that command is a transfer, a later command that expects the
//! code takes it; the ones before it stay unanswered. Otherwise the server
//! answers out of turn, and the ones before it wait on. 421 may come at any time.

use std::collections::VecDeque;

use crate::catalogue::{Expectation, catalogue};
use crate::ftp::{ReplyClass, ReplyCode, Verb};

/// How sure it is that a reply answers its command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pairing {
    /// It was the command's turn and the code fits.
    InOrder,
    /// An earlier command's reply is missing; the code fits this one.
    ByCode,
    /// It was the command's turn, but the code is none that the command has.
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

    /// Gives up the oldest command.
    pub(super) fn drop_oldest(&mut self) {
        self.queue.pop_front();
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
        let (exchange, verb) = *self.queue.front()?;
        let settles = code.class() != ReplyClass::Preliminary;
        let (place, turn) = match expectation(verb, code) {
            Expectation::No if code.number() != 421 => match self.later(code) {
                Some((place, exchange)) => (
                    place,
                    Turn {
                        exchange,
                        paired: Pairing::ByCode,
                    },
                ),
                None => (
                    0,
                    Turn {
                        exchange,
                        paired: Pairing::Assumed,
                    },
                ),
            },
            _ => (
                0,
                Turn {
                    exchange,
                    paired: Pairing::InOrder,
                },
            ),
        };
        if settles {
            if place == 0 {
                self.queue.pop_front();
            } else {
                let from = if self.leaves_out(code) { 0 } else { place };
                self.queue.drain(from..=place);
            }
            self.lost &= !self.queue.is_empty();
        }
        Some(turn)
    }

    /// The same for a reply that stands in one record with its command: it answers no other one.
    pub(super) fn take_own(&mut self, exchange: usize, code: ReplyCode) -> Option<Turn> {
        let place = self.queue.iter().position(|(own, _)| *own == exchange)?;
        let (_, verb) = *self.queue.get(place)?;
        if code.class() != ReplyClass::Preliminary {
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
}
