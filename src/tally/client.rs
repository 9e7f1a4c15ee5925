//! What each client and each user did, and what failed at each path.

use serde::{Deserialize, Serialize};

use super::cause::{self, CauseTally};
use super::count::Span;
use super::gather::Speakers;
use super::smallest::Smallest;
use super::who::{Distinct, Part};
use super::written::is_default;
use crate::cause::Failure;
use crate::ftp::{ReplyCode, SessionKey, Verb};
use crate::limits;
use crate::session::{Exchange, Session};
use crate::text::Text;
use crate::time::Timestamp;

/// What one client did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientTally {
    /// Sessions.
    #[serde(default, skip_serializing_if = "is_default")]
    pub sessions: u64,
    /// Failures that count.
    #[serde(default, skip_serializing_if = "is_default")]
    pub failures: u64,
    /// Logins refused.
    #[serde(default, skip_serializing_if = "is_default")]
    pub failed_logins: u64,
    /// When these were.
    #[serde(default, skip_serializing_if = "is_default")]
    pub failed_span: Span,
    /// Sessions with an accepted login.
    #[serde(default, skip_serializing_if = "is_default")]
    pub accepted_logins: u64,
    /// User names it tried.
    #[serde(default, skip_serializing_if = "is_default")]
    pub users: Distinct<{ limits::DISTINCT_PER_CLIENT }>,
    /// Its logins refused for a wrong name or password.
    #[serde(default, skip_serializing_if = "is_default")]
    pub refused: CauseTally<{ limits::DISTINCT_PER_CLIENT }>,
    /// The first sessions in which it was let in.
    #[serde(default, skip_serializing_if = "is_default")]
    pub let_in: Smallest<LetIn, { limits::NAMES }>,
}

/// A session in which a client was let in; the earliest comes first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LetIn {
    /// When.
    pub at: Option<Timestamp>,
    /// The session.
    pub session: SessionKey,
    /// As whom.
    pub user: Option<Text>,
}

/// What one user did, or was done at one server.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserTally {
    /// Sessions; of a user those in which it was named last.
    #[serde(default, skip_serializing_if = "is_default")]
    pub sessions: u64,
    /// Failures that count.
    #[serde(default, skip_serializing_if = "is_default")]
    pub failures: u64,
    /// Logins refused.
    #[serde(default, skip_serializing_if = "is_default")]
    pub failed_logins: u64,
    /// Clients whose logins were refused.
    #[serde(default, skip_serializing_if = "is_default")]
    pub refused_clients: Distinct<{ limits::DISTINCT_PER_CLIENT }>,
    /// When logins were refused.
    #[serde(default, skip_serializing_if = "is_default")]
    pub refused: Span,
    /// When the user was let in.
    #[serde(default, skip_serializing_if = "is_default")]
    pub let_in: Span,
}

impl UserTally {
    pub(super) fn observe(&mut self, session: &Session, failures: &[Failure], speakers: Speakers) {
        self.sessions += 1;
        if session.logged_in {
            self.let_in.add(let_in_at(session));
        }
        for failure in failures.iter().filter(|f| !f.benign) {
            self.failures += 1;
            if !cause::is_failed_login(failure) {
                continue;
            }
            self.failed_logins += 1;
            self.refused.add(failure.at);
            if session.client.is_some() {
                self.refused_clients.add_hash(speakers.client);
            }
        }
    }
}

/// When the last login of a session was accepted; when it began where that is not kept.
fn let_in_at(session: &Session) -> Option<Timestamp> {
    let code = |exchange: &Exchange| exchange.code().map(ReplyCode::number);
    let mut exchanges = session.exchanges.iter().rev();
    let accepted = exchanges.find(|exchange| matches!(code(exchange), Some(230 | 232)));
    let at = accepted.and_then(|exchange| exchange.last.as_ref()?.at);
    at.or(session.start)
}

/// What failed at one path.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PathTally {
    /// Failures that count.
    pub failures: u64,
}

impl Part for PathTally {
    fn absorb(&mut self, other: Self) {
        self.failures += other.failures;
    }
}

impl ClientTally {
    pub(super) fn observe(&mut self, session: &Session, failures: &[Failure], speakers: Speakers) {
        self.sessions += 1;
        self.accepted_logins += u64::from(session.logged_in);
        let commands = session.exchanges.iter().filter_map(|e| e.command.as_ref());
        let named = commands.filter(|c| c.verb == Verb::USER);
        let named = named.filter_map(|c| c.argument.as_ref());
        // Most name one user, who is the session's.
        for user in named.filter(|named| session.user.as_ref() != Some(named)) {
            self.users.add(user);
        }
        if session.user.is_some() {
            self.users.add_hash(speakers.user);
        }
        if session.logged_in && self.let_in.wants(|last| session.start <= last.at) {
            self.let_in.add(LetIn {
                at: session.start,
                session: session.key,
                user: session.user.clone(),
            });
        }
        let mut new = true;
        for failure in failures.iter().filter(|f| !f.benign) {
            self.failures += 1;
            if cause::is_failed_login(failure) {
                self.failed_logins += 1;
                self.failed_span.add(failure.at);
            }
            if cause::refused_login(failure.cause) {
                self.refused.add(session, failure, new, speakers);
                new = false;
            }
        }
    }
}

impl Part for ClientTally {
    fn absorb(&mut self, other: Self) {
        let Self {
            sessions,
            failures,
            failed_logins,
            failed_span,
            accepted_logins,
            users,
            refused,
            let_in,
        } = other;
        self.let_in.absorb(let_in);
        self.failed_span.absorb(failed_span);
        self.sessions += sessions;
        self.failures += failures;
        self.failed_logins += failed_logins;
        self.accepted_logins += accepted_logins;
        self.users.include(&users);
        self.refused.absorb(refused);
    }
}

impl Part for UserTally {
    fn absorb(&mut self, other: Self) {
        let Self {
            sessions,
            failures,
            failed_logins,
            refused_clients,
            refused,
            let_in,
        } = other;
        self.sessions += sessions;
        self.failures += failures;
        self.failed_logins += failed_logins;
        self.refused_clients.include(&refused_clients);
        self.refused.absorb(refused);
        self.let_in.absorb(let_in);
    }
}
