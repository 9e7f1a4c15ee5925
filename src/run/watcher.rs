//! Looks on while the sessions of a series are built, and has those that are over judged and counted.

use std::io::{self, Write};

use super::exchanges;
use super::joining::{Holding, may_be_joined};
use super::resume::{Counting, Over};
use super::rows::Rows;
use super::{Findings, Wanted};
use crate::anonymize::Anonymizer;
use crate::cause::{Failure, classify, classify_showing};
use crate::diagnostic::{DiagnosticKind, Origin};
use crate::filter::Filter;
use crate::ftp::{Event, SessionKey};
use crate::limits;
use crate::lookup::Lookup;
use crate::report::{Sources, json};
use crate::session::{Exchange, KeptReply, Observer, Session};
use crate::tally::{Grouping, LeftOut, VantageTally};

/// What is asked of every session.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) wanted: Wanted,
    pub(super) filter: Option<&'a Filter>,
    pub(super) grouping: Option<&'a Grouping>,
    pub(super) anonymizer: Option<&'a Anonymizer>,
}

/// What is known of a session beside what it keeps, until it shows whether the session is wanted.
#[derive(Debug, Default)]
pub(super) struct Apart {
    tally: VantageTally,
    pub(super) rows: Rows,
}

/// Looks on while sessions are built, and adds up.
pub(super) struct Watcher<'w> {
    pub(super) findings: Findings,
    pub(super) asked: Asked<'w>,
    pub(super) sources: &'w Sources,
    pub(super) out: &'w mut (dyn Write + Send),
    pub(super) failed: Option<io::Error>,
    /// Sessions that are over and not judged yet.
    pub(super) finished: Vec<Session>,
    /// Has a batch of them judged, now or later.
    pub(super) judge: &'w (dyn Fn(Vec<Session>) + Sync),
    /// What keeps sessions that another input may hold as well.
    pub(super) holding: Option<Holding>,
    /// What is not counted yet of sessions that are open; nothing where all sessions are wanted and none is held.
    pub(super) apart: Lookup<SessionKey, Box<Apart>>,
    /// Which sessions count, where a run goes on after another: with all that is known of them.
    pub(super) counting: Option<Counting>,
}

impl Observer for Watcher<'_> {
    fn event(&mut self, session: &Session, event: &Event<'_>) {
        if self.asked.wanted != Wanted::Events || self.failed.is_some() {
            return;
        }
        let (asked, sources) = (self.asked, self.sources);
        let mut row = Vec::new();
        asked.render(&mut row, session, event, sources);
        if !self.is_apart(session) {
            self.failed = self.out.write_all(&row).err();
            return;
        }
        let out = &mut *self.out;
        if let Some(apart) = apart_of(&mut self.apart, session.key) {
            apart.rows.add(event, &row);
            if apart.rows.is_long() && self.counting.is_none() {
                self.failed = apart.rows.write(asked, session, sources, out).err();
            }
        }
    }

    fn passed(&mut self, session: &Session, reply: &KeptReply) {
        if self.asked.filter.is_some_and(|f| !f.keeps_reply(reply)) {
            return;
        }
        let asked = self.asked;
        let tally = self.tally_of(session);
        let other = asked.anonymizer.map(|other| other.reply(session, reply));
        let reply = other.as_ref().unwrap_or(reply);
        let speakers = asked.speakers(session);
        let speakers = speakers.as_ref().unwrap_or(session);
        tally.observe_passed(session, reply);
        if let Some(grouping) = asked.grouping {
            grouping.reply(&mut tally.groups, speakers, None, reply);
        }
    }

    fn dropped(&mut self, session: &Session, exchange: &Exchange) {
        if self
            .asked
            .filter
            .is_some_and(|f| !f.keeps_exchange(exchange))
        {
            return;
        }
        let is_filtered = self.asked.filter.is_some();
        if let Some(apart) = self.apart.get_mut(&session.key).filter(|_| is_filtered) {
            apart.rows.keep(exchange);
        }
        if self.asked.wanted == Wanted::Exchanges && self.failed.is_none() {
            self.failed = self.tell(session, exchange).err();
        }
        let asked = self.asked;
        let tally = self.tally_of(session);
        tally.observe_exchange(exchange);
        if let Some(grouping) = asked.grouping {
            let speakers = asked.speakers(session);
            let speakers = speakers.as_ref().unwrap_or(session);
            let other = asked
                .anonymizer
                .map(|other| other.exchange(session, exchange));
            let exchange = other.as_ref().unwrap_or(exchange);
            grouping.exchange(&mut tally.groups, speakers, exchange);
        }
    }

    fn finished(&mut self, session: Session) {
        let apart = self.apart.remove(&session.key);
        if let Some(counting) = &mut self.counting
            && !counting.counts(&session)
        {
            return;
        }
        let over = match &mut self.holding {
            Some(holding) => holding.take(session, apart, &mut self.findings),
            None => Some((session, apart)),
        };
        if let Some((session, mut apart)) = over {
            if self.failed.is_none() {
                let told = apart.as_deref_mut();
                let written = self.asked.tell(told, &session, self.sources, self.out);
                self.failed = written.err();
            }
            let admitted = self.asked.admit(session, apart, &mut self.findings);
            self.finished.extend(admitted);
        }
        if self.finished.len() >= limits::SESSIONS_TO_JUDGE {
            self.hand_over();
        }
    }
}

fn apart_of(all: &mut Lookup<SessionKey, Box<Apart>>, key: SessionKey) -> Option<&mut Apart> {
    if all.get(&key).is_none() {
        all.insert(key, Box::default());
    }
    all.get_mut(&key).map(|apart| &mut **apart)
}

impl Watcher<'_> {
    /// Where what a session does not keep is counted: apart as long as it does not show whether and where it counts.
    fn tally_of(&mut self, session: &Session) -> &mut VantageTally {
        if self.is_apart(session)
            && let Some(apart) = apart_of(&mut self.apart, session.key)
        {
            return &mut apart.tally;
        }
        let tallies = &mut self.findings.tallies.by_vantage;
        tallies.entry(session.vantage).or_default()
    }

    /// Writes the row of an exchange that its session does not keep, or holds it back; what is too much of it is written by
    /// what is known of the session so far.
    fn tell(&mut self, session: &Session, exchange: &Exchange) -> io::Result<()> {
        let mut row = Vec::new();
        exchanges::row(&mut row, self.asked, session, exchange, None, self.sources);
        if !self.is_apart(session) {
            return self.out.write_all(&row);
        }
        let is_wanted = self
            .asked
            .filter
            .is_none_or(|filter| filter.admits(session));
        if let Some(apart) = apart_of(&mut self.apart, session.key) {
            apart.rows.hold(&row);
            if apart.rows.is_long() && self.counting.is_none() {
                let held = apart.rows.take_held();
                return self.out.write_all(if is_wanted { &held } else { &[] });
            }
        }
        Ok(())
    }

    /// True where it does not show yet whether a session is wanted, or whether it stands in another input too.
    fn is_apart(&self, session: &Session) -> bool {
        self.counting.is_some()
            || self.asked.filter.is_some()
            || self.holding.is_some() && may_be_joined(session)
    }

    /// From here on sessions are those that are open at the end of the input.
    pub(super) fn end(&mut self, over: Over) {
        if let Some(counting) = &mut self.counting {
            counting.end(over);
        }
    }

    /// Sessions whose records are not kept count where the input ends.
    pub(super) fn give_up(&mut self, given_up: &[(SessionKey, Origin)]) {
        for (_, origin) in given_up {
            let reason = "a session is open, and its records are not kept for the next run: it counts as if it ended here";
            let diagnostics = &mut self.findings.tallies.diagnostics;
            diagnostics.add(DiagnosticKind::LimitReached, *origin, reason);
        }
    }

    /// Has the finished sessions judged.
    pub(super) fn hand_over(&mut self) {
        let room = Vec::with_capacity(limits::SESSIONS_TO_JUDGE);
        (self.judge)(std::mem::replace(&mut self.finished, room));
    }
}

impl Asked<'_> {
    /// Exchanges of sessions that may be joined that are kept until all was read.
    pub(super) fn held_exchanges(self) -> usize {
        match self.wanted {
            Wanted::Events => limits::HELD_EXCHANGES_OF_EVENTS,
            _ => limits::HELD_EXCHANGES,
        }
    }

    /// Writes the rows of a session of which all is known.
    pub(super) fn tell(
        self,
        apart: Option<&mut Apart>,
        session: &Session,
        sources: &Sources,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        match (self.wanted, apart) {
            (Wanted::Exchanges, apart) => {
                let held = apart.map(|apart| apart.rows.take_held());
                exchanges::write(self, session, &held.unwrap_or_default(), sources, out)
            }
            (_, Some(apart)) => apart.rows.write(self, session, sources, out),
            (_, None) => Ok(()),
        }
    }

    /// An event as a row, with other names where those are asked for.
    pub(super) fn render(
        self,
        row: &mut Vec<u8>,
        session: &Session,
        event: &Event<'_>,
        sources: &Sources,
    ) {
        match self.anonymizer {
            None => json::event(row, session, event, sources),
            Some(anonymizer) => {
                let speakers = anonymizer.speakers(session);
                anonymizer.event(session, event, |event| {
                    json::event(row, &speakers, event, sources);
                });
            }
        }
    }

    /// Counts what a session that is over does not keep, and gives the session back if it is one of those asked for.
    pub(super) fn admit(
        self,
        session: Session,
        apart: Option<Box<Apart>>,
        findings: &mut Findings,
    ) -> Option<Session> {
        let tallies = &mut findings.tallies;
        if self.filter.is_some_and(|filter| !filter.admits(&session)) {
            tallies.leave_out(session.vantage, LeftOut::SESSION);
            return None;
        }
        if let Some(apart) = apart {
            let tally = tallies.by_vantage.entry(session.vantage).or_default();
            tally.absorb(apart.tally);
        }
        Some(session)
    }

    /// Counts a session, or what is asked for of it, and keeps it whole where sessions are wanted.
    fn count(self, mut session: Session, mut failures: Vec<Failure>, findings: &mut Findings) {
        let real = self.real(&session);
        let judged = |shown: &Session| self.judged(shown, real.as_ref());
        let Some(filter) = self.filter else {
            self.rename(&mut session, &mut failures);
            self.observe(&session, &failures, findings);
            if self.wanted.has_page() {
                let kept = &mut findings.kept;
                kept.observe(&session, &failures, &session, judged);
            }
            if self.wanted.keeps_sessions() {
                findings.sessions.push((session, failures));
            }
            return;
        };
        let (mut part, mut of_part) = (session, failures);
        let is_shown = self.wanted.keeps_sessions() || self.wanted.has_page();
        let mut whole = is_shown.then(|| (part.clone(), of_part.clone()));
        let Some(operations) = filter.narrow(&mut part, &mut of_part) else {
            findings.tallies.leave_out(part.vantage, LeftOut::SESSION);
            return;
        };
        let left_out = LeftOut {
            sessions: 0,
            operations,
        };
        findings.tallies.leave_out(part.vantage, left_out);
        self.rename(&mut part, &mut of_part);
        if let Some((session, failures)) = &mut whole {
            self.rename(session, failures);
        }
        self.observe(&part, &of_part, findings);
        if let Some((whole, _)) = whole.as_ref().filter(|_| self.wanted.has_page()) {
            let kept = &mut findings.kept;
            kept.observe(&part, &of_part, whole, judged);
        }
        let whole = whole.filter(|_| self.wanted.keeps_sessions());
        findings.sessions.extend(whole);
    }

    /// A session under its own names, where a page shows it under others: it is judged again for that.
    fn real(self, session: &Session) -> Option<Session> {
        let is_judged_again = self.wanted.has_page() && self.anonymizer.is_some();
        is_judged_again.then(|| session.clone())
    }

    /// The failures of a session with all that shows them; texts tell causes only under the session's own names.
    fn judged(self, shown: &Session, real: Option<&Session>) -> Vec<Failure> {
        let mut failures = classify(real.unwrap_or(shown));
        if let (Some(anonymizer), Some(real)) = (self.anonymizer, real) {
            anonymizer.session(&mut real.clone(), &mut failures);
        }
        failures
    }

    /// Who speaks under other names, where those are asked for.
    fn speakers(self, session: &Session) -> Option<Session> {
        Some(self.anonymizer?.speakers(session))
    }

    /// Behind judging and filtering, which need the names, and before anything is counted or shown.
    fn rename(self, session: &mut Session, failures: &mut [Failure]) {
        if let Some(anonymizer) = self.anonymizer {
            anonymizer.session(session, failures);
        }
    }

    fn observe(self, session: &Session, failures: &[Failure], findings: &mut Findings) {
        findings.gather.observe(session, failures);
        if let Some(grouping) = self.grouping {
            let tallies = &mut findings.tallies.by_vantage;
            let tally = tallies.entry(session.vantage).or_default();
            grouping.session(&mut tally.groups, session, failures);
        }
    }
}

/// Judges sessions, each by itself, and counts them.
pub(super) fn judge(finished: Vec<Session>, asked: Asked<'_>, findings: &mut Findings) {
    for session in finished {
        let gather = &findings.gather;
        let shows =
            |failure: &Failure| asked.wanted.keeps_sessions() || gather.shows(&session, failure);
        let failures = classify_showing(&session, &shows);
        if session.elided_failures > 0 {
            let reason = "a session with more failures than are kept: its oldest are in the reply codes only";
            let kind = DiagnosticKind::LimitReached;
            findings
                .tallies
                .diagnostics
                .add(kind, session.origin, reason);
        }
        asked.count(session, failures, findings);
    }
}
