//! How far a log's clock is ahead of a capture's.
//!
//! Every two sessions of the same client that agree name a difference; the one that most sessions name is taken, if it is
//! a small one, or proves itself. Zones that were taken for others and years that a log leaves out are differences like
//! any other. Of the sessions that are then paired all times are compared: stamps of whole seconds are cut, so each
//! gives a range of a second, and where most ranges overlap is the difference.

use std::cmp::Reverse;

use super::dialogue::{agreement, differences, is_silent, lag};
use super::{Row, Side};
use crate::limits;
use crate::lookup::Lookup;

const SECOND: i64 = 1_000_000_000;

/// How far a log's clock is ahead of a capture's, in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockDifference {
    /// The most probable value; below zero where the log is behind.
    pub ahead: i64,
    /// It may be as much more or less.
    pub within: i64,
    /// Times of commands and replies that were compared.
    pub events: usize,
}

/// Sessions that may be the same, and are not taken for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unproven {
    /// How far the log's clock would be ahead of the capture's, in nanoseconds.
    pub ahead: i64,
    /// The capture's sessions that would be the same as one of the log.
    pub sessions: usize,
    /// What speaks against it.
    pub why: Doubt,
}

/// Why sessions that may be the same are not taken for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doubt {
    /// Another difference of the clocks explains as many.
    Several,
    /// No zone is as wrong, and too few sessions agree.
    NoZone,
    /// Zones may differ so, but what the sessions have in common is what any have.
    Little,
    /// By this difference other sessions of the same client were at the same time, and they contradict each other.
    Contradicted,
}

/// A difference that is believed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Believed {
    pub(super) ahead: i64,
    /// It is a small one, or ports prove it.
    pub(super) certain: bool,
}

/// What two sessions that may be the same say.
pub(super) struct Vote {
    pub(super) lag: i64,
    pub(super) wire: usize,
    pub(super) strong: bool,
    pub(super) facts: usize,
}

/// A difference and the sessions that name it.
#[derive(Clone, Copy, Default)]
struct Cluster {
    lag: i64,
    weight: usize,
    sessions: usize,
    strong: bool,
    /// What its sessions have in common, of each as much as proves.
    facts: usize,
    /// Sessions that have something in common.
    telling: usize,
    /// Sessions that have so much in common that each proves.
    whole: usize,
}

impl Cluster {
    fn is_certain(&self) -> bool {
        self.strong || self.lag.abs() / SECOND < limits::CLOCK_NEAR_SECONDS
    }
}

/// How far the times of one session may be apart from those of another.
pub(super) fn tolerance(resolution: i64) -> i64 {
    resolution + SECOND
}

/// The difference that most sessions name. Not where several are as good, or where it is too large to be believed so easily.
pub(super) fn coarse(wire: &Side<'_>, log: &Side<'_>) -> Result<Believed, Option<Unproven>> {
    let votes = votes(wire, log, limits::JOIN_COMPARED);
    believed(votes, log.resolution, wire.rows.len().min(log.rows.len()))
}

/// The same of any votes, by the log's resolution; `fewest` could be named at most.
pub(super) fn believed(
    mut votes: Vec<Vote>,
    resolution: i64,
    fewest: usize,
) -> Result<Believed, Option<Unproven>> {
    votes.sort_unstable_by_key(|vote| (vote.lag, vote.wire));
    let clusters = clusters(&votes, 2 * resolution.max(SECOND / 2));
    let rank = |c: &Cluster| (c.weight, Reverse(c.lag.abs()));
    let best = clusters.iter().copied().max_by_key(rank).ok_or(None)?;
    let apart = 2 * tolerance(resolution);
    let others = clusters.iter().filter(|c| (c.lag - best.lag).abs() > apart);
    let second = others.map(|c| c.weight).max().unwrap_or(0);
    match doubt(&best, second, best.sessions == fewest) {
        None => Ok(Believed {
            ahead: best.lag,
            certain: best.is_certain(),
        }),
        Some(why) => Err(Some(Unproven {
            ahead: best.lag + resolution / 2,
            sessions: best.sessions,
            why,
        })),
    }
}

/// Why a difference that so many sessions name is not believed; `all` says that none of them names another.
fn doubt(best: &Cluster, second: usize, all: bool) -> Option<Doubt> {
    if best.is_certain() {
        return None;
    }
    let seconds = best.lag.abs() / SECOND;
    let clear = 2 * second <= best.weight;
    if second >= best.weight || !(all || clear) {
        return Some(Doubt::Several);
    }
    let quarter = 900;
    let beside = (seconds % quarter).min(quarter - seconds % quarter);
    let reach = limits::ZONE_HOURS * 3600 + limits::CLOCK_FAR_SECONDS;
    let year = |days: i64| (seconds - days * 86_400).abs() <= reach;
    let possible = seconds <= reach || year(365) || year(366);
    // A zone is a whole number of quarters of an hour. For any other difference one session proves too little.
    let is_zone = seconds > quarter / 2 && beside <= limits::CLOCK_NEAR_SECONDS;
    let several = clear && best.whole >= 3 && beside <= limits::CLOCK_FAR_SECONDS;
    // Sessions that are as far apart on either side prove together what none of them does.
    let together = all && clear && best.telling > 1 && best.facts > limits::JOIN_PROOF;
    match (possible && (is_zone || several), best.whole > 0 || together) {
        (true, true) => None,
        (true, false) => Some(Doubt::Little),
        (false, _) => Some(Doubt::NoZone),
    }
}

/// Of every client, its sessions with the longest dialogues are compared with all that the log has of it, as long as
/// comparisons are left.
fn votes(wire: &Side<'_>, log: &Side<'_>, mut left: usize) -> Vec<Vote> {
    let mut votes = Vec::new();
    for (client, rows) in wire.clients() {
        let told = log.of(client);
        let mut rows: Vec<&Row<'_>> = rows.iter().collect();
        if rows.len().saturating_mul(told.len()) > limits::JOIN_SAMPLES * limits::JOIN_SAMPLES {
            rows.sort_by_key(|row| std::cmp::Reverse(row.session.exchanges.len()));
            rows.truncate(limits::JOIN_SAMPLES);
        }
        for row in rows {
            for other in told.iter().take(left) {
                votes.extend(vote(row, other));
            }
            left = left.saturating_sub(told.len());
        }
    }
    if votes.iter().any(|(_, known)| *known) {
        votes.retain(|(_, known)| *known); // starts alone prove little
    }
    votes.into_iter().map(|(vote, _)| vote).collect()
}

/// What two sessions say, and whether their dialogues do.
fn vote(wire: &Row<'_>, log: &Row<'_>) -> Option<(Vote, bool)> {
    let found = agreement(wire.session, log.session)?;
    let known = !found.pairs.is_empty() || found.strong;
    if !known && !is_silent(log.session) && !wire.session.protected {
        return None;
    }
    let vote = Vote {
        lag: lag(wire.session, log.session, &found)?,
        wire: wire.place,
        strong: found.strong,
        facts: found.facts.min(limits::JOIN_PROOF),
    };
    Some((vote, known))
}

/// How a session may be named in a window.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Named {
    Weakly,
    Strongly,
    /// By so many facts, or more.
    Knowing(usize),
}

/// What the votes of a window say together, kept up while it moves on: a client can have so many sessions at a time that
/// to look at all of them for every window would take minutes.
#[derive(Default)]
struct Moving {
    counts: Lookup<(usize, Named), usize>,
    now: Cluster,
    strong: usize,
}

impl Moving {
    fn enters(&mut self, vote: &Vote) {
        self.strong += usize::from(vote.strong);
        if self.count(vote.wire, by(vote), true) {
            self.now.weight += weight(vote);
            self.now.sessions += 1;
        }
        for facts in 1..=vote.facts {
            if self.count(vote.wire, Named::Knowing(facts), true) {
                self.now.facts += 1;
                self.now.telling += usize::from(facts == 1);
                self.now.whole += usize::from(facts == limits::JOIN_PROOF);
            }
        }
    }

    fn leaves(&mut self, vote: &Vote) {
        self.strong -= usize::from(vote.strong);
        if self.count(vote.wire, by(vote), false) {
            self.now.weight -= weight(vote);
            self.now.sessions -= 1;
        }
        for facts in 1..=vote.facts {
            if self.count(vote.wire, Named::Knowing(facts), false) {
                self.now.facts -= 1;
                self.now.telling -= usize::from(facts == 1);
                self.now.whole -= usize::from(facts == limits::JOIN_PROOF);
            }
        }
    }

    /// Counts a vote more or less; true where it is the first one of its session, or was the last.
    fn count(&mut self, wire: usize, named: Named, more: bool) -> bool {
        let key = (wire, named);
        let before = self.counts.get(&key).copied().unwrap_or(0);
        let after = if more {
            before + 1
        } else {
            before.saturating_sub(1)
        };
        self.counts.insert(key, after);
        before.min(after) == 0
    }
}

fn by(vote: &Vote) -> Named {
    if vote.strong {
        Named::Strongly
    } else {
        Named::Weakly
    }
}

/// The differences that several sessions name: every window of so many nanoseconds that begins at a vote.
fn clusters(votes: &[Vote], width: i64) -> Vec<Cluster> {
    let mut clusters = Vec::with_capacity(votes.len());
    let mut window = Moving::default();
    let mut to = 0;
    for (from, first) in votes.iter().enumerate() {
        while let Some(vote) = votes.get(to).filter(|v| v.lag - first.lag <= width) {
            to += 1;
            window.enters(vote);
        }
        let middle = votes.get(from + (to - from) / 2);
        clusters.push(Cluster {
            lag: middle.map_or(first.lag, |v| v.lag),
            strong: window.strong > 0,
            ..window.now
        });
        window.leaves(first);
    }
    clusters
}

fn weight(vote: &Vote) -> usize {
    if vote.strong { 16 } else { 1 }
}

/// The difference as all paired sessions tell it.
pub(super) fn refine(
    wire: &Side<'_>,
    log: &Side<'_>,
    pairs: &[(usize, usize)],
    coarse: i64,
) -> Option<ClockDifference> {
    if pairs.is_empty() {
        return None;
    }
    let mut all = Vec::new();
    let (heard, told) = (by_place(wire), by_place(log));
    for (a, b) in pairs {
        let both = heard.get(a).zip(told.get(b));
        let Some((heard, told)) = both.map(|(a, b)| (a.session, b.session)) else {
            continue;
        };
        if let Some(found) = agreement(heard, told) {
            all.extend(differences(heard, told, &found));
        }
    }
    let unmeasured = ClockDifference {
        ahead: coarse + log.resolution / 2,
        within: tolerance(log.resolution),
        events: 0,
    };
    Some(measured(all, log.resolution).unwrap_or(unmeasured))
}

/// The difference as all these tell it.
pub(super) fn measured(mut all: Vec<i64>, resolution: i64) -> Option<ClockDifference> {
    if all.is_empty() {
        return None;
    }
    all.sort_unstable();
    let (ahead, within) = if resolution >= SECOND {
        most_ranges(&all, resolution)
    } else {
        middle(&all, resolution)
    };
    Some(ClockDifference {
        ahead,
        within,
        events: all.len(),
    })
}

fn by_place<'r, 's>(side: &'r Side<'s>) -> Lookup<usize, &'r Row<'s>> {
    let mut places = Lookup::default();
    for row in &side.rows {
        places.insert(row.place, row);
    }
    places
}

/// Stamps that are cut: the true difference is in `[d, d + resolution)` of every `d`, but for what came late. The middle of
/// where almost as many ranges overlap as anywhere.
fn most_ranges(sorted: &[i64], resolution: i64) -> (i64, i64) {
    let starts = sorted.iter().map(|at| (*at, 1_i64));
    let ends = sorted.iter().map(|at| (at + resolution, -1_i64));
    let mut edges: Vec<_> = starts.chain(ends).collect();
    edges.sort_unstable();
    let depth = |edges: &[(i64, i64)]| {
        let mut depth = 0;
        let steps = edges.iter().map(|(at, step)| {
            depth += step;
            (*at, depth)
        });
        steps.collect::<Vec<_>>()
    };
    let depths = depth(&edges);
    let most = depths.iter().map(|(_, depth)| *depth).max().unwrap_or(0);
    let agree = usize::try_from(most).is_ok_and(|most| most == sorted.len());
    let enough = if agree { most } else { most - most / 50 };
    let from = depths.iter().find(|(_, depth)| *depth >= enough);
    let last = depths.iter().rposition(|(_, depth)| *depth >= enough);
    let to = last.and_then(|last| depths.get(last + 1));
    let first = sorted.first().copied().unwrap_or(0);
    let from = from.map_or(first, |(at, _)| *at);
    let to = to.map_or(from + resolution, |(at, _)| *at);
    (from + (to - from) / 2, (to - from) / 2 + SECOND / 1000)
}

/// Fine stamps: the middle of all, and how far nine of ten are from it.
fn middle(sorted: &[i64], resolution: i64) -> (i64, i64) {
    let at = |part: usize| sorted.get(sorted.len() * part / 20).copied().unwrap_or(0);
    let (low, middle, high) = (at(1), at(10), at(19));
    let spread = (high - middle).max(middle - low);
    // A line may be written late; the more lines, the less that matters.
    let late = SECOND / 10 / i64::try_from(sorted.len().max(1)).unwrap_or(i64::MAX);
    (middle + resolution / 2, spread.max(late) + resolution / 2)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::session::Session;
    use crate::tally::tests::Talk;

    const MILLI: i64 = 1_000_000;

    /// How many pairs of sessions of one client name a difference, of so many on either side.
    fn voices(count: u64, left: usize) -> usize {
        let session = |number: u64| {
            let mut talk =
                Talk::new(&["< 220 hi", "> USER bob", "< 331 pw", "> PASS x", "< 230 in"]);
            talk.number = number;
            talk.session()
        };
        let all: Vec<Session> = (0..count).map(session).collect();
        let side = Side::new(&all.iter().collect::<Vec<_>>());
        votes(&side, &side, left).len()
    }

    #[test]
    fn of_a_client_with_many_sessions_some_are_compared() {
        let most = limits::JOIN_SAMPLES as u64;
        let all = limits::JOIN_COMPARED;
        assert_eq!(voices(most, all) as u64, most * most);
        assert_eq!(voices(most + 6, all) as u64, most * (most + 6));
        assert_eq!(voices(10, 35), 35);
    }

    #[test]
    fn many_whole_seconds_are_as_good_as_milliseconds() {
        // Events every 37 ms, a log that is 3.412 s ahead and cuts its stamps.
        let ahead = 3412 * MILLI;
        let event = |n: i64| n * 37 * MILLI;
        let stamp = |at: i64| (at + ahead).div_euclid(SECOND) * SECOND;
        let all = |count: i64| {
            let mut all: Vec<i64> = (0..count).map(|n| stamp(event(n)) - event(n)).collect();
            all.sort_unstable();
            most_ranges(&all, SECOND)
        };
        let (found, within) = all(200);
        assert!(
            (found - ahead).abs() <= within && within <= 5 * MILLI,
            "{found} {within}"
        );
        let (found, within) = all(2);
        assert!(
            (found - ahead).abs() <= within && within >= 400 * MILLI,
            "{found} {within}"
        );
    }

    #[test]
    fn one_late_line_says_little() {
        let (found, within) = middle(&[63 * MILLI], MILLI);
        assert!((found - 63 * MILLI).abs() <= MILLI && within >= 100 * MILLI);
    }

    /// What a window says is the same as if it were looked at alone.
    #[test]
    fn windows_that_move_on_say_what_each_says_alone() {
        let mut votes: Vec<Vote> = (0..300_i64)
            .map(|n| Vote {
                lag: n * n % 97 * 50 * MILLI,
                wire: usize::try_from(n % 13).unwrap(),
                strong: n % 41 == 0,
                facts: usize::try_from(n % 4).unwrap(),
            })
            .collect();
        votes.sort_unstable_by_key(|vote| (vote.lag, vote.wire));
        let windows = clusters(&votes, SECOND);
        assert_eq!(windows.len(), votes.len());
        for (from, window) in windows.iter().enumerate() {
            let lag = votes[from].lag;
            let named = votes[from..]
                .iter()
                .take_while(|vote| vote.lag - lag <= SECOND);
            let named: Vec<&Vote> = named.collect();
            let all = named.iter().map(|vote| (vote.wire, vote.strong));
            let sessions: BTreeSet<_> = all.collect();
            let mut facts = BTreeMap::<usize, usize>::new();
            for vote in &named {
                let most = facts.entry(vote.wire).or_default();
                *most = vote.facts.max(*most);
            }
            let with = |least: usize| facts.values().filter(|facts| **facts >= least).count();
            let weight = |(_, strong): &(usize, bool)| if *strong { 16 } else { 1 };
            assert_eq!(window.sessions, sessions.len());
            assert_eq!(window.weight, sessions.iter().map(weight).sum::<usize>());
            assert_eq!(window.whole, with(limits::JOIN_PROOF));
            assert_eq!(window.telling, with(1));
            assert_eq!(window.facts, facts.values().sum::<usize>());
            assert_eq!(window.strong, named.iter().any(|vote| vote.strong));
        }
    }

    #[test]
    fn the_difference_that_most_sessions_name_is_found() {
        let vote = |(wire, lag): (usize, i64)| Vote {
            lag: lag * MILLI,
            wire,
            strong: false,
            facts: 0,
        };
        let mut votes: Vec<Vote> = [(0, 3400), (1, 3500), (2, 3900), (0, 60_000), (1, -7000)]
            .map(vote)
            .into();
        votes.sort_unstable_by_key(|v| v.lag);
        let best = clusters(&votes, SECOND)
            .into_iter()
            .max_by_key(|c| c.weight);
        assert_eq!(best.map(|c| (c.sessions, c.lag)), Some((3, 3500 * MILLI)));
    }
}
