//! Which inputs are read as one.
//!
//! Logs go by their names. Captures go by what is in them ([`capture::together`]); only the large files of a ring are
//! put together by name, because a first look at all of them would cost as much as reading them. An input with the
//! same bytes as another is left out. A pipe can be read only once and stays by itself.

use std::path::Path;
use std::time::Duration;

use rayon::prelude::*;

use super::reading::Reading;
use super::{Format, Job, source_id};
use crate::capture::{self, Part, Shift, Survey, Track};
use crate::diagnostic::{DiagnosticKind, Diagnostics, Origin, SourceId};
use crate::ftp::Vantage;
use crate::input::{self, Candidate};
use crate::limits;
use crate::tally::InputTally;
use crate::text::{self, StableHash, Text};
use crate::time::Timestamp;

/// Inputs that are read as one.
#[derive(Debug)]
pub(super) enum Series {
    /// Captures, in no order.
    Captures(Vec<Part>),
    /// Logs and what is not known, oldest first: indexes of candidates.
    Files(Vec<usize>),
    /// The same bytes as an input that is read.
    Repeated(usize),
    /// A capture that an earlier run read to its end.
    Known(usize),
}

impl Series {
    /// Indexes of its candidates.
    pub(super) fn members(&self) -> Vec<usize> {
        match self {
            Self::Captures(parts) => parts.iter().map(|part| index(part.id)).collect(),
            Self::Files(indexes) => indexes.clone(),
            Self::Repeated(index) | Self::Known(index) => vec![*index],
        }
    }
}

impl Series {
    /// The first of its candidates.
    pub(super) fn first(&self) -> SourceId {
        source_id(self.members().into_iter().min().unwrap_or(0))
    }
}

fn index(id: SourceId) -> usize {
    usize::try_from(id.0).unwrap_or(usize::MAX)
}

/// A first look at a file.
struct Peek {
    format: Option<Format>,
    starts: Option<Timestamp>,
    /// The first bytes, hashed; `None` where they hold nothing.
    head: Option<u64>,
}

fn peek(candidate: &Candidate, from: Option<Format>) -> Option<Peek> {
    if !candidate.regular {
        return None;
    }
    let head = input::open(candidate).ok()?.head;
    let format = Format::of(from, &head);
    let starts = match format {
        Some(Format::Capture(flavour)) => capture::Cutter::first_time(flavour, &head),
        _ => None,
    };
    // Captures without a packet are all alike.
    let holds_something = match format {
        Some(Format::Capture(_)) => starts.is_some(),
        _ => !head.is_empty(),
    };
    let hash = holds_something.then(|| StableHash::new().bytes(&head).finish());
    Some(Peek {
        format,
        starts,
        head: hash,
    })
}

/// True where there are captures and server logs. What a pipe holds is not known before it is read.
fn has_both(peeks: &[Option<Peek>]) -> bool {
    let has = |wanted: Vantage| {
        let vantage = |peek: &Peek| peek.format.map(Format::vantage);
        let fits = |peek: &Option<Peek>| peek.as_ref().is_none_or(|p| vantage(p) == Some(wanted));
        peeks.iter().any(fits)
    };
    has(Vantage::Wire) && has(Vantage::ServerLog)
}

/// Sets the clocks of captures that heard the same connections to the same time, and tells so.
fn set_clocks(units: &mut [Vec<Part>], tracks: &[(usize, Track)], diagnostics: &mut Diagnostics) {
    let starts = |parts: &Vec<Part>| parts.iter().filter_map(|part| part.starts).min();
    let starts: Vec<_> = units.iter().map(starts).collect();
    let shifts = capture::shifts(tracks, &starts);
    for (parts, Shift { nanos, handshakes }) in units.iter_mut().zip(shifts) {
        for part in parts.iter_mut().filter(|_| nanos != 0) {
            part.behind = nanos;
            part.starts = part.starts.map(|at| at.later(nanos));
            let at = Origin {
                source: part.id,
                ..Origin::default()
            };
            let (ahead, by) = (nanos < 0, Duration::from_nanos(nanos.unsigned_abs()));
            let reason = format!(
                "its clock is {:.3} s {} that of another capture of the same connections, by {handshakes} of their handshakes; its times are set right",
                by.as_secs_f64(),
                if ahead { "ahead of" } else { "behind" },
            );
            diagnostics.add(DiagnosticKind::Assumed, at, &reason);
        }
    }
}

impl Job<'_> {
    /// Says which candidates are read as one, in the order of their first paths.
    pub(super) fn plan(&mut self, diagnostics: &mut Diagnostics) -> Vec<Series> {
        if let ([_], None) = (self.candidates, self.earlier) {
            return vec![Series::Files(vec![0])];
        }
        let from = self.settings.from;
        let mut peeks: Vec<Option<Peek>> = self
            .candidates
            .par_iter()
            .map(|candidate| peek(candidate, from))
            .collect();
        self.joins = has_both(&peeks);
        let mut known = Vec::new();
        if let Some(earlier) = self.earlier {
            let starts = peeks
                .iter()
                .map(|peek| peek.as_ref().and_then(|peek| peek.starts));
            let starts: Vec<_> = starts.collect();
            known = earlier.finished_captures(&starts);
            self.newest = earlier.newest(&starts);
            // What is known holds nothing that another input could hold as well.
            let known = peeks
                .iter_mut()
                .zip(0..)
                .filter(|(_, index)| earlier.whole(*index, false).is_some());
            for (peek, _) in known {
                if let Some(peek) = peek {
                    peek.head = None;
                }
            }
        }
        let repeated = self.repeated(&peeks, diagnostics);
        let mut parts = Vec::new();
        let mut files = Vec::new();
        let mut series = Vec::new();
        for (index, peek) in peeks.into_iter().enumerate() {
            match peek {
                _ if repeated.contains(&index) => series.push(Series::Repeated(index)),
                Some(Peek {
                    format: Some(Format::Capture(_)),
                    ..
                }) if known.contains(&index) => series.push(Series::Known(index)),
                Some(Peek {
                    format: Some(Format::Capture(flavour)),
                    starts,
                    ..
                }) => parts.push(Part {
                    id: source_id(index),
                    flavour,
                    starts,
                    behind: 0,
                }),
                _ => files.push(index),
            }
        }
        let path = |index: usize| self.candidates.get(index).map(|c| c.path.as_path());
        let paths: Vec<&Path> = files.iter().filter_map(|index| path(*index)).collect();
        let in_series = input::in_series(&paths).into_iter().map(|series| {
            let of = |place: usize| files.get(place).copied();
            Series::Files(series.into_iter().filter_map(of).collect())
        });
        series.extend(in_series);
        series.extend(self.captures_together(parts, diagnostics));
        series.sort_by_key(|series| series.members().into_iter().min());
        series
    }

    /// The candidates that hold the same bytes as an earlier one.
    fn repeated(&self, peeks: &[Option<Peek>], diagnostics: &mut Diagnostics) -> Vec<usize> {
        let head = |index: &usize| peeks.get(*index)?.as_ref()?.head;
        let mut order: Vec<usize> = (0..peeks.len()).filter(|i| head(i).is_some()).collect();
        order.sort_by_key(|index| (head(index), *index));
        let mut repeated = Vec::new();
        for alike in order.chunk_by(|a, b| head(a) == head(b)) {
            let Some((first, others)) = alike.split_first() else {
                continue;
            };
            let Some(original) = self.candidates.get(*first) else {
                continue;
            };
            for index in others {
                let candidate = self.candidates.get(*index);
                if candidate.is_some_and(|c| input::same_bytes(original, c)) {
                    let at = Origin {
                        source: source_id(*index),
                        ..Origin::default()
                    };
                    let path = text::json(self.sources.path(source_id(*first)));
                    let reason = format!("the same bytes as {path}; they count once");
                    diagnostics.add(DiagnosticKind::HeardTwice, at, &reason);
                    repeated.push(*index);
                }
            }
        }
        repeated.sort_unstable();
        repeated
    }

    /// Puts together the captures that belong together.
    fn captures_together(&self, parts: Vec<Part>, diagnostics: &mut Diagnostics) -> Vec<Series> {
        let mut units = self.large_rings(parts);
        if units.len() > 1 {
            let surveys = self.survey(&units);
            let mut tracks: Vec<(usize, Track)> = Vec::new();
            for (unit, id, survey) in surveys {
                let mut parts = units.get_mut(unit).into_iter().flatten();
                if let Some(part) = parts.find(|part| part.id == id) {
                    part.starts = survey.first().or(part.starts);
                }
                if survey.is_full() {
                    let at = Origin {
                        source: id,
                        ..Origin::default()
                    };
                    let reason = "more connections than are compared with those of other captures";
                    diagnostics.add(DiagnosticKind::LimitReached, at, reason);
                }
                tracks.extend(survey.into_tracks().into_iter().map(|track| (unit, track)));
            }
            set_clocks(&mut units, &tracks, diagnostics);
            let roots = capture::together(tracks, units.len());
            let mut joined: Vec<Vec<Part>> = units.iter().map(|_| Vec::new()).collect();
            for (root, parts) in roots.into_iter().zip(units) {
                if let Some(series) = joined.get_mut(root) {
                    series.extend(parts);
                }
            }
            units = joined;
        }
        let units = units.into_iter().filter(|parts| !parts.is_empty());
        units.map(Series::Captures).collect()
    }

    fn length(&self, part: &Part) -> u64 {
        let candidate = self.candidates.get(index(part.id));
        candidate.map_or(0, |candidate| candidate.length)
    }

    fn is_large(&self, part: &Part) -> bool {
        self.length(part) > limits::SMALL_SERIES_BYTES
    }

    /// Rings with a large file are one, the others not yet.
    fn large_rings(&self, parts: Vec<Part>) -> Vec<Vec<Part>> {
        let name = |part: &Part| {
            let candidate = self.candidates.get(index(part.id));
            candidate.map(|candidate| input::ring_name(&candidate.path))
        };
        let mut named: Vec<(Option<String>, Part)> =
            parts.into_iter().map(|part| (name(&part), part)).collect();
        named.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.id.cmp(&b.1.id)));
        let mut units: Vec<Vec<Part>> = Vec::new();
        for ring in named.chunk_by(|a, b| a.0 == b.0) {
            let parts = ring.iter().map(|(_, part)| *part);
            if parts.clone().any(|part| self.is_large(&part)) {
                units.push(parts.collect());
            } else {
                units.extend(parts.map(|part| vec![part]));
            }
        }
        units.sort_by_key(|parts| parts.first().map(|part| part.id));
        units
    }

    /// Looks at all captures: small ones side by side, large ones one after the other with all threads.
    fn survey(&self, units: &[Vec<Part>]) -> Vec<(usize, SourceId, Survey)> {
        let parts: Vec<(usize, Part)> = units
            .iter()
            .enumerate()
            .flat_map(|(unit, parts)| parts.iter().map(move |part| (unit, *part)))
            .collect();
        let (large, small): (Vec<_>, Vec<_>) =
            parts.into_iter().partition(|(_, part)| self.is_large(part));
        let one = |(unit, part): &(usize, Part)| (*unit, part.id, self.survey_one(part));
        let mut surveys: Vec<_> = small.par_iter().map(one).collect();
        surveys.extend(large.iter().map(one));
        surveys
    }

    fn survey_one(&self, part: &Part) -> Survey {
        let mut survey = Survey::default();
        let candidate = self.candidates.get(index(part.id));
        if let Some(mut opened) = candidate.and_then(|c| input::open(c).ok()) {
            input::read(
                &mut *opened.reader,
                self.settings.window_bytes,
                &mut capture::Cutter::new(part.flavour, part.id),
                &capture::Decoder::new(part.id),
                |_, frames| survey.merge(&frames),
                &|_| {},
            );
        }
        survey
    }

    /// Reads captures as one.
    pub(super) fn read_captures(&self, parts: &[Part], reading: &mut Reading<'_>) {
        reading.note_captures(parts, self);
        let mut failed = Vec::new();
        let mut open = |id| {
            let candidate = self.candidates.get(index(id))?;
            match input::open(candidate) {
                Ok(opened) => Some(opened.reader),
                Err(error) => {
                    failed.push((id, error));
                    None
                }
            }
        };
        let Reading {
            builder,
            watcher,
            capture,
            ..
        } = reading;
        let outcomes = capture::read_in_order(
            parts.to_vec(),
            &mut open,
            self.settings.window_bytes,
            capture,
            &mut |event| builder.take(&event, watcher),
            &|bytes| self.progress.add(bytes),
        );
        for outcome in outcomes {
            let part = parts.iter().find(|part| part.id == outcome.id);
            let tally = InputTally {
                records: outcome.records,
                unrecognised: outcome.records,
                ..self.input(outcome.id)
            };
            let format = part.map(|part| Format::Capture(part.flavour));
            reading.read(outcome.id, tally, format, &outcome.ended);
        }
        for (id, error) in failed {
            reading.left.forget(id);
            let at = Origin {
                source: id,
                ..Origin::default()
            };
            reading
                .diagnostics()
                .add(DiagnosticKind::Unreadable, at, &error.0);
            reading.input(id, self.input(id));
        }
    }

    /// Names a capture that an earlier run read.
    pub(super) fn pass_over(&self, index: usize, reading: &mut Reading<'_>) {
        let id = source_id(index);
        match self.earlier.and_then(|earlier| earlier.log(index)) {
            Some(log) => reading.known(id, log, self.input(id)),
            None => reading.input(id, self.input(id)),
        }
    }

    /// Names an input that is not read, because another one holds the same bytes.
    pub(super) fn leave_out(&self, index: usize, reading: &mut Reading<'_>) {
        let id = source_id(index);
        reading.input(id, self.input(id));
    }

    pub(super) fn input(&self, id: SourceId) -> InputTally {
        InputTally {
            path: Text::from(self.sources.path(id)),
            ..InputTally::default()
        }
    }
}
