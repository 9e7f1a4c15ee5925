//! What a capture and a server's log hold of the same sessions, put together when all was read.
//!
//! Only where a run has both are sessions kept so long, and at most so many. They are taken in the order of the series,
//! so neither threads nor the order of arguments decide which.

use std::io::{self, Write};

use rayon::prelude::*;

use super::Findings;
use super::watcher::{Apart, Asked, judge};
use crate::diagnostic::{DiagnosticKind, Origin, SourceId};
use crate::ftp::Vantage;
use crate::join::{self, ClockDifference, Doubt, Unproven};
use crate::limits;
use crate::session::Session;
use crate::text;

/// A session that another input may hold as well.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) series: SourceId,
    pub(super) session: Session,
    /// What was counted of it and is not kept.
    pub(super) beside: Option<Box<Apart>>,
}

/// Keeps the sessions of one series.
#[derive(Debug)]
pub(super) struct Holding {
    series: SourceId,
    /// Exchanges that may still be kept.
    left: usize,
}

pub(super) fn may_be_joined(session: &Session) -> bool {
    matches!(
        session.vantage,
        Vantage::Wire | Vantage::ServerLog | Vantage::TransferLog
    )
}

fn size(session: &Session) -> usize {
    8 + session.exchanges.len() + session.transfers.len()
}

fn given_up(session: &Session, findings: &mut Findings) {
    let reason = "more sessions than are kept to be joined with those of other inputs: this one and those behind it count where they were heard";
    let diagnostics = &mut findings.tallies.diagnostics;
    diagnostics.add(DiagnosticKind::LimitReached, session.origin, reason);
}

impl Holding {
    pub(super) fn new(series: SourceId, asked: Asked<'_>) -> Self {
        Self {
            series,
            left: asked.held_exchanges(),
        }
    }

    /// Keeps a session that is over, or gives it back.
    pub(super) fn take(
        &mut self,
        mut session: Session,
        beside: Option<Box<Apart>>,
        findings: &mut Findings,
    ) -> Option<(Session, Option<Box<Apart>>)> {
        if !may_be_joined(&session) {
            return Some((session, beside));
        }
        let size = size(&session);
        let Some(left) = self.left.checked_sub(size) else {
            self.left = 0; // the bound is reached once and for all
            given_up(&session, findings);
            return Some((session, beside));
        };
        self.left = left;
        session.exchanges.shrink_to_fit();
        findings.held.push(Held {
            series: self.series,
            session,
            beside,
        });
        None
    }
}

/// Whether a log has been joined with any capture.
#[derive(Debug, Clone, Copy, Default)]
enum Apartness {
    #[default]
    Strange,
    /// It may be by this capture's clock, which most of its sessions speak for.
    Unproven(SourceId, Unproven),
    Joined,
}

impl Apartness {
    fn add(&mut self, found: Result<i64, Option<(SourceId, Unproven)>>) {
        let known = match self {
            Self::Strange => 0,
            Self::Unproven(_, unproven) => unproven.sessions,
            Self::Joined => return,
        };
        match found {
            Ok(_) => *self = Self::Joined,
            Err(Some((capture, unproven))) if unproven.sessions > known => {
                *self = Self::Unproven(capture, unproven);
            }
            Err(_) => {}
        }
    }
}

/// Why sessions that may be the same are taken for others.
fn unproven_words(unproven: Unproven, capture: &str, of: usize) -> String {
    let Unproven { sessions, why, .. } = unproven;
    let half = 500_000_000 * unproven.ahead.signum();
    let clock = (unproven.ahead + half) / 1_000_000_000;
    let why = match why {
        Doubt::Several => "other differences explain as much",
        Doubt::Contradicted => "others of the same time contradict one another",
        Doubt::NoZone => "no zone differs so, and the sessions are too few to prove it",
        Doubt::Little => {
            "any sessions have as much in common; if the zone is wrong, --log-tz sets it right"
        }
    };
    format!(
        "not joined with {capture}: {sessions} of {of} sessions would fit if the clock were about {clock:+} s, but {why}"
    )
}

fn signed_seconds(nanos: i64) -> String {
    let seconds = std::time::Duration::from_nanos(nanos.unsigned_abs()).as_secs_f64();
    let sign = if nanos < 0 { '-' } else { '+' };
    format!("{sign}{seconds:.3}")
}

/// A clock's difference in words.
fn clock_words(clock: ClockDifference, captures: &str, count: &str) -> String {
    let events = clock.events;
    let ahead = signed_seconds(clock.ahead);
    let within = std::time::Duration::from_nanos(clock.within.unsigned_abs()).as_secs_f64();
    format!(
        "joined with {captures} in {count}, clock {ahead} s (within {within:.3} s, by {events} times)"
    )
}

impl Findings {
    /// Counts those of the kept sessions that are too many.
    pub(super) fn let_go(&mut self, asked: Asked<'_>, out: &mut dyn Write) -> io::Result<()> {
        let mut total = 0_usize;
        let fitting = self.held.iter().position(|held| {
            total = total.saturating_add(size(&held.session));
            total > asked.held_exchanges()
        });
        let Some(place) = fitting else {
            return Ok(());
        };
        for held in self.held.split_off(place) {
            given_up(&held.session, self);
            let admitted = self.settle(held, asked, out)?;
            judge(admitted.into_iter().collect(), asked, self);
        }
        Ok(())
    }

    /// Writes the events of a session that was kept, where they are wanted, and gives it back if it is.
    fn settle(
        &mut self,
        held: Held,
        asked: Asked<'_>,
        out: &mut dyn Write,
    ) -> io::Result<Option<Session>> {
        let Held {
            session,
            mut beside,
            ..
        } = held;
        asked.tell(beside.as_deref_mut(), &session, &self.sources, out)?;
        Ok(asked.admit(session, beside, self))
    }

    /// Joins what two inputs hold, and counts all sessions that were kept.
    pub(super) fn join(&mut self, asked: Asked<'_>, out: &mut dyn Write) -> io::Result<()> {
        let held = std::mem::take(&mut self.held);
        let of = |vantage| move |held: &Held| held.session.vantage == vantage;
        let (mut wire, logs): (Vec<Held>, Vec<Held>) =
            held.into_iter().partition(of(Vantage::Wire));
        let (mut moved, mut logs): (Vec<Held>, Vec<Held>) =
            logs.into_iter().partition(of(Vantage::TransferLog));
        for sessions in [&mut wire, &mut logs, &mut moved] {
            sessions.sort_by_key(|h| (h.series, h.session.start, h.session.origin, h.session.key));
        }
        let mut told: Vec<Option<Held>> = logs.into_iter().map(Some).collect();
        let series = |held: &Option<Held>| held.as_ref().map(|held| held.series);
        let mut logs = Vec::new();
        let mut from = 0;
        for held in told.chunk_by(|a, b| series(a) == series(b)) {
            let log = held.first().and_then(series).unwrap_or_default();
            logs.push((log, from..from + held.len()));
            from += held.len();
        }
        let mut apart = vec![Apartness::default(); logs.len()];
        let mut proven = Vec::new();
        for heard in wire.chunk_by_mut(|a, b| a.series == b.series) {
            for ((log, places), apart) in logs.iter().zip(&mut apart) {
                let told = told.get_mut(places.clone()).unwrap_or_default();
                let found = self.join_series(heard, *log, told);
                proven.extend(found.ok().zip(heard.first().map(|held| held.series)));
                apart.add(found);
            }
        }
        for ((log, places), apart) in logs.iter().zip(apart) {
            self.tell_apart(*log, apart, places.len());
        }
        self.join_moved(&mut wire, &mut moved, &proven);
        let rest = told.into_iter().flatten().chain(moved);
        let all: Vec<Held> = wire.into_iter().chain(rest).collect();
        let mut sessions = Vec::with_capacity(all.len());
        for held in all {
            sessions.extend(self.settle(held, asked, out)?);
        }
        let mut batches = Vec::new();
        while !sessions.is_empty() {
            let from = sessions.len().saturating_sub(limits::SESSIONS_TO_JUDGE);
            batches.push(sessions.split_off(from));
        }
        let judged = batches.into_par_iter().map(|batch| {
            let mut findings = Findings::default();
            judge(batch, asked, &mut findings);
            findings
        });
        for part in judged.collect::<Vec<_>>() {
            self.absorb(part);
        }
        Ok(())
    }

    /// Joins the sessions of one series of captures with those of one series of logs; gives the log's clock. An error tells of
    /// those that may be the same, and the capture.
    fn join_series(
        &mut self,
        heard: &mut [Held],
        log: SourceId,
        told: &mut [Option<Held>],
    ) -> Result<i64, Option<(SourceId, Unproven)>> {
        let left = |(place, held): (usize, &Option<Held>)| held.is_some().then_some(place);
        let places: Vec<usize> = told.iter().enumerate().filter_map(left).collect();
        let theirs: Vec<&Session> = told.iter().flatten().map(|held| &held.session).collect();
        let ours: Vec<&Session> = heard.iter().map(|held| &held.session).collect();
        let first = heard.first().map(|held| held.session.origin.source);
        let common = join::in_common(&ours, &theirs).map_err(|unproven| first.zip(unproven))?;
        for (ours, theirs) in &common.pairs {
            let place = places.get(*theirs).and_then(|place| told.get_mut(*place));
            let pair = heard.get_mut(*ours).zip(place.and_then(Option::take));
            if let Some((ours, theirs)) = pair {
                join::merge(&mut ours.session, theirs.session, common.clock.ahead);
            }
        }
        let joined = common.pairs.iter().filter_map(|(ours, _)| heard.get(*ours));
        let captures = joined.map(|h| h.session.origin.source).collect();
        let count = format!("{} of {} sessions", common.pairs.len(), places.len());
        self.tell_joined(captures, log, common.clock, &count);
        Ok(common.clock.ahead)
    }

    /// Tells of a log of which nothing was joined, but might have been.
    fn tell_apart(&mut self, log: SourceId, apart: Apartness, of: usize) {
        let Apartness::Unproven(capture, unproven) = apart else {
            return;
        };
        let at = Origin {
            source: log,
            ..Origin::default()
        };
        let path = text::json(self.sources.path(capture)).into_owned();
        let reason = unproven_words(unproven, &path, of);
        let diagnostics = &mut self.tallies.diagnostics;
        diagnostics.add(DiagnosticKind::Assumed, at, &reason);
    }

    /// Tells at the log with which captures so much of it was joined.
    pub(super) fn tell_joined(
        &mut self,
        mut captures: Vec<SourceId>,
        log: SourceId,
        clock: ClockDifference,
        count: &str,
    ) {
        captures.sort_unstable();
        captures.dedup();
        let first = captures.first().copied().unwrap_or_default();
        let mut words = text::json(self.sources.path(first)).into_owned();
        if let [_, _, ..] = captures[..] {
            words = format!("{words} and {} more", captures.len() - 1);
        }
        let at = Origin {
            source: log,
            ..Origin::default()
        };
        let reason = clock_words(clock, &words, count);
        let diagnostics = &mut self.tallies.diagnostics;
        diagnostics.add(DiagnosticKind::HeardTwice, at, &reason);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::Wanted;
    use crate::tally::tests::Talk;

    #[test]
    fn sessions_are_held_up_to_a_bound_and_then_no_more() {
        let asked = Asked {
            wanted: Wanted::Tallies,
            filter: None,
            grouping: None,
            anonymizer: None,
        };
        assert_eq!(asked.held_exchanges(), limits::HELD_EXCHANGES);
        let mut holding = Holding {
            left: 25,
            ..Holding::new(SourceId(0), asked)
        };
        let mut findings = Findings::default();
        let mut back = Vec::new();
        for exchanges in [1, 1, 5, 1] {
            let lines = vec!["> NOOP"; exchanges - 1];
            let session = Talk::new(&lines).session();
            assert_eq!(size(&session), 8 + exchanges);
            back.push(holding.take(session, None, &mut findings).is_some());
        }
        // The last one would fit, but what is held is a beginning.
        assert_eq!(back, [false, false, true, true]);
        assert_eq!(findings.held.len(), 2);
        let told: Vec<_> = findings.tallies.diagnostics.iter().collect();
        assert_eq!(
            (told[0].0, told[0].2.count),
            (DiagnosticKind::LimitReached, 2)
        );
    }
}
