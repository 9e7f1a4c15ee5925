//! Sessions of a capture and of a server's log that are the same ones.
//!
//! A function of sessions that are over; nothing is read here. What decides is the client's address, its port where the
//! log has it, and the dialogue: commands, replies, announced ports. First the difference between the two clocks is looked
//! for, by all sessions that could be the same ([`clock`]), then sessions are paired in their order ([`pair`]), and
//! [`merge()`] puts two together: the capture's session stays, with what TLS hid from it and the log's places beside its own.
//!
//! A log that tells of transfers and nothing else has no sessions to compare: each transfer finds its own ([`moved_in_common`]).
//!
//! What does not prove itself is left apart: a clock that several differences would explain as well, or two sessions of
//! one client at the same time of which the log holds only one.

mod clock;
mod dialogue;
mod merge;
mod moved;
mod order;
mod pair;

use std::net::IpAddr;

pub use clock::{ClockDifference, Doubt, Unproven};
pub use merge::merge;
pub use moved::{Moved, moved_in_common};

use crate::session::{Exchange, Session};
use crate::time::Timestamp;

/// Two series of sessions that have some in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Common {
    /// How far the log's clock is ahead of the capture's.
    pub clock: ClockDifference,
    /// Sessions that are the same: the place in the capture's list, that in the log's.
    pub pairs: Vec<(usize, usize)>,
}

/// Pairs of sessions that outweigh two sessions of the same time that contradict each other.
const PAIRS_OUTWEIGH: usize = 3;

/// Finds the sessions that a capture and a log have in common. The order of the lists does not matter but for the places.
/// An error tells of those that may be the same, if there are any, but do not prove it.
pub fn in_common(capture: &[&Session], log: &[&Session]) -> Result<Common, Option<Unproven>> {
    let (wire, log) = (Side::new(capture), Side::new(log));
    let clock::Believed {
        ahead: coarse,
        certain,
    } = clock::coarse(&wire, &log)?;
    let pairs = pair::pairs(&wire, &log, coarse);
    let against = || pair::contradictions(&wire, &log, coarse, &pairs);
    if !certain && !pairs.is_empty() && pairs.len() <= PAIRS_OUTWEIGH * against() {
        return Err(Some(Unproven {
            ahead: coarse + log.resolution / 2,
            sessions: pairs.len(),
            why: Doubt::Contradicted,
        }));
    }
    let clock = clock::refine(&wire, &log, &pairs, coarse).ok_or(None)?;
    Ok(Common { clock, pairs })
}

/// The sessions of one side that can be compared, by client and start.
struct Side<'s> {
    rows: Vec<Row<'s>>,
    /// What the times are whole multiples of, in nanoseconds.
    resolution: i64,
}

/// A session that can be compared.
#[derive(Clone, Copy)]
struct Row<'s> {
    client: IpAddr,
    start: i64,
    last: i64,
    session: &'s Session,
    /// Its place in the list that was given.
    place: usize,
}

impl<'s> Side<'s> {
    fn new(sessions: &[&'s Session]) -> Self {
        let row = |(place, session): (usize, &&'s Session)| {
            let start = session.start?.nanos();
            Some(Row {
                client: session.client.as_ref()?.host.ip()?,
                start,
                last: session.last.map_or(start, |at| at.nanos().max(start)),
                session,
                place,
            })
        };
        let mut rows: Vec<_> = sessions.iter().enumerate().filter_map(row).collect();
        let port = |row: &Row<'_>| row.session.client.as_ref().and_then(|c| c.port);
        rows.sort_by_key(|row| (row.client, row.start, row.session.origin, port(row)));
        let resolution = resolution(&rows);
        Self { rows, resolution }
    }

    /// The sessions of one client, by start.
    fn of(&self, client: IpAddr) -> &[Row<'s>] {
        let from = self.rows.partition_point(|row| row.client < client);
        let to = self.rows.partition_point(|row| row.client <= client);
        self.rows.get(from..to).unwrap_or_default()
    }

    /// All clients, each once.
    fn clients(&self) -> impl Iterator<Item = (IpAddr, &[Row<'s>])> {
        let groups = self.rows.chunk_by(|a, b| a.client == b.client);
        groups.filter_map(|rows| Some((rows.first()?.client, rows)))
    }
}

/// Logs of whole minutes, seconds or milliseconds, by the stamps that they have.
fn resolution(rows: &[Row<'_>]) -> i64 {
    let stamps = || {
        let of = |session: &'_ Session| [session.start, session.last];
        let exchanges = |session: &Session| {
            session
                .exchanges
                .iter()
                .take(64)
                .map(Exchange::at)
                .collect::<Vec<_>>()
        };
        let all = rows
            .iter()
            .flat_map(move |row| of(row.session).into_iter().chain(exchanges(row.session)));
        all.flatten().map(Timestamp::nanos).take(10_000)
    };
    resolution_of(stamps)
}

/// The largest of these steps that all stamps are multiples of.
fn resolution_of<I: Iterator<Item = i64>>(stamps: impl Fn() -> I) -> i64 {
    let steps = [60_000_000_000, 1_000_000_000, 1_000_000, 1000];
    let fits = |step: &i64| stamps().all(|at| at % step == 0);
    steps.into_iter().find(fits).unwrap_or(1)
}
