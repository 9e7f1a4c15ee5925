//! Which inputs are read as one.
//!
//! Logs go by their names. Captures go by what is in them ([`capture::together`]); only the large files of a ring are
//! put together by name, because a first look at all of them would cost as much as reading them. An input with the
//! same bytes as another is left out. A pipe can be read only once and stays by itself.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use rayon::prelude::*;

use super::look::{Look, survey};
use super::reading::Reading;
use super::{Format, Job, source_id};
use crate::capture::{self, Part, Shift, Surveyed, Track};
use crate::diagnostic::{DiagnosticKind, Diagnostics, Origin, SourceId};
use crate::ftp::Vantage;
use crate::input::{self, Candidate};
use crate::limits;
use crate::tally::InputTally;
use crate::text::{self, Text};

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

impl Look {
    /// A capture by itself.
    pub(super) fn part(&self, index: usize) -> Option<Part> {
        let Some(Format::Capture(flavour)) = self.format else {
            return None;
        };
        Some(Part {
            id: source_id(index),
            flavour,
            starts: self.starts,
            behind: 0,
        })
    }
}

/// Indexes of those that begin alike, each time the first of them first.
pub(super) fn alike(looks: &[Option<Look>]) -> Vec<Vec<usize>> {
    let mut by_head: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, look) in looks.iter().enumerate() {
        if let Some(head) = look.as_ref().and_then(|look| look.head.as_deref()) {
            by_head.entry(head).or_default().push(index);
        }
    }
    by_head
        .into_values()
        .filter(|alike| alike.len() > 1)
        .collect()
}

pub(super) fn index(id: SourceId) -> usize {
    usize::try_from(id.0).unwrap_or(usize::MAX)
}

/// True where there are captures and logs of servers or of transfers. What a pipe holds is not known before it is read.
fn has_both(looks: &[Option<Look>]) -> bool {
    let has = |wanted: Vantage| {
        let vantage = |look: &Look| look.format.map(Format::vantage);
        let fits = |look: &Option<Look>| look.as_ref().is_none_or(|l| vantage(l) == Some(wanted));
        looks.iter().any(fits)
    };
    has(Vantage::Wire) && (has(Vantage::ServerLog) || has(Vantage::TransferLog))
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
        if let ([_], [], None) = (self.candidates, self.listed, self.earlier) {
            return vec![Series::Files(vec![0])];
        }
        let mut looks = self.looks(Look::at_head);
        self.joins = self.settings.joins && has_both(&looks);
        let mut known = Vec::new();
        if let Some(earlier) = self.earlier {
            let starts = looks
                .iter()
                .map(|look| look.as_ref().and_then(|look| look.starts));
            let starts: Vec<_> = starts.collect();
            known = earlier.finished_captures(&starts);
            self.newest = earlier.newest(&starts);
            // What is known holds nothing that another input could hold as well.
            let known = looks
                .iter_mut()
                .zip(0..)
                .filter(|(_, index)| earlier.whole(*index, false).is_some());
            for (look, _) in known {
                if let Some(look) = look {
                    look.head = None;
                }
            }
        }
        let repeated = self.repeated(&looks, diagnostics);
        let mut parts = Vec::new();
        let mut files = Vec::new();
        let mut series = Vec::new();
        for (index, look) in looks.iter().enumerate() {
            let capture = look.as_ref().and_then(|look| look.part(index));
            match capture {
                _ if repeated.binary_search(&index).is_ok() => {
                    series.push(Series::Repeated(index));
                }
                Some(_) if known.contains(&index) => series.push(Series::Known(index)),
                Some(part) => parts.push(part),
                None => files.push(index),
            }
        }
        series.extend(self.in_series(&files).into_iter().map(Series::Files));
        let (decided, parts) = self.decided(parts);
        let together = self.captures_together(parts, &looks, diagnostics);
        series.extend(decided.into_iter().chain(together).map(Series::Captures));
        series.sort_by_key(|series| series.members().into_iter().min());
        series
    }

    /// A first look at each candidate, unless it comes with one.
    pub(super) fn looks(
        &self,
        look: impl Fn(&Candidate, Option<Format>) -> Option<Look> + Sync,
    ) -> Vec<Option<Look>> {
        let from = self.settings.from;
        let known = |index: usize| self.listed.get(index)?.look.clone();
        let looks = self.candidates.par_iter().enumerate();
        let looks = looks.map(|(index, candidate)| known(index).or_else(|| look(candidate, from)));
        looks.collect()
    }

    /// Those of the candidates that continue one another, by their names.
    pub(super) fn in_series(&self, files: &[usize]) -> Vec<Vec<usize>> {
        let path = |index: usize| self.candidates.get(index).map(|c| c.path.as_path());
        let paths: Vec<&Path> = files.iter().filter_map(|index| path(*index)).collect();
        let in_series = input::in_series(&paths).into_iter();
        let of = |place: usize| files.get(place).copied();
        in_series
            .map(|series| series.into_iter().filter_map(of).collect())
            .collect()
    }

    /// Captures that come with the word of whom they are read with, and the others.
    fn decided(&self, parts: Vec<Part>) -> (Vec<Vec<Part>>, Vec<Part>) {
        let mut decided: BTreeMap<u32, Vec<Part>> = BTreeMap::new();
        let mut others = Vec::new();
        for mut part in parts {
            match self
                .listed
                .get(index(part.id))
                .and_then(|listed| listed.series)
            {
                Some(series) => {
                    (part.starts, part.behind) = (series.starts, series.behind);
                    decided.entry(series.of).or_default().push(part);
                }
                None => others.push(part),
            }
        }
        (decided.into_values().collect(), others)
    }

    /// The candidates that hold the same bytes as an earlier one.
    fn repeated(&self, looks: &[Option<Look>], diagnostics: &mut Diagnostics) -> Vec<usize> {
        let mut repeated = Vec::new();
        for alike in alike(looks) {
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
    pub(super) fn captures_together(
        &self,
        parts: Vec<Part>,
        looks: &[Option<Look>],
        diagnostics: &mut Diagnostics,
    ) -> Vec<Vec<Part>> {
        let mut units = self.large_rings(parts);
        if units.len() > 1 {
            let surveys = self.survey(&units, looks);
            let mut tracks: Vec<(usize, Track)> = Vec::new();
            for (unit, id, survey) in surveys {
                let mut parts = units.get_mut(unit).into_iter().flatten();
                if let Some(part) = parts.find(|part| part.id == id) {
                    part.starts = survey.first.or(part.starts);
                }
                if survey.is_full {
                    let at = Origin {
                        source: id,
                        ..Origin::default()
                    };
                    let reason = "more connections than are compared with those of other captures";
                    diagnostics.add(DiagnosticKind::LimitReached, at, reason);
                }
                tracks.extend(survey.tracks.into_iter().map(|track| (unit, track)));
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
        units.retain(|parts| !parts.is_empty());
        units
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
    fn survey(
        &self,
        units: &[Vec<Part>],
        looks: &[Option<Look>],
    ) -> Vec<(usize, SourceId, Surveyed)> {
        let parts: Vec<(usize, Part)> = units
            .iter()
            .enumerate()
            .flat_map(|(unit, parts)| parts.iter().map(move |part| (unit, *part)))
            .collect();
        let (large, small): (Vec<_>, Vec<_>) =
            parts.into_iter().partition(|(_, part)| self.is_large(part));
        let known = |part: &Part| looks.get(index(part.id))?.as_ref()?.survey.clone();
        let one = |(unit, part): &(usize, Part)| {
            let survey = known(part).unwrap_or_else(|| self.survey_one(part));
            (*unit, part.id, survey)
        };
        let mut surveys: Vec<_> = small.par_iter().map(one).collect();
        surveys.extend(large.iter().map(one));
        surveys
    }

    fn survey_one(&self, part: &Part) -> Surveyed {
        let candidate = self.candidates.get(index(part.id));
        let Some(mut opened) = candidate.and_then(|c| input::open(c).ok()) else {
            return Surveyed::default();
        };
        survey(
            &mut *opened.reader,
            part.flavour,
            self.settings.window_bytes,
        )
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
