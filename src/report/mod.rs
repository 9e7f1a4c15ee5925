//! Finished numbers and words, in the order in which they are shown.
//!
//! [`Report::new`] does the last arithmetic: it chooses, sorts, divides and finds the words. A renderer lays out what it
//! is given, so two of them can't disagree. Counts of different vantages stay apart: the one that knows most fills
//! the report, the others are named beside it.

pub mod causes;
pub mod chance;
pub mod changes;
pub mod check;
pub mod codes;
pub mod csv;
pub mod diff;
pub mod earlier;
pub mod explain;
mod filtered;
pub mod gantt;
pub mod groups;
mod handshake;
mod heard;
mod hours;
pub mod html;
pub mod json;
pub mod ladder;
mod layout;
pub mod mail;
pub mod markdown;
pub mod metrics;
mod names;
#[cfg(feature = "parquet")]
pub mod parquet;
#[cfg(not(feature = "parquet"))]
#[path = "parquet/absent.rs"]
pub mod parquet;
mod pattern;
mod protocol;
pub mod sessions;
mod shown;
mod since;
mod sources;
pub mod terminal;
#[cfg(test)]
mod tests;
mod verdict;
mod wire;
pub mod words;

use std::cmp::Reverse;
use std::collections::BTreeMap;

use jiff::tz::TimeZone;

pub use changes::{Changes, Since};
pub use filtered::Filtered;
pub use groups::{GroupRow, GroupRows, Matrix, Order};
pub use heard::{
    CauseRow, CodeRow, CommandRow, Guesser, Heard, Mark, SessionRows, Spread, TransferRow, WaitRow,
};
pub use hours::{HourRow, Hours};
pub use layout::Look;
pub use pattern::{AtOnce, Burst, ClearRow, Pattern, Patterns, SharedRow, SpreadRow, TurnedAway};
pub use protocol::{BreachRow, OutsideRow, Protocol};
pub use shown::{Ladder, Line, Shown};
pub use sources::Sources;
pub use verdict::Verdict;

use crate::diagnostic::{DiagnosticKind, Occurrences, SourceId};
use crate::ftp::Vantage;
use crate::tally::{By, InputTally, KeptSessions, Span, Tallies};
use crate::text::Text;
use crate::time::Timestamp;

/// What the reader of the report asked for.
#[derive(Debug, Clone)]
pub struct Options {
    /// The zone that times are shown in.
    pub zone: TimeZone,
    /// The sources' paths; those missing are taken from the tallies.
    pub sources: Sources,
    /// Rows of tops and of worst sessions.
    pub top: usize,
    /// What groups are made by, where some are.
    pub by: Option<By>,
    /// What codes, causes and groups are sorted by; each has an order of its own.
    pub order: Option<Order>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            zone: TimeZone::UTC,
            sources: Sources::default(),
            top: 5,
            by: None,
            order: None,
        }
    }
}

/// A report, ready to be shown.
#[derive(Debug, Clone)]
pub struct Report {
    /// The zone that times are shown in.
    pub zone: TimeZone,
    /// The sources' paths.
    pub sources: Sources,
    /// The first and the last time met.
    pub window: Span,
    /// What was not asked for, where something was asked for.
    pub filtered: Option<Filtered>,
    /// What was read of each source.
    pub inputs: Vec<(SourceId, InputTally)>,
    /// All of them together; has no path and no format.
    pub all_inputs: InputTally,
    /// What it comes to.
    pub verdict: Verdict,
    /// The vantage that knows most; empty when no session was heard.
    pub main: Heard,
    /// The other vantages.
    pub also: Vec<Heard>,
    /// What a person should know about the inputs, the worst first.
    pub diagnostics: Vec<Note>,
    /// The same, those of one kind and reason as one, for people.
    pub grouped: Vec<Note>,
    /// The commands to type next.
    pub next: Vec<String>,
    /// What changed since an earlier report, where one was given.
    pub since: Option<Box<Since>>,
    /// Sessions to show one by one, where some were kept.
    pub shown: Shown,
    /// What it was made from, as JSON, where it is to be added to others.
    pub sums: Option<Box<serde_json::value::RawValue>>,
}

/// A diagnostic.
#[derive(Debug, Clone)]
pub struct Note {
    /// What happened.
    pub kind: DiagnosticKind,
    /// In our words.
    pub reason: String,
    /// Where first, how often, and the bytes that show it.
    pub met: Occurrences,
    /// Other sources it was met in; 0 where each has its own note.
    pub others: u64,
}

impl Report {
    /// Chooses, sorts and divides.
    pub fn new(tallies: &Tallies, options: &Options) -> Self {
        let mut window = Span::default();
        for tally in tallies.by_vantage.values() {
            window.absorb(tally.span);
        }
        let mut heard: Vec<Heard> = tallies
            .by_vantage
            .iter()
            .map(|(vantage, tally)| Heard::new(*vantage, tally, options))
            .collect();
        // Packets prove more than a log says: they lead unless a log holds a quarter more replies.
        let weight = |h: &Heard| match h.vantage {
            Some(Vantage::Wire) => h.replies.saturating_mul(5),
            _ => h.replies.saturating_mul(4),
        };
        heard.sort_by_key(|h| (Reverse(weight(h)), h.vantage));
        let mut heard = heard.into_iter();
        let main = heard.next().unwrap_or_default();
        let (also, empty): (Vec<_>, Vec<_>) = heard.partition(|h| h.sessions.total > 0);
        let filtered = Filtered::new(
            &tallies.asked,
            [&main].into_iter().chain(&also).chain(&empty),
        );
        let diagnostics = notes(tallies);
        let mut report = Self {
            zone: options.zone.clone(),
            sources: options.sources.clone().with(tallies),
            filtered,
            window,
            inputs: tallies.inputs.clone().into_iter().collect(),
            all_inputs: all_inputs(tallies),
            verdict: Verdict::default(),
            main,
            also,
            grouped: grouped(&diagnostics),
            diagnostics,
            next: Vec::new(),
            since: None,
            shown: Shown::default(),
            sums: None,
        };
        report.verdict = verdict::verdict(&report);
        report.next = verdict::next(&report);
        report
    }

    /// The same with sessions that were kept to be shown.
    #[must_use]
    pub fn with_sessions(mut self, kept: &KeptSessions) -> Self {
        self.shown = Shown::new(kept, &self.main, &self.sources, &self.zone);
        self
    }

    /// The same with what changed since an earlier report, whose times are shown in the same zone.
    #[must_use]
    pub fn with_earlier(mut self, mut before: Report) -> Self {
        before.zone = self.zone.clone();
        self.since = Some(Box::new(Since::new(before, &self)));
        self
    }

    /// The same with what it was made from, for programs that add reports up.
    #[must_use]
    pub fn with_sums(mut self, tallies: &Tallies) -> Self {
        self.sums = json::sums(tallies);
        self
    }

    /// True for what was added up from other reports: its inputs may be on other machines.
    pub fn is_sum(&self) -> bool {
        let mut inputs = self.inputs.iter();
        inputs.any(|(_, input)| input.reported.is_some())
    }

    /// A time as short as the window allows: without the date when all is of one day.
    pub fn short_time(&self, at: Timestamp) -> String {
        let day = |at: Timestamp| {
            at.date_time(&self.zone)
                .split(' ')
                .next()
                .map(str::to_owned)
        };
        let one_day = self.window.first().and_then(day) == self.window.last().and_then(day);
        if one_day {
            at.clock_time(&self.zone)
        } else {
            let full = at.date_time(&self.zone);
            full.get(5..16).unwrap_or(&full).to_owned()
        }
    }

    /// What formats can't tell: (format, gaps), each format once.
    pub fn gaps(&self) -> Vec<(&'static str, &'static [&'static str])> {
        let mut gaps: Vec<_> = self
            .inputs
            .iter()
            .filter_map(|(_, i)| Some((i.format?, i.gaps)))
            .filter(|(_, gaps)| !gaps.is_empty())
            .collect();
        gaps.sort_unstable();
        gaps.dedup();
        gaps
    }
}

fn all_inputs(tallies: &Tallies) -> InputTally {
    let mut all = InputTally::default();
    for input in tallies.inputs.values() {
        all.absorb(InputTally {
            path: Text::default(),
            format: None,
            vantage: None,
            gaps: &[],
            reported: None,
            ..input.clone()
        });
    }
    all
}

fn notes(tallies: &Tallies) -> Vec<Note> {
    let note = |(kind, reason, met): (DiagnosticKind, &str, &Occurrences)| Note {
        kind,
        reason: reason.to_owned(),
        met: met.clone(),
        others: 0,
    };
    let counted_twice = tallies.counted_twice();
    let all = tallies.diagnostics.iter().chain(counted_twice.iter());
    let mut notes: Vec<Note> = all.map(note).collect();
    notes.sort_by_key(|n| (Reverse(n.kind.severity()), n.kind, n.met.first.source));
    notes
}

fn grouped(notes: &[Note]) -> Vec<Note> {
    let mut groups: Vec<Note> = Vec::new();
    let mut places: BTreeMap<(DiagnosticKind, &str), usize> = BTreeMap::new();
    for note in notes {
        let next = groups.len();
        let place = *places.entry((note.kind, &note.reason)).or_insert(next);
        match groups.get_mut(place) {
            Some(group) => {
                group.met.count = group.met.count.saturating_add(note.met.count);
                group.others += 1;
            }
            None => groups.push(note.clone()),
        }
    }
    groups
}

/// The vantage in words.
pub fn vantage_words(vantage: Vantage) -> &'static str {
    match vantage {
        Vantage::Wire => "capture",
        Vantage::ServerLog => "server log",
        Vantage::ClientLog => "client log",
        Vantage::TransferLog => "transfer log",
        Vantage::SensorLog => "sensor log",
    }
}
