//! What a log of transfers tells of sessions that a capture holds.
//!
//! Such a log has no dialogue, and not even sessions: lines of one client are put together by their times. So each transfer
//! is looked for by itself: the same client, user, direction, name and size, and the end at the same time. Only what fits one
//! transfer alone is taken; of several that look the same within the clocks' tolerance none is.

use std::net::IpAddr;

use super::clock::{self, Vote};
use super::dialogue::name;
use super::{ClockDifference, Doubt, resolution_of};
use crate::ftp::Direction;
use crate::limits;
use crate::lookup::Lookup;
use crate::session::{Exchange, Outcome, Session, Transfer};
use crate::text::Text;

/// Transfers that a capture and a log of transfers have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// How far the log's clock is ahead of the capture's.
    pub clock: ClockDifference,
    /// The place of a session in the capture's list and of its exchange; that of a session in the log's and of its transfer.
    pub pairs: Vec<((usize, usize), (usize, usize))>,
}

/// What must be the same.
type Key<'s> = (IpAddr, bool, &'s [u8], u64);

/// A transfer, or one that was refused.
#[derive(Clone, Copy)]
struct Item<'s> {
    key: Key<'s>,
    user: Option<&'s [u8]>,
    at: i64,
    place: (usize, usize),
}

/// Two that may be one, by their places in the lists of items.
#[derive(Clone, Copy)]
struct Pair {
    heard: usize,
    told: usize,
    lag: i64,
}

/// Finds the transfers that a capture and a log of transfers have in common. By `proven` differences other logs' clocks are
/// ahead of the capture's: by one of these, or by none, few transfers are believed too.
pub fn moved_in_common(capture: &[&Session], log: &[&Session], proven: &[i64]) -> Option<Moved> {
    let heard: Vec<Item<'_>> = sessions(capture).flat_map(heard).collect();
    let told: Vec<Item<'_>> = sessions(log).flat_map(told).collect();
    let pairs = pairs(&heard, &told);
    let resolution = resolution(&told);
    let vote = |pair: &Pair| Vote {
        lag: pair.lag,
        wire: pair.heard,
        strong: false,
        facts: 1,
    };
    let votes = pairs.iter().map(vote).collect();
    let fewest = heard.len().min(told.len());
    let tolerance = clock::tolerance(resolution);
    let is_proven = |ahead: i64| {
        let near = |clock: &i64| (ahead + resolution / 2 - clock).abs() <= tolerance;
        proven.iter().chain(&[0]).any(near)
    };
    let ahead = match clock::believed(votes, resolution, fewest) {
        Ok(believed) => believed.ahead,
        Err(unproven) => {
            let ahead = unproven.filter(|unproven| unproven.why != Doubt::Several)?;
            let ahead = ahead.ahead - resolution / 2;
            is_proven(ahead).then_some(ahead)?
        }
    };
    let near = |pair: &&Pair| (pair.lag - ahead).abs() <= tolerance;
    let near: Vec<Pair> = pairs.iter().filter(near).copied().collect();
    let only = only(&near);
    // What a client sends to two servers, one after the other, has the same names and sizes, and seconds between.
    if only.len() <= limits::JOIN_PROOF && !is_proven(ahead) {
        return None;
    }
    let lags: Vec<i64> = only.iter().map(|pair| pair.lag).collect();
    let clock = clock::measured(lags, resolution)?;
    let place = |pair: &Pair| Some((heard.get(pair.heard)?.place, told.get(pair.told)?.place));
    let mut pairs: Vec<_> = only.iter().filter_map(place).collect();
    pairs.sort_unstable();
    Some(Moved { clock, pairs })
}

/// One stamp at a full minute is chance.
fn resolution(told: &[Item<'_>]) -> i64 {
    let first = told.first().map(|item| item.at);
    let several = told.iter().any(|item| Some(item.at) != first);
    let resolution = resolution_of(|| told.iter().map(|item| item.at).take(10_000));
    resolution.min(if several { i64::MAX } else { 1_000_000_000 })
}

fn sessions<'s>(all: &[&'s Session]) -> impl Iterator<Item = (usize, IpAddr, &'s Session)> {
    let known = |(place, session): (usize, &&'s Session)| {
        let client = session.client.as_ref()?.host.ip()?;
        Some((place, client, *session))
    };
    all.iter().enumerate().filter_map(known)
}

/// Of a capture's session: what moved, and what was refused before.
fn heard<'s>((place, client, session): (usize, IpAddr, &'s Session)) -> Vec<Item<'s>> {
    let moved = session.transfers.iter().filter_map(|transfer| {
        let exchange = transfer.exchange?;
        let key = key_of(client, transfer)?;
        item(session, key, transfer.at?.nanos(), (place, exchange))
    });
    let mut items: Vec<Item<'s>> = moved.collect();
    let mut has_moved = vec![false; session.exchanges.len()];
    for exchange in session.transfers.iter().filter_map(|t| t.exchange) {
        if let Some(has_moved) = has_moved.get_mut(exchange) {
            *has_moved = true;
        }
    }
    let exchanges = session.exchanges.iter().enumerate().zip(has_moved);
    for ((index, exchange), has_moved) in exchanges {
        if exchange.outcome == Outcome::Failure && !has_moved {
            items.extend(refused(session, client, exchange, (place, index)));
        }
    }
    items
}

fn refused<'s>(
    session: &'s Session,
    client: IpAddr,
    exchange: &'s Exchange,
    place: (usize, usize),
) -> Option<Item<'s>> {
    let command = exchange.command.as_ref().filter(|c| c.verb.is_transfer())?;
    let direction = Direction::of(command.verb);
    let key = key(client, direction, command.argument.as_ref()?, 0)?;
    item(session, key, exchange.at()?.nanos(), place)
}

fn told((place, client, session): (usize, IpAddr, &Session)) -> Vec<Item<'_>> {
    let items = session.transfers.iter().enumerate();
    let items = items.filter_map(|(index, transfer)| {
        if transfer.exchange.is_some() {
            return None;
        }
        let key = key_of(client, transfer)?;
        item(session, key, transfer.at?.nanos(), (place, index))
    });
    items.collect()
}

fn key_of(client: IpAddr, transfer: &Transfer) -> Option<Key<'_>> {
    let path = transfer.path.as_ref()?;
    key(client, transfer.direction, path, transfer.bytes?)
}

/// `None` for lists, which no log of transfers tells.
fn key(client: IpAddr, direction: Direction, path: &Text, bytes: u64) -> Option<Key<'_>> {
    let upload = match direction {
        Direction::Upload => true,
        Direction::Download => false,
        Direction::Listing => return None,
    };
    Some((client, upload, name(path.bytes()), bytes))
}

/// Names of anonymous users differ: what the client sent, and what the server calls them.
fn item<'s>(
    session: &'s Session,
    key: Key<'s>,
    at: i64,
    place: (usize, usize),
) -> Option<Item<'s>> {
    let user = session.user.as_ref().filter(|_| !session.is_anonymous());
    let user = user.map(Text::bytes);
    (!key.2.is_empty()).then_some(Item {
        key,
        user,
        at,
        place,
    })
}

fn pairs(heard: &[Item<'_>], told: &[Item<'_>]) -> Vec<Pair> {
    let mut same: Lookup<Key<'_>, Vec<usize>> = Lookup::default();
    for (index, item) in heard.iter().enumerate() {
        match same.get_mut(&item.key) {
            Some(known) => known.push(index),
            None => drop(same.insert(item.key, vec![index])),
        }
    }
    let mut pairs = Vec::new();
    for (index, item) in told.iter().enumerate() {
        let left = limits::JOIN_COMPARED.saturating_sub(pairs.len());
        let known = same.get(&item.key).map(Vec::as_slice).unwrap_or_default();
        for place in known.iter().take(left) {
            let Some(other) = heard.get(*place) else {
                continue;
            };
            if item.user.zip(other.user).is_none_or(|(a, b)| a == b) {
                pairs.push(Pair {
                    heard: *place,
                    told: index,
                    lag: item.at - other.at,
                });
            }
        }
    }
    pairs
}

/// Those of which neither end occurs in another one.
fn only(near: &[Pair]) -> Vec<Pair> {
    let mut counts: Lookup<(bool, usize), usize> = Lookup::default();
    let ends = |pair: &Pair| [(false, pair.heard), (true, pair.told)];
    for end in near.iter().flat_map(ends) {
        let count = counts.get(&end).copied().unwrap_or(0);
        counts.insert(end, count + 1);
    }
    let is_only = |pair: &&Pair| ends(pair).iter().all(|end| counts.get(end) == Some(&1));
    near.iter().filter(is_only).copied().collect()
}
