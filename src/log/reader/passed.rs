//! Lines that told nothing, counted and told to a person.

use super::LogReader;
use crate::diagnostic::{DiagnosticKind, Occurrences, Origin};
use crate::text::Text;

const UNRECOGNISED: &str = "a line in no known form";
const SAMPLE_BYTES: usize = 160;

/// Lines that were not taken: why, how many, and the first of them.
#[derive(Debug)]
pub(super) struct Passed<'w> {
    /// `None` for lines that no format knows.
    pub(super) reason: Option<&'static str>,
    pub(super) count: u64,
    pub(super) line: u64,
    pub(super) offset: u64,
    pub(super) sample: &'w [u8],
}

impl LogReader {
    /// Counts the lines of a window that told nothing.
    pub(super) fn pass_over(&mut self, passed: Vec<Passed<'_>>, window_offset: u64) {
        let source = self.source;
        let counts = self.counts.entry(source).or_default();
        for passed in passed {
            let (kind, reason, sample) = if let Some(reason) = passed.reason {
                counts.ignored += passed.count;
                (DiagnosticKind::NotRead, reason, None)
            } else {
                counts.unrecognised += passed.count;
                let sample = Some(harmless(passed.sample));
                (DiagnosticKind::Malformed, UNRECOGNISED, sample)
            };
            let first = Origin {
                source,
                record: self.lines + passed.line + 1,
                offset: window_offset + passed.offset,
            };
            let occurrences = Occurrences {
                first,
                count: passed.count,
                sample,
            };
            self.diagnostics.add_many(kind, reason, occurrences);
        }
    }
}

/// A line that nobody understood may hold a password: it is shown up to the word.
fn harmless(line: &[u8]) -> Text {
    let end = line
        .windows(4)
        .position(|w| w.eq_ignore_ascii_case(b"pass"))
        .unwrap_or(line.len());
    Text::cut(line.get(..end).unwrap_or_default(), SAMPLE_BYTES)
}
