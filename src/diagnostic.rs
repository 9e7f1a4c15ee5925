//! What a person should know about the inputs: damage, limits, lines that nobody understood.
//!
//! Once per kind, source and reason, with the first place and a count, so a
//! million damaged records are one line. A diagnostic never ends a run.

use std::collections::BTreeMap;

use crate::text::Text;

/// A source of the run: an index into the list of all sources in the order of their paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct SourceId(pub u32);

/// Where a fact was read, to the byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Origin {
    /// The file.
    pub source: SourceId,
    /// Packet or line, counted from 1; 0 where it is about the source as a whole.
    pub record: u64,
    /// Bytes before the record in the (decompressed) source.
    pub offset: u64,
}

/// How much a diagnostic matters for the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Good to know; the result is complete.
    Note,
    /// Something was not read, or read with an assumption.
    Warning,
    /// A named input was not read to its end.
    Error,
}

impl Severity {
    /// The word in machine-readable output.
    pub fn id(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// What happened. The ids are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DiagnosticKind {
    /// A path could not be opened or read.
    Unreadable,
    /// No reader knows this file.
    UnknownFormat,
    /// A file without a byte: read, and nothing in it.
    Empty,
    /// The file ends inside a record.
    Truncated,
    /// A record or block makes no sense.
    Damaged,
    /// Packets or lines of a kind that is not looked at.
    NotRead,
    /// A line that should be FTP but isn't.
    Malformed,
    /// A bound of the program was reached.
    LimitReached,
    /// The capture lacks bytes that were on the wire.
    Missing,
    /// The same traffic or the same bytes stand in the inputs more than once; they count once.
    HeardTwice,
    /// The same input stands in several of the reports that were added up, and counts each time.
    CountedTwice,
    /// The input can be read in two ways; one was taken.
    Assumed,
    /// Something is not over yet, and left for a later run.
    Carried,
    /// An input is not what an earlier run left: something may be missing in between.
    Changed,
    /// A fault of this program.
    InternalError,
}

impl DiagnosticKind {
    /// The word in machine-readable output.
    pub fn id(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::UnknownFormat => "unknown-format",
            Self::Empty => "empty",
            Self::Truncated => "truncated",
            Self::Damaged => "damaged",
            Self::NotRead => "not-read",
            Self::Malformed => "malformed",
            Self::LimitReached => "limit-reached",
            Self::Missing => "missing",
            Self::HeardTwice => "heard-twice",
            Self::CountedTwice => "counted-twice",
            Self::Assumed => "assumed",
            Self::Carried => "carried",
            Self::Changed => "changed",
            Self::InternalError => "internal-error",
        }
    }

    /// How much it matters. `Error` makes the exit status 3.
    pub fn severity(self) -> Severity {
        match self {
            Self::Unreadable
            | Self::UnknownFormat
            | Self::Truncated
            | Self::Damaged
            | Self::InternalError => Severity::Error,
            Self::NotRead | Self::Empty | Self::HeardTwice | Self::Assumed | Self::Carried => {
                Severity::Note
            }
            Self::Malformed
            | Self::LimitReached
            | Self::Missing
            | Self::CountedTwice
            | Self::Changed => Severity::Warning,
        }
    }
}

/// The first place and the number of a diagnostic that was met more than once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occurrences {
    /// Where it was met first.
    pub first: Origin,
    /// How often.
    pub count: u64,
    /// Bytes of the first one, where they help.
    pub sample: Option<Text>,
}

/// All diagnostics of a run, or of a part of it. A tally: `absorb` is associative and commutative, the default its
/// identity.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diagnostics(BTreeMap<(DiagnosticKind, SourceId, String), Occurrences>);

impl Diagnostics {
    /// Notes that something happened. `reason` is our own words and becomes part of the key.
    pub fn add(&mut self, kind: DiagnosticKind, at: Origin, reason: &str) {
        self.add_sample(kind, at, reason, None);
    }

    /// Notes that something happened, with the bytes that show it.
    pub fn add_sample(
        &mut self,
        kind: DiagnosticKind,
        at: Origin,
        reason: &str,
        sample: Option<Text>,
    ) {
        self.add_many(
            kind,
            reason,
            Occurrences {
                first: at,
                count: 1,
                sample,
            },
        );
    }

    /// Notes that something happened several times.
    pub fn add_many(&mut self, kind: DiagnosticKind, reason: &str, new: Occurrences) {
        match self.0.get_mut(&(kind, new.first.source, reason.to_owned())) {
            Some(known) => {
                known.count = known.count.saturating_add(new.count);
                if new.first < known.first {
                    known.first = new.first;
                    known.sample = new.sample;
                }
            }
            None => {
                self.0
                    .insert((kind, new.first.source, reason.to_owned()), new);
            }
        }
    }

    /// Changes all places where something was met.
    pub fn each_place(&mut self, place: &impl Fn(&mut Origin)) {
        for ((kind, _, reason), mut met) in std::mem::take(&mut self.0) {
            place(&mut met.first);
            self.add_many(kind, &reason, met);
        }
    }

    /// Forgets the bytes that show what happened: they may hold names.
    pub fn drop_samples(&mut self) {
        for occurrences in self.0.values_mut() {
            occurrences.sample = None;
        }
    }

    /// Adds another part's diagnostics.
    pub fn absorb(&mut self, other: Diagnostics) {
        for ((kind, _, reason), occurrences) in other.0 {
            self.add_many(kind, &reason, occurrences);
        }
    }

    /// All of them, by kind and source: kind, reason, occurrences.
    pub fn iter(&self) -> impl Iterator<Item = (DiagnosticKind, &str, &Occurrences)> {
        self.0
            .iter()
            .map(|((kind, _, reason), occurrences)| (*kind, reason.as_str(), occurrences))
    }

    /// The highest severity met.
    pub fn worst(&self) -> Option<Severity> {
        self.0.keys().map(|(kind, ..)| kind.severity()).max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_place_wins_whatever_the_order() {
        let at = |record| Origin {
            record,
            ..Origin::default()
        };
        let mut a = Diagnostics::default();
        a.add(DiagnosticKind::Damaged, at(9), "bad length");
        let mut b = Diagnostics::default();
        b.add(DiagnosticKind::Damaged, at(3), "bad length");
        let mut ab = a.clone();
        ab.absorb(b.clone());
        b.absorb(a);
        assert_eq!(ab, b);
        let (_, _, found) = ab.iter().next().unwrap();
        assert_eq!((found.first.record, found.count), (3, 2));
    }
}
