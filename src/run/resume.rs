//! Where a run goes on after an earlier one: which inputs hold what was read before, and what is left for the next one.
//!
//! A log is known by what is in it ([`Print`]), whatever it is called by now and however it is packed. Of what is
//! known only the rest is read. The records of sessions that were open are read again before it, or, where the log is not
//! among the inputs, before the log that has its name.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::source_id;
use crate::diagnostic::{Diagnostics, Origin, SourceId};
use crate::input::{self, Candidate, Fit, Place, Print, Tracked};
use crate::limits;
use crate::log::{Kept, Progress};
use crate::lookup::Lookup;
use crate::state::{Causes, Log, Record, State};
use crate::time::Timestamp;

mod again;
mod count;
mod fit;
mod leave;
#[cfg(test)]
mod tests;

pub(super) use again::LeftCapture;
pub(super) use count::{Counting, Over};
pub(super) use leave::{Left, SeriesLeft};

/// What earlier runs left, and what of it the inputs of this one are.
pub(super) struct Earlier<'s> {
    state: &'s State,
    closes: bool,
    /// By candidate: the log that it holds, a place in the state.
    fits: Vec<Option<Fit>>,
    /// Packed files that hold a log, and nothing else.
    packed: Vec<(usize, Print)>,
    /// By candidate: logs whose open sessions are read again before it.
    replays: Vec<Vec<usize>>,
    /// By log: where each of the logs of its records is now.
    origins: Vec<Vec<SourceId>>,
    /// Paths of logs that are not among the inputs.
    former: Vec<PathBuf>,
    /// Series that are left for the next run, by their names.
    unsettled: BTreeSet<String>,
}

/// Finds the inputs, as they are when each is looked at.
type Find<'f> = &'f dyn Fn(&[PathBuf], &mut Diagnostics) -> Vec<Candidate>;

impl<'s> Earlier<'s> {
    /// Finds the inputs and compares them to what is known; again where logs were rotated meanwhile, so that it all was true at
    /// one moment. What is rotated all the time is left.
    pub(super) fn find(
        state: &'s State,
        paths: &[PathBuf],
        closes: bool,
        diagnostics: &mut Diagnostics,
    ) -> (Vec<Candidate>, Self) {
        Self::find_by(&fit::looked, state, paths, closes, diagnostics)
    }

    fn find_by(
        find: Find<'_>,
        state: &'s State,
        paths: &[PathBuf],
        closes: bool,
        diagnostics: &mut Diagnostics,
    ) -> (Vec<Candidate>, Self) {
        let mut looks = 0;
        loop {
            looks += 1;
            let mut told = Diagnostics::default();
            let looked = find(paths, &mut told);
            let (candidates, mut earlier) = Self::new(state, looked.clone(), closes, &mut told);
            earlier.unsettled = fit::unsettled(paths, looked.iter().chain(&candidates));
            if earlier.unsettled.is_empty() || looks == limits::LOOKS {
                diagnostics.absorb(told);
                return (candidates, earlier);
            }
        }
    }

    /// True for files that are left for the next run, because they were renamed or emptied each time they were looked at.
    pub(super) fn is_unsettled(&self, candidate: &Candidate) -> bool {
        let is = || {
            self.unsettled
                .contains(&input::series_name(&candidate.path).0)
        };
        !self.unsettled.is_empty() && is()
    }

    /// Compares the inputs to what is known. May add an input: a log that was rotated since.
    fn new(
        state: &'s State,
        candidates: Vec<Candidate>,
        closes: bool,
        diagnostics: &mut Diagnostics,
    ) -> (Vec<Candidate>, Self) {
        let (candidates, fits) = fit::fit(state, candidates, diagnostics);
        let mut earlier = Self {
            state,
            closes,
            replays: fit::replays(state, &candidates, &fits),
            packed: fit::packed(&candidates, &fits),
            origins: Vec::new(),
            former: Vec::new(),
            unsettled: BTreeSet::new(),
            fits,
        };
        earlier.find_origins(&candidates);
        fit::tell_changes(state, &candidates, &earlier.fits, diagnostics);
        (candidates, earlier)
    }

    fn find_origins(&mut self, candidates: &[Candidate]) {
        let mut now = Lookup::default();
        for (index, fit) in self.fits.iter().enumerate() {
            if let Some(log) = fit.and_then(|fit| self.state.logs.get(fit.print)) {
                now.insert(log.id, index);
            }
        }
        for log in &self.state.logs {
            let mut origins = Vec::new();
            for former in &log.carried.logs {
                let index = now.get(&former.id).copied().unwrap_or_else(|| {
                    let index = candidates.len() + self.former.len();
                    self.former.push(former.path.path());
                    now.insert(former.id, index);
                    index
                });
                origins.push(source_id(index));
            }
            self.origins.push(origins);
        }
    }

    /// The paths of logs that records are from and that are not among the inputs.
    pub(super) fn former(&self) -> impl Iterator<Item = &[u8]> {
        self.former
            .iter()
            .map(|path| path.as_os_str().as_encoded_bytes())
    }

    /// The causes that earlier runs found.
    pub(super) fn causes(&self) -> Option<&'s Causes> {
        self.state.causes.as_ref()
    }

    /// True where sessions that are open at the end count.
    pub(super) fn closes(&self) -> bool {
        self.closes
    }

    pub(super) fn log(&self, index: usize) -> Option<&'s Log> {
        let fit = self.fit(index)?;
        self.state.logs.get(fit.print)
    }

    /// True where a series holds something new, or what is open in it is to be counted.
    pub(super) fn has_news(&self, indexes: &[usize]) -> bool {
        let is_new = |index: &usize| self.fit(*index).is_none_or(|fit| !fit.is_all);
        let is_open = |index: &usize| {
            self.replays
                .get(*index)
                .is_some_and(|logs| !logs.is_empty())
                || self.waits(*index)
        };
        indexes.iter().any(is_new) || self.closes && indexes.iter().any(is_open)
    }

    /// The log that a candidate is and that nothing was added to. Where its series is read, it has to be opened for the
    /// records that are read again before it.
    pub(super) fn whole(&self, index: usize, is_read: bool) -> Option<&'s Log> {
        let fit = self.fit(index)?;
        let replays = is_read && self.replays.get(index).is_some_and(|logs| !logs.is_empty());
        let is_closed = self.closes && self.waits(index);
        (fit.is_all && !replays && !is_closed).then(|| self.log(index))?
    }

    /// Up to where a candidate was read, and what it is known by.
    pub(super) fn place(&self, index: usize) -> Option<(Place, &'s Print)> {
        let log = self.log(index).filter(|log| log.again.is_none())?;
        Some((log.place(), &log.print))
    }

    fn fit(&self, index: usize) -> Option<Fit> {
        self.fits.get(index).copied().flatten()
    }

    /// The number of the log that it is.
    pub(super) fn known(&self, index: usize) -> Option<u64> {
        self.log(index).map(|log| log.id)
    }

    /// Where reading goes on.
    pub(super) fn progress(&self, index: usize) -> Option<Progress> {
        let log = self.log(index).filter(|log| log.again.is_none())?;
        Some(Progress {
            lines: log.lines,
            in_line: log.in_line,
            header: log.header.0.clone().into(),
            clock: log.clock.clone(),
            first: None,
            begun: log.begun,
            newest: log.newest.map(Timestamp::from_nanos),
            last: log.last.as_ref().map(|last| last.0.clone().into()),
        })
    }

    /// The records that are read again before a candidate.
    pub(super) fn records(&self, index: usize) -> Vec<Vec<Kept>> {
        let logs = self.replays.get(index).map_or(&[][..], Vec::as_slice);
        logs.iter()
            .filter_map(|log| self.records_of(*log))
            .collect()
    }

    fn records_of(&self, log: usize) -> Option<Vec<Kept>> {
        let carried = &self.state.logs.get(log)?.carried;
        let origins = self.origins.get(log)?;
        let headers: Vec<_> = carried
            .headers
            .iter()
            .map(|header| std::sync::Arc::new(header.0.clone()))
            .collect();
        let kept = |record: &Record| Kept {
            origin: Origin {
                source: origins.get(record.log).copied().unwrap_or_default(),
                record: record.record,
                offset: record.offset,
            },
            at: record.at.map(Timestamp::from_nanos),
            header: record
                .header
                .and_then(|header| headers.get(header).cloned()),
            begun: record.begun,
            again: record.again,
            line: record.line.0.clone().into(),
        };
        Some(carried.records.iter().map(kept).collect())
    }

    /// The numbers of the logs whose records were read again before a candidate.
    pub(super) fn replayed(&self, index: usize) -> Vec<u64> {
        let logs = self.replays.get(index).map_or(&[][..], Vec::as_slice);
        let logs = logs.iter().filter_map(|log| self.state.logs.get(*log));
        logs.map(|log| log.id).collect()
    }

    /// The print of a log as far as it was read.
    pub(super) fn print(&self, index: usize, read: &Tracked<'_>, head: &[u8]) -> Print {
        let before = self.log(index).map(|log| &log.print);
        read.print(head, before)
    }

    /// Says so where the times of a log begin before those that an earlier run read.
    pub(super) fn set_back(&self, index: usize, left: &Left) -> Option<String> {
        let before = self.log(index)?.newest.map(Timestamp::from_nanos)?;
        let first = left.progress.first?;
        let back = before.since(first).as_secs();
        (back > limits::LOG_BACK_SECONDS).then(|| {
            format!("its times go back by {back} s from what was read before: a clock was set, or lines were added to it later")
        })
    }
}

pub(super) fn source_at(index: usize) -> Origin {
    Origin {
        source: source_id(index),
        ..Origin::default()
    }
}
