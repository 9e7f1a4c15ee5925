//! Bytes of one direction of a control connection become lines.
//!
//! Telnet commands are taken out (RFC 959 section 4 makes the control
//! connection a Telnet connection; RFC 854), NUL bytes dropped, CR LF or LF
//! ends a line. A line that lost bytes is told as such and never glued to what
//! follows. Knows nothing of codes but one thing: after a loss, a segment that
//! starts like a reply starts a line.

use crate::diagnostic::Origin;
use crate::ftp::{ReplyCode, Side};
use crate::limits;
use crate::time::Timestamp;

/// How a line came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineEnd {
    /// By LF.
    Whole,
    /// Bytes after these were lost, or the connection ended, before its LF.
    Cut,
    /// Bytes before these were lost: the rest of a line, or a part of it.
    Rest,
}

/// A line without its CR LF and without Telnet commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'b> {
    /// The bytes, at most [`limits::CONTROL_LINE_BYTES`].
    pub bytes: &'b [u8],
    /// When its last byte was heard.
    pub at: Option<Timestamp>,
    /// The record that holds its first byte.
    pub origin: Origin,
    /// The record that holds its last byte.
    pub ends: u64,
    /// Whether all of it is there.
    pub end: LineEnd,
}

/// Where in a Telnet command the last byte was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Telnet {
    #[default]
    Text,
    /// After IAC (255).
    Iac,
    /// After WILL, WONT, DO, DONT: one option byte follows.
    Option,
    /// Inside SB … IAC SE.
    Sub,
    /// After an IAC inside SB.
    SubIac,
}

/// Cuts one direction's bytes in lines.
#[derive(Debug, Clone)]
pub struct Lines {
    sender: Side,
    buffer: Vec<u8>,
    telnet: Telnet,
    /// Where and when the line in the buffer began and was last added to.
    begun: Option<(Origin, u64, Option<Timestamp>)>,
    /// Bytes were lost: what comes next may be the middle of a line.
    lost: bool,
    /// The line was handed over before its end: what comes next belongs to it.
    skipping: bool,
}

impl Lines {
    /// For the bytes that one side sends, from the first on.
    pub fn new(sender: Side) -> Self {
        Self {
            sender,
            buffer: Vec::new(),
            telnet: Telnet::Text,
            begun: None,
            lost: false,
            skipping: false,
        }
    }

    /// For a connection whose beginning was not heard: its first bytes may be the middle of a line.
    pub fn mid_stream(sender: Side) -> Self {
        Self {
            lost: true,
            ..Self::new(sender)
        }
    }

    /// Takes the next bytes, all of one record, and hands over each line that ends in them.
    pub fn push(
        &mut self,
        mut bytes: &[u8],
        at: Option<Timestamp>,
        origin: Origin,
        each: &mut dyn FnMut(Line<'_>),
    ) {
        if self.skipping {
            let Some(end) = memchr::memchr(b'\n', bytes) else {
                return;
            };
            self.skipping = false;
            bytes = bytes.get(end + 1..).unwrap_or_default();
        }
        if self.lost && !bytes.is_empty() && !starts_a_line(self.sender, bytes) {
            let end = memchr::memchr(b'\n', bytes);
            let (rest, next) = bytes.split_at(end.map_or(bytes.len(), |end| end + 1));
            each(Line {
                bytes: bounded(rest.strip_suffix(b"\n").unwrap_or(rest)),
                at,
                origin,
                ends: origin.record,
                end: LineEnd::Rest,
            });
            bytes = next;
            self.lost = end.is_none();
        } else if self.is_noise() && starts_a_line(self.sender, bytes) {
            self.finish(each);
        }
        self.lost &= bytes.is_empty();
        while let Some(end) = self.clean_line(bytes) {
            let (line, rest) = bytes.split_at(end);
            bytes = rest.get(1..).unwrap_or_default();
            each(Line {
                bytes: bounded(line),
                at,
                origin,
                ends: origin.record,
                end: LineEnd::Whole,
            });
        }
        while let Some(end) = memchr::memchr(b'\n', bytes) {
            let (line, rest) = bytes.split_at(end);
            bytes = rest.get(1..).unwrap_or_default();
            self.take(line, at, origin);
            self.telnet = Telnet::Text; // no Telnet command goes on beyond a line
            self.emit(LineEnd::Whole, at, origin, each);
        }
        if !bytes.is_empty() {
            self.take(bytes, at, origin);
        }
    }

    /// Where the line ends that the bytes begin with, if no part of it was heard before and nothing has to be taken out.
    fn clean_line(&self, bytes: &[u8]) -> Option<usize> {
        if !self.is_between_lines() {
            return None;
        }
        let end = memchr::memchr3(b'\n', 0xff, 0, bytes)?;
        (bytes.get(end) == Some(&b'\n')).then_some(end)
    }

    /// The other side answers: a line of which no more would be kept is handed over, so that it stands before its answer.
    pub fn answered(&mut self, each: &mut dyn FnMut(Line<'_>)) {
        if self.buffer.len() >= limits::CONTROL_LINE_BYTES {
            self.finish(each);
            self.skipping = true;
        }
    }

    /// Bytes were lost here: hands over what there is of the line, and looks for the next line's start.
    pub fn lose(&mut self, each: &mut dyn FnMut(Line<'_>)) {
        self.finish(each);
        self.telnet = Telnet::Text;
        self.skipping = false;
        self.lost = true;
    }

    /// The connection is over: hands over what there is of the line.
    pub fn finish(&mut self, each: &mut dyn FnMut(Line<'_>)) {
        if let Some((origin, ends, at)) = self.begun {
            let ends = Origin {
                record: ends,
                ..origin
            };
            if self.buffer.is_empty() {
                self.begun = None;
            } else {
                self.emit(LineEnd::Cut, at, ends, each);
            }
        }
    }

    /// True when no line and no Telnet command is begun.
    pub fn is_between_lines(&self) -> bool {
        self.begun.is_none() && self.telnet == Telnet::Text && !self.skipping
    }

    /// What was begun is no line: long, and not text. After such the start of a line is one, though no LF was seen.
    fn is_noise(&self) -> bool {
        let is_control = |b: &u8| matches!(b, 1..=8 | 14..=26 | 28..=31);
        self.buffer.len() >= limits::NOISE_BYTES && self.buffer.iter().any(is_control)
    }

    fn emit(
        &mut self,
        end: LineEnd,
        at: Option<Timestamp>,
        last: Origin,
        each: &mut dyn FnMut(Line<'_>),
    ) {
        let origin = self.begun.map_or(last, |(origin, ..)| origin);
        each(Line {
            bytes: bounded(&self.buffer),
            at,
            origin,
            ends: last.record,
            end,
        });
        self.buffer.clear();
        self.begun = None;
    }

    fn take(&mut self, bytes: &[u8], at: Option<Timestamp>, origin: Origin) {
        for byte in bytes {
            self.telnet = match (self.telnet, *byte) {
                (Telnet::Text, 0xff) => Telnet::Iac,
                (Telnet::Text, 0)
                | (Telnet::Iac, 240..=249)
                | (Telnet::Option, _)
                | (Telnet::SubIac, 240) => Telnet::Text,
                (Telnet::Iac, 251..=254) => Telnet::Option,
                (Telnet::Iac, 250) => Telnet::Sub,
                // IAC IAC is one byte 255; 255 before anything else is a letter (ÿ) of a client that knows no Telnet.
                (Telnet::Iac, 255) => self.keep(0xff),
                (Telnet::Iac, other) => {
                    self.keep(0xff);
                    self.keep(other)
                }
                (Telnet::Text, other) => self.keep(other),
                (Telnet::Sub, 0xff) => Telnet::SubIac,
                (Telnet::Sub | Telnet::SubIac, _) => Telnet::Sub,
            };
        }
        let (first, ..) = self.begun.unwrap_or((origin, 0, None));
        self.begun = Some((first, origin.record, at));
    }

    fn keep(&mut self, byte: u8) -> Telnet {
        if self.buffer.len() <= limits::CONTROL_LINE_BYTES {
            self.buffer.push(byte);
        }
        Telnet::Text
    }
}

fn bounded(line: &[u8]) -> &[u8] {
    let line = line.get(..limits::CONTROL_LINE_BYTES).unwrap_or(line);
    let end = line
        .iter()
        .rposition(|b| *b != b'\r')
        .map_or(0, |last| last + 1);
    line.get(..end).unwrap_or(line)
}

/// The commands of RFC 959 and those most often seen beside them.
#[rustfmt::skip]
const VERBS: [&[u8]; 40] = [
    b"USER", b"PASS", b"ACCT", b"CWD", b"CDUP", b"SMNT", b"QUIT", b"REIN", b"PORT", b"PASV", b"TYPE", b"STRU", b"MODE",
    b"RETR", b"STOR", b"STOU", b"APPE", b"ALLO", b"REST", b"RNFR", b"RNTO", b"ABOR", b"DELE", b"RMD", b"MKD", b"PWD",
    b"LIST", b"NLST", b"SITE", b"SYST", b"STAT", b"HELP", b"NOOP", b"EPSV", b"EPRT", b"FEAT", b"OPTS", b"SIZE", b"MDTM",
    b"MLSD",
];

/// After a loss: `220 ` or `220-` from a server, a known command from a client, at the start of a segment. Any other word
/// may be the rest of a password.
fn starts_a_line(sender: Side, bytes: &[u8]) -> bool {
    match sender {
        Side::Server => {
            ReplyCode::from_digits(bytes).is_some()
                && matches!(bytes.get(3), Some(b' ' | b'-' | b'\r'))
        }
        Side::Client => {
            let word = bytes
                .iter()
                .position(|b| !b.is_ascii_uppercase())
                .unwrap_or(bytes.len());
            let is_known = bytes.get(..word).is_some_and(|w| VERBS.contains(&w));
            is_known && matches!(bytes.get(word), Some(b' ' | b'\r' | b'\n'))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines_of(chunks: &[&[u8]]) -> Vec<(Vec<u8>, u64, u64, LineEnd)> {
        let mut found = Vec::new();
        let mut lines = Lines::new(Side::Server);
        let mut keep = |l: Line<'_>| found.push((l.bytes.to_vec(), l.origin.record, l.ends, l.end));
        for (record, chunk) in (1..).zip(chunks) {
            if chunk.is_empty() {
                lines.lose(&mut keep);
            }
            lines.push(
                chunk,
                None,
                Origin {
                    record,
                    ..Origin::default()
                },
                &mut keep,
            );
        }
        lines.finish(&mut keep);
        found
    }

    #[test]
    fn a_line_knows_its_first_and_last_record() {
        let found = lines_of(&[b"22", b"0 re", b"ady\r\n331 x\n"]);
        assert_eq!(
            found,
            [
                (b"220 ready".to_vec(), 1, 3, LineEnd::Whole),
                (b"331 x".to_vec(), 3, 3, LineEnd::Whole)
            ]
        );
    }

    #[test]
    fn telnet_commands_and_nul_are_taken_out() {
        let found = lines_of(&[
            b"\xff\xf4\xff",
            b"\xf2ABOR\r\n",
            b"\xff\xfb\x01US\xff\xfa\x18\x00\xff\xf0ER a\0\xff\xff\r\n",
        ]);
        assert_eq!(found[0].0, b"ABOR");
        assert_eq!(found[1].0, b"USER a\xff");
    }

    #[test]
    fn a_loss_cuts_the_line_and_is_never_glued() {
        let found = lines_of(&[b"226 Transfer comp", b"", b"lete\r\n220 new\r\n"]);
        assert_eq!(
            found,
            [
                (b"226 Transfer comp".to_vec(), 1, 1, LineEnd::Cut),
                (b"lete".to_vec(), 3, 3, LineEnd::Rest),
                (b"220 new".to_vec(), 3, 3, LineEnd::Whole)
            ]
        );
        let found = lines_of(&[b"", b"220 whole\r\n"]);
        assert_eq!(found[0].0, b"220 whole");
    }

    #[test]
    fn the_rest_of_a_lost_line_is_told_and_is_no_line() {
        let found = lines_of(&[b"226 a", b"", b"bc", b"d\r\n220 new\r\n"]);
        let found: Vec<_> = found.iter().map(|f| (f.0.as_slice(), f.3)).collect();
        assert_eq!(
            found,
            [
                (&b"226 a"[..], LineEnd::Cut),
                (b"bc", LineEnd::Rest),
                (b"d", LineEnd::Rest),
                (b"220 new", LineEnd::Whole)
            ]
        );
    }

    #[test]
    fn after_noise_a_segment_that_starts_like_a_line_is_one() {
        let noise = [0x01; limits::NOISE_BYTES];
        let found = lines_of(&[b"SSH-2.0-x\r\n", &noise, b"500 what\r\n"]);
        let found: Vec<_> = found.iter().map(|f| f.0.as_slice()).collect();
        assert_eq!(found, [&b"SSH-2.0-x"[..], &noise, b"500 what"]);
        // Text is never noise, however it is cut.
        let found = lines_of(&[&[b'a'; 200], b"500 what\r\n"]);
        assert_eq!(found.len(), 1);
    }

    #[test]
    fn a_line_that_is_answered_before_its_end_stands_before_the_answer() {
        let long = vec![b'x'; limits::CONTROL_LINE_BYTES + 5];
        let mut found = Vec::new();
        let mut lines = Lines::new(Side::Client);
        let mut keep = |l: Line<'_>| found.push(l.bytes.len());
        for chunk in [&long[..], b"yyy", b"y\r\nQUIT\r\n"] {
            lines.push(chunk, None, Origin::default(), &mut keep);
            lines.answered(&mut keep);
        }
        // A short one may still be going on.
        let mut lines = Lines::new(Side::Client);
        lines.push(b"NO", None, Origin::default(), &mut keep);
        lines.answered(&mut keep);
        lines.push(b"OP\r\n", None, Origin::default(), &mut keep);
        assert_eq!(found, [limits::CONTROL_LINE_BYTES, 4, 4]);
    }

    #[test]
    fn a_line_without_end_is_bounded() {
        let long = vec![b'x'; limits::CONTROL_LINE_BYTES * 3];
        let found = lines_of(&[&long, &long, b"\n"]);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].0.len(), limits::CONTROL_LINE_BYTES);
    }
}
