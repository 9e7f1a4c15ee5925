//! The time of packets becomes the time of a capture.
//!
//! A packet may be dated in another year. Mends no dates.

use crate::limits;
use crate::time::Timestamp;

/// The time of a capture as it goes on. A single packet from another year does not count: its clock was wrong.
#[derive(Debug, Default)]
pub(super) struct Pace {
    raw: Option<Timestamp>,
    pub(super) now: Option<Timestamp>,
}

impl Pace {
    /// A packet's time; gives the capture's.
    pub(super) fn take(&mut self, at: Option<Timestamp>) -> Option<Timestamp> {
        let Some(at) = at else { return self.now };
        let gap = self.raw.map_or(0, |raw| at.nanos_apart(raw));
        if gap <= limits::PACKET_GAP_NANOS {
            self.now = Some(at);
        }
        self.raw = Some(at);
        self.now
    }

    /// The capture goes on from there.
    pub(super) fn skip_to(&mut self, at: Option<Timestamp>) {
        if at.is_some() {
            (self.raw, self.now) = (at, at);
        }
    }
}
