//! What a transfer is, and how many bytes it should move, by what was said before it.
//!
//! SIZE and ALLO, the offset of REST, and the text of a 150. Keeps the last word on each; compares nothing.

use crate::ftp::{Command, Expected, Reply, Verb, grammar};
use crate::limits;

/// What a data connection is used for.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Purpose {
    /// The transfer command.
    pub(super) verb: Option<Verb>,
    /// How many bytes it should move.
    pub(super) expected: Option<Expected>,
    /// Bytes of the file that are skipped.
    pub(super) offset: u64,
}

/// What was said about the next transfer.
#[derive(Debug, Default)]
pub(super) struct Expectations {
    /// The path of a SIZE that waits for its answer.
    asked: Option<Vec<u8>>,
    /// The path and answer of the last one.
    sized: Option<(Vec<u8>, u64)>,
    allocated: Option<u64>,
    offset: u64,
    purpose: Purpose,
}

fn number(argument: Option<&[u8]>) -> Option<u64> {
    let word = argument?.split(u8::is_ascii_whitespace).next()?;
    std::str::from_utf8(word).ok()?.parse().ok()
}

fn path(argument: Option<&[u8]>) -> Vec<u8> {
    let argument = argument.unwrap_or_default();
    let kept = argument.get(..limits::ARGUMENT_BYTES);
    kept.unwrap_or(argument).to_vec()
}

impl Expectations {
    /// A command; gives what a transfer command is for.
    pub(super) fn command(&mut self, command: &Command<'_>) -> Option<Purpose> {
        match command.verb {
            Verb::SIZE => self.asked = Some(path(command.argument())),
            Verb::ALLO => self.allocated = number(command.argument()),
            Verb::REST => self.offset = number(command.argument()).unwrap_or(0),
            _ if command.verb.is_transfer() => return Some(self.begin(command)),
            _ => {}
        }
        None
    }

    fn begin(&mut self, command: &Command<'_>) -> Purpose {
        let verb = command.verb;
        let offset = std::mem::take(&mut self.offset);
        let allocated = self.allocated.take();
        let expected = match verb {
            Verb::RETR => {
                let sized = self.sized.as_ref();
                let same = sized.filter(|(of, _)| Some(of.as_slice()) == command.argument());
                same.map(|(_, bytes)| Expected {
                    bytes: bytes.saturating_sub(offset),
                    by: "SIZE",
                })
            }
            Verb::STOR | Verb::STOU | Verb::APPE => {
                allocated.map(|bytes| Expected { bytes, by: "ALLO" })
            }
            _ => None,
        };
        self.purpose = Purpose {
            verb: Some(verb),
            expected,
            offset,
        };
        self.purpose
    }

    /// A reply; gives what the transfer is for where that says more than was known.
    pub(super) fn reply(&mut self, reply: &Reply<'_>) -> Option<Purpose> {
        match reply.code.number() {
            213 => {
                let asked = self.asked.take();
                self.sized = asked.zip(grammar::size(&reply.text));
            }
            125 | 150 => {
                let bytes = grammar::promised_bytes(&reply.text)?;
                self.purpose.expected = Some(Expected { bytes, by: "150" });
                return Some(self.purpose);
            }
            _ if self.asked.is_some() && reply.code.is_negative() => self.asked = None,
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ftp::{Evidence, ReplyCode};

    fn told(lines: &[&str]) -> Option<(u64, &'static str, u64)> {
        let mut expectations = Expectations::default();
        let mut last = None;
        for line in lines {
            let purpose = match line.split_once("< ") {
                Some((_, reply)) => {
                    let (code, text) = reply.split_once(' ').unwrap();
                    expectations.reply(&Reply {
                        code: ReplyCode::from_digits(code.as_bytes()).unwrap(),
                        text: text.as_bytes().into(),
                        lines: 1,
                        evidence: Evidence::Observed,
                    })
                }
                None => expectations.command(&grammar::command(line.as_bytes()).unwrap()),
            };
            last = purpose.or(last);
        }
        let expected = last?.expected?;
        Some((expected.bytes, expected.by, last?.offset))
    }

    #[test]
    fn the_last_word_before_a_transfer_counts() {
        assert_eq!(
            told(&["SIZE a", "< 213 70", "RETR a"]),
            Some((70, "SIZE", 0))
        );
        assert_eq!(
            told(&["SIZE a", "< 213 70", "REST 30", "< 350 ok", "RETR a"]),
            Some((40, "SIZE", 30))
        );
        assert_eq!(told(&["SIZE a", "< 213 70", "RETR b"]), None);
        assert_eq!(told(&["SIZE a", "< 550 no", "RETR a"]), None);
        assert_eq!(
            told(&["SIZE a", "< 213 70", "RETR a", "< 150 a (71 bytes)."]),
            Some((71, "150", 0))
        );
        assert_eq!(told(&["ALLO 99", "STOR a"]), Some((99, "ALLO", 0)));
        assert_eq!(told(&["ALLO 99", "STOR a", "STOR b"]), None);
        assert_eq!(told(&["LIST"]), None);
    }
}
