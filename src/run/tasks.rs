//! Which inputs must be read in one run, so that what is found in all runs adds up to what one run over everything finds.
//!
//! That are inputs that are read as one, copies of the same bytes, and captures with the logs that may hold the same
//! sessions. What takes part in nothing common makes a task of its own. A task may always hold more than it must.

use std::collections::BTreeMap;

use serde::Serialize;

use super::listed::{InSeries, too_many};
use super::look::Look;
use super::plan::{alike, index};
use super::{Format, Job, Listed, Settings};
use crate::capture::Part;
use crate::diagnostic::Diagnostics;
use crate::ftp::Vantage;
use crate::input::Candidate;
use crate::limits;
use crate::progress::Progress;
use crate::report::Sources;
use crate::tally::Tallies;

/// What must be read in one run.
#[derive(Debug, Serialize)]
pub struct Task {
    /// `captures`, `logs` (and whatever else), or `captures-and-logs`.
    pub kind: &'static str,
    /// Bytes on disk.
    pub bytes: u64,
    /// Its inputs, in the order of their places.
    pub inputs: Vec<Listed>,
}

/// All tasks, and what there is to tell of how inputs belong together.
#[derive(Debug)]
pub struct Planned {
    /// The tasks, by the places of their first inputs.
    pub tasks: Vec<Task>,
    /// What was told meanwhile, as a part of the whole run.
    pub told: Tallies,
    /// What the inputs are called.
    pub sources: Sources,
}

/// Looks at each input, as far as nobody has.
///
/// # Errors
///
/// When there are more inputs than a run has.
pub fn look(settings: &Settings) -> Result<Vec<Listed>, String> {
    let (mut listed, _) = all(settings)?;
    let candidates: Vec<Candidate> = listed.iter().map(Listed::candidate).collect();
    let sources = Sources::default();
    let progress = Progress::new(0, false);
    let looks = job(settings, &candidates, &listed, (&sources, &progress)).looks(at_all(settings));
    for (listed, look) in listed.iter_mut().zip(looks) {
        listed.look = look;
    }
    Ok(listed)
}

/// Says what must be read in one run.
///
/// # Errors
///
/// When there are more inputs than a run has.
pub fn tasks(settings: &Settings) -> Result<Planned, String> {
    let (mut listed, mut diagnostics) = all(settings)?;
    let candidates: Vec<Candidate> = listed.iter().map(Listed::candidate).collect();
    let sources = settings.sources(&candidates, std::iter::empty());
    let progress = Progress::new(0, false);
    let job = job(settings, &candidates, &listed, (&sources, &progress));
    let looks = job.looks(at_all(settings));
    let mut whole = Whole {
        groups: (0..listed.len()).collect(),
        original: vec![None; listed.len()],
        again: vec![false; listed.len()],
        series: vec![None; listed.len()],
    };
    whole.copies(&looks);
    whole.logs(&job, &looks);
    whole.captures(&job, &looks, &mut diagnostics);
    if settings.joins {
        whole.join(&looks);
    }
    for (place, (listed, look)) in (0..).zip(listed.iter_mut().zip(looks)) {
        listed.place = Some(place);
        listed.look = look.map(|look| Look {
            survey: None,
            ..look
        });
    }
    let tallies = Tallies {
        diagnostics,
        ..Tallies::default()
    };
    Ok(Planned {
        tasks: whole.into_tasks(listed, &candidates),
        told: tallies,
        sources,
    })
}

/// All inputs of a run, and what was told when they were looked for.
fn all(settings: &Settings) -> Result<(Vec<Listed>, Diagnostics), String> {
    let mut diagnostics = Diagnostics::default();
    let listed = match &settings.listed {
        Some(listed) => listed.clone(),
        None => settings
            .candidates(&mut diagnostics)
            .iter()
            .map(Listed::of)
            .collect(),
    };
    if listed.len() > limits::WRITTEN_KEYS {
        return Err(too_many());
    }
    Ok((listed, diagnostics))
}

/// Looks at all of a capture. A pipe that was named may be read by somebody else; one of a list is there to be looked at.
fn at_all(settings: &Settings) -> impl Fn(&Candidate, Option<Format>) -> Option<Look> + Sync {
    let are_listed = settings.listed.is_some();
    move |candidate, from| {
        let may_be = are_listed || candidate.regular;
        may_be.then(|| Look::at_all(candidate, from)).flatten()
    }
}

fn job<'j>(
    settings: &'j Settings,
    candidates: &'j [Candidate],
    listed: &'j [Listed],
    (sources, progress): (&'j Sources, &'j Progress),
) -> Job<'j> {
    Job {
        settings,
        candidates,
        sources,
        progress,
        joins: false,
        listed,
        earlier: None,
        newest: None,
    }
}

/// What is known of all inputs, by their places.
struct Whole {
    /// Union and find: which other one it is with, or itself.
    groups: Vec<usize>,
    /// Of copies, which are not read, what they are copies of.
    original: Vec<Option<usize>>,
    again: Vec<bool>,
    series: Vec<Option<InSeries>>,
}

impl Whole {
    fn root(&mut self, mut place: usize) -> usize {
        while let Some(up) = self.groups.get(place).copied().filter(|up| *up != place) {
            // Halves the way for the next one.
            let above = self.groups.get(up).copied().unwrap_or(up);
            if let Some(slot) = self.groups.get_mut(place) {
                *slot = above;
            }
            place = above;
        }
        place
    }

    fn link(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        if let Some(up) = self.groups.get_mut(a.max(b)) {
            *up = a.min(b);
        }
    }

    fn link_all(&mut self, places: impl IntoIterator<Item = usize>) {
        let mut places = places.into_iter();
        if let Some(first) = places.next() {
            places.for_each(|place| self.link(first, place));
        }
    }

    fn is_read(&self, place: usize) -> bool {
        self.original.get(place).is_none_or(Option::is_none)
    }

    /// What may be the same bytes is read in one run, which sees whether it is.
    fn copies(&mut self, looks: &[Option<Look>]) {
        let look = |place: usize| looks.get(place).and_then(Option::as_ref);
        for alike in alike(looks) {
            let mut kinds: Vec<usize> = Vec::new();
            for place in alike.iter().copied() {
                if let Some(again) = self.again.get_mut(place) {
                    *again = true;
                }
                let Some(own) = look(place).filter(|look| look.is_told()) else {
                    continue;
                };
                let like = |other: &usize| look(*other).is_some_and(|other| own.is_like(other));
                let original = kinds.iter().copied().find(like);
                match self.original.get_mut(place) {
                    Some(slot) if original.is_some() => *slot = original,
                    _ => kinds.push(place),
                }
            }
            self.link_all(alike);
        }
    }

    /// Logs, and what is not known, go by their names.
    fn logs(&mut self, job: &Job<'_>, looks: &[Option<Look>]) {
        let is_capture = |look: &Option<Look>| look.as_ref().is_some_and(|l| l.part(0).is_some());
        let files = looks.iter().enumerate();
        let files = files.filter(|(place, look)| self.is_read(*place) && !is_capture(look));
        let files: Vec<usize> = files.map(|(place, _)| place).collect();
        for series in job.in_series(&files) {
            self.link_all(series);
        }
    }

    /// Captures go by what is in them.
    fn captures(&mut self, job: &Job<'_>, looks: &[Option<Look>], told: &mut Diagnostics) {
        let parts = looks.iter().enumerate();
        let parts = parts.filter(|(place, _)| self.is_read(*place));
        let parts = parts.filter_map(|(place, look)| look.as_ref()?.part(place));
        for together in job.captures_together(parts.collect(), looks, told) {
            let Some(of) = together.iter().map(|part| part.id.0).min() else {
                continue;
            };
            for part in &together {
                self.decide(part, of);
            }
            self.link_all(together.iter().map(|part| index(part.id)));
        }
        // If a copy turns out to be none, it has the same connections.
        for (place, original) in self.original.iter().enumerate() {
            let series = original.and_then(|original| self.series.get(original).copied());
            if let (Some(series), Some(slot)) = (series, self.series.get_mut(place)) {
                *slot = series;
            }
        }
    }

    fn decide(&mut self, part: &Part, of: u32) {
        if let Some(slot) = self.series.get_mut(index(part.id)) {
            *slot = Some(InSeries {
                of,
                starts: part.starts,
                behind: part.behind,
            });
        }
    }

    /// Captures and logs of servers may hold the same sessions, or transfers.
    fn join(&mut self, looks: &[Option<Look>]) {
        let vantage = |look: &Option<Look>| look.as_ref()?.format.map(Format::vantage);
        let of = |wanted: Vantage| {
            let all = looks.iter().enumerate();
            all.filter(move |(_, look)| vantage(look) == Some(wanted))
                .map(|(place, _)| place)
                .collect::<Vec<_>>()
        };
        let (captures, mut logs) = (of(Vantage::Wire), of(Vantage::ServerLog));
        logs.extend(of(Vantage::TransferLog));
        if !captures.is_empty() && !logs.is_empty() {
            self.link_all(captures.into_iter().chain(logs));
        }
    }

    fn into_tasks(mut self, listed: Vec<Listed>, candidates: &[Candidate]) -> Vec<Task> {
        let mut tasks: BTreeMap<usize, Task> = BTreeMap::new();
        for (place, (mut listed, candidate)) in listed.into_iter().zip(candidates).enumerate() {
            listed.series = self.series.get(place).copied().flatten();
            listed.again = self.again.get(place).copied().unwrap_or(false);
            let kind = if listed.series.is_some() {
                "captures"
            } else {
                "logs"
            };
            let task = tasks.entry(self.root(place)).or_insert_with(|| Task {
                kind,
                bytes: 0,
                inputs: Vec::new(),
            });
            if task.kind != kind {
                task.kind = "captures-and-logs";
            }
            task.bytes = task.bytes.saturating_add(candidate.length);
            task.inputs.push(listed);
        }
        tasks.into_values().collect()
    }
}
