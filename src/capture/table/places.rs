//! To which connection a segment belongs.
//!
//! Its two ends tell, mostly. In a series of captures the same ends may stand for another connection: private
//! addresses occur in many networks. A segment from a capture in which a connection was not heard yet belongs to it
//! only if the sequence numbers go on; else it is a stranger's, and the connection known stays what it is. That is a
//! judgement, so it is told.

use super::{Out, Role, Table};
use crate::capture::decode::Segment;
use crate::capture::ends::{Ends, Socket};
use crate::capture::recent::Novelty;
use crate::capture::stream::Place;
use crate::diagnostic::{DiagnosticKind, SourceId};
use crate::ftp::End;

impl Table {
    /// The connection of a segment that begins none, where it is no question. Most are like that.
    pub(super) fn known_place_of(&mut self, segment: &Segment<'_>, place: Place) -> Option<usize> {
        if segment.flags.syn() {
            return None;
        }
        let index = self.places.find(segment.source, segment.destination)?;
        let connection = self.connections.get(index)?.as_ref()?;
        (connection.heard == place.origin.source).then_some(index)
    }

    /// The connection of a segment; a new one for a SYN or for bytes of an unknown connection.
    pub(super) fn place_of(
        &mut self,
        segment: &Segment<'_>,
        place: Place,
        novelty: Novelty,
        out: Out<'_>,
    ) -> Option<usize> {
        let (from, to) = (segment.source, segment.destination);
        let source = place.origin.source;
        let mut known = self.places.find(from, to);
        let strange = known.is_some_and(|index| self.is_of_other_network(index, segment, source));
        if strange {
            known = self.strangers.get(&(Ends::new(from, to), source)).copied();
        }
        let mut reused = false;
        if let Some(index) = known {
            let connection = self.connections.get(index).and_then(Option::as_ref);
            let opening = segment.flags.syn() && !segment.flags.ack();
            let succeeded = novelty == Novelty::New
                && connection.is_some_and(|c| {
                    opening && matches!(c.role, Role::Over) || c.facts.is_succeeded_by(segment)
                });
            if !succeeded {
                return Some(index);
            }
            self.remove(index, End::Idle, out);
            reused = true;
        }
        let carries = !segment.payload.is_empty() || segment.missing > 0;
        if !segment.flags.syn() && !carries {
            return None;
        }
        let index = self.insert(segment, place, out);
        if let Some(connection) = self.connections.get_mut(index).and_then(Option::as_mut) {
            connection.facts.reused = reused;
        }
        if strange {
            self.diagnostics.add(
                DiagnosticKind::Assumed,
                place.origin,
                "the same two ends as in an earlier capture, but sequence numbers from elsewhere: taken for another connection",
            );
            self.strangers.insert((Ends::new(from, to), source), index);
        } else {
            self.places.insert(from, to, index);
        }
        Some(index)
    }

    /// Another capture's segment between the same ends, with sequence numbers from elsewhere. Data connections are known
    /// by their announcement, and may have gone far while nobody listened.
    fn is_of_other_network(&self, index: usize, segment: &Segment<'_>, source: SourceId) -> bool {
        let connection = self.connections.get(index).and_then(Option::as_ref);
        let opening = segment.flags.syn() && !segment.flags.ack();
        connection.is_some_and(|c| {
            c.heard != source
                && !opening
                && !matches!(c.role, Role::Data(_))
                && !c.facts.goes_on_with(segment)
        })
    }

    /// Forgets where a connection is.
    pub(super) fn forget_place(&mut self, ends: [Socket; 2], source: SourceId, index: usize) {
        let [a, b] = ends;
        if self.places.find(a, b) == Some(index) {
            self.places.remove(a, b);
        } else {
            self.strangers.remove(&(Ends::new(a, b), source));
        }
    }
}
