//! The open sessions of one log: who is open, since when silent, and who has been silent for too long.
//!
//! A format keeps its own state per session in here and refers to it by
//! [`Handle`], which goes stale when the session ends. Which line belongs to
//! which session is the format's business.

use std::collections::VecDeque;

use crate::diagnostic::{DiagnosticKind, Diagnostics, Origin};
use crate::ftp::{Event, EventKind, Found, Line, LineEnd, Replies, ReplyCode, SessionKey};
use crate::limits;
use crate::log::Out;
use crate::time::Timestamp;

/// Turns of sessions that ended, beside one for each place, that are not worth looking for.
const FEW: usize = 64;

/// Refers to a session; stale once it has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Handle {
    slot: u32,
    generation: u32,
}

/// What is kept of every session.
#[derive(Debug)]
pub struct Open<S> {
    /// Its key.
    pub key: SessionKey,
    /// When its last record was written.
    pub last: Option<Timestamp>,
    /// Its last record.
    pub origin: Origin,
    /// The format's own part.
    pub state: S,
}

impl<S> Open<S> {
    /// An event of this session at its last record.
    pub fn event<'b>(&self, kind: EventKind<'b>) -> Event<'b> {
        event(self.key, self.last, self.origin, kind)
    }

    /// Tells the reply that a line of the last record is by itself, and answers its code; `None` where it is none, or may
    /// belong to the one that is open.
    pub fn tell_single(
        &self,
        replies: &Replies,
        bytes: &[u8],
        out: &mut Out<'_>,
    ) -> Option<ReplyCode> {
        let reply = replies.single(bounded(bytes))?;
        let code = reply.code;
        out(self.event(EventKind::Reply(reply)));
        Some(code)
    }

    /// A line of what the server said, as its last record holds it.
    pub fn line<'b>(&self, bytes: &'b [u8]) -> Line<'b> {
        Line {
            bytes: bounded(bytes),
            at: self.last,
            origin: self.origin,
            ends: self.origin.record,
            end: LineEnd::Whole,
        }
    }
}

fn bounded(line: &[u8]) -> &[u8] {
    line.get(..limits::CONTROL_LINE_BYTES).unwrap_or(line)
}

/// An event that stands in one record.
pub fn event(
    session: SessionKey,
    at: Option<Timestamp>,
    origin: Origin,
    kind: EventKind<'_>,
) -> Event<'_> {
    Event {
        at,
        origin,
        ends: origin.record,
        session,
        kind,
    }
}

/// Tells a reply and answers its code; a line that belongs to none is not told: servers write such lines about themselves.
pub fn told_reply(key: SessionKey, found: Found<'_>, out: &mut Out<'_>) -> Option<ReplyCode> {
    let Found::Reply {
        reply,
        at,
        origin,
        ends,
        ..
    } = found
    else {
        return None;
    };
    let code = reply.code;
    let mut told = event(key, at, origin, EventKind::Reply(reply));
    told.ends = ends;
    out(told);
    Some(code)
}

/// What a run that reads records again has to know beside them.
#[derive(Debug, Clone, Copy)]
pub struct Marks {
    /// The session that was begun or looked up last, to be changed.
    pub heard: Option<SessionKey>,
    /// The second in which sessions began last, and how many did before the last one.
    pub begun: (i64, u64),
}

impl Default for Marks {
    fn default() -> Self {
        Self {
            heard: None,
            begun: (i64::MIN, 0),
        }
    }
}

#[derive(Debug)]
struct Slot<S> {
    generation: u32,
    open: Option<Open<S>>,
}

/// The open sessions of one log.
#[derive(Debug)]
pub struct Sessions<S> {
    slots: Vec<Slot<S>>,
    free: Vec<u32>,
    /// Sessions with the time at which they are to be looked at again. A session that was heard of meanwhile goes to
    /// the back, so a line costs nothing here.
    waiting: VecDeque<(i64, Handle)>,
    /// The time of the last record, where nothing was overdue then and no session began since.
    settled: Option<Timestamp>,
    limit: usize,
    marks: Marks,
    diagnostics: Diagnostics,
}

impl<S> Default for Sessions<S> {
    fn default() -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            waiting: VecDeque::new(),
            settled: None,
            limit: limits::OPEN_SESSIONS,
            marks: Marks::default(),
            diagnostics: Diagnostics::default(),
        }
    }
}

impl<S> Sessions<S> {
    /// Tells sessions apart that begin in one second and have the same process id (process id namespaces): put into
    /// the upper half of the number a key is made from.
    pub fn nth_of_second(&mut self, at: Option<Timestamp>) -> u64 {
        let second = at.map_or(0, Timestamp::seconds);
        if self.marks.begun.0 == second {
            self.marks.begun.1 += 1;
        } else {
            self.marks.begun = (second, 0);
        }
        self.marks.begun.1 << 32
    }

    /// A new session.
    pub fn begin(
        &mut self,
        key: SessionKey,
        at: Option<Timestamp>,
        origin: Origin,
        state: S,
    ) -> Handle {
        self.marks.heard = Some(key);
        self.settled = None;
        let open = Some(Open {
            key,
            last: at,
            origin,
            state,
        });
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot {
                generation: 0,
                open: None,
            });
            // Bounded by limits::OPEN_SESSIONS, far below u32::MAX.
            u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX)
        });
        let mut generation = 0;
        if let Some(place) = self.slots.get_mut(slot as usize) {
            place.generation = place.generation.wrapping_add(1);
            place.open = open;
            generation = place.generation;
        }
        let handle = Handle { slot, generation };
        self.waiting.push_back((due(at), handle));
        self.forget_ended();
        handle
    }

    /// Sessions that ended leave their turns behind, and where a log has no times none of these is ever due.
    fn forget_ended(&mut self) {
        if self.waiting.len() > 2 * self.slots.len() + FEW {
            let mut waiting = std::mem::take(&mut self.waiting);
            waiting.retain(|(_, handle)| self.get(*handle).is_some());
            self.waiting = waiting;
        }
    }

    /// A session, unless it has ended.
    pub fn get(&self, handle: Handle) -> Option<&Open<S>> {
        let slot = self.slots.get(handle.slot as usize)?;
        slot.open
            .as_ref()
            .filter(|_| slot.generation == handle.generation)
    }

    /// A session, unless it has ended.
    pub fn get_mut(&mut self, handle: Handle) -> Option<&mut Open<S>> {
        let slot = self.slots.get_mut(handle.slot as usize)?;
        let generation = slot.generation;
        let open = slot
            .open
            .as_mut()
            .filter(|_| generation == handle.generation)?;
        self.marks.heard = Some(open.key);
        Some(open)
    }

    /// What a later run has to know beside the records.
    pub fn marks(&mut self) -> &mut Marks {
        &mut self.marks
    }

    /// A session that is open and was not silent for too long at `now`.
    pub fn live(&self, handle: Handle, now: Option<Timestamp>) -> Option<&Open<S>> {
        self.get(handle).filter(|open| !is_over(open.last, now))
    }

    /// Takes a session out.
    pub fn end(&mut self, handle: Handle) -> Option<Open<S>> {
        let slot = self.slots.get_mut(handle.slot as usize)?;
        if slot.generation != handle.generation {
            return None;
        }
        let open = slot.open.take()?;
        self.free.push(handle.slot);
        Some(open)
    }

    /// The next session that has been silent for too long at `now`, or must go because too many are open. It stays
    /// until [`Sessions::end`].
    pub fn overdue(&mut self, now: Option<Timestamp>) -> Option<Handle> {
        if now.is_some() && now == self.settled {
            return None;
        }
        let second = now.map_or(i64::MIN, Timestamp::seconds);
        loop {
            let is_full = self.slots.len() - self.free.len() > self.limit;
            let (due_at, handle) = *self.waiting.front()?;
            if due_at > second && !is_full {
                self.settled = now;
                return None;
            }
            self.waiting.pop_front();
            let Some(open) = self.get(handle) else {
                continue;
            };
            if is_over(open.last, now) {
                return Some(handle);
            }
            if is_full {
                let origin = open.origin;
                self.diagnostics.add(
                    DiagnosticKind::LimitReached,
                    origin,
                    "OPEN_SESSIONS: a session was closed early",
                );
                return Some(handle);
            }
            let again = due(open.last);
            self.waiting.push_back((again, handle));
        }
    }

    /// Some session, in a fixed order, while there is one.
    pub fn any(&mut self) -> Option<Handle> {
        while let Some((_, handle)) = self.waiting.pop_front() {
            if self.get(handle).is_some() {
                return Some(handle);
            }
        }
        None
    }

    /// Hands over the limits that were reached.
    pub fn take_diagnostics(&mut self) -> Diagnostics {
        std::mem::take(&mut self.diagnostics)
    }
}

fn due(last: Option<Timestamp>) -> i64 {
    last.map_or(i64::MAX, |at| {
        at.seconds()
            .saturating_add(limits::LOG_SESSION_IDLE_SECONDS)
    })
}

fn is_over(last: Option<Timestamp>, now: Option<Timestamp>) -> bool {
    // Nearly always it is not, and that shows before whole seconds are counted.
    const SURELY_OPEN: i64 = (limits::LOG_SESSION_IDLE_SECONDS - 1) * 1_000_000_000;
    let (Some(last), Some(now)) = (last, now) else {
        return false;
    };
    now.nanos().saturating_sub(last.nanos()) >= SURELY_OPEN && now.seconds() >= due(Some(last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::unnecessary_wraps, reason = "times of records are optional")]
    fn at(second: i64) -> Option<Timestamp> {
        Some(Timestamp::from_seconds(second, 0))
    }

    fn begin(sessions: &mut Sessions<char>, name: char, second: i64) -> Handle {
        sessions.begin(
            SessionKey(u64::from(name)),
            at(second),
            Origin::default(),
            name,
        )
    }

    #[test]
    fn silence_is_counted_from_the_last_record() {
        let mut sessions = Sessions::default();
        let a = begin(&mut sessions, 'a', 0);
        let b = begin(&mut sessions, 'b', 10);
        sessions.get_mut(a).unwrap().last = at(100);
        let idle = limits::LOG_SESSION_IDLE_SECONDS;
        assert_eq!(sessions.overdue(at(idle + 9)), None);
        assert_eq!(sessions.overdue(at(idle + 10)), Some(b));
        assert!(sessions.live(a, at(idle + 99)).is_some());
        assert!(sessions.live(a, at(idle + 100)).is_none());
    }

    #[test]
    fn a_handle_goes_stale_when_its_place_is_used_again() {
        let mut sessions = Sessions::default();
        let a = begin(&mut sessions, 'a', 0);
        assert_eq!(sessions.end(a).unwrap().state, 'a');
        let b = begin(&mut sessions, 'b', 0);
        assert!(sessions.get(a).is_none() && sessions.end(a).is_none());
        assert_eq!(sessions.get(b).unwrap().state, 'b');
    }

    #[test]
    fn a_log_without_times_remembers_no_more_sessions_than_are_open() {
        let mut sessions = Sessions::default();
        let first = sessions.begin(SessionKey(0), None, Origin::default(), 'a');
        for number in 1..5000 {
            let key = SessionKey(number);
            let handle = sessions.begin(key, None, Origin::default(), 'b');
            assert_eq!(sessions.overdue(None), None);
            sessions.end(handle);
        }
        assert!(sessions.waiting.len() <= 2 * 2 + FEW + 1);
        assert_eq!(sessions.any(), Some(first));
    }

    #[test]
    fn too_many_sessions_close_the_one_that_waits_longest_and_say_so() {
        let mut sessions = Sessions::default();
        assert_eq!(sessions.limit, limits::OPEN_SESSIONS);
        sessions.limit = 2;
        let a = begin(&mut sessions, 'a', 0);
        begin(&mut sessions, 'b', 1);
        assert_eq!(sessions.overdue(at(2)), None);
        begin(&mut sessions, 'c', 2);
        assert_eq!(sessions.overdue(at(2)), Some(a));
        sessions.end(a);
        assert_eq!(sessions.overdue(at(2)), None);
        assert_eq!(sessions.take_diagnostics().iter().count(), 1);
    }
}
