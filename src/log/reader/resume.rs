//! A reader that goes on where an earlier run ended, and notes what a later one needs for that.

use std::sync::Arc;

use super::repeated::LastLine;
use super::{Cutter, LogReader};
use crate::diagnostic::SourceId;
use crate::limits;
use crate::log::carried::{Carried, Entry, Kept, header_of};
use crate::log::{Detected, FORMATS, Out};
use crate::time::{Clock, ClockMemory, Timestamp};

/// How far a source was read, and what is known of it there: another run goes on from it.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    /// Whole lines before.
    pub lines: u64,
    /// True inside a line that is longer than the limit.
    pub in_line: bool,
    /// The lines of the header in force.
    pub header: Arc<Vec<u8>>,
    /// What the clock has learnt; `None` at the start of a source.
    pub clock: Option<ClockMemory>,
    /// The first time that was read now.
    pub first: Option<Timestamp>,
    /// The latest time of a record.
    pub newest: Option<Timestamp>,
    /// The second in which sessions began last, and how many did before the last one.
    pub begun: Option<(i64, u64)>,
    /// The last line, without secrets, where syslogd may say next that it was repeated.
    pub last: Option<Box<[u8]>>,
}

impl LogReader {
    /// Keeps the records of open sessions for a later run.
    pub fn carry(&mut self) {
        self.carrying.get_or_insert_default();
    }

    /// Goes on with a source that an earlier run read up to there.
    pub fn resume_source(&mut self, source: SourceId, mut clock: Clock, progress: &Progress) {
        if let Some(memory) = &progress.clock {
            clock.remember(memory);
        }
        self.begin_source(source, clock);
        self.set_begun(self.format.index, progress.begun);
        self.lines = progress.lines;
        self.in_line = progress.in_line;
        self.newest = progress.newest;
        self.last_line = LastLine::known(self.format_of_source, progress);
        if let Some(carrying) = &mut self.carrying {
            carrying.header().begin(&progress.header);
        }
    }

    /// How far this source was read.
    pub fn progress(&mut self) -> Progress {
        let follower = self.followers.get_mut(self.format.index);
        let marks = follower.and_then(|f| f.as_mut()?.marks());
        let begun = marks.map(|marks| marks.begun);
        let header = self
            .carrying
            .as_mut()
            .map(|carrying| carrying.header().text().clone());
        let last = self.last_line.as_deref();
        let last = last.and_then(|last| last.left(self.format_of_source, &header));
        Progress {
            // A line that is not over is counted, and will be passed over.
            lines: self.lines,
            in_line: self.in_line,
            header: header.unwrap_or_default(),
            clock: Some(self.clock.memory()),
            first: self.first,
            newest: self.newest,
            begun: begun.filter(|begun| begun.0 != i64::MIN),
            last,
        }
    }

    /// Reads records of an earlier run again. They are not counted.
    pub fn replay(&mut self, format: Detected, records: &[Kept], out: &mut Out<'_>) {
        for kept in records {
            let header = header_of(kept.header.as_deref().map_or(b"", Vec::as_slice));
            let Some((place, mut record)) = format.read_again(&header, &kept.line) else {
                continue;
            };
            record.times = kept.again.unwrap_or(record.times);
            record.times = record.times.min(limits::LOG_REPETITIONS);
            if kept.begun.is_some() {
                self.set_begun(place, kept.begun);
            }
            self.follow(
                (place, &record),
                kept.at,
                kept.origin,
                Some(Entry::Kept(Box::new(kept.clone()))),
                out,
            );
        }
    }

    /// Lets the sessions of a format that begin in the same second go on being counted.
    fn set_begun(&mut self, format: usize, begun: Option<(i64, u64)>) {
        let (Some(follower), Some(known)) = (self.followers.get_mut(format), FORMATS.get(format))
        else {
            return;
        };
        let follower = follower.get_or_insert_with(|| known.follow());
        if let (Some(marks), Some(begun)) = (follower.marks(), begun) {
            marks.begun = begun;
        }
    }

    /// The records of the sessions that are open.
    pub fn take_carried(&mut self) -> Carried {
        let left = self.carrying.take().map(|mut carrying| carrying.left());
        left.unwrap_or_default()
    }

    /// The lines of the header in force at an offset of a window of which so much was looked at before; nothing where no
    /// later run goes on.
    pub(super) fn header_before(
        &mut self,
        offset: u64,
        window: &[u8],
        seen: &mut usize,
    ) -> Option<Arc<Vec<u8>>> {
        let has_headers = self.format_of_source.has_headers();
        let carrying = self.carrying.as_mut().filter(|_| has_headers)?;
        let to = usize::try_from(offset)
            .unwrap_or(usize::MAX)
            .min(window.len());
        carrying
            .header()
            .take_all(window.get(*seen..to).unwrap_or_default());
        *seen = to;
        Some(carrying.header().text().clone())
    }
}

impl Cutter {
    /// Goes on behind what an earlier run read of a source.
    #[must_use]
    pub fn resumed(mut self, progress: &Progress) -> Self {
        self.in_line = progress.in_line;
        if let Some(header) = &mut self.header {
            *header = Arc::new(header_of(&progress.header));
        }
        self
    }
}

/// The line at an offset, without its end.
pub(super) fn line_at(bytes: &[u8], offset: u64) -> &[u8] {
    let start = usize::try_from(offset).unwrap_or(usize::MAX);
    let rest = bytes.get(start..).unwrap_or_default();
    let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
    rest.get(..end).unwrap_or(rest)
}
