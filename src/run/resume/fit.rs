//! Which candidate holds which log that is known.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::source_at;
use crate::diagnostic::{DiagnosticKind, Diagnostics};
use crate::input::{self, Candidate, Fit, Print};
use crate::limits;
use crate::run::Format;
use crate::state::{Bytes, Log, State};
use crate::text;

const RENAMED: &str = "a log was renamed to this since it was read last: its rest is read too";
const BETWEEN: &str =
    "it was written and rotated between the last run and this one, so it is read too";
const COPIED: &str =
    "a copy of this log is being made, packed or not, which is not whole yet: it is left out";

/// Finds the inputs, and looks at all files.
pub(super) fn looked(paths: &[PathBuf], diagnostics: &mut Diagnostics) -> Vec<Candidate> {
    looked_at(input::discover(paths, diagnostics))
}

/// Looks at all files, one after the other, a log before what was rotated out of it: nothing is written to that any more once
/// the log that was looked at was begun.
pub(super) fn looked_at(mut candidates: Vec<Candidate>) -> Vec<Candidate> {
    for index in in_order(&candidates) {
        if let Some(candidate) = candidates.get_mut(index).filter(|c| c.regular) {
            candidate.look_at();
        }
    }
    candidates
}

/// The places of candidates, the youngest of a series first.
fn in_order(candidates: &[Candidate]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..candidates.len()).collect();
    order.sort_by_cached_key(|index| {
        let path = candidates.get(*index).map(|c| c.path.as_path());
        path.map(|path| {
            let (series, place) = input::series_name(path);
            (series, Reverse(place))
        })
    });
    order
}

/// The series, by their names, of which a file was renamed, replaced or emptied since it was looked at, or is new. Of all others
/// what was found was true at one moment: when the last file had been looked at, and none again.
pub(super) fn unsettled<'c>(
    paths: &[PathBuf],
    looked: impl Iterator<Item = &'c Candidate>,
) -> BTreeSet<String> {
    let looked: Vec<&Candidate> = looked.collect();
    let series = |path: &Path| input::series_name(path).0;
    let changed = looked.par_iter().filter(|c| !c.is_still());
    let mut unsettled: BTreeSet<String> = changed.map(|c| series(&c.path)).collect();
    let known: BTreeSet<&Path> = looked.iter().map(|c| c.path.as_path()).collect();
    let found = input::discover(paths, &mut Diagnostics::default());
    let new = found.iter().filter(|c| !known.contains(c.path.as_path()));
    unsettled.extend(new.map(|c| series(&c.path)));
    unsettled
}

/// Looks for the log that each candidate holds, and for logs that were renamed out of the inputs.
pub(super) fn fit(
    state: &State,
    mut candidates: Vec<Candidate>,
    diagnostics: &mut Diagnostics,
) -> (Vec<Candidate>, Vec<Option<Fit>>) {
    let mut fits: Vec<_> = candidates.par_iter().map(|c| fit_of(state, c)).collect();
    let mut told = add_renamed(state, &mut candidates, &mut fits);
    told.extend(leave_copies(&mut candidates, &mut fits));
    let mut both: Vec<_> = candidates.into_iter().zip(fits).collect();
    both.sort_by(|a, b| a.0.path.cmp(&b.0.path));
    let (candidates, mut fits): (Vec<_>, Vec<_>) = both.into_iter().unzip();
    for (index, candidate) in candidates.iter().enumerate() {
        for (_, reason) in told.iter().filter(|(path, _)| *path == candidate.path) {
            diagnostics.add(DiagnosticKind::Carried, source_at(index), reason);
        }
    }
    only_one_each(state, &candidates, &mut fits);
    (candidates, fits)
}

/// Leaves out copies of logs that are not whole yet, as rotation makes them: all that is in one of them stands at the
/// beginning of another input, and nothing of it was known before. Gives the paths of the others, and what is to be told.
fn leave_copies(
    candidates: &mut Vec<Candidate>,
    fits: &mut Vec<Option<Fit>>,
) -> Vec<(PathBuf, &'static str)> {
    let is_new = |(candidate, fit): (&Candidate, &Option<Fit>)| candidate.regular && fit.is_none();
    let new: Vec<bool> = candidates.iter().zip(&*fits).map(is_new).collect();
    if candidates.len() < 2 || !new.contains(&true) {
        return Vec::new();
    }
    let head = |candidate: &Candidate| {
        let opened = candidate.regular.then(|| input::open(candidate).ok());
        let mut head = opened.flatten().map_or(Vec::new(), |opened| opened.head);
        head.truncate(limits::PRINT_BYTES);
        head.shrink_to_fit();
        head
    };
    let heads: Vec<Vec<u8>> = candidates.par_iter().map(head).collect();
    let whole_of = |(part, is_new): (&Candidate, &bool), head: &Vec<u8>| {
        let is_log = *is_new && matches!(Format::detect(head), Some(Format::Log(_)));
        let others = candidates.iter().zip(&heads).filter(|_| is_log);
        let mut alike = others.filter(|(c, other)| c.path != part.path && other.starts_with(head));
        let whole = alike.find(|(whole, _)| input::is_copied_in_part(part, whole));
        whole.map(|(whole, _)| whole.path.clone())
    };
    let wholes = candidates.iter().zip(&new).zip(&heads);
    let wholes: Vec<_> = wholes.map(|(one, head)| whole_of(one, head)).collect();
    let mut kept = wholes.iter().map(Option::is_none);
    candidates.retain(|_| kept.next().unwrap_or(true));
    let mut kept = wholes.iter().map(Option::is_none);
    fits.retain(|_| kept.next().unwrap_or(true));
    let wholes = wholes.into_iter().flatten();
    wholes.map(|whole| (whole, COPIED)).collect()
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

/// Adds logs that none of the inputs holds, in files beside the one they were read from, with the names that rotation gives,
/// and what was rotated after them. Gives their paths, and what is to be told.
fn add_renamed(
    state: &State,
    candidates: &mut Vec<Candidate>,
    fits: &mut Vec<Option<Fit>>,
) -> Vec<(PathBuf, &'static str)> {
    let mut told = Vec::new();
    loop {
        let lost = state.logs.iter().enumerate();
        let lost = lost.filter(|(print, log)| is_lost(*print, log, candidates, fits));
        let found = lost.map(|(print, log)| beside(state, (print, log), candidates));
        let Some(found) = found.into_iter().find(|found| !found.is_empty()) else {
            return told;
        };
        // What is found may have the name that another log had.
        for (candidate, fit) in found {
            let reason = if fit.is_some() { RENAMED } else { BETWEEN };
            told.push((candidate.path.clone(), reason));
            candidates.push(candidate);
            fits.push(fit);
        }
    }
}

/// A log in a file beside the one it was read from, and what was rotated after it.
fn beside(
    state: &State,
    (print, log): (usize, &Log),
    candidates: &[Candidate],
) -> Vec<(Candidate, Option<Fit>)> {
    let mut between = Vec::new();
    // The last one that was rotated comes first.
    for mut candidate in input::rotations(&log.path.path()) {
        candidate.look_at();
        if candidates.iter().any(|c| c.path == candidate.path) {
            continue;
        }
        if let Ok(Some(fit)) = input::farthest(&candidate, &[&log.print]) {
            between.push((candidate, Some(Fit { print, ..fit })));
            return between;
        }
        let fit = fit_of(state, &candidate);
        between.push((candidate, fit));
    }
    Vec::new()
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
    // One without a byte is not read, and the records would be passed over.
    let new = new.filter(|(_, (candidate, fit))| fit.is_none() && candidate.length > 0);
    let alike = new.filter(|(_, (candidate, _))| name(&candidate.path).0 == series);
    let oldest = alike.min_by_key(|(_, (candidate, _))| name(&candidate.path).1);
    oldest.map(|(index, _)| index)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tenth has a name that comes before that of the second.
    #[test]
    fn the_youngest_of_many_rotations_is_looked_at_first() {
        let rotations = (1..13).map(|number| format!("a/x.log.{number}"));
        let mut names: Vec<String> = rotations.collect();
        names.insert(0, "a/x.log".to_owned());
        let mut paths = names.clone();
        paths.sort();
        let found = paths
            .iter()
            .map(|path| input::candidate(Path::new(path), false));
        let found: Vec<Candidate> = found.collect();
        let order = in_order(&found).into_iter();
        let order: Vec<_> = order
            .map(|index| found[index].path.to_string_lossy())
            .collect();
        assert_eq!(order, names);
    }
}
