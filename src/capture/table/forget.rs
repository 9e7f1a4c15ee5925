//! Which connections a table need not know any more, so that it does not grow with its capture.
//!
//! Those that are over, and those of which nothing was heard for so long that nothing will be. Ends nothing that may
//! still speak, as long as there is room.

use super::{Out, Role, Table};
use crate::capture::stream::Place;
use crate::ftp::End;
use crate::limits;

impl Table {
    /// Forgets connections that won't be heard of again: else all that a capture ever held would be in memory.
    pub(super) fn forget_old(&mut self, out: Out<'_>) {
        while let Some((index, first)) = self.over.front().copied() {
            let facts = self.facts(index).filter(|f| f.first.origin == first);
            match facts.map(|facts| facts.unheard_for(self.pace.now)) {
                Some(quiet) if quiet < limits::OVER_SECONDS => break,
                Some(_) => self.remove(index, End::Idle, out),
                // Its place was given to another one.
                None => {}
            }
            self.over.pop_front();
        }
        // One comes in at a time, so it is enough that two may go.
        for _ in 0..2 {
            if self.recency.len() > limits::QUIET_CONNECTIONS
                && let Some(oldest) = self.recency.oldest()
            {
                self.forget_if_quiet(oldest, out);
            }
        }
    }

    fn forget_if_quiet(&mut self, index: usize, out: Out<'_>) {
        let Some(connection) = self.connections.get(index).and_then(Option::as_ref) else {
            return;
        };
        let quiet = connection.facts.unheard_for(self.pace.now);
        let waits = matches!(&connection.role, Role::Control(it) if it.control.may_be_silent());
        if quiet >= limits::TRANSFER_SECONDS || !waits && quiet >= limits::CONNECTION_IDLE_SECONDS {
            self.remove(index, End::Idle, out);
        } else if quiet >= limits::CONNECTION_IDLE_SECONDS {
            // Those behind it are looked at first.
            self.recency.touch(index);
        }
    }

    /// Ends and forgets a connection.
    pub(super) fn remove(&mut self, index: usize, how: End, out: Out<'_>) {
        let Some(connection) = self.connections.get(index).and_then(Option::as_ref) else {
            return self.recency.remove(index);
        };
        let facts = &connection.facts;
        let last = Place {
            at: facts.last,
            origin: facts.first.origin,
        };
        let (a, b) = (facts.ends[0], facts.ends[1]);
        let source = facts.first.origin.source;
        self.legs.forget(facts, index);
        self.end(index, last, Some(how), out);
        self.forget_place([a, b], source, index);
        if self.reached.get(&b) == Some(&index) {
            self.reached.remove(&b);
        }
        if self.between.get(&(a.ip(), b.ip())) == Some(&index) {
            self.between.remove(&(a.ip(), b.ip()));
        }
        if let Some(slot) = self.connections.get_mut(index) {
            *slot = None;
        }
        self.recency.remove(index);
    }
}
