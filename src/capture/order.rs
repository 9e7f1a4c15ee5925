//! The captures of a series are read as one, in the order of capture time.
//!
//! One of them leads and is read like a capture that is alone, in windows that are decoded side by side; packets of
//! the others are taken in between when their time comes, one by one. The files of a ring, which only follow one
//! another, lead one after the other and cost nothing more. Opens a capture when its first packet is due. Knows no
//! connections.

use std::collections::VecDeque;
use std::io;

use super::container::Packet;
use super::pace::Pace;
use super::{Cutter, Decoder, Flavour, Frames, Packets, Reader};
use crate::diagnostic::{DiagnosticKind, Origin, SourceId};
use crate::ftp::Event;
use crate::input::{Ended, Window, Windows};
use crate::limits;
use crate::time::Timestamp;

/// A capture of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// The file.
    pub id: SourceId,
    /// Its family.
    pub flavour: Flavour,
    /// When its first packet was captured, by the clock that the series goes by.
    pub starts: Option<Timestamp>,
    /// Nanoseconds by which its own clock is behind that one.
    pub behind: i64,
}

/// A capture that was read.
#[derive(Debug)]
pub struct Outcome {
    /// The file.
    pub id: SourceId,
    /// How reading ended.
    pub ended: Ended,
    /// Packets met.
    pub records: u64,
}

type Source = Box<dyn io::Read + Send>;

/// Opens a file; `None` when that can't be done, which the opener tells.
pub type Open<'o> = &'o mut (dyn FnMut(SourceId) -> Option<Source> + Send);

/// Reads all parts; gives what became of those that could be opened.
pub fn read_in_order(
    mut parts: Vec<Part>,
    open: Open<'_>,
    window_bytes: usize,
    reader: &mut Reader,
    out: &mut (dyn FnMut(Event<'_>) + Send),
    progress: &(dyn Fn(u64) + Sync),
) -> Vec<Outcome> {
    parts.sort_by_key(|part| (part.starts, part.id));
    let mut others = Others {
        waiting: parts.into_iter().enumerate().collect(),
        open: Vec::new(),
        opener: open,
        window_bytes,
        progress,
        outcomes: Vec::new(),
    };
    while let Some(mut lead) = others.lead() {
        while lead.packet().is_some() {
            others.advance(lead.due(), reader, out);
            lead.take(reader, out);
        }
        let decoder = Decoder::new(lead.part.id);
        let Feed {
            rank,
            cutter,
            windows,
            pace,
            ..
        } = &mut lead;
        let merge = |window: &Window<Packets>, frames: Frames<'_>| {
            if others.is_due_within(window) {
                reader.begin_window(window);
                frames.each(|frame| {
                    let due = (pace.take(frame.place.at), *rank);
                    others.advance(due, reader, out);
                    reader.take(frame, out);
                });
            } else {
                reader.overlaps(!others.open.is_empty());
                pace.skip_to(frames.last());
                reader.merge(&frames, out);
            }
        };
        windows.read(cutter, &decoder, merge, progress);
        others.outcomes.push(lead.close());
    }
    others.outcomes
}

/// When a packet is due: by its time, at the same time by the order of the captures' beginnings.
type Due = (Option<Timestamp>, usize);

/// A capture that is open.
struct Feed {
    part: Part,
    rank: usize,
    cutter: Cutter,
    windows: Windows<Source>,
    /// The window that holds the next packet, and that packet's place in it.
    window: Option<Window<Packets>>,
    next: usize,
    pace: Pace,
    /// When the next packet is due.
    time: Option<Timestamp>,
}

impl Feed {
    fn new(part: Part, rank: usize, source: Source, window_bytes: usize) -> Self {
        Self {
            part,
            rank,
            cutter: Cutter::new(part.flavour, part.id).behind(part.behind),
            windows: Windows::new(source, window_bytes),
            window: None,
            next: 0,
            pace: Pace::default(),
            time: part.starts,
        }
    }

    fn due(&self) -> Due {
        (self.time, self.rank)
    }

    fn packet(&self) -> Option<&Packet> {
        self.window.as_ref()?.notes.packets.get(self.next)
    }

    /// Reads on until a packet is at hand; false at the end.
    fn load(&mut self, reader: &mut Reader, progress: &(dyn Fn(u64) + Sync)) -> bool {
        while self.packet().is_none() {
            if let Some(window) = self.window.take() {
                self.windows.recycle(window);
            }
            let Some(window) = self.windows.next(&mut self.cutter, progress) else {
                return false;
            };
            reader.begin_window(&window);
            self.window = Some(window);
            self.next = 0;
            self.look();
        }
        true
    }

    fn look(&mut self) {
        if let Some(at) = self.packet().map(|packet| packet.at) {
            self.time = self.pace.take(at);
        }
    }

    /// Hands over the next packet.
    fn take(&mut self, reader: &mut Reader, out: &mut dyn FnMut(Event<'_>)) {
        if let Some(window) = &self.window
            && let Some(packet) = window.notes.packets.get(self.next)
        {
            let decoder = Decoder::new(self.part.id);
            reader.take(&decoder.frame(window, packet), out);
        }
        self.next += 1;
        self.look();
    }

    fn close(self) -> Outcome {
        Outcome {
            id: self.part.id,
            records: self.cutter.records(),
            ended: self.windows.ended(),
        }
    }
}

/// The captures that do not lead.
struct Others<'o> {
    /// Not opened yet, with their ranks, by the time of their first packets.
    waiting: VecDeque<(usize, Part)>,
    open: Vec<Feed>,
    opener: Open<'o>,
    window_bytes: usize,
    progress: &'o (dyn Fn(u64) + Sync),
    outcomes: Vec<Outcome>,
}

impl Others<'_> {
    /// The capture whose packet is due first.
    fn lead(&mut self) -> Option<Feed> {
        while let Some((rank, part)) = self.waiting.front() {
            let due = (part.starts, *rank);
            if self.open.iter().any(|feed| feed.due() < due) {
                break;
            }
            if let Some(feed) = self.open_next() {
                return Some(feed);
            }
        }
        let first = self.first()?;
        Some(self.open.swap_remove(first))
    }

    fn first(&self) -> Option<usize> {
        let feeds = self.open.iter().enumerate();
        feeds
            .min_by_key(|(_, feed)| feed.due())
            .map(|(place, _)| place)
    }

    fn open_next(&mut self) -> Option<Feed> {
        let (rank, part) = self.waiting.pop_front()?;
        let source = (self.opener)(part.id)?;
        Some(Feed::new(part, rank, source, self.window_bytes))
    }

    /// True when packets of others may belong between those of a window.
    fn is_due_within(&self, window: &Window<Packets>) -> bool {
        let waiting = self.waiting.front().map(|(_, part)| part.starts);
        let open = self.open.iter().map(|feed| feed.time);
        let Some(first) = open.chain(waiting).min() else {
            return false;
        };
        let times = window.notes.packets.iter().map(|packet| packet.at);
        times.max().flatten() >= first
    }

    /// Takes the packets of the others that are due before that of the lead.
    fn advance(&mut self, lead: Due, reader: &mut Reader, out: &mut dyn FnMut(Event<'_>)) {
        loop {
            self.open_due(lead, reader);
            reader.overlaps(!self.open.is_empty());
            let Some(place) = self.first() else { return };
            let Some(feed) = self.open.get_mut(place).filter(|feed| feed.due() < lead) else {
                return;
            };
            feed.take(reader, out);
            if !feed.load(reader, self.progress) {
                let feed = self.open.swap_remove(place);
                self.outcomes.push(feed.close());
            }
        }
    }

    fn open_due(&mut self, lead: Due, reader: &mut Reader) {
        while let Some((rank, part)) = self.waiting.front().copied() {
            if (part.starts, rank) >= lead {
                return;
            }
            if self.open.len() >= limits::OPEN_CAPTURES {
                let at = Origin {
                    source: part.id,
                    ..Origin::default()
                };
                let reason = "more captures of the same time than are read side by side; this one was read later, and what others hold as well may count twice";
                reader.tell(DiagnosticKind::LimitReached, at, reason);
                return;
            }
            let Some(mut feed) = self.open_next() else {
                continue;
            };
            if feed.load(reader, self.progress) {
                self.open.push(feed);
            } else {
                self.outcomes.push(feed.close());
            }
        }
    }
}
