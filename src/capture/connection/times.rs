//! When a connection's handshake took its steps, and when its bytes came.

use std::time::Duration;

use crate::time::Timestamp;

/// The times of the handshake.
#[derive(Debug, Clone, Default)]
pub(super) struct Handshake {
    /// SYNs sent again, from the first on.
    pub(super) retries: Vec<Duration>,
    /// The newest SYN that is not answered, or was the last before the answer.
    pub(super) asked: Option<Timestamp>,
    /// From it to the answer.
    pub(super) answered_after: Option<Duration>,
    /// From it to the ACK that completes the handshake.
    pub(super) completed_after: Option<Duration>,
    /// The opener took the answer up.
    pub(super) taken_up: bool,
}

impl Handshake {
    /// The opener acknowledges something for the first time.
    pub(super) fn take_up(&mut self, now: Option<Timestamp>) {
        self.taken_up = true;
        let asked = self.asked.filter(|_| self.answered_after.is_some());
        self.completed_after = now.zip(asked).map(|(now, asked)| now.since(asked));
    }
}

/// When bytes came.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Progress {
    pub(super) first: Option<Timestamp>,
    pub(super) last: Option<Timestamp>,
    /// The opening, or the last new byte.
    pub(super) since: Option<Timestamp>,
    /// In nanoseconds.
    pub(super) silence: u64,
    /// The silence before the first FIN or RST.
    pub(super) before_end: Option<Duration>,
}

impl Progress {
    /// New bytes came.
    #[inline]
    pub(super) fn go_on(&mut self, now: Option<Timestamp>) {
        let Some(at) = now else { return };
        if let Some(since) = self.since {
            self.silence = self.silence.max(at.nanos_since(since));
        }
        if self.first.is_none() {
            self.first = now;
        }
        (self.last, self.since) = (now, now);
    }
}
