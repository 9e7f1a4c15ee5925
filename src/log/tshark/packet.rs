//! What is known of one packet: its ends, its time, and the words in it.

use crate::catalogue::catalogue;
use crate::ftp::{Command, Endpoint, Host, ReplyCode, Verb, grammar};
use crate::limits;
use crate::log::Fact;
use crate::text::StableHash;
use crate::time::Timestamp;

/// What one side said.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Word {
    /// A command, without a secret.
    Command(Verb, Option<Box<[u8]>>),
    /// A line of the server.
    Line(Box<[u8]>),
}

/// One end, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Half {
    pub(super) host: Option<Host>,
    pub(super) port: Option<u16>,
}

impl Half {
    fn endpoint(&self) -> Option<Endpoint> {
        Some(Endpoint {
            host: self.host.clone()?,
            port: self.port,
        })
    }
}

/// A packet.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Packet {
    pub(super) at: Option<Timestamp>,
    pub(super) stream: Option<u64>,
    pub(super) source: Half,
    pub(super) target: Half,
    words: Vec<Word>,
}

impl Packet {
    /// A packet of which only the hosts are known.
    pub(super) fn between(source: Host, target: Host) -> Self {
        let half = |host| Half {
            host: Some(host),
            port: None,
        };
        Self {
            source: half(source),
            target: half(target),
            ..Self::default()
        }
    }

    fn push(&mut self, word: Word) {
        if self.words.len() < limits::REPLY_LINES as usize {
            self.words.push(word);
        }
    }

    /// A line of the client, as it was sent.
    pub(super) fn add_command_line(&mut self, line: &[u8]) {
        if let Some(command) = grammar::command(line) {
            self.push(Word::Command(command.verb, command.argument().map(Into::into)));
        }
    }

    /// A command and its argument.
    pub(super) fn add_command(&mut self, word: &[u8], argument: &[u8]) {
        let command = Command::new(Verb::new(word), Some(argument));
        self.push(Word::Command(command.verb, command.argument().map(Into::into)));
    }

    /// A line of the server, as it was sent.
    pub(super) fn add_reply_line(&mut self, line: &[u8]) {
        self.push(Word::Line(line.into()));
    }

    /// The first line of what the server sent in this packet; more lines may follow, which are not shown.
    pub(super) fn add_first_line(&mut self, line: &[u8]) {
        match grammar::reply_line(line) {
            Some(shape) if !shape.is_last => {
                let code = line.get(..3).unwrap_or_default();
                self.add_reply_line(&[code, b" ", shape.text].concat());
            }
            _ => self.add_reply_line(line),
        }
    }

    /// A line of either side.
    pub(super) fn add_line(&mut self, line: &[u8], is_request: bool) {
        if is_request {
            self.add_command_line(line);
        } else {
            self.add_reply_line(line);
        }
    }

    /// Codes and texts, of several lines with commas between. A code that FTP does not have is none: tshark takes any digits
    /// at the start of a line for one.
    pub(super) fn add_codes(&mut self, codes: &[u8], texts: &[u8]) {
        let count = codes.split(|b| *b == b',').count();
        let parts: Vec<&[u8]> = texts.split(|b| *b == b',').collect();
        for (index, digits) in codes.split(|b| *b == b',').enumerate() {
            let Some(code) = ReplyCode::from_digits(digits).filter(|_| digits.len() == 3) else {
                continue;
            };
            if catalogue().reply(code).is_none() {
                continue;
            }
            let text = match (count == parts.len(), index) {
                (true, _) => parts.get(index).copied().unwrap_or_default(),
                (false, 0) => texts,
                _ => b"",
            };
            self.add_reply_line(&[digits, b" ", text].concat());
        }
    }

    /// True when something was said.
    pub(super) fn speaks(&self) -> bool {
        !self.words.is_empty()
    }

    /// True when it can only be FTP's: both hosts, and a known command or code.
    pub(super) fn is_certain(&self) -> bool {
        let is_known = |word: &Word| match word {
            Word::Command(verb, _) => catalogue().command(*verb).is_some(),
            Word::Line(_) => true,
        };
        self.source.host.is_some() && self.target.host.is_some() && self.words.iter().any(is_known)
    }

    /// True when the client speaks in it.
    pub(super) fn is_request(&self) -> bool {
        matches!(self.words.first(), Some(Word::Command(..)))
    }

    /// True when it begins with a greeting.
    pub(super) fn greets(&self) -> bool {
        matches!(self.words.first(), Some(Word::Line(line)) if line.starts_with(b"220"))
    }

    /// The client's and the server's end.
    pub(super) fn ends(&self) -> (Option<Endpoint>, Option<Endpoint>) {
        let (source, target) = (self.source.endpoint(), self.target.endpoint());
        if self.is_request() {
            (source, target)
        } else {
            (target, source)
        }
    }

    /// The number of its connection: tshark's, or one made of the ends.
    pub(super) fn connection(&self) -> u32 {
        let (client, server) = self.ends();
        let mut hash = StableHash::new().number(self.stream.unwrap_or(u64::MAX));
        if self.stream.is_none() {
            for end in [client, server].into_iter().flatten() {
                hash = hash.bytes(end.terminal(true).as_bytes());
            }
        }
        u32::try_from(hash.finish() >> 32).unwrap_or_default()
    }

    /// What was said, in order.
    pub(super) fn facts(&self) -> impl Iterator<Item = Fact<'_>> {
        self.words.iter().map(|word| match word {
            Word::Command(verb, argument) => Fact::Command(Command::new(*verb, argument.as_deref())),
            Word::Line(text) => crate::log::transcript::said(text),
        })
    }
}
