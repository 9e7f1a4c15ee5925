//! All TCP connections of a capture, told apart by their ends, on capture time.
//!
//! A connection is undecided until its bytes tell whether it is a control
//! connection; data connections are known by their announcement before their
//! first byte. The table is bounded: the connection that was quiet longest is
//! closed first.

mod forget;
mod legs;
mod matching;
mod places;

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};

use self::legs::Legs;
use super::connection::Facts;
use super::control::{Control, Out, Said};
use super::decode::{Segment, Unreachable};
use super::ends::Ends;
use super::lru::Recency;
use super::pace::Pace;
use super::probe::Verdict;
use super::recent::{Novelty, Recent};
use super::stream::{Delivery, Place, Reassembly};
use super::tls::DataTls;
use super::undecided::{Held, HeldKind, Undecided, feed, hold, is_enough, judge, server_direction};
use crate::diagnostic::{DiagnosticKind, Diagnostics, Origin, SourceId};
use crate::ftp::{Closing, End, EventKind, Fate, SessionKey, Side};
use crate::limits;
use crate::lookup::Lookup;
use crate::time::Timestamp;

/// What a connection is.
#[derive(Debug)]
enum Role {
    Undecided(Box<Undecided>),
    Control(Box<(Reassembly, Control)>),
    Data(Owners),
    Other,
    Over,
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
    places: Lookup<Ends, usize>,
    /// Connections between the same ends in another network's capture.
    strangers: Lookup<(Ends, SourceId), usize>,
    pub(super) recent: Recent,
    legs: Legs,
    connections: Vec<Option<Connection>>,
    recency: Recency,
    /// Connections that are over, by their first segment: kept for what comes late, not for ever.
    over: VecDeque<(usize, Origin)>,
    /// Where a data connection is awaited, and by whom.
    awaited: Lookup<SocketAddr, Owners>,
    /// Sessions whose announcements can't be heard, by client and server; the youngest of each.
    blind: Lookup<(IpAddr, IpAddr), Owner>,
    /// The youngest connection from host to host.
    between: Lookup<(IpAddr, IpAddr), usize>,
    /// The youngest connection to each listening end.
    reached: Lookup<SocketAddr, usize>,
    /// Ends that have been seen to speak FTP.
    servers: Lookup<SocketAddr, ()>,
    pub(super) diagnostics: Diagnostics,
    /// Captures of the same time are read side by side.
    pub(super) overlaps: bool,
    now: Option<Timestamp>,
    pace: Pace,
    /// Empty; its memory is used from segment to segment.
    said: Vec<Said>,
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
        let translated = self.of_other_half(segment, place);
        let segment = translated.as_ref().unwrap_or(segment);
        // Copies of what is not FTP, and of data, change nothing that is told.
        let mut novelty = Novelty::New;
        if segment.flags.syn() {
            novelty = self.recent.take(segment, place, self.overlaps);
        }
        let Some(index) = self.place_of(segment, place, novelty, out) else {
            return;
        };
        self.recency.touch(index);
        let Some(connection) = self.connections.get_mut(index).and_then(Option::as_mut) else {
            return;
        };
        let before_end = connection.facts.ended.is_none();
        connection.heard = place.origin.source;
        let speaks = matches!(connection.role, Role::Undecided(_) | Role::Control(_));
        if speaks && !segment.flags.syn() {
            novelty = self.recent.take(segment, place, self.overlaps);
        }
        match novelty {
            Novelty::New => connection.facts.take(segment, place),
            Novelty::Repeated => connection.facts.take_copy(segment),
            Novelty::HeardElsewhere => {}
        }
        let direction = connection.facts.direction(segment);
        if connection.guess.is_some() || matches!(connection.role, Role::Data(_)) {
            let tls = connection.tls.get_or_insert_default();
            tls.take(direction, segment, place);
        }
        let role = std::mem::replace(&mut connection.role, Role::Over);
        let role = match role {
            Role::Undecided(undecided) => {
                self.undecided(index, direction, undecided, segment, place, out)
            }
            Role::Control(control) => self.control(index, direction, control, segment, place, out),
            role @ (Role::Data(_) | Role::Other | Role::Over) => role,
        };
        self.put(index, role);
        if novelty == Novelty::HeardElsewhere {
            self.heard_elsewhere(index, place, out);
        }
        let over = self
            .facts(index)
            .is_some_and(|f| f.is_over() || before_end && f.fate() == Fate::Refused);
        // Both have sent their FIN, but bytes before it may still come.
        let over = over && (segment.flags.rst() || !self.waits_for_bytes(index));
        if over {
            self.end(index, place, None, out);
            let first = self.facts(index).map(|facts| facts.first.origin);
            self.over.extend(first.map(|first| (index, first)));
        }
    }

    /// An ICMP error quotes a connection's segment: it can't be opened.
    pub(super) fn unreachable(&mut self, quoted: &Unreachable, place: Place) {
        let index = self
            .places
            .get(&Ends::new(quoted.source, quoted.destination));
        let connection = index.and_then(|p| self.connections.get_mut(*p));
        if let Some(connection) = connection.and_then(Option::as_mut) {
            connection.facts.refuse(quoted, place);
        }
    }

    /// The capture is over: ends everything, in the order of last use.
    pub(super) fn finish(&mut self, out: Out<'_>) {
        for index in 0..self.connections.len() {
            self.hear_out(index, out);
        }
        while let Some(index) = self.recency.oldest() {
            let quiet = self.facts(index).map(|facts| facts.unheard_for(self.now));
            let how = if quiet.unwrap_or_default() >= limits::CONNECTION_IDLE_SECONDS {
                End::Idle
            } else {
                End::InputEnded
            };
            self.remove(index, how, out);
        }
    }

    /// What a control connection still waits for won't come: what was said behind it may be about connections that are to
    /// be ended first.
    fn hear_out(&mut self, index: usize, out: Out<'_>) {
        let connection = self.connections.get_mut(index).and_then(Option::as_mut);
        let Some(Connection { facts, role, .. }) = connection else {
            return;
        };
        let Role::Control(control) = role else {
            return;
        };
        let (reassembly, talk) = &mut **control;
        let opener_is_client = facts.ends[0] == talk.client;
        let mut said = Vec::new();
        reassembly.finish(&mut |direction, place, delivery| {
            talk.take(
                side_of(direction, opener_is_client),
                place,
                &delivery,
                &mut said,
            );
        });
        self.with_control(index, |table, control| {
            table.understand(index, control, &mut said, out);
        });
    }

    fn facts(&self, index: usize) -> Option<&Facts> {
        self.connections.get(index)?.as_ref().map(|c| &c.facts)
    }

    fn waits_for_bytes(&self, index: usize) -> bool {
        let connection = self.connections.get(index).and_then(Option::as_ref);
        connection.is_some_and(|c| match &c.role {
            Role::Control(control) => control.0.is_waiting(),
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
        if self.recency.len() >= limits::OPEN_CONNECTIONS
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
        let enough = is_enough(heads);
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
        let Some(facts) = self.facts(index).cloned() else {
            return Role::Other;
        };
        let (client_end, server_end) = if server == 1 {
            (facts.ends[0], facts.ends[1])
        } else {
            (facts.ends[1], facts.ends[0])
        };
        if self.is_other_leg(&facts, server, &undecided, out) {
            return Role::Other;
        }
        self.know_leg(index, &facts, server, &undecided.heads);
        let mut control = Control::new(client_end, server_end, facts.first, !facts.mid_stream, out);
        self.tell_other_half(&mut control, facts.first, out);
        self.servers.insert(server_end, ());
        if let Some(opened) = facts.opened.filter(|_| !facts.mid_stream) {
            let place = Place {
                at: opened.at,
                origin: facts.first.origin,
            };
            control.emit(place, EventKind::Opened, out);
        }
        let mut said = Vec::new();
        for Held {
            direction,
            place,
            what,
        } in undecided.held
        {
            let side = if direction == server {
                Side::Server
            } else {
                Side::Client
            };
            let delivery = match &what {
                HeldKind::Bytes(bytes) => Delivery::Bytes(bytes),
                HeldKind::Hole(bytes) => Delivery::Hole(*bytes),
                HeldKind::Conflict => Delivery::Conflict,
            };
            control.take(side, place, &delivery, &mut said);
            self.understand(index, &mut control, &mut said, out);
        }
        Role::Control(Box::new((undecided.reassembly, control)))
    }

    fn control(
        &mut self,
        index: usize,
        direction: usize,
        mut control: Box<(Reassembly, Control)>,
        segment: &Segment<'_>,
        place: Place,
        out: Out<'_>,
    ) -> Role {
        let (reassembly, talk) = &mut *control;
        let opener_is_client = self.facts(index).is_some_and(|f| f.ends[0] == talk.client);
        let side_of = |direction: usize| side_of(direction, opener_is_client);
        let mut said = std::mem::take(&mut self.said);
        feed(
            reassembly,
            direction,
            segment,
            place,
            &mut |direction, place, delivery| {
                talk.take(side_of(direction), place, &delivery, &mut said);
            },
        );
        self.understand(index, talk, &mut said, out);
        self.said = said;
        Role::Control(control)
    }

    /// Tells what was said, and watches for the data connections that it announces.
    fn understand(
        &mut self,
        index: usize,
        control: &mut Control,
        said: &mut Vec<Said>,
        out: Out<'_>,
    ) {
        for said in said.drain(..) {
            let wishes = control.wishes(&said);
            if let Some(offer) = wishes.settle {
                self.put_by(control, offer, said.place(), out);
            }
            if let Some(announcement) = wishes.forget {
                self.forget(control.key, &announcement);
            }
            let place = said.place();
            if let Some(announcement) = wishes.announce {
                self.announce(index, control, announcement, place.at);
            }
            if matches!(said, Said::Protected(_)) {
                self.blind.insert(
                    (control.client.ip(), control.server.ip()),
                    (index, control.key),
                );
            }
            if let Some(begun) = wishes.guess {
                self.look_for(index, control, begun, place, out);
            }
            control.tell(said, &mut self.diagnostics, out);
            self.settle_if_over(control, place, out);
        }
    }

    /// A connection is over: by its own FINs or RST (`how` is `None`), or because it is given up.
    fn end(&mut self, index: usize, place: Place, how: Option<End>, out: Out<'_>) {
        self.end_guess(index, place, out);
        let Some(connection) = self.connections.get_mut(index).and_then(Option::as_mut) else {
            return;
        };
        match std::mem::replace(&mut connection.role, Role::Over) {
            Role::Control(mut control) => self.end_control(index, &mut control, place, how, out),
            Role::Undecided(undecided) => self.end_undecided(index, *undecided, place, how, out),
            Role::Data(owners) => self.end_data(index, owners, place, how, out),
            Role::Other | Role::Over => {}
        }
    }

    fn end_control(
        &mut self,
        index: usize,
        control: &mut (Reassembly, Control),
        place: Place,
        how: Option<End>,
        out: Out<'_>,
    ) {
        let (reassembly, talk) = control;
        let Some(facts) = self.facts(index).cloned() else {
            return;
        };
        let opener_is_client = facts.ends[0] == talk.client;
        let side_of = |direction: usize| side_of(direction, opener_is_client);
        let mut said = Vec::new();
        reassembly.finish(&mut |direction, place, delivery| {
            talk.take(side_of(direction), place, &delivery, &mut said);
        });
        said.extend(talk.finish(place, how.is_none()));
        self.understand(index, talk, &mut said, out);
        self.settle_all(talk, place, out);
        let unacknowledged = facts.unacknowledged();
        let (end, by) = match (facts.ended, how) {
            // A FIN that nobody acknowledged ended nothing.
            (Some((End::Fin, _)), Some(how)) if unacknowledged.is_some() => (how, None),
            (Some((end, direction)), _) => (end, Some(side_of(direction))),
            (None, how) => (how.unwrap_or(End::InputEnded), None),
        };
        let unacknowledged = unacknowledged.map(|(direction, times)| (side_of(direction), times));
        let tcp = facts.record(side_of(0), place.at);
        talk.emit(
            place,
            EventKind::Closed(Closing {
                end,
                by,
                fate: facts.fate(),
                unacknowledged,
                tcp: Some(Box::new(tcp)),
            }),
            out,
        );
    }

    /// The last word on a connection that said too little: on FTP's port, even silence and a refusal are a session.
    fn end_undecided(
        &mut self,
        index: usize,
        mut undecided: Undecided,
        place: Place,
        how: Option<End>,
        out: Out<'_>,
    ) {
        let Undecided {
            reassembly,
            held,
            heads,
        } = &mut undecided;
        reassembly.finish(&mut |direction, place, delivery| {
            hold(direction, place, &delivery, held, heads);
        });
        let Some(facts) = self.facts(index) else {
            return;
        };
        let server = server_direction(facts, heads).unwrap_or(1);
        let known = self.is_known(facts, server);
        let silent = heads.get(server).is_none_or(Vec::is_empty) && !reassembly.was_spoken(server);
        let implicit = facts
            .ends
            .get(server)
            .is_some_and(|end| end.port() == limits::FTPS_PORT);
        let waited = self.now.zip(facts.first.at).map(|(now, at)| now.since(at));
        let tried = facts.attempts >= 2
            || facts.fate() != Fate::Unanswered
            || waited.is_some_and(|waited| waited.as_secs() >= limits::SYN_SECONDS);
        let nothing = heads.iter().all(Vec::is_empty) && silent;
        let is_session = (known || implicit && nothing) && silent && tried && !facts.mid_stream
            || judge(&undecided, facts, server, known, true) == Verdict::Ftp;
        if is_session
            && let Role::Control(mut control) = self.become_control(index, server, undecided, out)
        {
            self.end_control(index, &mut control, place, how, out);
        }
    }

    /// Takes a control connection out of the table while the table is needed for it.
    fn with_control(&mut self, index: usize, f: impl FnOnce(&mut Self, &mut Control)) {
        let Some(connection) = self.connections.get_mut(index).and_then(Option::as_mut) else {
            return;
        };
        match std::mem::replace(&mut connection.role, Role::Over) {
            Role::Control(mut control) => {
                f(self, &mut control.1);
                self.put(index, Role::Control(control));
            }
            role => self.put(index, role),
        }
    }
}
