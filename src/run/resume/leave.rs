//! What a run leaves: the state of the one before, with what became of its logs.

use std::sync::Arc;

use super::{Earlier, LeftCapture, source_at};
use crate::diagnostic::{DiagnosticKind, Diagnostics, Origin, SourceId};
use crate::input::{Candidate, Print};
use crate::limits;
use crate::log::{Kept, Progress};
use crate::report::words;
use crate::state::{Bytes, Carried, Former, Log, Record, State};
use crate::text;
use crate::time::Timestamp;

/// A log that was read, and how far.
#[derive(Debug)]
pub(in crate::run) struct Left {
    pub(in crate::run) source: SourceId,
    /// Its number, where it was known.
    pub(in crate::run) known: Option<u64>,
    pub(in crate::run) format: &'static str,
    pub(in crate::run) print: Print,
    /// That of the packed file that holds it.
    pub(in crate::run) packed: Option<Print>,
    pub(in crate::run) bytes: u64,
    pub(in crate::run) progress: Progress,
}

/// What is left of a series.
#[derive(Debug, Default)]
pub(in crate::run) struct SeriesLeft {
    /// The logs that were read, in order.
    pub(in crate::run) logs: Vec<Left>,
    /// The captures that were read.
    pub(in crate::run) captures: Vec<LeftCapture>,
    /// The logs that nothing was added to.
    pub(in crate::run) seen: Vec<(SourceId, u64)>,
    /// The logs whose records were read again.
    pub(in crate::run) replayed: Vec<u64>,
    /// Records of sessions that are open, and how many these are.
    pub(in crate::run) records: Vec<Kept>,
    pub(in crate::run) sessions: u64,
}

impl Earlier<'_> {
    /// The state that this run leaves.
    pub(in crate::run) fn state(
        &self,
        mut left: Vec<SeriesLeft>,
        candidates: &[Candidate],
        diagnostics: &mut Diagnostics,
    ) -> State {
        let mut state = self.state.clone();
        state.runs = state.runs.saturating_add(1);
        for (log, print) in &self.packed {
            if let Some(log) = state.logs.get_mut(*log) {
                add_packed(log, print.clone());
            }
        }
        self.tell_missing(&mut state, candidates, diagnostics);
        left.sort_by_key(|series| {
            let logs = series.logs.iter().map(|log| log.source);
            let logs = logs.chain(series.captures.iter().map(|capture| capture.source));
            logs.chain(series.seen.iter().map(|(source, _)| *source))
                .min()
        });
        let mut ids: Vec<(SourceId, u64)> = Vec::new();
        for series in &left {
            let logs = series.logs.iter().map(|log| (log.source, log.known));
            let captures = series
                .captures
                .iter()
                .map(|capture| (capture.source, capture.known));
            for (source, known) in logs.chain(captures) {
                let id = known.unwrap_or_else(|| {
                    state.next_log += 1;
                    state.next_log
                });
                ids.push((source, id));
            }
            ids.extend(&series.seen);
        }
        for series in left {
            self.add(series, &ids, candidates, &mut state);
        }
        let open = state.open_sessions();
        if open > 0 {
            let words = if open == 1 {
                "session is"
            } else {
                "sessions are"
            };
            let reason = format!("{open} {words} open and left for the next run");
            diagnostics.add(DiagnosticKind::Carried, Origin::default(), &reason);
        }
        bound(&mut state, diagnostics);
        state
    }

    /// Captures that were to be read again and are gone.
    fn tell_missing(
        &self,
        state: &mut State,
        candidates: &[Candidate],
        diagnostics: &mut Diagnostics,
    ) {
        for (place, log) in state.logs.iter_mut().enumerate() {
            let is_held = self.fits.iter().flatten().any(|fit| fit.print == place);
            let Some(again) = log.again.as_mut().filter(|again| again.waits && !is_held) else {
                continue;
            };
            // A ring uses its names again.
            let is_replaced = candidates.iter().any(|c| Bytes::of(&c.path) == log.path);
            if !is_replaced && log.path.path().exists() {
                continue;
            }
            if again.open > 0 {
                let path = text::terminal(&log.path.0, true);
                let sessions = words::count(again.open, "open session");
                let reason = format!(
                    "{path}, a capture that was to be read again, is gone: what it held of {sessions} does not count"
                );
                diagnostics.add(DiagnosticKind::Changed, Origin::default(), &reason);
            }
            *again = crate::state::Again::default();
        }
    }

    fn add(
        &self,
        series: SeriesLeft,
        ids: &[(SourceId, u64)],
        candidates: &[Candidate],
        state: &mut State,
    ) {
        let id_of = |source: SourceId| {
            ids.iter()
                .find(|(known, _)| *known == source)
                .map(|(_, id)| *id)
        };
        let path_of = |source: SourceId| path_of(source, candidates);
        for log in &mut state.logs {
            if series.replayed.contains(&log.id) {
                log.carried = Carried::default();
            }
        }
        for (source, id) in &series.seen {
            if let Some(log) = state.logs.iter_mut().find(|log| log.id == *id) {
                log.seen = state.runs;
                log.path = path_of(*source).unwrap_or_default();
            }
        }
        let last = series.logs.last().map(|log| log.source);
        let mut records = series.records;
        for left in series.logs {
            let id = id_of(left.source).unwrap_or_default();
            let carried = if last == Some(left.source) {
                self.carried(
                    std::mem::take(&mut records),
                    series.sessions,
                    ids,
                    candidates,
                )
            } else {
                Carried::default()
            };
            let new = Log {
                id,
                path: path_of(left.source).unwrap_or_default(),
                format: left.format.to_owned(),
                print: left.print,
                packed: left.packed.into_iter().collect(),
                bytes: left.bytes,
                lines: left.progress.lines,
                in_line: left.progress.in_line,
                header: Bytes(left.progress.header.to_vec()),
                clock: left.progress.clock,
                newest: left.progress.newest.map(Timestamp::nanos),
                begun: left.progress.begun,
                last: left.progress.last.map(|last| Bytes(last.into())),
                seen: state.runs,
                carried,
                again: None,
            };
            put(state, new);
        }
        for left in series.captures {
            let new = Log {
                id: id_of(left.source).unwrap_or_default(),
                path: path_of(left.source).unwrap_or_default(),
                format: left.format.to_owned(),
                print: left.print,
                packed: left.packed.into_iter().collect(),
                bytes: left.bytes,
                lines: left.again.records,
                newest: left.newest.map(Timestamp::nanos),
                seen: state.runs,
                again: Some(left.again),
                ..Log::default()
            };
            put(state, new);
        }
    }

    fn carried(
        &self,
        records: Vec<Kept>,
        sessions: u64,
        ids: &[(SourceId, u64)],
        candidates: &[Candidate],
    ) -> Carried {
        let mut carried = Carried {
            sessions,
            ..Carried::default()
        };
        let mut sources: Vec<SourceId> = Vec::new();
        let mut headers: Vec<Arc<Vec<u8>>> = Vec::new();
        for kept in records {
            let log = place_in(&mut sources, kept.origin.source);
            let header = kept
                .header
                .as_ref()
                .map(|header| place_in(&mut headers, header.clone()));
            carried.records.push(Record {
                log,
                header,
                record: kept.origin.record,
                offset: kept.origin.offset,
                at: kept.at.map(Timestamp::nanos),
                begun: kept.begun,
                again: kept.again,
                line: Bytes(kept.line.into_vec()),
            });
        }
        carried.headers = headers
            .iter()
            .map(|header| Bytes(header.to_vec()))
            .collect();
        carried.logs = sources
            .iter()
            .map(|source| self.former_of(*source, ids, candidates))
            .collect();
        carried
    }

    /// The log that a source is, or was in an earlier run.
    fn former_of(
        &self,
        source: SourceId,
        ids: &[(SourceId, u64)],
        candidates: &[Candidate],
    ) -> Former {
        let index = usize::try_from(source.0).unwrap_or(usize::MAX);
        if let Some(candidate) = candidates.get(index) {
            let id = ids
                .iter()
                .find(|(known, _)| *known == source)
                .map(|(_, id)| *id);
            return Former {
                id: id.or_else(|| self.known(index)).unwrap_or_default(),
                path: Bytes::of(&candidate.path),
            };
        }
        let carried = self.state.logs.iter().zip(&self.origins);
        let mut all = carried.flat_map(|(log, origins)| log.carried.logs.iter().zip(origins));
        let known = all
            .find(|(_, origin)| **origin == source)
            .map(|(former, _)| former.clone());
        known.unwrap_or_default()
    }
}

fn path_of(source: SourceId, candidates: &[Candidate]) -> Option<Bytes> {
    let index = usize::try_from(source.0).unwrap_or(usize::MAX);
    let candidate = candidates.get(index);
    candidate.map(|candidate| Bytes::of(&candidate.path))
}

/// Puts a log in the place of what was known of it.
fn put(state: &mut State, new: Log) {
    match state.logs.iter_mut().find(|log| log.id == new.id) {
        Some(log) => {
            let packed = std::mem::take(&mut log.packed);
            *log = new;
            for print in packed {
                add_packed(log, print);
            }
        }
        // Nothing was in it.
        None if new.bytes == 0 && new.carried.records.is_empty() => {}
        None => state.logs.push(new),
    }
}

fn add_packed(log: &mut Log, print: Print) {
    if !log.packed.contains(&print) && log.packed.len() < limits::STATE_PACKED {
        log.packed.push(print);
    }
}

fn place_in<T: PartialEq>(known: &mut Vec<T>, one: T) -> usize {
    // The last ones are asked for most.
    known
        .iter()
        .rposition(|other| *other == one)
        .unwrap_or_else(|| {
            known.push(one);
            known.len() - 1
        })
}

/// Forgets the logs that no run has found for the longest time, where there are too many.
fn bound(state: &mut State, diagnostics: &mut Diagnostics) {
    while state.logs.len() > limits::STATE_LOGS {
        let oldest = state
            .logs
            .iter()
            .enumerate()
            .min_by_key(|(_, log)| (log.seen, log.id));
        let Some(place) = oldest.map(|(place, _)| place) else {
            return;
        };
        state.logs.remove(place);
        let reason = "STATE_LOGS: a log that no run has found for long is forgotten; where it comes back it counts again";
        diagnostics.add(DiagnosticKind::LimitReached, source_at(0), reason);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_too_many_packed_files_the_first_are_known() {
        let mut log = Log::default();
        for length in 0..=limits::STATE_PACKED as u64 {
            let mut print = Print::default();
            print.tail.end = length;
            add_packed(&mut log, print.clone());
            add_packed(&mut log, print);
        }
        assert_eq!(log.packed.len(), limits::STATE_PACKED);
    }
}
