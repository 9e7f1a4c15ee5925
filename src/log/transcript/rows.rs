//! Rows of a dump become the bytes that one side sent.
//!
//! A dump prints a piece of what was sent in rows, each with its place in the piece. In a dump of text CR LF is not
//! printed: the next row's place tells that it was there.

use std::borrow::Cow;

use crate::ftp::Side;
use crate::limits;

/// A row of a dump.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row<'b> {
    /// Its place in the piece.
    pub place: u32,
    /// Its bytes.
    pub bytes: Cow<'b, [u8]>,
}

/// The rows of one piece.
#[derive(Debug, Default)]
pub(super) struct Rows {
    sender: Option<Side>,
    bytes: Vec<u8>,
    /// The place behind the last row.
    end: u32,
    /// The piece holds a secret: the rest of it is not kept.
    is_secret: bool,
}

impl Rows {
    pub(super) fn take(&mut self, row: &Row<'_>) {
        if self.sender.is_none() || self.is_secret || self.bytes.len() > limits::CONTROL_LINE_BYTES
        {
            return;
        }
        if row.place != self.end {
            self.bytes.push(b'\n');
        }
        let length = u32::try_from(row.bytes.len()).unwrap_or(u32::MAX);
        self.end = row.place.saturating_add(length);
        self.bytes.extend_from_slice(&row.bytes);
    }

    /// A command stands in a row of its own: true where a client's piece is open, or no piece is.
    pub(super) fn pass_over(&mut self) -> bool {
        self.is_secret = true;
        self.sender != Some(Side::Server)
    }

    /// The piece is whole, and `next` sends the one behind it. Answers who sent it, and what.
    pub(super) fn turn(&mut self, next: Option<Side>) -> (Option<Side>, Vec<u8>) {
        let sender = std::mem::replace(&mut self.sender, next);
        (self.end, self.is_secret) = (0, false);
        (sender, std::mem::take(&mut self.bytes))
    }
}
