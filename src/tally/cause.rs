//! Failed operations by cause, and the one cause that only shows across sessions: guessing passwords.
//!
//! Judges nothing else: what a failure's cause is was decided before.

use std::collections::BTreeMap;

use super::count::{Counts, Span};
use super::smallest::Smallest;
use super::who::{Distinct, Named, Part};
use super::{ClientTally, VantageTally};
use crate::catalogue::{CauseId, Confidence, catalogue};
use crate::cause::{Failure, Proof};
use crate::diagnostic::Origin;
use crate::ftp::{ReplyCode, SessionKey, Verb};
use crate::limits;
use crate::session::Session;
use crate::time::Timestamp;

/// A failure that can be opened and read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Exemplar {
    /// When.
    pub at: Option<Timestamp>,
    /// Where: that of the first proof.
    pub origin: Origin,
    /// The session.
    pub session: SessionKey,
    /// What shows it, most important first.
    pub proofs: Vec<Proof>,
}

impl Exemplar {
    fn new(session: &Session, failure: &Failure) -> Self {
        let first = failure.proofs.first();
        Self {
            at: failure.at,
            origin: first.map_or(session.origin, |p| p.origin),
            session: session.key,
            proofs: failure
                .proofs
                .iter()
                .take(limits::PROOFS)
                .cloned()
                .collect(),
        }
    }
}

/// Failures of one cause. Different users and clients are counted exactly up to `N`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CauseTally<const N: usize> {
    /// Failed operations.
    pub count: u64,
    /// Sessions with at least one.
    pub sessions: u64,
    /// Different clients.
    pub clients: Distinct<N>,
    /// Different users.
    pub users: Distinct<N>,
    /// How sure each one is.
    pub confidences: Counts<Confidence>,
    /// The codes that told of them.
    pub codes: Counts<ReplyCode>,
    /// The commands that failed.
    pub verbs: Counts<Verb>,
    /// The first and the last.
    pub span: Span,
    /// The first few.
    pub exemplars: Smallest<Exemplar, { limits::EXEMPLARS }>,
}

impl<const N: usize> CauseTally<N> {
    /// Adds a failure; `new` when it is the session's first of this cause.
    pub fn add(&mut self, session: &Session, failure: &Failure, new: bool) {
        self.count += 1;
        self.sessions += u64::from(new);
        if let Some(client) = session.client.as_ref().filter(|_| new) {
            self.clients.add(&client.host);
        }
        if let Some(user) = session.user.as_ref().filter(|_| new) {
            self.users.add(user);
        }
        self.confidences.add(failure.confidence);
        if let Some(code) = failure.code {
            self.codes.add(code);
        }
        if let Some(verb) = failure.verb {
            self.verbs.add(verb);
        }
        self.span.add(failure.at);
        if self.shows(failure) {
            self.exemplars.add(Exemplar::new(session, failure));
        }
    }

    /// True when this failure would be kept as an example.
    pub fn shows(&self, failure: &Failure) -> bool {
        self.exemplars.wants(|last| failure.at <= last.at)
    }

    /// Adds another part's failures, counted with any bound.
    pub fn include<const M: usize>(&mut self, other: CauseTally<M>) {
        let CauseTally {
            count,
            sessions,
            clients,
            users,
            confidences,
            codes,
            verbs,
            span,
            exemplars,
        } = other;
        self.count += count;
        self.sessions += sessions;
        self.clients.include(&clients);
        self.users.include(&users);
        self.confidences.absorb(confidences);
        self.codes.absorb(codes);
        self.verbs.absorb(verbs);
        self.span.absorb(span);
        self.exemplars.absorb(exemplars);
    }

    /// Takes failures away that are part of these. When the others began and who their users were stays as it was.
    fn remove<const M: usize>(&mut self, part: &CauseTally<M>) {
        self.count = self.count.saturating_sub(part.count);
        self.sessions = self.sessions.saturating_sub(part.sessions);
        self.clients.remove(&part.clients);
        self.confidences.remove(&part.confidences);
        self.codes.remove(&part.codes);
        self.verbs.remove(&part.verbs);
        self.exemplars
            .retain(|e| part.exemplars.iter().all(|p| p != e));
    }
}

impl<const N: usize> Part for CauseTally<N> {
    fn absorb(&mut self, other: Self) {
        self.include(other);
    }
}

/// Failures by cause, those that harm nobody (`true`) apart.
pub type Causes = BTreeMap<(CauseId, bool), CauseTally<{ limits::DISTINCT_EXACT }>>;

/// The cause whose failures are looked at again, and what they are when one client has many.
pub(super) fn refused_login(cause: CauseId) -> bool {
    cause.name() == "auth-bad-credentials"
}

/// True for a failure that is a login refused for who the user is, whatever the reason given.
pub(super) fn is_failed_login(failure: &Failure) -> bool {
    let verb = failure.verb;
    let login = verb.is_some_and(|v| matches!(v, Verb::USER | Verb::PASS | Verb::ACCT));
    login && !failure.benign && failure.cause.name().starts_with("auth-")
}

impl ClientTally {
    /// True when so many logins failed, and more than were accepted, that passwords are being guessed: behind an address
    /// with many honest users most logins are good.
    pub fn guesses(&self) -> bool {
        self.failed_logins >= limits::BRUTE_FORCE_LOGINS
            && self.failed_logins > self.accepted_logins
    }
}

impl VantageTally {
    /// The causes, with wrong passwords of clients that guess shown as what they are.
    pub fn judged_causes(&self) -> Causes {
        let mut causes = self.causes.clone();
        let Some(guessing) = catalogue().cause_by_name("abuse-brute-force") else {
            return causes;
        };
        let refused = causes
            .keys()
            .find(|(id, benign)| refused_login(*id) && !benign);
        let Some(refused) = refused.copied() else {
            return causes;
        };
        let (mut guessed, mut others) = (CauseTally::default(), CauseTally::default());
        for (client, tally) in self.clients.iter() {
            let at_it = client.is_some() && tally.guesses();
            let to = if at_it { &mut guessed } else { &mut others };
            to.include(tally.refused.clone());
        }
        if guessed.count == 0 {
            return causes;
        }
        // That each password was wrong is sure; that they were guessed is a matter of numbers.
        guessed.confidences = Counts::default();
        guessed
            .confidences
            .add_many(Confidence::Likely, guessed.count);
        if let Some(all) = causes.get_mut(&refused) {
            if self.clients.is_sample() {
                all.remove(&guessed);
            } else {
                *all = others;
            }
        }
        causes.retain(|_, tally| tally.count > 0);
        causes
            .entry((guessing, false))
            .or_default()
            .include(guessed);
        causes
    }
}

impl<K: Named> Named for Option<K> {
    fn hash(&self) -> u64 {
        self.as_ref().map_or(0, Named::hash)
    }
}
