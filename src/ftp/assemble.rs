//! A server's lines become replies (RFC 959 section 4.2).
//!
//! `NNN text` is a reply; `NNN-text` opens one that ends with `NNN ` of the
//! same code. Some servers end it with another code (glFTPd: `553-` … `150 `),
//! others write lines inside that look like an end (`250-` … `550 x` … `250 `).
//! A live client must choose; a reader of records can look ahead: a line with
//! another code is kept as a *candidate*; if the same code comes before the
//! client speaks again it was text, else it was the reply, and the lines after
//! it are read afresh.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::diagnostic::Origin;
use crate::ftp::{Evidence, Line, LineEnd, Reply, ReplyCode, grammar};
use crate::limits;
use crate::time::Timestamp;

/// What a server's lines turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found<'b> {
    /// A reply.
    Reply {
        /// The reply.
        reply: Reply<'b>,
        /// When its last byte was heard.
        at: Option<Timestamp>,
        /// The record that holds its first byte.
        origin: Origin,
        /// The record that holds its last byte.
        ends: u64,
        /// False when bytes of it were lost or its last line never came.
        whole: bool,
    },
    /// A line that belongs to no reply.
    Stray(Line<'b>),
}

/// A line kept while a reply is open.
#[derive(Debug, Clone)]
struct Kept {
    bytes: Vec<u8>,
    at: Option<Timestamp>,
    origin: Origin,
    ends: u64,
    end: LineEnd,
}

impl Kept {
    fn line(&self) -> Line<'_> {
        Line {
            bytes: &self.bytes,
            at: self.at,
            origin: self.origin,
            ends: self.ends,
            end: self.end,
        }
    }
}

/// A reply whose last line has not come yet.
#[derive(Debug, Clone)]
struct Open {
    code: ReplyCode,
    text: Vec<u8>,
    lines: u32,
    at: Option<Timestamp>,
    origin: Origin,
    ends: u64,
    /// Bytes were lost since it was opened: its end may be among them.
    lost: bool,
    /// The first line with another code and the lines after it.
    candidate: Vec<Kept>,
    /// Bytes of these.
    candidate_bytes: usize,
}

/// Puts one server's lines together to replies.
#[derive(Debug, Clone, Default)]
pub struct Replies {
    open: Option<Box<Open>>,
}

impl Replies {
    /// Takes the next line and hands over what is known for certain.
    pub fn line(&mut self, line: Line<'_>, each: &mut dyn FnMut(Found<'_>)) {
        if line.end == LineEnd::Rest {
            return each(Found::Stray(line));
        }
        let shape = grammar::reply_line(line.bytes);
        if self.open.as_ref().is_some_and(|open| open.is_full()) {
            self.settle(each); // whatever follows, it is too far away to decide
        }
        let Some(open) = &mut self.open else {
            return self.fresh(line, shape, each);
        };
        match shape {
            Some(shape) if shape.is_last && shape.code == open.code => {
                for kept in std::mem::take(&mut open.candidate) {
                    open.add(&kept.bytes, kept.at, kept.ends);
                }
                open.add(shape.text, line.at, line.ends);
                self.close(line.end == LineEnd::Whole, each);
            }
            Some(shape) if shape.is_last && open.lost => {
                // Its own end was among the lost bytes.
                self.close(false, each);
                self.fresh(line, Some(shape), each);
            }
            Some(shape) if shape.is_last || !open.candidate.is_empty() => open.keep(line),
            _ if !open.candidate.is_empty() => open.keep(line),
            _ => open.add(line.bytes, line.at, line.ends),
        }
    }

    /// The reply that a whole line is, where none is open: all that [`Replies::line`] would make of it, in less time.
    pub fn single<'b>(&self, line: &'b [u8]) -> Option<Reply<'b>> {
        if self.is_open() {
            return None;
        }
        let shape = grammar::reply_line(line).filter(|shape| shape.is_last)?;
        Some(Reply {
            code: shape.code,
            text: Cow::Borrowed(shape.text),
            lines: 1,
            evidence: Evidence::Observed,
        })
    }

    /// The client speaks: a candidate was the reply after all.
    pub fn client_spoke(&mut self, each: &mut dyn FnMut(Found<'_>)) {
        if self.is_open() {
            self.settle(each);
        }
    }

    /// The server's bytes were lost here.
    pub fn lose(&mut self, each: &mut dyn FnMut(Found<'_>)) {
        self.settle(each);
        if let Some(open) = &mut self.open {
            open.lost = true;
        }
    }

    /// No more lines: hands over what is open.
    pub fn finish(&mut self, each: &mut dyn FnMut(Found<'_>)) {
        self.settle(each);
        self.close(false, each);
    }

    /// True while a multi-line reply waits for its last line.
    pub fn is_open(&self) -> bool {
        self.open.is_some()
    }

    fn fresh(
        &mut self,
        line: Line<'_>,
        shape: Option<grammar::ReplyLine<'_>>,
        each: &mut dyn FnMut(Found<'_>),
    ) {
        match shape {
            None => each(Found::Stray(line)),
            Some(shape) if shape.is_last => each(Found::Reply {
                reply: Reply {
                    code: shape.code,
                    text: Cow::Borrowed(shape.text),
                    lines: 1,
                    evidence: Evidence::Observed,
                },
                at: line.at,
                origin: line.origin,
                ends: line.ends,
                whole: line.end == LineEnd::Whole,
            }),
            Some(shape) => {
                self.open = Some(Box::new(Open {
                    code: shape.code,
                    text: shape.text.to_vec(),
                    lines: 1,
                    at: line.at,
                    origin: line.origin,
                    ends: line.ends,
                    lost: line.end == LineEnd::Cut,
                    candidate: Vec::new(),
                    candidate_bytes: 0,
                }));
            }
        }
    }

    /// Ends the open reply at its candidate, if it has one, and reads the lines after that afresh.
    fn settle(&mut self, each: &mut dyn FnMut(Found<'_>)) {
        let Some(open) = &mut self.open else { return };
        open.candidate_bytes = 0;
        let kept = std::mem::take(&mut open.candidate);
        // Where the last line stands that may be a reply's own end, by its code.
        let mut ends = BTreeMap::new();
        for (place, kept) in kept.iter().enumerate() {
            if let Some(shape) = grammar::reply_line(&kept.bytes).filter(|shape| shape.is_last) {
                ends.insert(shape.code.number(), place);
            }
        }
        for (place, kept) in kept.iter().enumerate() {
            let own_end = self.open.as_ref().map(|open| open.code.number());
            let own_end = own_end.and_then(|code| ends.get(&code));
            self.decide(kept, own_end.is_some_and(|end| *end > place), each);
        }
    }

    /// Takes a line that waited, once it is known whether the open reply's own end stands behind it.
    fn decide(&mut self, kept: &Kept, is_inside: bool, each: &mut dyn FnMut(Found<'_>)) {
        let line = kept.line();
        let shape = grammar::reply_line(line.bytes);
        let Some(open) = &mut self.open else {
            return self.fresh(line, shape, each);
        };
        match shape.filter(|shape| shape.is_last) {
            Some(shape) if shape.code == open.code => {
                open.add(shape.text, line.at, line.ends);
                self.close(line.end == LineEnd::Whole, each);
            }
            Some(shape) if open.lost => {
                self.close(false, each);
                self.fresh(line, Some(shape), each);
            }
            Some(shape) if !is_inside => {
                open.code = shape.code;
                open.add(shape.text, line.at, line.ends);
                self.close(true, each);
            }
            _ => open.add(line.bytes, line.at, line.ends),
        }
    }

    fn close(&mut self, whole: bool, each: &mut dyn FnMut(Found<'_>)) {
        if let Some(open) = self.open.take() {
            each(Found::Reply {
                reply: Reply {
                    code: open.code,
                    text: Cow::Owned(open.text),
                    lines: open.lines,
                    evidence: Evidence::Observed,
                },
                at: open.at,
                origin: open.origin,
                ends: open.ends,
                whole: whole && !open.lost,
            });
        }
    }
}

impl Open {
    fn add(&mut self, text: &[u8], at: Option<Timestamp>, ends: u64) {
        if self.lines < limits::REPLY_LINES && self.text.len() < limits::REPLY_BYTES {
            self.text.push(b'\n');
            self.text.extend_from_slice(text);
        }
        self.lines = self.lines.saturating_add(1);
        self.at = at.or(self.at);
        self.ends = ends;
    }

    /// As many lines wait behind a candidate as may.
    fn is_full(&self) -> bool {
        self.candidate.len() >= limits::REPLY_LINES as usize
            || self.candidate_bytes >= limits::REPLY_BYTES
    }

    fn keep(&mut self, line: Line<'_>) {
        let Line {
            bytes,
            at,
            origin,
            ends,
            end,
        } = line;
        self.candidate_bytes += bytes.len();
        self.candidate.push(Kept {
            bytes: bytes.to_vec(),
            at,
            origin,
            ends,
            end,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `>` is the client speaking, `!` a loss; everything else a server's line.
    fn check(lines: &[&str], expected: &[(u16, u32, bool)], strays: usize) {
        let mut found = Vec::new();
        let mut stray = 0;
        let mut replies = Replies::default();
        let mut each = |f: Found<'_>| match f {
            Found::Reply { reply, whole, .. } => {
                found.push((reply.code.number(), reply.lines, whole));
            }
            Found::Stray(_) => stray += 1,
        };
        for line in lines {
            match *line {
                ">" => replies.client_spoke(&mut each),
                "!" => replies.lose(&mut each),
                text => {
                    let origin = Origin::default();
                    replies.line(
                        Line {
                            bytes: text.as_bytes(),
                            at: None,
                            origin,
                            ends: 0,
                            end: LineEnd::Whole,
                        },
                        &mut each,
                    );
                }
            }
        }
        replies.finish(&mut each);
        assert_eq!(found, expected);
        assert_eq!(stray, strays);
    }

    #[test]
    fn one_line_and_many_lines() {
        check(
            &["220 hi", "331-a", " b", "331 c"],
            &[(220, 1, true), (331, 3, true)],
            0,
        );
        check(&["220"], &[(220, 1, true)], 0);
    }

    #[test]
    fn a_line_inside_that_looks_like_an_end_is_text() {
        check(
            &["250-a", "550 not an end", "250 b", ">"],
            &[(250, 3, true)],
            0,
        );
        check(
            &["230-a", "230-b", "226 x", "y", "230 c"],
            &[(230, 5, true)],
            0,
        );
    }

    #[test]
    fn another_code_ends_a_reply_when_its_own_does_not_come() {
        check(&["553-list", "150 opening", ">"], &[(150, 2, true)], 0);
        check(
            &["230-hello", "226 done", ">", "221 bye"],
            &[(226, 2, true), (221, 1, true)],
            0,
        );
        check(
            &["553-list", "150 opening", "226 done", ">"],
            &[(150, 2, true), (226, 1, true)],
            0,
        );
        // What waited behind it is read afresh, with replies of several lines of its own.
        check(
            &["220-a", "331 b", "550-c", "550 d", ">"],
            &[(331, 2, true), (550, 2, true)],
            0,
        );
    }

    #[test]
    fn an_end_that_was_lost_does_not_swallow_the_next_reply() {
        check(
            &["211-features", "!", "226 done", ">"],
            &[(211, 1, false), (226, 1, true)],
            0,
        );
        check(
            &["211-features", "!", " SIZE", "211 end"],
            &[(211, 3, false)],
            0,
        );
    }

    #[test]
    fn the_end_of_input_keeps_what_was_read() {
        check(&["220-a", "b"], &[(220, 2, false)], 0);
        check(
            &["220-a", "331 x", "530 y"],
            &[(331, 2, true), (530, 1, true)],
            0,
        );
    }

    #[test]
    fn a_candidate_waits_for_a_bounded_number_of_lines_and_none_is_dropped() {
        let mut lines = vec!["250-a", "550 b"];
        lines.extend(["226 c"; 600]);
        let expected = vec![(226, 1, true); 600];
        check(&lines, &[vec![(550, 2, true)], expected].concat(), 0);
    }

    #[test]
    fn of_many_lines_the_first_are_kept_and_a_candidate_is_told_while_lines_come() {
        let line = |replies: &mut Replies, bytes: &[u8], found: &mut Vec<(u16, usize, u32)>| {
            let line = Line {
                bytes,
                at: None,
                origin: Origin::default(),
                ends: 0,
                end: LineEnd::Whole,
            };
            replies.line(line, &mut |f| {
                if let Found::Reply { reply, .. } = f {
                    let kept = reply.text.split(|byte| *byte == b'\n').count();
                    found.push((reply.code.number(), kept, reply.lines));
                }
            });
        };
        let most = limits::REPLY_LINES;
        let (mut replies, mut found) = (Replies::default(), Vec::new());
        line(&mut replies, b"211-a", &mut found);
        for _ in 0..most + 10 {
            line(&mut replies, b" x", &mut found);
        }
        line(&mut replies, b"211 end", &mut found);
        assert_eq!(found, [(211, most as usize, most + 12)]);
        found.clear();
        line(&mut replies, b"220-a", &mut found);
        line(&mut replies, b"331 b", &mut found);
        for _ in 0..most - 1 {
            line(&mut replies, b"x", &mut found);
        }
        assert_eq!(found, []);
        line(&mut replies, b"x", &mut found);
        assert_eq!(found, [(331, 2, 2)]);
        found.clear();
        line(&mut replies, b"220-a", &mut found);
        line(&mut replies, b"331 b", &mut found);
        let long = vec![b'x'; limits::REPLY_BYTES];
        line(&mut replies, &long, &mut found);
        line(&mut replies, b"x", &mut found);
        assert_eq!(found, [(331, 2, 2)]);
    }

    #[test]
    fn lines_without_code_are_strays() {
        check(
            &["hello", "127.0.0.1", "99 x", "220x", "220 ok"],
            &[(220, 1, true)],
            4,
        );
    }
}
