//! A source from the place on up to which an earlier run read it, and a note of how far this one does.
//!
//! A plain file is read from that place; what is packed or wrapped has no places, so it is read from its beginning and
//! what is known is passed over. A line whose end is not written yet is left for a later run.

use std::io::{self, BufRead as _, BufReader, Read, Seek, SeekFrom};

use super::open::{self, Opened, file};
use super::print::{Piece, Print, remember};
use crate::input::{Candidate, OpenError};
use crate::limits;

/// How far a source was read: whole lines, and the bytes they have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Place {
    /// Bytes, decompressed and unwrapped.
    pub bytes: u64,
    /// Line ends among them.
    pub lines: u64,
}

/// Opens a candidate at a place, up to which it is known by a print; its head is that of the whole. Gives the bytes before
/// the place.
///
/// # Errors
///
/// When it can't be opened, or is another file by now.
pub fn open_at(
    candidate: &Candidate,
    known: Option<(Place, &Print)>,
) -> Result<(Opened, u64), OpenError> {
    let mut opened = open::open(candidate)?;
    let Some((place, print)) = known else {
        return Ok((opened, 0));
    };
    let explain = |error: io::Error| open::explain(&error);
    if !opened.is_packed && !opened.is_wrapped {
        let mut file = file(candidate).map_err(explain)?;
        if !print.fits(&mut file).map_err(explain)? {
            let words = "it was renamed or replaced a moment ago; the next run goes on with it";
            return Err(OpenError(words.to_owned()));
        }
        let mut head = Vec::new();
        file.seek(SeekFrom::Start(0)).map_err(explain)?;
        let sniffed = limits::SNIFF_BYTES as u64;
        (&mut file)
            .take(sniffed)
            .read_to_end(&mut head)
            .map_err(explain)?;
        file.seek(SeekFrom::Start(place.bytes)).map_err(explain)?;
        (opened.reader, opened.head) = (Box::new(file), head);
        return Ok((opened, place.bytes));
    }
    if opened.is_wrapped {
        let mut source = BufReader::new(opened.reader);
        let (mut bytes, mut line) = (0, Vec::new());
        for _ in 0..place.lines {
            line.clear();
            let read = source.read_until(b'\n', &mut line).map_err(explain)?;
            if read == 0 {
                break;
            }
            bytes += read as u64;
        }
        opened.reader = Box::new(source);
        return Ok((opened, bytes));
    }
    let passed = io::copy(
        &mut opened.reader.by_ref().take(place.bytes),
        &mut io::sink(),
    );
    Ok((opened, passed.map_err(explain)?))
}

/// A source that is read in whole lines, and notes what another run needs to go on.
pub struct Tracked<'r> {
    source: &'r mut (dyn Read + Send),
    /// A last line without end is left.
    in_lines: bool,
    buffer: Vec<u8>,
    /// What of the buffer was handed over, and what of it may be.
    start: usize,
    usable: usize,
    is_over: bool,
    failed: Option<io::Error>,
    /// The bytes before, and those that were handed over.
    bytes: u64,
    last: Vec<u8>,
}

impl std::fmt::Debug for Tracked<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tracked")
            .field("bytes", &self.bytes)
            .finish_non_exhaustive()
    }
}

impl<'r> Tracked<'r> {
    /// From a place on, before which these bytes stand. With `in_lines` a last line without end is left for later.
    pub fn new(source: &'r mut (dyn Read + Send), before: u64, in_lines: bool) -> Self {
        Self {
            source,
            in_lines,
            buffer: Vec::new(),
            start: 0,
            usable: 0,
            is_over: false,
            failed: None,
            bytes: before,
            last: Vec::new(),
        }
    }

    /// Bytes before the place that was reached.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Bytes of the line whose end was not there.
    pub fn left(&self) -> usize {
        self.buffer.len() - self.usable
    }

    /// The print of what was read up to here, by the first bytes of the whole; `before` is that of an earlier run, which
    /// stays where nothing came.
    pub fn print(&self, head: &[u8], before: Option<&Print>) -> Print {
        if let (Some(before), true) = (before, self.last.is_empty()) {
            return before.clone();
        }
        let most = usize::try_from(self.bytes).unwrap_or(usize::MAX);
        let head = head.get(..most.min(limits::PRINT_BYTES)).unwrap_or(head);
        Print {
            head: Piece::new(head, head.len() as u64),
            tail: Piece::new(&self.last, self.bytes),
        }
    }

    fn fill(&mut self) {
        self.buffer.drain(..self.start);
        self.usable -= self.start;
        self.start = 0;
        let from = self.buffer.len();
        let wanted = limits::LOG_LINE_BYTES as u64;
        let read = { &mut *self.source }
            .take(wanted)
            .read_to_end(&mut self.buffer);
        match read {
            Ok(read) => self.is_over = (read as u64) < wanted,
            Err(error) => {
                self.is_over = true;
                self.failed = Some(error);
            }
        }
        let new = self.buffer.get(from..).unwrap_or_default();
        self.usable = match memchr::memrchr(b'\n', new) {
            Some(end) => from + end + 1,
            None if self.buffer.len() > limits::LOG_LINE_BYTES => self.buffer.len(),
            None => self.usable,
        };
        if self.is_over && !self.in_lines {
            self.usable = self.buffer.len();
        }
    }
}

impl Read for Tracked<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        while self.start == self.usable && !self.is_over {
            self.fill();
        }
        if self.start == self.usable
            && let Some(error) = self.failed.take()
        {
            return Err(error);
        }
        let ready = self.buffer.get(self.start..self.usable).unwrap_or_default();
        let read = { ready }.read(to)?;
        let handed = self.buffer.get(self.start..self.start + read);
        remember(&mut self.last, handed.unwrap_or_default());
        self.start += read;
        self.bytes += read as u64;
        Ok(read)
    }
}
