//! Which candidate holds which log that is known.

use std::path::Path;

use rayon::prelude::*;

use super::source_at;
use crate::diagnostic::{DiagnosticKind, Diagnostics};
use crate::input::{self, Candidate, Fit, Print};
use crate::state::{Bytes, Log, State};
use crate::text;

/// Looks for the log that each candidate holds, and for logs that were renamed out of the inputs.
pub(super) fn fit(
    state: &State,
    mut candidates: Vec<Candidate>,
    diagnostics: &mut Diagnostics,
) -> (Vec<Candidate>, Vec<Option<Fit>>) {
    let mut fits: Vec<_> = candidates.par_iter().map(|c| fit_of(state, c)).collect();
    let found = renamed(state, &candidates, &fits);
    let renamed: Vec<_> = found
        .iter()
        .map(|(candidate, _)| candidate.path.clone())
        .collect();
    for (candidate, fit) in found {
        candidates.push(candidate);
        fits.push(Some(fit));
    }
    let mut both: Vec<_> = candidates.into_iter().zip(fits).collect();
    both.sort_by(|a, b| a.0.path.cmp(&b.0.path));
    let (candidates, mut fits): (Vec<_>, Vec<_>) = both.into_iter().unzip();
    for (index, candidate) in candidates.iter().enumerate() {
        if renamed.contains(&candidate.path) {
            let reason = "a log was renamed to this since it was read last: its rest is read too";
            diagnostics.add(DiagnosticKind::Carried, source_at(index), reason);
        }
    }
    only_one_each(state, &candidates, &mut fits);
    (candidates, fits)
}

fn fit_of(state: &State, candidate: &Candidate) -> Option<Fit> {
    if !candidate.regular || state.logs.is_empty() {
        return None;
    }
    if state.logs.iter().any(|log| !log.packed.is_empty())
        && let Ok(own) = Print::of_file(candidate)
        && let Some(print) = state.logs.iter().position(|log| log.packed.contains(&own))
    {
        return Some(known(print));
    }
    let prints: Vec<&Print> = state.logs.iter().map(|log| &log.print).collect();
    input::farthest(candidate, &prints).ok().flatten()
}

fn known(print: usize) -> Fit {
    Fit {
        print,
        is_all: true,
        is_packed: false,
    }
}

/// The packed files that hold what is known, and nothing more: they need not be looked into again.
pub(super) fn packed(candidates: &[Candidate], fits: &[Option<Fit>]) -> Vec<(usize, Print)> {
    let both = candidates.iter().zip(fits);
    let packed = both.filter_map(|(candidate, fit)| {
        let fit = fit.filter(|fit| fit.is_all && fit.is_packed)?;
        Some((fit.print, Print::of_file(candidate).ok()?))
    });
    packed.collect()
}

/// Of several candidates that begin as a log did, the one that goes on from it. The others are copies, which hold nothing
/// new, or logs of their own that began alike.
fn only_one_each(state: &State, candidates: &[Candidate], fits: &mut [Option<Fit>]) {
    for (print, log) in state.logs.iter().enumerate() {
        let fitting = fits.iter().enumerate();
        let fitting =
            fitting.filter(|(_, fit)| fit.is_some_and(|fit| fit.print == print && !fit.is_all));
        let fitting: Vec<usize> = fitting.map(|(index, _)| index).collect();
        let best = |index: &usize| {
            let candidate = candidates.get(*index);
            let is_same = candidate.is_some_and(|c| Bytes::of(&c.path) == log.path);
            (candidate.map(|c| c.length), is_same)
        };
        let Some(first) = fitting.iter().copied().max_by_key(best) else {
            continue;
        };
        for index in fitting.into_iter().filter(|index| *index != first) {
            let both = candidates.get(index).zip(candidates.get(first));
            let is_copy = both.is_some_and(|(copy, whole)| input::is_beginning(copy, whole));
            if let Some(place) = fits.get_mut(index) {
                *place = is_copy.then_some(known(print));
            }
        }
    }
}

/// Logs that none of the inputs holds, in files beside the one they were read from, with the names that rotation gives.
fn renamed(state: &State, candidates: &[Candidate], fits: &[Option<Fit>]) -> Vec<(Candidate, Fit)> {
    let mut found: Vec<(Candidate, Fit)> = Vec::new();
    for (print, log) in state.logs.iter().enumerate() {
        if !is_lost(print, log, candidates, fits) {
            continue;
        }
        let path = log.path.path();
        for candidate in input::rotations(&path) {
            let is_known = candidates
                .iter()
                .chain(found.iter().map(|(c, _)| c))
                .any(|c| c.path == candidate.path);
            if is_known {
                continue;
            }
            if let Ok(Some(fit)) = input::farthest(&candidate, &[&log.print]) {
                found.push((candidate, Fit { print, ..fit }));
                break;
            }
        }
    }
    found
}

/// True for a log that no input holds, though there is an input of its name, which is no known log either.
fn is_lost(print: usize, log: &Log, candidates: &[Candidate], fits: &[Option<Fit>]) -> bool {
    let is_held = fits.iter().flatten().any(|fit| fit.print == print);
    let named = candidates
        .iter()
        .position(|c| Bytes::of(&c.path) == log.path);
    let is_new = |index: usize| fits.get(index).copied().flatten().is_none();
    // A ring of captures uses its names again.
    log.again.is_none() && !is_held && named.is_some_and(is_new)
}

/// Says so where a log is not what it was, and what was in it is nowhere.
pub(super) fn tell_changes(
    state: &State,
    candidates: &[Candidate],
    fits: &[Option<Fit>],
    diagnostics: &mut Diagnostics,
) {
    for (print, log) in state.logs.iter().enumerate() {
        // Of several that had the name, the last one.
        let is_last = !state
            .logs
            .iter()
            .skip(print + 1)
            .any(|other| other.path == log.path);
        if !is_last || !is_lost(print, log, candidates, fits) {
            continue;
        }
        let index = candidates
            .iter()
            .position(|c| Bytes::of(&c.path) == log.path);
        let Some((index, candidate)) = index.and_then(|i| Some((i, candidates.get(i)?))) else {
            continue;
        };
        let before = log.print.bytes();
        let what = if candidate.length < before {
            format!(
                "it is shorter than when it was read last ({} bytes, now {})",
                before, candidate.length
            )
        } else {
            "it is not the file that was read last under this name".to_owned()
        };
        let name = text::terminal(&log.path.0, true);
        let reason = format!(
            "{what}, and that one is not among the inputs: what was written to it since is missing; name the rotated files too, say {name}*"
        );
        diagnostics.add(DiagnosticKind::Changed, source_at(index), &reason);
    }
}

/// By candidate, the logs whose open sessions are read again before it: its own, and those of logs that no input holds, in
/// the oldest new file of the same name and its rotations.
pub(super) fn replays(
    state: &State,
    candidates: &[Candidate],
    fits: &[Option<Fit>],
) -> Vec<Vec<usize>> {
    let mut replays: Vec<Vec<usize>> = candidates.iter().map(|_| Vec::new()).collect();
    for (print, log) in state.logs.iter().enumerate() {
        if log.carried.records.is_empty() {
            continue;
        }
        let holds = |fit: &Option<Fit>| fit.is_some_and(|fit| fit.print == print);
        let index = fits
            .iter()
            .position(holds)
            .or_else(|| heir(log, candidates, fits));
        if let Some(logs) = index.and_then(|index| replays.get_mut(index)) {
            logs.push(print);
        }
    }
    replays
}

fn heir(log: &Log, candidates: &[Candidate], fits: &[Option<Fit>]) -> Option<usize> {
    let path = log.path.path();
    let name = |path: &Path| input::series_name(path);
    let series = name(&path).0;
    let new = candidates.iter().zip(fits).enumerate();
    let new = new.filter(|(_, (_, fit))| fit.is_none());
    let alike = new.filter(|(_, (candidate, _))| name(&candidate.path).0 == series);
    let oldest = alike.min_by_key(|(_, (candidate, _))| name(&candidate.path).1);
    oldest.map(|(index, _)| index)
}
