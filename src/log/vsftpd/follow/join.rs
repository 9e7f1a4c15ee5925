//! Which session a record belongs to.
//!
//! A pid that was heard before answers at once. One that was not is the parent
//! or the worker of a session whose other processes were; where several
//! sessions of the address fit, the nearest pid or the longest wait decides.

use crate::ftp::{Host, Verb};
use crate::limits;
use crate::log::sessions::{Handle, Open};
use crate::log::vsftpd::follow::{Following, SHARED_PIDS, Talk};
use crate::log::{Fact, Record};
use crate::time::Timestamp;

/// The largest difference between a parent's pid and its child's. They are created in one go; 6 was the most on a host
/// with twenty sessions in one second.
const NEAR: u32 = 256;

/// A worker writes its first line (230) this soon after the login's outcome.
const SOON_SECONDS: i64 = 5;

/// How well a session fits: the first difference decides.
type Fit = (bool, bool, i64);

/// True for what only the child says although it names a user: the password, and the answers to user and password.
pub(super) fn is_before_login(fact: &Fact<'_>) -> bool {
    match fact {
        Fact::Opened { .. } => true,
        Fact::Command(command) => command.verb == Verb::PASS,
        Fact::Reply { text, .. } => text.starts_with(b"331 ") || text.starts_with(b"530 "),
        _ => false,
    }
}

impl Following {
    /// The session of a record; `None` where a new one begins.
    pub(super) fn find(&mut self, record: &Record<'_>, at: Option<Timestamp>) -> Option<Handle> {
        let pid = record.number;
        if pid <= SHARED_PIDS {
            return self.best(record, at);
        }
        if let Some(handle) = self.by_pid.get(&pid).copied()
            && let Some(open) = self.sessions.live(handle, at)
            && *open.state.address == *record.client
            && open.state.speaks(record)
        {
            let is_mistaken = open.state.child == pid && open.state.worker_is_another();
            return if is_mistaken {
                self.part(handle, at)
            } else {
                Some(handle)
            };
        }
        let neighbour = match record.fact {
            Fact::Login { .. } => pid.checked_add(1),
            _ => pid.checked_sub(2),
        };
        let near = neighbour
            .and_then(|n| self.by_pid.get(&n).copied())
            .filter(|handle| {
                self.sessions.live(*handle, at).is_some_and(|open| {
                    *open.state.address == *record.client
                        && fit(open, record, at).is_some_and(|(is_next, ..)| is_next)
                })
            });
        let handle = near.or_else(|| self.best(record, at))?;
        let talk = &mut self.sessions.get_mut(handle)?.state;
        match record.fact {
            Fact::Login { .. } => talk.parent = pid,
            _ if talk.admitted.is_some() => talk.worker = pid,
            _ => talk.child = pid,
        }
        self.by_pid.insert(pid, handle);
        Some(handle)
    }

    /// The session of the address that fits best, the newest of equals.
    fn best(&self, record: &Record<'_>, at: Option<Timestamp>) -> Option<Handle> {
        let mut best: Option<(Fit, Handle)> = None;
        let known = self.by_host.get(&Host::read(record.client))?;
        for handle in known.iter().rev().take(limits::LOG_CANDIDATES) {
            if let Some(open) = self.sessions.live(*handle, at)
                && let Some(fit) = fit(open, record, at)
                && best.is_none_or(|(than, _)| fit > than)
            {
                best = Some((fit, *handle));
            }
        }
        best.map(|(_, handle)| handle)
    }

    /// The child of a session speaks although its user was let in: the login was another's of the same address and
    /// user, who waited too. It gets what belongs to it; what was told is told.
    fn part(&mut self, handle: Handle, at: Option<Timestamp>) -> Option<Handle> {
        let talk = &self.sessions.get(handle)?.state;
        let (parent, worker, admitted) = (talk.parent, talk.worker, talk.admitted);
        let known = self.by_host.get(&talk.host)?;
        let other = known
            .iter()
            .rev()
            .take(limits::LOG_CANDIDATES)
            .find(|other| {
                self.sessions.live(**other, at).is_some_and(|open| {
                    **other != handle
                        && open.state.asked != 0
                        && open.state.admitted.is_none()
                        && open.state.user == talk.user
                })
            });
        let Some(other) = other.copied() else {
            return Some(handle);
        };
        let talk = &mut self.sessions.get_mut(other)?.state;
        let others_parent = std::mem::replace(&mut talk.parent, parent);
        (talk.worker, talk.admitted) = (worker, admitted);
        let talk = &mut self.sessions.get_mut(handle)?.state;
        (talk.parent, talk.worker, talk.admitted) = (others_parent, 0, None);
        for (pid, owner) in [(parent, other), (worker, other), (others_parent, handle)] {
            if pid != 0 {
                self.by_pid.insert(pid, owner);
            }
        }
        Some(handle)
    }
}

impl Talk {
    /// False where the pid was used again by another session.
    fn speaks(&self, record: &Record<'_>) -> bool {
        match record.fact {
            Fact::Login { .. } => self.admitted.is_none(),
            _ => self.admitted.is_none() || record.user.is_none_or(|user| self.is_user(user)),
        }
    }

    /// `USER anonymous` and `USER ftp` are both logged as `[ftp]` from the login on.
    pub(super) fn is_user(&self, user: &[u8]) -> bool {
        self.user == user || (is_anonymous(&self.user) && is_anonymous(user))
    }

    /// With `one_process_model` all three are the same process.
    fn worker_is_another(&self) -> bool {
        self.admitted.is_some()
            && self.child != self.worker
            && self.child != self.parent
            && self.parent != 0
    }
}

fn is_anonymous(user: &[u8]) -> bool {
    user.eq_ignore_ascii_case(b"anonymous") || user.eq_ignore_ascii_case(b"ftp")
}

/// How well a session fits a record of a process that is not known yet; `None` where it can't be.
fn fit(open: &Open<Talk>, record: &Record<'_>, at: Option<Timestamp>) -> Option<Fit> {
    let talk = &open.state;
    let is_shared = record.number <= SHARED_PIDS;
    if talk.is_shared != is_shared {
        return None;
    }
    if talk.is_refused() {
        // Only the reply that the refusal stands for.
        let is_refusal = matches!(&record.fact, Fact::Reply { text, .. } if text.starts_with(b"421 "));
        return is_refusal.then_some((true, true, 0));
    }
    match record.fact {
        Fact::Login { .. } => login_fit(talk, record, is_shared),
        _ if is_shared => shared_fit(talk, record),
        _ => worker_fit(talk, record, at),
    }
}

fn turn(turn: u64) -> i64 {
    i64::try_from(turn).unwrap_or(i64::MAX)
}

/// P speaks: its child waits for an answer to PASS, and has the next pid. Where P was taken for another session's before,
/// that session may still be the one.
fn login_fit(talk: &Talk, record: &Record<'_>, is_shared: bool) -> Option<Fit> {
    let is_expected = talk.asked != 0 && record.user.is_some_and(|user| talk.is_user(user));
    if talk.admitted.is_some() || (talk.has_protocol && !is_expected) {
        return None;
    }
    if is_shared {
        return Some((is_expected, false, -turn(talk.asked)));
    }
    let is_free = talk.parent == 0;
    if talk.child == 0 || !(is_free || is_expected) {
        return None;
    }
    let distance = talk.child.checked_sub(record.number)?;
    let is_next = is_free && distance == 1;
    (distance <= NEAR).then_some((is_next, is_free, -i64::from(distance)))
}

/// In a namespace, 2 is the child and 3 the worker.
fn shared_fit(talk: &Talk, record: &Record<'_>) -> Option<Fit> {
    let is_same_user = record.user.is_none_or(|user| talk.is_user(user));
    match (record.number, &talk.admitted) {
        (3, None) | (2, Some(_)) => None,
        (_, Some((admitted, _))) => {
            (record.user.is_some() && is_same_user).then_some((true, true, turn(*admitted)))
        }
        (_, None) => Some((false, is_same_user, 0)),
    }
}

/// D speaks for the first time: its user was let in, and its pid comes soon after P's. Or C does, of a session that
/// begins with P's line.
fn worker_fit(talk: &Talk, record: &Record<'_>, at: Option<Timestamp>) -> Option<Fit> {
    let distance = record.number.wrapping_sub(talk.parent);
    if is_before_login(&record.fact) || record.user.is_none() {
        let is_child = talk.admitted.is_none() && talk.child == 0 && distance <= NEAR;
        return is_child.then_some((distance == 1, false, -i64::from(distance)));
    }
    let (admitted, since) = talk.admitted?;
    if talk.worker != 0 || talk.parent == 0 || !record.user.is_some_and(|user| talk.is_user(user)) {
        return None;
    }
    let is_soon = matches!((since, at), (Some(since), Some(at)) if at.seconds() - since.seconds() <= SOON_SECONDS);
    let rank = if talk.has_protocol && is_soon {
        -turn(admitted)
    } else {
        -i64::from(distance)
    };
    Some((distance == 2, talk.has_protocol && is_soon, rank))
}
