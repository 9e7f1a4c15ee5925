//! Failed operations by cause.
//!
//! Judges nothing: what a failure's cause is was decided before, or is decided anew in [`super::judge`].

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::Pace;
use super::count::{Counts, Span};
use super::gather::Speakers;
use super::smallest::Smallest;
use super::who::{Distinct, Named, Part};
use super::written::{is_default, list};
use crate::catalogue::{CauseId, Confidence, catalogue};
use crate::cause::{Failure, Proof};
use crate::diagnostic::Origin;
use crate::ftp::{ReplyCode, SessionKey, Verb};
use crate::limits;
use crate::session::Session;
use crate::text::Text;
use crate::time::Timestamp;

/// A failure that can be opened and read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exemplar {
    /// When.
    pub at: Option<Timestamp>,
    /// Where: that of the first proof.
    pub origin: Origin,
    /// The session.
    pub session: SessionKey,
    /// What shows it, most important first.
    #[serde(deserialize_with = "list::<_, _, { limits::PROOFS }>")]
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
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CauseTally<const N: usize> {
    /// Failed operations.
    #[serde(default, skip_serializing_if = "is_default")]
    pub count: u64,
    /// Sessions with at least one.
    #[serde(default, skip_serializing_if = "is_default")]
    pub sessions: u64,
    /// Different clients.
    #[serde(default, skip_serializing_if = "is_default")]
    pub clients: Distinct<N>,
    /// Different users.
    #[serde(default, skip_serializing_if = "is_default")]
    pub users: Distinct<N>,
    /// How sure each one is.
    #[serde(default, skip_serializing_if = "is_default")]
    pub confidences: Counts<Confidence>,
    /// The codes that told of them.
    #[serde(default, skip_serializing_if = "is_default")]
    pub codes: Counts<ReplyCode>,
    /// The commands that failed.
    #[serde(default, skip_serializing_if = "is_default")]
    pub verbs: Counts<Verb>,
    /// Those in sessions behind TLS.
    #[serde(default, skip_serializing_if = "is_default")]
    pub protected: u64,
    /// Directories that they are about, as far as paths name them: none, one, or the first two of several.
    #[serde(default, skip_serializing_if = "is_default")]
    pub directories: Smallest<Text, 2>,
    /// The first and the last.
    #[serde(default, skip_serializing_if = "is_default")]
    pub span: Span,
    /// By minute.
    #[serde(default, skip_serializing_if = "is_default")]
    pub pace: Pace,
    /// The first few.
    #[serde(default, skip_serializing_if = "is_default")]
    pub exemplars: Smallest<Exemplar, { limits::EXEMPLARS }>,
}

impl<const N: usize> CauseTally<N> {
    /// Adds a failure; `new` when it is the session's first of this cause.
    pub(super) fn add(
        &mut self,
        session: &Session,
        failure: &Failure,
        new: bool,
        speakers: Speakers,
    ) {
        self.count += 1;
        self.sessions += u64::from(new);
        if new && session.client.is_some() {
            self.clients.add_hash(speakers.client);
        }
        if new && session.user.is_some() {
            self.users.add_hash(speakers.user);
        }
        self.confidences.add(failure.confidence);
        if let Some(code) = failure.code {
            self.codes.add(code);
        }
        if let Some(verb) = failure.verb {
            self.verbs.add(verb);
        }
        self.protected += u64::from(session.is_behind_tls());
        if let Some(directory) = directory(session, failure)
            && self.directories.wants(|last| directory < last.bytes())
        {
            self.directories.add(Text::from(directory));
        }
        self.span.add(failure.at);
        if let Some(at) = failure.at {
            self.pace.add(at, 1);
        }
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
            protected,
            directories,
            span,
            pace,
            exemplars,
        } = other;
        self.count += count;
        self.sessions += sessions;
        self.clients.include(&clients);
        self.users.include(&users);
        self.confidences.absorb(confidences);
        self.codes.absorb(codes);
        self.verbs.absorb(verbs);
        self.protected += protected;
        self.directories.absorb(directories);
        self.span.absorb(span);
        self.pace.absorb(pace);
        self.exemplars.absorb(exemplars);
    }

    /// Changes all places where something was read.
    pub(super) fn each_place(&mut self, place: &impl Fn(&mut Origin)) {
        self.exemplars.change(|exemplar| {
            place(&mut exemplar.origin);
            exemplar
                .proofs
                .iter_mut()
                .for_each(|proof| place(&mut proof.origin));
        });
    }

    /// Takes failures away that are part of these. When the others began and who their users were stays as it was.
    pub(super) fn remove<const M: usize>(&mut self, part: &CauseTally<M>) {
        self.count = self.count.saturating_sub(part.count);
        self.sessions = self.sessions.saturating_sub(part.sessions);
        self.protected = self.protected.saturating_sub(part.protected);
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

/// The directory that a failed command names with its path; a name alone is in one that the path does not tell.
fn directory<'s>(session: &'s Session, failure: &Failure) -> Option<&'s [u8]> {
    let exchange = session.exchanges.get(failure.exchange?)?;
    let command = exchange.command.as_ref()?;
    let path = command.argument.as_ref()?.bytes();
    let end = memchr::memrchr(b'/', path)?;
    let is_path = catalogue().command(command.verb)?.argument == "path";
    path.get(..=end).filter(|_| is_path)
}

/// Failures by cause, those that harm nobody (`true`) apart.
pub type Causes = BTreeMap<(CauseId, bool), CauseTally<{ limits::DISTINCT_EXACT }>>;

/// The cause whose failures are looked at again, and what they are when one client has many.
pub(super) fn refused_login(cause: CauseId) -> bool {
    static REFUSED: LazyLock<Option<CauseId>> =
        LazyLock::new(|| catalogue().cause_by_name("auth-bad-credentials"));
    *REFUSED == Some(cause)
}

/// True for a failure that is a login refused for who the user is, whatever the reason given.
pub(super) fn is_failed_login(failure: &Failure) -> bool {
    let verb = failure.verb;
    let login = verb.is_some_and(|v| matches!(v, Verb::USER | Verb::PASS | Verb::ACCT));
    let is_refusal = |name: &str| name.starts_with("auth-") || name == "abuse-brute-force";
    login && !failure.benign && is_refusal(failure.cause.name())
}

impl<K: Named> Named for Option<K> {
    fn hash(&self) -> u64 {
        self.as_ref().map_or(0, Named::hash)
    }
}
