//! Which session of the log is which of the capture, once the clocks' difference is known.
//!
//! The same ports decide alone. Otherwise two sessions are one where each is the best that the other one can be, and where
//! sessions of one client can't be told apart, they are paired in their order if there are as many of either.

use super::clock::tolerance;
use super::dialogue::{agreement, is_silent, lag};
use super::{Row, Side};
use crate::limits;
use crate::lookup::Lookup;

/// Two sessions that may be one.
#[derive(Debug, Clone, Copy)]
struct Edge {
    wire: usize,
    log: usize,
    /// How well they agree, and how near their times are: more is better.
    score: (usize, i64),
}

/// The pairs, as places in the lists that were given.
pub(super) fn pairs(wire: &Side<'_>, log: &Side<'_>, ahead: i64) -> Vec<(usize, usize)> {
    let mut pairs = Vec::new();
    for (client, rows) in wire.clients() {
        let told = log.of(client);
        let edges = edges(rows, told, ahead, tolerance(log.resolution), log.resolution);
        pair_up(edges, &mut pairs);
    }
    pairs.sort_unstable();
    pairs
}

/// Sessions of the capture that are left over, each with one of the log that began at the same time and can't be the same.
pub(super) fn contradictions(
    wire: &Side<'_>,
    log: &Side<'_>,
    ahead: i64,
    pairs: &[(usize, usize)],
) -> usize {
    let mut paired: Lookup<(bool, usize), ()> = Lookup::default();
    for (heard, told) in pairs {
        paired.insert((false, *heard), ());
        paired.insert((true, *told), ());
    }
    let tolerance = tolerance(log.resolution);
    let is_left = |end| paired.get(&end).is_none();
    let mut count = 0;
    for (client, rows) in wire.clients() {
        let told = log.of(client);
        for heard in rows.iter().filter(|row| is_left((false, row.place))) {
            let at = heard.start + ahead;
            let from = told.partition_point(|row| row.start < at - tolerance);
            let mut near = told.iter().skip(from).take(limits::JOIN_CANDIDATES);
            let speaks_against = near.any(|told| {
                told.start <= at + tolerance
                    && is_left((true, told.place))
                    && agreement(heard.session, told.session).is_none()
            });
            count += usize::from(speaks_against);
        }
    }
    count
}

/// Pairs the sessions of one client: the best first, and what is left in its order.
fn pair_up(mut edges: Vec<Edge>, pairs: &mut Vec<(usize, usize)>) {
    let mut rounds = 0..limits::JOIN_ROUNDS;
    while rounds.next().is_some() && take_best(&mut edges, pairs) {}
    in_order(&edges, pairs);
}

/// All that may be one, by the starts of the capture's, then of the log's sessions.
fn edges(
    wire: &[Row<'_>],
    log: &[Row<'_>],
    ahead: i64,
    tolerance: i64,
    resolution: i64,
) -> Vec<Edge> {
    let near = resolution.max(50_000_000);
    let mut edges = Vec::new();
    for heard in wire {
        let first = heard.start + ahead - tolerance;
        let from = log.partition_point(|row| row.start < first);
        let until = heard.last + ahead + tolerance;
        let told = log.iter().skip(from).take(limits::JOIN_CANDIDATES);
        for told in told.take_while(|row| row.start <= until) {
            let Some(found) = agreement(heard.session, told.session) else {
                continue;
            };
            let Some(lag) = lag(heard.session, told.session, &found) else {
                continue;
            };
            let off = (lag - ahead).abs();
            let weak = is_silent(told.session) || heard.session.protected;
            if off <= tolerance && (!found.pairs.is_empty() || found.strong || weak) {
                edges.push(Edge {
                    wire: heard.place,
                    log: told.place,
                    score: (found.score(), -(off / near)),
                });
            }
        }
    }
    edges
}

/// Takes the edges that are better than all others at both of their ends; false where there is none.
fn take_best(edges: &mut Vec<Edge>, pairs: &mut Vec<(usize, usize)>) -> bool {
    let mut best: Lookup<(bool, usize), (Edge, bool)> = Lookup::default();
    for edge in &*edges {
        for end in [(false, edge.wire), (true, edge.log)] {
            match best.get_mut(&end) {
                Some((known, _)) if known.score > edge.score => {}
                Some((known, only)) => {
                    *only = edge.score > known.score;
                    *known = *edge;
                }
                None => {
                    best.insert(end, (*edge, true));
                }
            }
        }
    }
    let is_best = |edge: &Edge, end: (bool, usize)| {
        let known = best.get(&end);
        known.is_some_and(|(e, only)| *only && (e.wire, e.log) == (edge.wire, edge.log))
    };
    let mut taken: Lookup<(bool, usize), ()> = Lookup::default();
    let before = pairs.len();
    for edge in &*edges {
        if is_best(edge, (false, edge.wire)) && is_best(edge, (true, edge.log)) {
            pairs.push((edge.wire, edge.log));
            taken.insert((false, edge.wire), ());
            taken.insert((true, edge.log), ());
        }
    }
    let is_free = |end| taken.get(&end).is_none();
    edges.retain(|edge| is_free((false, edge.wire)) && is_free((true, edge.log)));
    pairs.len() > before
}

/// What can't be told apart: groups with as many sessions on either side, each of which may be its opposite.
fn in_order(edges: &[Edge], pairs: &mut Vec<(usize, usize)>) {
    let mut rest = edges;
    while !rest.is_empty() {
        let (mut heard, mut told) = (Vec::new(), Vec::new());
        let mut known: Lookup<(bool, usize), ()> = Lookup::default();
        let mut are_edges: Lookup<(usize, usize), ()> = Lookup::default();
        let mut taken = 0;
        for edge in rest {
            let is_new = |end| known.get(&end).is_none();
            let new = (is_new((false, edge.wire)), is_new((true, edge.log)));
            if taken > 0 && new == (true, true) {
                break; // edges stand in the order of time: here another group begins
            }
            if new.0 {
                heard.push(edge.wire);
            }
            if new.1 {
                told.push(edge.log);
            }
            known.insert((false, edge.wire), ());
            known.insert((true, edge.log), ());
            are_edges.insert((edge.wire, edge.log), ());
            taken += 1;
        }
        rest = rest.get(taken..).unwrap_or_default();
        let opposite = || heard.iter().copied().zip(told.iter().copied());
        let is_edge = |pair| are_edges.get(&pair).is_some();
        if heard.len() == told.len() && opposite().all(is_edge) {
            pairs.extend(opposite());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sessions that wait for one another: each agrees best with the one that the session before it is paired with, so
    /// that a round gives one pair.
    fn chain(length: usize) -> Vec<Edge> {
        let edge = |wire, log, score| Edge {
            wire,
            log,
            score: (score, 0),
        };
        let mut edges = Vec::new();
        for place in 0..length {
            let score = 1000 - 2 * place;
            edges.push(edge(place, place, score));
            edges.push(edge(place + 1, place, score - 1));
        }
        edges.pop();
        edges
    }

    #[test]
    fn after_many_rounds_the_rest_is_paired_in_order_or_not_at_all() {
        let length = limits::JOIN_ROUNDS + 5;
        let mut pairs = Vec::new();
        pair_up(chain(length), &mut pairs);
        assert_eq!(pairs, (0..length).map(|n| (n, n)).collect::<Vec<_>>());
        // One more session of the log, so that the rest has no order.
        let mut edges = chain(length);
        let odd = Edge {
            log: length,
            score: (1, 0),
            ..edges[edges.len() - 1]
        };
        edges.push(odd);
        let mut pairs = Vec::new();
        pair_up(edges, &mut pairs);
        assert_eq!(pairs.len(), limits::JOIN_ROUNDS);
    }
}
