//! One connection that is heard in several places: by two captures, or on both sides of an address translation.
//!
//! A translation changes addresses and ports and leaves sequence numbers alone. Two connections with the same first
//! sequence numbers in both directions (64 bits that the two systems chose at random) and the same first bytes are two
//! legs of one while both live; the leg heard first is the session, the other one is only named. Where a capture holds the client's
//! half under one pair of addresses and the server's half under another, a SYN without answer and an answer without
//! SYN tell that by the client's number. What can't be proven stays two.

use super::{Control, Facts, Out, Role, Table};
use crate::capture::decode::Segment;
use crate::capture::ends::Socket;
use crate::capture::stream::Place;
use crate::capture::undecided::Undecided;
use crate::diagnostic::DiagnosticKind;
use crate::limits;
use crate::lookup::Lookup;
use crate::time::Timestamp;

/// First sequence numbers below are chosen by programs that make captures up, and prove nothing.
const CHOSEN_SEQUENCES: u32 = 1 << 16;

/// A control connection by what an address translation leaves alone.
#[derive(Debug)]
struct Leg {
    index: usize,
    at: Option<Timestamp>,
    /// The first bytes of the client and of the server.
    heads: [Box<[u8]>; 2],
}

/// A SYN whose answer was not seen.
#[derive(Debug, Clone, Copy)]
struct Asked {
    ends: (Socket, Socket),
    at: Option<Timestamp>,
}

/// What is remembered to join legs.
#[derive(Debug, Default)]
pub(super) struct Legs {
    /// By the first sequence numbers of client and server.
    known: Lookup<(u32, u32), Leg>,
    /// SYNs by their sequence numbers.
    asked: Lookup<u32, Asked>,
    /// Sender and receiver of halves under other addresses, and those of the half that was heard first.
    halves: Lookup<(Socket, Socket), (Socket, Socket)>,
    /// The same the other way round.
    others: Lookup<(Socket, Socket), (Socket, Socket)>,
}

/// How a control connection begins.
#[derive(Debug, Clone, Copy)]
pub(super) struct Beginning {
    pub(super) client: Socket,
    pub(super) server: Socket,
    /// The first segment.
    pub(super) first: Place,
    /// The first sequence numbers of client and server.
    sequences: Option<(u32, u32)>,
}

impl Beginning {
    /// By the direction of the server.
    pub(super) fn new(facts: &Facts, server: usize) -> Self {
        let [opener, listener] = facts.ends;
        let (client, server_end) = if server == 1 {
            (opener, listener)
        } else {
            (listener, opener)
        };
        Self {
            client,
            server: server_end,
            first: facts.first,
            sequences: facts.first_sequences(server),
        }
    }
}

fn soon(earlier: Option<Timestamp>, later: Option<Timestamp>, seconds: u64) -> bool {
    earlier
        .zip(later)
        .is_none_or(|(a, b)| a.since(b).max(b.since(a)).as_secs() <= seconds)
}

impl Legs {
    /// Remembers a SYN.
    fn asks(&mut self, segment: &Segment<'_>, at: Option<Timestamp>) {
        if segment.sequence >= CHOSEN_SEQUENCES {
            // Only those of the last minute are of use. Who sends SYNs in heaps must not switch this off.
            if self.asked.len() >= limits::OPEN_CONNECTIONS {
                self.asked = Lookup::default();
            }
            let ends = (segment.source, segment.destination);
            self.asked.insert(segment.sequence, Asked { ends, at });
        }
    }

    /// True where halves of connections were heard under other addresses.
    pub(super) fn has_halves(&self) -> bool {
        !self.halves.is_empty()
    }

    #[cfg(test)]
    pub(super) fn remembers(&self, sequence: u32) -> bool {
        self.asked.get(&sequence).is_some()
    }

    #[cfg(test)]
    pub(super) fn size(&self) -> usize {
        self.asked.len()
    }

    /// Forgets the SYN of a connection.
    pub(super) fn forget(&mut self, facts: &Facts, index: usize) {
        if let Some(opening) = facts.opening() {
            self.asked.remove(&opening);
        }
        let [client, server] = facts.ends;
        if let Some(other) = self.others.remove(&(server, client)) {
            self.halves.remove(&other);
        }
        for server in [0, 1] {
            let bases = facts.first_sequences(server);
            let own = bases.filter(|b| self.known.get(b).is_some_and(|leg| leg.index == index));
            if let Some(bases) = own {
                self.known.remove(&bases);
            }
        }
    }
}

impl Table {
    /// A segment of a half under other addresses, as the half that was heard first would have it.
    pub(super) fn of_other_half<'b>(
        &mut self,
        segment: &Segment<'b>,
        place: Place,
    ) -> Option<Segment<'b>> {
        match (segment.flags.syn(), segment.flags.ack()) {
            (true, false) => self.legs.asks(segment, place.at),
            (true, true) => self.find_half(segment, place),
            _ => {}
        }
        if !self.legs.has_halves() {
            return None;
        }
        let ends = (segment.source, segment.destination);
        let (source, destination) = self.legs.halves.get(&ends).copied()?;
        Some(Segment {
            source,
            destination,
            ..*segment
        })
    }

    /// An answer to a SYN that these ends never sent: the other half of a connection whose SYN was not answered.
    fn find_half(&mut self, segment: &Segment<'_>, place: Place) {
        let other = (segment.source, segment.destination);
        let opening = segment.acknowledgment.wrapping_sub(1);
        let Some(Asked { ends, at }) = self.legs.asked.get(&opening).copied() else {
            return;
        };
        if self.places.find(other.0, other.1).is_some() {
            return;
        }
        let (client, server) = ends;
        let known = self.places.find(client, server);
        let unanswered = known
            .and_then(|index| self.facts(index))
            .is_some_and(|facts| facts.opened.is_none() && facts.ended.is_none());
        if !unanswered || !soon(at, place.at, limits::LEG_SECONDS) {
            return;
        }
        self.legs.halves.insert(other, (server, client));
        self.legs.others.insert((server, client), other);
        self.diagnostics.add(
            DiagnosticKind::HeardTwice,
            place.origin,
            "the two halves of a connection, under the addresses of both sides of an address translation; joined by their sequence numbers",
        );
    }

    /// Tells a new control connection's session of the addresses of its other half.
    pub(super) fn tell_other_half(&self, control: &mut Control, place: Place, out: Out<'_>) {
        let other = self.legs.others.get(&(control.server, control.client));
        if let Some((server, client)) = other.copied() {
            control.also_heard(place, Some((client, server)), out);
        }
    }

    /// Another capture holds a segment of this connection as well.
    pub(super) fn heard_elsewhere(&mut self, index: usize, place: Place, out: Out<'_>) {
        let connection = self.connections.get_mut(index).and_then(Option::as_mut);
        if let Some(connection) = connection
            && let Role::Control(dialogue) = &mut connection.role
        {
            dialogue.control.also_heard(place, None, out);
        }
    }

    /// True when this control connection is another leg of one that is known; tells its session of it.
    pub(super) fn is_other_leg(
        &mut self,
        beginning: &Beginning,
        server: usize,
        undecided: &Undecided,
        out: Out<'_>,
    ) -> bool {
        let Some(leg) = beginning
            .sequences
            .and_then(|bases| self.legs.known.get(&bases))
        else {
            return false;
        };
        let heads = [1 - server, server].map(|d| undecided.heads.get(d).map_or(&[][..], |h| h));
        if !soon(leg.at, beginning.first.at, limits::LEG_SECONDS)
            || !same_beginnings(&leg.heads, heads)
        {
            return false;
        }
        let index = leg.index;
        // A leg lives while the other one does; what comes later is a replay.
        let connection = self.connections.get_mut(index).and_then(Option::as_mut);
        let Some(Role::Control(dialogue)) = connection.map(|connection| &mut connection.role)
        else {
            return false;
        };
        let Beginning {
            client,
            server,
            first,
            ..
        } = *beginning;
        let control = &mut dialogue.control;
        control.also_heard(first, Some((client, server)), out);
        self.diagnostics.add(
            DiagnosticKind::HeardTwice,
            first.origin,
            "a control connection that was captured on both sides of an address translation; it counts once",
        );
        true
    }

    /// Remembers a control connection, for its other legs.
    pub(super) fn know_leg(
        &mut self,
        index: usize,
        beginning: &Beginning,
        server: usize,
        heads: &[Vec<u8>; 2],
    ) {
        let Some(bases) = beginning.sequences else {
            return;
        };
        if bases.0 < CHOSEN_SEQUENCES || bases.1 < CHOSEN_SEQUENCES {
            return;
        }
        let head = |direction: usize| -> Box<[u8]> {
            let head = heads.get(direction).map_or(&[][..], |head| head);
            head.get(..limits::LEG_BYTES).unwrap_or(head).into()
        };
        let leg = Leg {
            index,
            at: beginning.first.at,
            heads: [head(1 - server), head(server)],
        };
        self.legs.known.insert(bases, leg);
    }
}

/// True when what is known of both begins alike, and something is known.
fn same_beginnings(a: &[Box<[u8]>; 2], b: [&[u8]; 2]) -> bool {
    let mut common = 0;
    for (a, b) in a.iter().zip(b) {
        let length = a.len().min(b.len());
        if a.get(..length) != b.get(..length) {
            return false;
        }
        common += length;
    }
    common > 0
}
