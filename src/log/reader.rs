//! Windows of a log become events: cut into whole lines, read in parallel, put together in order.
//!
//! `records = taken + ignored + unrecognised` holds for every source. How a
//! source is cut into windows changes nothing: where headers say what the
//! lines behind them hold, the one in force goes along with each window.

mod passed;
mod repeated;
mod resume;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::diagnostic::{DiagnosticKind, Diagnostics, Origin, SourceId};
use crate::ftp::Vantage;
use crate::input::{Cut, Decode, Window};
use crate::limits;
use crate::log::carried::{Carrying, Entry, Kept, Turn};
use crate::log::{Bare, Detected, FORMATS, Follow, Header, Out, Read, Record};
use crate::time::{Clock, Stamp, Timestamp};

const HEADER: &str = "a line of the log's header, or a remark";
const ORDER_ASSUMED: &str = "a date that may be day/month or month/day, and no other date at the head of the file shows which: \
                             taken as day/month, unless the file is older than that";
/// So many bytes of a window tell how long its lines are.
const HEAD_BYTES: usize = 8192;

use passed::Passed;
pub use resume::Progress;
use resume::line_at;

/// What became of a source's lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// All lines.
    pub records: u64,
    /// Lines that became events or were part of one.
    pub taken: u64,
    /// Lines of no use, for a named reason.
    pub ignored: u64,
    /// Lines that no format knows.
    pub unrecognised: u64,
}

/// A record with its place in the window.
#[derive(Debug)]
struct Placed<'w> {
    line: u64,
    offset: u64,
    format: usize,
    record: Record<'w>,
}

/// The header in force at the start of a window; `None` in formats without headers.
pub type Headed = Option<Arc<Header>>;

/// A window's lines, read one by one.
#[derive(Debug)]
pub struct Part<'w> {
    bytes: &'w [u8],
    /// The header in force at its start.
    header: Headed,
    lines: u64,
    records: Vec<Placed<'w>>,
    passed: Vec<Passed<'w>>,
}

/// Reads the sources of one series, one after another. Sessions go on from one to the next.
pub struct LogReader {
    format: Detected,
    followers: Vec<Option<Box<dyn Follow + Send + Sync>>>,
    source: SourceId,
    /// The format of this source.
    format_of_source: Detected,
    clock: Clock,
    /// Lines merged so far in this source.
    lines: u64,
    /// The last window ended inside a line that is longer than the limit.
    in_line: bool,
    counts: BTreeMap<SourceId, Counts>,
    diagnostics: Diagnostics,
    /// What keeps the records of open sessions, where a later run goes on.
    carrying: Option<Carrying>,
    /// The line before the next window, where it told something.
    last_line: Option<Arc<repeated::LastLine>>,
    /// The first and the latest time of a record of this source.
    first: Option<Timestamp>,
    newest: Option<Timestamp>,
}

impl std::fmt::Debug for LogReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogReader")
            .field("format", &self.format)
            .field("source", &self.source)
            .field("lines", &self.lines)
            .finish_non_exhaustive()
    }
}

impl LogReader {
    /// A reader for a series in this format, and for its first source.
    pub fn new(format: Detected, source: SourceId, clock: Clock) -> Self {
        Self {
            format,
            followers: FORMATS.iter().map(|_| None).collect(),
            source,
            format_of_source: format,
            clock,
            lines: 0,
            in_line: false,
            counts: BTreeMap::from([(source, Counts::default())]),
            diagnostics: Diagnostics::default(),
            carrying: None,
            last_line: None,
            first: None,
            newest: None,
        }
    }

    /// Hands a record to what puts its format's records together.
    fn follow(
        &mut self,
        (format, record): (usize, &Record<'_>),
        at: Option<Timestamp>,
        origin: Origin,
        entry: Option<Entry>,
        out: &mut Out<'_>,
    ) {
        let (Some(follower), Some(known)) = (self.followers.get_mut(format), FORMATS.get(format))
        else {
            return;
        };
        let follower = follower.get_or_insert_with(|| known.follow());
        let (Some(carrying), Some(entry)) = (&mut self.carrying, entry) else {
            for _ in 0..record.times {
                follower.record(record, at, origin, out);
            }
            return;
        };
        for nth in 0..record.times {
            let begun = follower.marks().map(|marks| marks.begun);
            let mut turn = Turn::again(nth > 0);
            follower.record(record, at, origin, &mut |event| {
                turn.note(&event);
                out(event);
            });
            let marks = follower.marks();
            let heard = marks.and_then(|marks| {
                turn.begun = begun.filter(|begun| *begun != marks.begun);
                marks.heard.take()
            });
            carrying.take((format, record), heard, &turn, entry.clone());
        }
    }

    /// Goes on with the next source. Sessions stay open.
    pub fn begin_source(&mut self, source: SourceId, clock: Clock) {
        self.source = source;
        self.clock = clock;
        self.lines = 0;
        self.in_line = false;
        (self.first, self.newest, self.last_line) = (None, None, None);
        self.counts.entry(source).or_default();
        if let Some(carrying) = &mut self.carrying {
            carrying.header().begin(b"");
        }
    }

    /// The format of the source that was begun, where it is not that of the series.
    pub fn set_format(&mut self, format: Detected) {
        self.format_of_source = format;
    }

    /// How many of these bytes are whole lines: a window. 0 where more bytes are needed to tell; `last` says that there
    /// are none.
    pub fn cut(bytes: &[u8], last: bool) -> usize {
        if last {
            return bytes.len();
        }
        match memchr::memrchr(b'\n', bytes) {
            Some(end) => end + 1,
            // A line that is too long is cut anywhere, and the rest of it passed over.
            None if bytes.len() > limits::LOG_LINE_BYTES => bytes.len(),
            None => 0,
        }
    }

    /// Reads a window's lines, each by itself.
    pub fn decode<'w>(&self, window: &'w [u8], header: &Headed) -> Part<'w> {
        self.format.lines(window, header)
    }

    /// Takes the next window's part, and hands over the events of the records in it.
    pub fn merge(&mut self, window_offset: u64, part: Part<'_>, out: &mut Out<'_>) {
        let is_inside = self.in_line;
        if !part.bytes.is_empty() {
            self.in_line = part.bytes.last() != Some(&b'\n');
        }
        if !is_inside {
            return self.merge_lines(window_offset, part, out);
        }
        // The first bytes are the rest of a line that was counted already.
        let end = memchr::memchr(b'\n', part.bytes).map_or(part.bytes.len(), |end| end + 1);
        let rest = part.bytes.get(end..).unwrap_or_default();
        let rest = self.decode(rest, &part.header);
        self.merge_lines(window_offset + end as u64, rest, out);
    }

    /// When a record was written. Lines of one second stand together; only of dates without a year does the clock remember
    /// the last.
    fn at(
        &mut self,
        stamp: Stamp,
        before: &mut Option<(i64, u32, Option<Timestamp>)>,
    ) -> Option<Timestamp> {
        let at = match (stamp, *before) {
            (Stamp::Local(seconds, nanos), Some((s, n, at))) if (s, n) == (seconds, nanos) => at,
            _ => self.clock.utc(stamp),
        };
        *before = match stamp {
            Stamp::Local(seconds, nanos) => Some((seconds, nanos, at)),
            _ => None,
        };
        at
    }

    fn merge_lines(&mut self, window_offset: u64, part: Part<'_>, out: &mut Out<'_>) {
        let source = self.source;
        let assumed = self.format.assumption();
        let place = |line: u64, offset: u64, before: u64| Origin {
            source,
            record: before + line + 1,
            offset: window_offset + offset,
        };
        let counts = self.counts.entry(source).or_default();
        counts.records += part.lines;
        counts.taken += part.records.len() as u64;
        let (mut before, mut seen) = (None, 0);
        let kept = self.last_line.take();
        let again = kept
            .as_ref()
            .and_then(|last| last.again(self.format_of_source, &part));
        let again = again.as_ref().and_then(|part| part.records.first());
        let mut previous: repeated::Previous<'_, '_> = again.map(|placed| (placed, None));
        for (number, placed) in part.records.iter().enumerate() {
            let origin = place(placed.line, placed.offset, self.lines);
            if let Some(assumed) = assumed {
                self.diagnostics
                    .add(DiagnosticKind::Assumed, origin, assumed);
            }
            if self.clock.is_guess(placed.record.stamp) {
                let kind = DiagnosticKind::Assumed;
                self.diagnostics.add(kind, origin, ORDER_ASSUMED);
            }
            let at = self.at(placed.record.stamp, &mut before);
            if repeated::is_one(&placed.record) {
                let header = self.header_before(placed.offset, part.bytes, &mut seen);
                let line = repeated::line_of(previous, (kept.as_deref(), again), part.bytes);
                previous = self.repeat(previous, placed, (at, origin), (line, header), out);
                continue;
            }
            previous = Some((placed, Some(placed.line)));
            let entry = self.carrying.is_some().then(|| {
                self.first = self.first.or(at);
                self.newest = self.newest.max(at);
                let header = self.header_before(placed.offset, part.bytes, &mut seen);
                Entry::Here { number, at, header }
            });
            self.follow((placed.format, &placed.record), at, origin, entry, out);
        }
        let (format, before) = (self.format_of_source, self.lines);
        if let Some(carrying) = &mut self.carrying {
            carrying.end_window(|number, at, header| {
                let placed = part.records.get(number);
                let (line, offset) = placed.map_or((0, 0), |p| (p.line, p.offset));
                let kept = Kept {
                    origin: place(line, offset, before),
                    at,
                    header,
                    begun: None,
                    again: None,
                    line: line_at(part.bytes, offset).into(),
                };
                Entry::Copied(format, Box::new(kept))
            });
        }
        self.header_before(part.bytes.len() as u64, part.bytes, &mut seen);
        self.last_line = repeated::LastLine::of(&part, (kept.as_ref(), again), previous);
        self.pass_over(part.passed, window_offset);
        self.lines += part.lines;
    }

    /// No more sources: ends the sessions that are open.
    pub fn finish(&mut self, out: &mut Out<'_>) {
        for follower in self.followers.iter_mut().flatten() {
            follower.finish(out);
        }
    }

    /// What became of a source's lines.
    pub fn counts(&self, source: SourceId) -> Counts {
        self.counts.get(&source).copied().unwrap_or_default()
    }

    /// What became of all sources' lines.
    pub fn all_counts(&self) -> &BTreeMap<SourceId, Counts> {
        &self.counts
    }

    /// Hands over what a person should know.
    pub fn take_diagnostics(&mut self) -> Diagnostics {
        let mut all = std::mem::take(&mut self.diagnostics);
        for follower in self.followers.iter_mut().flatten() {
            all.absorb(follower.take_diagnostics());
        }
        all
    }
}

/// Cuts a log into windows of whole lines.
#[derive(Debug)]
pub struct Cutter {
    /// The header in force so far; `None` in formats without headers.
    header: Headed,
    /// The last window ended inside a line.
    in_line: bool,
}

impl Cutter {
    /// For a source in this format, from its start.
    pub fn new(format: Detected) -> Self {
        Self {
            header: format.has_headers().then(Arc::default),
            in_line: false,
        }
    }

    /// Takes the headers in a window.
    fn take_headers(&mut self, window: &[u8]) {
        let (Some(header), Some(last)) = (&mut self.header, window.last()) else {
            return;
        };
        let mut start = match memchr::memchr(b'\n', window) {
            Some(end) if self.in_line => end + 1,
            None if self.in_line => window.len(),
            _ => 0,
        };
        // Few lines have that byte, so others are not looked at.
        while let Some(mark) = memchr::memchr(b'#', window.get(start..).unwrap_or_default()) {
            let mark = start + mark;
            let before = memchr::memrchr(b'\n', window.get(..mark).unwrap_or_default());
            let line = window
                .get(before.map_or(0, |end| end + 1)..)
                .unwrap_or_default();
            let line = line.split(|b| *b == b'\n').next().unwrap_or(line);
            if line.len() <= limits::LOG_LINE_BYTES
                && let Some(said) = header_line(&Bare::read(line))
            {
                Arc::make_mut(header).take(said);
            }
            start = before.map_or(0, |end| end + 1) + line.len() + 1;
        }
        self.in_line = *last != b'\n';
    }
}

fn header_line<'b>(bare: &Bare<'b>) -> Option<&'b [u8]> {
    Some(bare.message).filter(|message| message.first() == Some(&b'#'))
}

impl Cut for Cutter {
    type Notes = Headed;

    fn cut(&mut self, bytes: &[u8], _offset: u64, last: bool) -> (usize, Headed) {
        let end = LogReader::cut(bytes, last);
        let header = self.header.clone();
        self.take_headers(bytes.get(..end).unwrap_or_default());
        (end, header)
    }
}

impl Decode for Detected {
    type Notes = Headed;
    type Part<'w> = Part<'w>;

    fn decode<'w>(&self, window: &'w Window<Headed>) -> Part<'w> {
        self.lines(&window.bytes, &window.notes)
    }
}

impl Detected {
    /// Reads a window's lines, each by itself; for use without the reader at hand.
    pub fn lines<'w>(self, window: &'w [u8], header: &Headed) -> Part<'w> {
        let mut lines = Lines::new(self.index, window, header.clone());
        let quick = self.format(self.index).filter(|_| header.is_none());
        let none = Header::default();
        let mut changed = None;
        loop {
            if let Some(format) = quick {
                format.read_run(&mut lines);
            }
            let Some((line, place)) = lines.next() else {
                break;
            };
            let part = &mut lines.part;
            if line.len() > limits::LOG_LINE_BYTES {
                part.pass(None, line, place);
                continue;
            }
            let bare = Bare::read(line);
            let said = header.as_ref().zip(header_line(&bare));
            if let Some((first, said)) = said {
                changed
                    .get_or_insert_with(|| Header::clone(first))
                    .take(said);
                part.pass(Some(HEADER), line, place);
            } else {
                let header = changed.as_ref().or(header.as_deref()).unwrap_or(&none);
                self.line(line, &bare, header, place, part);
            }
        }
        lines.part
    }

    fn line<'w>(
        self,
        bytes: &'w [u8],
        bare: &Bare<'w>,
        header: &Header,
        (line, offset): (u64, u64),
        part: &mut Part<'w>,
    ) {
        if let Some(record) = repeated::record(bare) {
            let format = self.index;
            return part.records.push(Placed {
                line,
                offset,
                format,
                record,
            });
        }
        let reason = match self.read(header, bare) {
            (format, Read::Taken(mut record)) => {
                record.times = bare.times;
                ask_envelope(&mut record, bare, format);
                return part.records.push(Placed {
                    line,
                    offset,
                    format,
                    record,
                });
            }
            (_, Read::Ignored(reason)) => Some(reason),
            (_, Read::Unrecognised) => None,
        };
        part.pass(reason, bytes, (line, offset));
    }
}

/// The lines of a window, one after the other, with what became of those that were read.
#[derive(Debug)]
pub struct Lines<'w> {
    /// What was not read yet.
    rest: &'w [u8],
    /// Bytes of the window before it.
    offset: u64,
    /// The place of the source's format among [`FORMATS`].
    format: usize,
    part: Part<'w>,
}

impl<'w> Lines<'w> {
    fn new(format: usize, window: &'w [u8], header: Headed) -> Self {
        // To grow would be to copy all, so there is room for lines that are a little shorter than the first ones.
        let head = window.get(..HEAD_BYTES).unwrap_or(window);
        let in_head = memchr::memchr_iter(b'\n', head).count() + 1;
        let lines = in_head + in_head * window.len() * 9 / 8 / head.len().max(1);
        Self {
            rest: window,
            offset: 0,
            format,
            part: Part {
                bytes: window,
                header,
                lines: 0,
                records: Vec::with_capacity(lines),
                passed: Vec::new(),
            },
        }
    }

    /// The next line without its end, and what follows.
    fn ahead(&self) -> Option<(&'w [u8], &'w [u8])> {
        if self.rest.is_empty() {
            return None;
        }
        let end = memchr::memchr(b'\n', self.rest);
        let (line, after) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        Some((line, after.get(1..).unwrap_or_default()))
    }

    /// Passes over a line, and gives its number and offset in the window.
    fn step(&mut self, line: &[u8], after: &'w [u8]) -> (u64, u64) {
        let place = (self.part.lines, self.offset);
        self.rest = after;
        self.offset += line.len() as u64 + 1;
        self.part.lines += 1;
        place
    }

    /// The next line, and its number and offset in the window.
    fn next(&mut self) -> Option<(&'w [u8], (u64, u64))> {
        let (line, after) = self.ahead()?;
        let place = self.step(line, after);
        Some((line, place))
    }

    /// Takes lines for as long as `read` makes records of the source's format of them.
    pub fn take_while(&mut self, mut read: impl FnMut(&'w [u8]) -> Option<Record<'w>>) {
        while let Some((bytes, after)) = self.ahead()
            && bytes.len() <= limits::LOG_LINE_BYTES
            && let Some(record) = read(bytes)
        {
            let (line, offset) = self.step(bytes, after);
            self.part.records.push(Placed {
                line,
                offset,
                format: self.format,
                record,
            });
        }
    }
}

impl<'w> Part<'w> {
    fn pass(&mut self, reason: Option<&'static str>, bytes: &'w [u8], (line, offset): (u64, u64)) {
        // Reasons are few.
        match self.passed.iter_mut().find(|p| p.reason == reason) {
            Some(passed) => passed.count += 1,
            None => self.passed.push(Passed {
                reason,
                count: 1,
                line,
                offset,
                sample: bytes,
            }),
        }
    }
}

/// Where a line has no time its envelope has, and where a client's line has no session its envelope has the process.
pub(super) fn ask_envelope(record: &mut Record<'_>, bare: &Bare<'_>, format: usize) {
    if record.stamp == Stamp::None {
        record.stamp = bare.stamp;
    }
    let vantage = FORMATS.get(format).map(|f| f.describe().vantage);
    if record.number == 0 && vantage == Some(Vantage::ClientLog) {
        record.number = bare.pid.unwrap_or(0);
    }
}
