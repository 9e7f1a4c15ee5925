//! Inputs that are read again as a whole: captures, and what was printed of one.
//!
//! A capture may go on in another file, and what its last packets mean may show there. So the last one, and those in which
//! a session is open, are read again with what is new; sessions that count by now are known again and left out.

use super::{Counting, Earlier, SeriesLeft, source_id};
use crate::diagnostic::SourceId;
use crate::input::{self, Candidate, Print};
use crate::limits;
use crate::state::Again;
use crate::tally::{InputTally, Tallies};
use crate::time::Timestamp;

impl Earlier<'_> {
    fn again(&self, index: usize) -> Option<&Again> {
        self.log(index)?.again.as_ref()
    }

    /// True where an input is read again with what is new.
    pub(super) fn waits(&self, index: usize) -> bool {
        self.again(index).is_some_and(|again| again.waits)
    }

    /// True where nothing was added to an input.
    fn is_all(&self, index: usize) -> bool {
        self.fit(index).is_some_and(|fit| fit.is_all)
    }

    /// The captures that need not be read: nothing was added to them, and nothing that is new can go on from them. `starts`
    /// are the first times of all inputs; others than captures have none.
    pub(in crate::run) fn finished_captures(&self, starts: &[Option<Timestamp>]) -> Vec<usize> {
        let has_news = self.newest(starts).is_some();
        let is_known = |index: &usize| self.again(*index).is_some() && self.is_all(*index);
        let all = 0..starts.len();
        all.filter(|index| is_known(index) && !(self.waits(*index) && (has_news || self.closes)))
            .collect()
    }

    /// The sessions of a series that count by now.
    pub(in crate::run) fn counting(&self, members: &[usize], is_again: bool) -> Counting {
        let again: Vec<&Again> = members
            .iter()
            .filter_map(|index| self.again(*index))
            .collect();
        Counting::new(again.iter().flat_map(|again| &again.counted), is_again)
    }

    /// The latest beginning of a capture to which something was added.
    pub(in crate::run) fn newest(&self, starts: &[Option<Timestamp>]) -> Option<Timestamp> {
        let new = starts
            .iter()
            .enumerate()
            .filter(|(index, _)| !self.is_all(*index));
        new.filter_map(|(_, starts)| *starts).max()
    }

    /// True where no later run goes on with a series: that is asked for, or all of it was read before, and what is new in
    /// this run begins so much later that nothing goes on from it.
    pub(in crate::run) fn is_last(&self, members: &[usize], newest: Option<Timestamp>) -> bool {
        if self.closes {
            return true;
        }
        let is_known = |index: &usize| self.again(*index).is_some() && self.is_all(*index);
        let is_old = !members.is_empty() && members.iter().all(is_known);
        let ends = members
            .iter()
            .filter_map(|index| self.log(*index)?.newest)
            .max();
        let length = members
            .iter()
            .filter_map(|index| self.log(*index))
            .map(|log| log.print.bytes());
        let is_long = length.fold(0, u64::saturating_add) > limits::AGAIN_BYTES;
        let over = i64::try_from(limits::AGAIN_SECONDS)
            .unwrap_or(i64::MAX)
            .saturating_mul(1_000_000_000);
        let is_over = ends
            .zip(newest)
            .is_some_and(|(end, new)| new.nanos().saturating_sub(end) > over);
        is_old && (is_long || is_over)
    }

    /// A capture, or what was printed of one, that is about to be read.
    pub(in crate::run) fn capture(
        &self,
        index: usize,
        (candidate, format): (&Candidate, &'static str),
        starts: Option<Timestamp>,
    ) -> LeftCapture {
        let known = self.log(index);
        let own = Print::of_file(candidate).unwrap_or_default();
        let is_packed = input::is_packed(candidate);
        let print = if is_packed {
            known.map(|log| log.print.clone()).unwrap_or_default()
        } else {
            own.clone()
        };
        LeftCapture {
            source: source_id(index),
            known: known.map(|log| log.id),
            format,
            print,
            packed: is_packed.then_some(own),
            bytes: known.map_or(0, |log| log.bytes),
            newest: known
                .and_then(|log| log.newest)
                .map(Timestamp::from_nanos)
                .max(starts),
            starts,
            again: known.and_then(|log| log.again.clone()).unwrap_or_default(),
        }
    }
}

/// What is left of a capture.
#[derive(Debug)]
pub(in crate::run) struct LeftCapture {
    pub(in crate::run) source: SourceId,
    pub(super) known: Option<u64>,
    pub(super) format: &'static str,
    pub(super) print: Print,
    pub(super) packed: Option<Print>,
    pub(super) bytes: u64,
    pub(super) starts: Option<Timestamp>,
    pub(super) newest: Option<Timestamp>,
    pub(super) again: Again,
}

impl LeftCapture {
    /// Leaves of an input's numbers what was not counted before.
    fn count_once(&mut self, input: &mut InputTally) {
        let bytes = input.bytes;
        input.bytes = bytes.saturating_sub(self.bytes);
        self.bytes = bytes.max(self.bytes);
        let again = &mut self.again;
        let mut left = input.records.saturating_sub(again.records);
        input.records = left;
        // A packet may turn out to be another kind than was counted; no number goes back.
        let mut new = |now: u64, before: u64| {
            let new = now.saturating_sub(before).min(left);
            left -= new;
            new
        };
        input.taken = new(input.taken, again.taken);
        input.unrecognised = new(input.unrecognised, again.unrecognised);
        input.ignored = left;
        again.records += input.records;
        again.taken += input.taken;
        again.ignored += input.ignored;
        again.unrecognised += input.unrecognised;
    }
}

impl SeriesLeft {
    /// Notes what counts by now, and which captures are to be read again.
    pub(in crate::run) fn take(&mut self, counting: Option<Counting>) {
        let Some(counting) = counting else { return };
        if self.captures.is_empty() {
            self.sessions = counting.withheld.values().sum();
            return;
        }
        let starts = |captures: &[LeftCapture], of: &dyn Fn(SourceId) -> bool| {
            let of = captures.iter().filter(|capture| of(capture.source));
            of.map(|capture| capture.starts).min()
        };
        let waiting = starts(&self.captures, &|source| counting.waiting.contains(&source));
        let last = self.captures.iter().map(|capture| capture.starts).max();
        let from = waiting.min(last).or(waiting).or(last).flatten();
        for capture in &mut self.captures {
            let again = &mut capture.again;
            again.waits = capture.starts >= from;
            again.open = counting.withheld.get(&capture.source).copied().unwrap_or(0);
            again.counted.clear();
            for (counted, sources) in counting
                .counted
                .iter()
                .filter(|(_, s)| s.contains(&capture.source))
            {
                capture.newest = capture.newest.max(counted.last.map(Timestamp::from_nanos));
                if again.waits && !sources.is_empty() {
                    again.counted.push(counted.clone());
                }
            }
        }
    }

    /// Counts the records of captures that were read before only as far as they are new.
    pub(in crate::run) fn count_once(&mut self, tallies: &mut Tallies, is_last: bool) {
        for capture in &mut self.captures {
            if let Some(input) = tallies.inputs.get_mut(&capture.source) {
                capture.count_once(input);
            }
            if is_last {
                capture.again.waits = false;
                capture.again.open = 0;
                capture.again.counted.clear();
            }
        }
    }

    /// A capture that could not be read.
    pub(in crate::run) fn forget(&mut self, source: SourceId) {
        self.captures.retain(|capture| capture.source != source);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::input::Fit;
    use crate::state::{Log, State};

    /// Whether a capture of so many bytes that is known to its end is over, when what is new begins so many seconds later.
    fn is_over(bytes: u64, seconds: u64) -> bool {
        let mut log = Log {
            newest: Some(0),
            again: Some(Again::default()),
            ..Log::default()
        };
        log.print.tail.end = bytes;
        let state = State {
            logs: vec![log],
            ..State::default()
        };
        let fit = Fit {
            print: 0,
            is_all: true,
            is_packed: false,
        };
        let earlier = Earlier {
            state: &state,
            closes: false,
            fits: vec![Some(fit)],
            packed: Vec::new(),
            replays: vec![Vec::new()],
            origins: Vec::new(),
            former: Vec::new(),
            unsettled: BTreeSet::new(),
        };
        let newest = Timestamp::from_seconds(i64::try_from(seconds).unwrap(), 0);
        earlier.is_last(&[0], Some(newest))
    }

    #[test]
    fn a_capture_is_over_when_what_is_new_is_much_later_or_too_much_would_be_read_again() {
        assert!(!is_over(1000, limits::AGAIN_SECONDS));
        assert!(is_over(1000, limits::AGAIN_SECONDS + 1));
        assert!(!is_over(limits::AGAIN_BYTES, 1));
        assert!(is_over(limits::AGAIN_BYTES + 1, 1));
    }
}
