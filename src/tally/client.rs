//! What each client and each user did, and what failed at each path.

use super::cause::{self, CauseTally};
use super::who::{Distinct, Part};
use crate::cause::Failure;
use crate::ftp::Verb;
use crate::limits;
use crate::session::Session;

/// What one client did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientTally {
    /// Sessions.
    pub sessions: u64,
    /// Failures that count.
    pub failures: u64,
    /// Logins refused.
    pub failed_logins: u64,
    /// Sessions with an accepted login.
    pub accepted_logins: u64,
    /// User names it tried.
    pub users: Distinct<{ limits::DISTINCT_PER_CLIENT }>,
    /// Its logins refused for a wrong name or password.
    pub refused: CauseTally<{ limits::DISTINCT_PER_CLIENT }>,
}

/// What one user did, or was done at one server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UserTally {
    /// Sessions; of a user those in which it was named last.
    pub sessions: u64,
    /// Failures that count.
    pub failures: u64,
}

/// What failed at one path.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
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
    pub(super) fn observe(&mut self, session: &Session, failures: &[Failure]) {
        self.sessions += 1;
        self.accepted_logins += u64::from(session.logged_in);
        let commands = session.exchanges.iter().filter_map(|e| e.command.as_ref());
        let named = commands.filter(|c| c.verb == Verb::USER);
        let named = named.filter_map(|c| c.argument.as_ref());
        for user in named.chain(&session.user) {
            self.users.add(user);
        }
        let mut new = true;
        for failure in failures.iter().filter(|f| !f.benign) {
            self.failures += 1;
            self.failed_logins += u64::from(cause::is_failed_login(failure));
            if cause::refused_login(failure.cause) {
                self.refused.add(session, failure, new);
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
            accepted_logins,
            users,
            refused,
        } = other;
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
        self.sessions += other.sessions;
        self.failures += other.failures;
    }
}
