//! All TCP connections of a capture, told apart by their ends, on capture time.
//!
//! A connection is undecided until its bytes tell whether it is a control
//! connection; data connections are known by their announcement before their
//! first byte. The table is bounded: the connection that was quiet longest is
//! closed first.

mod ending;
mod forget;
mod legs;
mod matching;
mod places;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::net::IpAddr;

use self::legs::{Beginning, Legs};
use super::connection::Facts;
use super::control::{Control, Out, Wishes};
use super::decode::{Segment, Unreachable};
use super::ears::{Ears, Said};
use super::ends::{Ends, Places, Socket};
use super::lru::Recency;
use super::pace::Pace;
use super::probe::Verdict;
use super::recent::{Novelty, Recent};
use super::stream::{Delivery, Place, Reassembly};
use super::tls::DataTls;
use super::undecided::{
    Held, HeldKind, Undecided, acknowledge, feed, hold, is_enough, judge, server_direction,
};
use crate::diagnostic::{DiagnosticKind, Diagnostics, Origin, SourceId};
use crate::ftp::{End, EventKind, Fate, SessionKey, Side};
use crate::limits;
use crate::lookup::Lookup;
use crate::time::Timestamp;

/// What a connection is.
#[derive(Debug)]
enum Role {
    Undecided(Box<Undecided>),
    Control(Box<Dialogue>),
    Data(Owners),
    Other,
    Over,
}

/// A control connection while it is read.
#[derive(Debug)]
struct Dialogue {
    reassembly: Reassembly,
    ears: Ears,
    control: Control,
    opener_is_client: bool,
}

/// The place of a control connection, and its session, so that another one in the same place is not taken for it.
type Owner = (usize, SessionKey);

/// Who awaits a data connection. From server to server it is two sessions (RFC 959 section 5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Owners {
    first: Owner,
    second: Option<Owner>,
}

#[derive(Debug)]
struct Connection {
    facts: Facts,
    role: Role,
    /// It is or was a control or data connection.
    used: bool,
    /// The session that it may be a data connection of.
    guess: Option<Owner>,
    /// Its TLS, of a data connection.
    tls: Option<Box<DataTls>>,
    /// The capture that it was heard in last.
    heard: SourceId,
}

/// The table.
#[derive(Debug, Default)]
pub(super) struct Table {
    places: Places,
    /// Connections between the same ends in another network's capture.
    strangers: Lookup<(Ends, SourceId), usize>,
    pub(super) recent: Recent,
    legs: Legs,
    connections: Vec<Option<Connection>>,
    recency: Recency,
    /// Connections that are over, by their first segment: kept for what comes late, not for ever.
    over: VecDeque<(usize, Origin)>,
    /// Where a data connection is awaited, and by whom.
    awaited: Lookup<Socket, Owners>,
    /// Sessions whose announcements can't be heard, by client and server; the youngest of each.
    blind: Lookup<(IpAddr, IpAddr), Owner>,
    /// The youngest connection from host to host.
    between: Lookup<(IpAddr, IpAddr), usize>,
    /// The youngest connection to each listening end.
    reached: Lookup<Socket, usize>,
    /// Ends that have been seen to speak FTP.
    servers: Lookup<Socket, ()>,
    pub(super) diagnostics: Diagnostics,
    /// Captures of the same time are read side by side.
    pub(super) overlaps: bool,
    now: Option<Timestamp>,
    pace: Pace,
}

impl Role {
    /// What puts its bytes in order.
    fn reassembly(&mut self) -> Option<&mut Reassembly> {
        match self {
            Self::Control(dialogue) => Some(&mut dialogue.reassembly),
            Self::Undecided(undecided) => Some(&mut undecided.reassembly),
            Self::Data(_) | Self::Other | Self::Over => None,
        }
    }
}

impl Connection {
    /// Takes a segment's facts. Gives its direction, and whether the connection is over by it.
    fn take(&mut self, segment: &Segment<'_>, place: Place, novelty: Novelty) -> (usize, bool) {
        let facts = &mut self.facts;
        let before_end = facts.ended.is_none();
        let direction = facts.direction(segment);
        match novelty {
            Novelty::New => facts.take(direction, segment, place),
            Novelty::Repeated => facts.take_copy(direction, segment),
            Novelty::HeardElsewhere => {}
        }
        let closes = facts.is_over() || before_end && facts.fate() == Fate::Refused;
        if self.guess.is_some() || matches!(self.role, Role::Data(_)) {
            let tls = self.tls.get_or_insert_default();
            tls.take(direction, segment, place);
        }
        (direction, closes)
    }
}

/// Nothing is said in it, and nothing begins or ends.
fn is_mere_acknowledgment(segment: &Segment<'_>) -> bool {
    segment.payload.is_empty() && segment.missing == 0 && !segment.flags.begins_or_ends()
}

/// Who sends in a direction; direction 0 is the opener's.
fn side_of(direction: usize, opener_is_client: bool) -> Side {
    if (direction == 0) == opener_is_client {
        Side::Client
    } else {
        Side::Server
    }
}

impl Table {
    /// Takes the next segment.
    pub(super) fn take(&mut self, segment: &Segment<'_>, place: Place, out: Out<'_>) {
        self.now = place.at.or(self.now);
        self.pace.take(place.at);
        let translated = if segment.flags.syn() || self.legs.has_halves() {
            self.of_other_half(segment, place)
        } else {
            None
        };
        let segment = translated.as_ref().unwrap_or(segment);
        // Copies of what is not FTP, and of data, change nothing that is told.
        let mut novelty = Novelty::New;
        if segment.flags.syn() {
            novelty = self.recent.take(segment, place, self.overlaps);
        }
        let index = self
            .known_place_of(segment, place)
            .or_else(|| self.place_of(segment, place, novelty, out));
        let Some(index) = index else { return };
        self.recency.touch(index);
        let Some(connection) = self.connections.get_mut(index).and_then(Option::as_mut) else {
            return;
        };
        connection.heard = place.origin.source;
        let speaks = matches!(connection.role, Role::Undecided(_) | Role::Control(_));
        if speaks && !segment.flags.syn() {
            novelty = self.recent.take(segment, place, self.overlaps);
        }
        let (direction, closes) = connection.take(segment, place, novelty);
        if !closes {
            match connection.role.reassembly() {
                // Nothing of it is listened to.
                None => return,
                Some(reassembly)
                    if novelty != Novelty::HeardElsewhere
                        && is_mere_acknowledgment(segment)
                        && !reassembly.is_waiting() =>
                {
                    return acknowledge(reassembly, direction, segment);
                }
                Some(_) => {}
            }
        }
        let role = std::mem::replace(&mut connection.role, Role::Over);
        let role = match role {
            Role::Undecided(undecided) => {
                self.undecided(index, direction, undecided, segment, place, out)
            }
            Role::Control(dialogue) => self.listen(index, direction, dialogue, segment, place, out),
            role @ (Role::Data(_) | Role::Other | Role::Over) => role,
        };
        self.put(index, role);
        if novelty == Novelty::HeardElsewhere {
            self.heard_elsewhere(index, place, out);
        }
        // Both have sent their FIN, but bytes before it may still come.
        if closes && (segment.flags.rst() || !self.waits_for_bytes(index)) {
            self.end(index, place, None, out);
            let first = self.facts(index).map(|facts| facts.first.origin);
            self.over.extend(first.map(|first| (index, first)));
        }
    }

    /// An ICMP error quotes a connection's segment: it can't be opened.
    pub(super) fn unreachable(&mut self, quoted: &Unreachable, place: Place) {
        let index = self.places.find(quoted.source, quoted.destination);
        let connection = index.and_then(|p| self.connections.get_mut(p));
        if let Some(connection) = connection.and_then(Option::as_mut) {
            connection.facts.refuse(quoted, place);
        }
    }

    fn facts(&self, index: usize) -> Option<&Facts> {
        self.connections.get(index)?.as_ref().map(|c| &c.facts)
    }

    fn waits_for_bytes(&self, index: usize) -> bool {
        let connection = self.connections.get(index).and_then(Option::as_ref);
        connection.is_some_and(|c| match &c.role {
            Role::Control(dialogue) => dialogue.reassembly.is_waiting(),
            Role::Undecided(undecided) => undecided.reassembly.is_waiting(),
            Role::Data(_) => !c.facts.is_whole(),
            Role::Other | Role::Over => false,
        })
    }

    fn put(&mut self, index: usize, role: Role) {
        if let Some(connection) = self.connections.get_mut(index).and_then(Option::as_mut) {
            if matches!(role, Role::Control(_)) {
                connection.used = true;
                connection.guess = None;
            }
            connection.role = role;
        }
    }

    fn insert(&mut self, segment: &Segment<'_>, place: Place, out: Out<'_>) -> usize {
        self.forget_old(out);
        if self.recency.is_full()
            && let Some(oldest) = self.recency.oldest()
        {
            let reason = "more connections than are watched at a time; the one that was quiet longest was closed early";
            self.diagnostics
                .add(DiagnosticKind::LimitReached, place.origin, reason);
            self.remove(oldest, End::Idle, out);
        }
        let facts = Facts::new(segment, place);
        let [opener, listener] = facts.ends;
        let listens = if facts.mid_stream {
            &facts.ends[..]
        } else {
            &facts.ends[1..]
        };
        let awaited = listens
            .iter()
            .find_map(|end| self.awaited.get(end).copied());
        let role = match awaited {
            Some(owners) => Role::Data(owners),
            None => Role::Undecided(Box::default()),
        };
        let guess = awaited.is_none().then(|| self.guess(&facts)).flatten();
        let index = self.recency.insert();
        if index >= self.connections.len() {
            self.connections.resize_with(index + 1, || None);
        }
        if let Some(slot) = self.connections.get_mut(index) {
            let (used, heard) = (awaited.is_some(), place.origin.source);
            *slot = Some(Connection {
                facts,
                role,
                used,
                guess,
                tls: None,
                heard,
            });
        }
        self.reached.insert(listener, index);
        self.between.insert((opener.ip(), listener.ip()), index);
        if let Some(owner) = guess {
            self.suspect(owner, index);
        }
        for owner in awaited.iter().flat_map(|owners| owners.each()) {
            self.join(owner, index);
        }
        index
    }

    fn undecided(
        &mut self,
        index: usize,
        direction: usize,
        mut undecided: Box<Undecided>,
        segment: &Segment<'_>,
        place: Place,
        out: Out<'_>,
    ) -> Role {
        let Undecided {
            reassembly,
            held,
            heads,
        } = &mut *undecided;
        let before = held.len();
        feed(
            reassembly,
            direction,
            segment,
            place,
            &mut |direction, place, delivery| {
                hold(direction, place, &delivery, held, heads);
            },
        );
        if held.len() == before {
            return Role::Undecided(undecided);
        }
        let Some(facts) = self.facts(index) else {
            return Role::Other;
        };
        let server = server_direction(facts, heads);
        let known = server.is_some_and(|s| self.is_known(facts, s));
        let enough = is_enough(held, heads);
        let verdict = server.map(|s| judge(&undecided, facts, s, known, enough));
        match (verdict, enough) {
            (Some(Verdict::Ftp), _) => {
                self.become_control(index, server.unwrap_or(1), *undecided, out)
            }
            (Some(Verdict::Other), _) | (None, true) => Role::Other,
            _ => Role::Undecided(undecided),
        }
    }

    fn is_known(&self, facts: &Facts, server: usize) -> bool {
        facts
            .ends
            .get(server)
            .is_some_and(|end| end.port() == limits::FTP_PORT || self.servers.get(end).is_some())
    }

    fn become_control(
        &mut self,
        index: usize,
        server: usize,
        undecided: Undecided,
        out: Out<'_>,
    ) -> Role {
        let Some(facts) = self.facts(index) else {
            return Role::Other;
        };
        let beginning = Beginning::new(facts, server);
        let (opened, is_whole) = (facts.opened, !facts.mid_stream);
        let Beginning {
            client: client_end,
            server: server_end,
            first,
            ..
        } = beginning;
        if self.is_other_leg(&beginning, server, &undecided, out) {
            return Role::Other;
        }
        self.know_leg(index, &beginning, server, &undecided.heads);
        let mut control = Control::new(client_end, server_end, first, is_whole, out);
        self.tell_other_half(&mut control, first, out);
        if self.servers.len() >= limits::OPEN_CONNECTIONS {
            self.servers = Lookup::default();
        }
        self.servers.insert(server_end, ());
        if let Some(opened) = opened.filter(|_| is_whole) {
            let place = Place {
                at: opened.at,
                origin: first.origin,
            };
            control.emit(place, EventKind::Opened, out);
        }
        let mut ears = Ears::new(is_whole);
        for Held {
            direction,
            place,
            what,
        } in undecided.held
        {
            let side = side_of(direction, server == 1);
            let delivery = match &what {
                HeldKind::Bytes(bytes) => Delivery::Bytes(bytes),
                HeldKind::Hole(bytes) => Delivery::Hole(*bytes),
                HeldKind::Conflict => Delivery::Conflict,
            };
            ears.take(side, place, &delivery, &mut |said| {
                self.understand(index, &mut control, said, out);
            });
            if control.agrees_on_tls() {
                ears.agree();
            }
        }
        Role::Control(Box::new(Dialogue {
            reassembly: undecided.reassembly,
            ears,
            control,
            opener_is_client: server == 1,
        }))
    }

    fn listen(
        &mut self,
        index: usize,
        direction: usize,
        mut dialogue: Box<Dialogue>,
        segment: &Segment<'_>,
        place: Place,
        out: Out<'_>,
    ) -> Role {
        let Dialogue {
            reassembly,
            ears,
            control,
            opener_is_client,
        } = &mut *dialogue;
        feed(
            reassembly,
            direction,
            segment,
            place,
            &mut |direction, place, delivery| {
                let side = side_of(direction, *opener_is_client);
                ears.take(side, place, &delivery, &mut |said| {
                    self.understand(index, control, said, out);
                });
            },
        );
        if control.agrees_on_tls() {
            ears.agree();
        }
        Role::Control(dialogue)
    }

    /// Tells what was said, and watches for the data connections that it announces.
    fn understand(&mut self, index: usize, control: &mut Control, said: Said<'_>, out: Out<'_>) {
        let wishes = control.wishes(&said);
        let place = said.place();
        if let Some(wishes) = wishes {
            self.grant(index, control, &wishes, place, out);
        }
        if matches!(said, Said::Protected(_)) {
            self.blind.insert(
                (control.client.ip(), control.server.ip()),
                (index, control.key),
            );
        }
        control.tell(said, &mut self.diagnostics, out);
        self.settle_if_over(control, place, out);
    }

    fn grant(
        &mut self,
        index: usize,
        control: &mut Control,
        wishes: &Wishes,
        place: Place,
        out: Out<'_>,
    ) {
        if let Some(offer) = wishes.settle {
            self.put_by(control, offer, place, out);
        }
        if let Some(announcement) = wishes.forget {
            self.forget(control.key, &announcement);
        }
        if let Some(announcement) = wishes.announce {
            self.announce(index, control, announcement, place.at);
        }
        if let Some(begun) = wishes.guess {
            self.look_for(index, control, begun, place, out);
        }
    }

    /// Takes a control connection out of the table while the table is needed for it.
    fn with_control(&mut self, index: usize, f: impl FnOnce(&mut Self, &mut Control)) {
        let Some(connection) = self.connections.get_mut(index).and_then(Option::as_mut) else {
            return;
        };
        match std::mem::replace(&mut connection.role, Role::Over) {
            Role::Control(mut dialogue) => {
                f(self, &mut dialogue.control);
                self.put(index, Role::Control(dialogue));
            }
            role => self.put(index, role),
        }
    }
}
