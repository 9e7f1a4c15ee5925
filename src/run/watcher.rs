//! Looks on while the sessions of a series are built, and has those that are over judged and counted.

use std::io::{self, Write};

use super::joining::Holding;
use super::{Findings, Wanted};
use crate::cause::{Failure, classify_showing};
use crate::diagnostic::DiagnosticKind;
use crate::ftp::Event;
use crate::limits;
use crate::report::{Sources, json};
use crate::session::{Exchange, KeptReply, Observer, Session};
use crate::tally::VantageTally;

/// Looks on while sessions are built, and adds up.
pub(super) struct Watcher<'w> {
    pub(super) findings: Findings,
    pub(super) wanted: Wanted,
    pub(super) sources: &'w Sources,
    pub(super) out: &'w mut (dyn Write + Send),
    pub(super) failed: Option<io::Error>,
    /// Sessions that are over and not judged yet.
    pub(super) finished: Vec<Session>,
    /// Has a batch of them judged, now or later.
    pub(super) judge: &'w (dyn Fn(Vec<Session>) + Sync),
    /// What keeps sessions that another input may hold as well.
    pub(super) holding: Option<Holding>,
}

impl Observer for Watcher<'_> {
    fn event(&mut self, session: &Session, event: &Event<'_>) {
        if self.wanted == Wanted::Events && self.failed.is_none() {
            let mut row = Vec::new();
            json::event(&mut row, session, event, self.sources);
            self.failed = self.out.write_all(&row).err();
        }
    }

    fn passed(&mut self, session: &Session, reply: &KeptReply) {
        match self.beside(session) {
            Some(tally) => tally.observe_reply(reply),
            None => self.findings.tallies.observe_reply(session, reply),
        }
    }

    fn dropped(&mut self, session: &Session, exchange: &Exchange) {
        match self.beside(session) {
            Some(tally) => tally.observe_exchange(exchange),
            None => self.findings.tallies.observe_exchange(session, exchange),
        }
    }

    fn finished(&mut self, session: Session) {
        let session = match &mut self.holding {
            Some(holding) => holding.take(session, &mut self.findings),
            None => Some(session),
        };
        self.finished.extend(session);
        if self.finished.len() >= limits::SESSIONS_TO_JUDGE {
            self.hand_over();
        }
    }
}

impl Watcher<'_> {
    /// Where what a session does not keep is counted, if the session may be joined with another one.
    fn beside(&mut self, session: &Session) -> Option<&mut VantageTally> {
        let holding = self.holding.as_mut()?;
        holding.beside(session)
    }

    /// Has the finished sessions judged.
    pub(super) fn hand_over(&mut self) {
        (self.judge)(std::mem::take(&mut self.finished));
    }
}

/// Judges sessions, each by itself, and counts them.
pub(super) fn judge(finished: Vec<Session>, wanted: Wanted, findings: &mut Findings) {
    for session in finished {
        let tallies = &findings.tallies;
        let shows =
            |failure: &Failure| wanted == Wanted::Sessions || tallies.shows(&session, failure);
        let failures = classify_showing(&session, &shows);
        findings.tallies.observe_session(&session, &failures);
        if session.elided_failures > 0 {
            let reason = "a session with more failures than are kept: its oldest are in the reply codes only";
            let kind = DiagnosticKind::LimitReached;
            findings
                .tallies
                .diagnostics
                .add(kind, session.origin, reason);
        }
        if wanted == Wanted::Sessions {
            findings.sessions.push((session, failures));
        }
    }
}
