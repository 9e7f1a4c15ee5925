//! One source after the other of a series: opened, told apart, read to its end; and what is made of it all at the end.

use std::io;

use super::resume::{Left, LeftCapture, Over, SeriesLeft, source_at};
use super::watcher::Watcher;
use super::{Findings, Format, Job, source_id};
use crate::capture::{self, Flavour};
use crate::diagnostic::{DiagnosticKind, Diagnostics, Origin, SourceId};
use crate::input::{self, Candidate, Ended, Resumed, Tracked};
use crate::log::{self, Detected, LogReader};
use crate::session::Builder;
use crate::tally::InputTally;
use crate::time::Clock;

impl Job<'_> {
    /// Reads the sources of a series in order.
    pub(super) fn read_files(&self, indexes: &[usize], reading: &mut Reading<'_>) {
        let is_read = self.earlier.is_none_or(|earlier| earlier.has_news(indexes));
        for (place, index) in indexes.iter().enumerate() {
            let known = self
                .earlier
                .and_then(|earlier| earlier.whole(*index, is_read));
            if let Some(log) = known {
                reading.known(source_id(*index), log, self.input(source_id(*index)));
                continue;
            }
            let Some(opened) = self.open(*index, place + 1 == indexes.len(), reading) else {
                // What follows would be read before this.
                return;
            };
            if let Some(resumed) = opened {
                self.read_source(*index, (place + 1 == indexes.len(), resumed), reading);
            }
        }
    }

    /// Opens a source where reading goes on; nothing where it can't be read, and nothing at all where it was renamed just
    /// now, and is left for the next run.
    #[expect(clippy::option_option, reason = "two ways of having nothing")]
    fn open(
        &self,
        index: usize,
        is_last: bool,
        reading: &mut Reading<'_>,
    ) -> Option<Option<Resumed>> {
        let candidate = self.candidates.get(index)?;
        let opened = match self.earlier {
            None => input::open(candidate).map(|opened| Some(Resumed::whole(opened))),
            Some(earlier) if earlier.is_unsettled(candidate) => Ok(None),
            Some(earlier) => {
                let in_lines = is_last && !earlier.closes();
                input::open_at(candidate, earlier.place(index), in_lines)
            }
        };
        let at = source_at(index);
        let resumed = match opened {
            Ok(Some(resumed)) => resumed,
            Ok(None) => {
                let reason =
                    "it was renamed or replaced a moment ago: the next run goes on with it";
                reading
                    .diagnostics()
                    .add(DiagnosticKind::Carried, at, reason);
                return None;
            }
            Err(error) => {
                reading
                    .diagnostics()
                    .add(DiagnosticKind::Unreadable, at, &error.0);
                reading.input(at.source, self.input(at.source));
                return Some(None);
            }
        };
        if resumed.is_passed_over {
            let reason = "what wraps its lines has no places to go on from: all of it is read each time it has grown";
            reading
                .diagnostics()
                .add(DiagnosticKind::Carried, at, reason);
        }
        Some(Some(resumed))
    }

    fn read_source(
        &self,
        index: usize,
        (is_last, mut resumed): (bool, Resumed),
        reading: &mut Reading<'_>,
    ) {
        let Some(candidate) = self.candidates.get(index) else {
            return;
        };
        let at = source_at(index);
        let (id, mut tally) = (at.source, self.input(at.source));
        let format = Format::of(self.settings.from, &resumed.opened.head);
        let ended = match format {
            Some(Format::Capture(flavour)) => {
                let (ended, records) =
                    self.read_capture(flavour, id, &mut *resumed.opened.reader, reading);
                (tally.records, tally.unrecognised) = (records, records);
                ended
            }
            Some(Format::Log(detected)) => {
                let source = LogSource {
                    id,
                    index,
                    candidate,
                    is_last,
                    before: resumed.before,
                };
                self.read_log(detected, &source, &mut resumed, reading)
            }
            None if resumed.opened.head.is_empty() => {
                let kind = DiagnosticKind::Empty;
                reading.diagnostics().add(kind, at, "the file is empty");
                return reading.input(id, tally);
            }
            None if candidate.named => {
                let reason = "neither a capture nor a log of a known format; `ftpwhy formats` lists what is known";
                reading
                    .diagnostics()
                    .add(DiagnosticKind::UnknownFormat, at, reason);
                return reading.input(id, tally);
            }
            None => {
                reading.diagnostics().add(
                    DiagnosticKind::NotRead,
                    at,
                    "no capture and no log of a known format",
                );
                return;
            }
        };
        reading.read(id, tally, format, &ended);
    }

    fn read_capture(
        &self,
        flavour: Flavour,
        id: SourceId,
        source: &mut (dyn io::Read + Send),
        reading: &mut Reading<'_>,
    ) -> (Ended, u64) {
        let Reading {
            builder,
            watcher,
            capture,
            ..
        } = reading;
        let mut cutter = capture::Cutter::new(flavour, id);
        let mut merge = |_: &input::Window<capture::Packets>, frames: capture::Frames<'_>| {
            capture.merge(&frames, &mut |event| builder.take(&event, watcher));
        };
        let decoder = capture::Decoder::new(id);
        let progress = |bytes| self.progress.add(bytes);
        let ended = input::read(
            source,
            self.settings.window_bytes,
            &mut cutter,
            &decoder,
            &mut merge,
            &progress,
        );
        (ended, cutter.records())
    }

    fn read_log(
        &self,
        detected: Detected,
        source: &LogSource<'_>,
        resumed: &mut Resumed,
        reading: &mut Reading<'_>,
    ) -> Ended {
        let opened = &mut resumed.opened;
        let (mut reader, mut cutter) = self.begin_log(detected, source, &opened.head, reading);
        let Reading {
            builder, watcher, ..
        } = reading;
        let mut merge = |window: &input::Window<log::Headed>, part: log::Part<'_>| {
            reader.merge(source.before + window.offset, part, &mut |event| {
                builder.take(&event, watcher);
            });
        };
        let told = |bytes| self.progress.add(bytes);
        let mut read = |bytes: &mut (dyn io::Read + Send)| {
            let size = self.settings.window_bytes;
            input::read(bytes, size, &mut cutter, &detected, &mut merge, &told)
        };
        let ended = match self.earlier {
            None => read(&mut *opened.reader),
            Some(earlier) => {
                let is_growing = source.is_last && !opened.is_packed && !earlier.closes();
                let mut tracked = Tracked::new(&mut *opened.reader, source.before, is_growing);
                let ended = read(&mut tracked);
                if !detected.is_in_pieces() {
                    let (own, packed) = (resumed.print.take(), resumed.packed.take());
                    let left = Left {
                        source: source.id,
                        known: earlier.known(source.index),
                        format: name(detected),
                        print: own
                            .unwrap_or_else(|| earlier.print(source.index, &tracked, &opened.head)),
                        packed: packed.filter(|_| ended.error.is_none()),
                        bytes: tracked.bytes(),
                        progress: reader.progress(),
                    };
                    let line = resumed.left.max(tracked.left() as u64);
                    reading.leave(left, source.index, line, earlier);
                }
                ended
            }
        };
        reading.log = Some(reader);
        ended
    }

    /// Gets ready to read a log: from its beginning, or behind what an earlier run read, with the records of sessions that
    /// were open there read again.
    fn begin_log(
        &self,
        detected: Detected,
        source: &LogSource<'_>,
        head: &[u8],
        reading: &mut Reading<'_>,
    ) -> (LogReader, log::Cutter) {
        let mut clock = Clock::new(
            self.settings.log_zone.clone(),
            source.candidate.modified,
            self.settings.year,
        );
        detected.teach(&mut clock, head);
        let known = reading.log.take();
        let mut reader =
            known.unwrap_or_else(|| LogReader::new(detected, source.id, clock.clone()));
        let mut cutter = log::Cutter::new(detected);
        let Some(earlier) = self.earlier else {
            reader.begin_source(source.id, clock);
            return (reader, cutter);
        };
        if detected.is_in_pieces() {
            let named = (source.candidate, name(detected));
            reading.read_again(earlier.capture(source.index, named, None));
        } else {
            reader.carry();
        }
        let Reading {
            builder, watcher, ..
        } = reading;
        for kept in earlier.records(source.index) {
            reader.replay(detected, &kept, &mut |event| builder.take(&event, watcher));
        }
        reader.set_format(detected);
        match earlier.progress(source.index) {
            Some(progress) => {
                reader.resume_source(source.id, clock, &progress);
                cutter = cutter.resumed(&progress);
            }
            None => reader.begin_source(source.id, clock),
        }
        (reader, cutter)
    }
}

fn name(detected: Detected) -> &'static str {
    detected
        .describe()
        .map_or("", |description| description.name)
}

/// A log that is read.
struct LogSource<'c> {
    id: SourceId,
    index: usize,
    candidate: &'c Candidate,
    /// Nothing of its series follows.
    is_last: bool,
    /// Bytes that were read before.
    before: u64,
}

/// A cut compressed file ends early; a broken one has wrong bytes; one that is made to be large comes to a bound.
fn kind_of(error: &io::Error) -> DiagnosticKind {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => DiagnosticKind::Truncated,
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => DiagnosticKind::Damaged,
        io::ErrorKind::FileTooLarge | io::ErrorKind::OutOfMemory => DiagnosticKind::LimitReached,
        _ => DiagnosticKind::Unreadable,
    }
}

/// A series while it is read.
pub(super) struct Reading<'r> {
    pub(super) builder: Builder,
    pub(super) watcher: Watcher<'r>,
    pub(super) capture: capture::Reader,
    pub(super) log: Option<LogReader>,
    /// What is left for a later run, where one goes on.
    pub(super) left: SeriesLeft,
}

impl Reading<'_> {
    pub(super) fn diagnostics(&mut self) -> &mut Diagnostics {
        &mut self.watcher.findings.tallies.diagnostics
    }

    pub(super) fn input(&mut self, id: SourceId, tally: InputTally) {
        self.watcher.findings.tallies.inputs.insert(id, tally);
    }

    /// A log that an earlier run read, and nothing was added to.
    pub(super) fn known(&mut self, id: SourceId, log: &crate::state::Log, mut tally: InputTally) {
        let format = Format::named(&log.format);
        tally.format = format.map(Format::name);
        tally.vantage = format.map(Format::vantage);
        tally.gaps = format.map_or(&[], Format::gaps);
        self.left.seen.push((id, log.id));
        self.input(id, tally);
    }

    /// Notes an input that is read again as a whole.
    fn read_again(&mut self, left: LeftCapture) {
        if let Some(counting) = &mut self.watcher.counting {
            counting.set_again();
        }
        self.left.captures.push(left);
    }

    /// Notes what is left of a log.
    fn leave(&mut self, left: Left, index: usize, line: u64, earlier: &super::resume::Earlier<'_>) {
        let at = Origin {
            source: left.source,
            offset: left.bytes,
            ..Origin::default()
        };
        if line > 0 {
            let reason = "its last line has no end yet, and is left for the next run";
            self.diagnostics().add(DiagnosticKind::Carried, at, reason);
        }
        if let Some(reason) = earlier.set_back(index, &left) {
            self.diagnostics().add(DiagnosticKind::Changed, at, &reason);
        }
        self.left.replayed.extend(earlier.replayed(index));
        self.left.logs.push(left);
    }

    /// A source was read.
    pub(super) fn read(
        &mut self,
        id: SourceId,
        mut tally: InputTally,
        format: Option<Format>,
        ended: &Ended,
    ) {
        if let Some(error) = &ended.error {
            let at = Origin {
                source: id,
                record: 0,
                offset: ended.bytes,
            };
            let reason = format!("reading stopped: {error}");
            self.diagnostics().add(kind_of(error), at, &reason);
        }
        tally.format = format.map(Format::name);
        tally.vantage = format.map(Format::vantage);
        tally.gaps = format.map_or(&[], Format::gaps);
        tally.bytes = ended.bytes;
        self.input(id, tally);
    }

    /// Notes the captures of a series before they are read: what is written to them meanwhile is new to the next run.
    pub(super) fn note_captures(&mut self, parts: &[capture::Part], job: &Job<'_>) {
        let Some(earlier) = job.earlier else { return };
        for part in parts {
            let index = usize::try_from(part.id.0).unwrap_or(usize::MAX);
            if let Some(candidate) = job.candidates.get(index) {
                let format = Format::Capture(part.flavour).name();
                let left = earlier.capture(index, (candidate, format), part.starts);
                self.left.captures.push(left);
            }
        }
    }

    /// The end of the input: tells which of the sessions that end now a later run goes on with.
    fn end_input(&mut self, is_last: bool) -> bool {
        let is_again = !self.left.captures.is_empty();
        match &mut self.log {
            _ if is_last || self.watcher.counting.is_none() => self.watcher.end(Over::ForGood),
            Some(log) if !is_again => {
                let carried = log.take_carried();
                self.watcher.give_up(&carried.given_up);
                let given_up = carried.given_up.iter().map(|(key, _)| *key);
                self.watcher.end(Over::But(given_up.collect()));
                self.left.records = carried.records;
            }
            _ => self.watcher.end(Over::InputEnded),
        }
        is_again
    }

    pub(super) fn finish(mut self, is_last: bool) -> io::Result<Findings> {
        let is_again = self.end_input(is_last);
        let Self {
            builder,
            watcher,
            capture,
            log,
            left,
        } = &mut self;
        capture.finish(&mut |event| builder.take(&event, watcher));
        if let Some(log) = log {
            log.finish(&mut |event| builder.take(&event, watcher));
        }
        builder.finish(watcher);
        left.take(watcher.counting.take());
        watcher.hand_over();
        let tallies = &mut watcher.findings.tallies;
        tallies.diagnostics.absorb(capture.take_diagnostics());
        for (id, counts) in capture.counts() {
            let input = tallies.inputs.entry(*id).or_default();
            (input.taken, input.ignored) = (counts.taken, counts.ignored);
            // Packets that could not even be cut out are not understood either.
            input.unrecognised = input.records.saturating_sub(counts.taken + counts.ignored);
        }
        if let Some(log) = log {
            tallies.diagnostics.absorb(log.take_diagnostics());
            for (id, counts) in log.all_counts() {
                let input = tallies.inputs.entry(*id).or_default();
                (input.taken, input.ignored, input.unrecognised) =
                    (counts.taken, counts.ignored, counts.unrecognised);
                input.records = counts.records;
            }
        }
        if is_again {
            left.count_once(tallies, is_last);
        }
        if let Some(error) = self.watcher.failed {
            return Err(error);
        }
        self.watcher.findings.left.push(self.left);
        Ok(self.watcher.findings)
    }
}
