//! One control connection: what was said becomes events.
//!
//! Keeps the data connections that were announced, and what is needed to tell whose they are. Sessions are built
//! elsewhere.

use std::cell::Cell;
use std::net::IpAddr;

use super::data::{Announcement, Offer, replaces};
use super::ears::Said;
use super::ends::Socket;
use super::expect::Expectations;
use super::stream::Place;
use crate::diagnostic::{DiagnosticKind, Diagnostics, Origin, SourceId};
use crate::ftp::{
    Command, Endpoint, Event, EventKind, Hearing, Introduction, Line, LineEnd, Reply, ReplyClass,
    SessionKey, Side, Vantage,
};
use crate::limits;
use crate::text::Text;
use crate::time::Timestamp;

const REST: &str = "the beginning of a line is not in the capture; the rest of it is not read";

/// Receives events.
pub(super) type Out<'o> = &'o mut dyn FnMut(Event<'_>);

/// A control connection that is being read.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent observations")]
pub(super) struct Control {
    pub(super) key: SessionKey,
    pub(super) client: Socket,
    pub(super) server: Socket,
    /// Commands that wait for their reply.
    waiting: u32,
    /// Replies may have been lost since the last command.
    lost: bool,
    /// The last reply was a preliminary one.
    underway: bool,
    /// How many of them were sent before the last PORT or EPRT.
    port_turn: Option<u32>,
    /// The time of the event told last: the next one is not earlier, though its packet may be.
    told: Cell<Option<Timestamp>>,
    expectations: Expectations,
    /// The announcement in force.
    pub(super) announced: Option<Offer>,
    /// Announcements before it whose connections are not over.
    pub(super) older: Vec<Offer>,
    /// Connections that may be data connections of this session, though nobody said so.
    pub(super) guesses: Vec<usize>,
    /// When what was announced last was over: what began later may belong to a transfer whose announcement was not heard.
    pub(super) settled: Option<Timestamp>,
    /// Bytes were lost, or the beginning was not heard: announcements may not have been heard.
    holed: bool,
    hidden: bool,
    /// A 234 was heard: TLS is to begin.
    agreed: bool,
    /// The announcement for the transfer that goes on, or comes next, was heard.
    pub(super) offered: bool,
    /// Where else it was heard: the capture, the client's end and the server's.
    also: Vec<(SourceId, Socket, Socket)>,
}

/// What a control connection asks of the table of connections.
#[derive(Debug, Default)]
pub(super) struct Wishes {
    /// The announcement before is over: tell what became of it.
    pub(super) settle: Option<Offer>,
    /// Watch for this data connection.
    pub(super) announce: Option<Announcement>,
    /// Watch for this one no more; nothing became of it.
    pub(super) forget: Option<Announcement>,
    /// A transfer goes on whose announcement was not heard, or is over.
    pub(super) guess: Option<bool>,
}

impl Control {
    /// Begins a session and introduces it. `whole` says that its first bytes were heard.
    pub(super) fn new(
        client: Socket,
        server: Socket,
        first: Place,
        whole: bool,
        out: Out<'_>,
    ) -> Self {
        let ends = [client, server].map(|end| Endpoint::new(end.ip(), end.port()));
        let key = SessionKey::new(Some(&ends[0]), Some(&ends[1]), first.at, 0);
        let [client_end, server_end] = ends;
        let introduction = Introduction {
            vantage: Vantage::Wire,
            client: Some(client_end),
            server: Some(server_end),
            user: None,
            approximate: false,
        };
        let control = Self {
            key,
            client,
            server,
            waiting: 0,
            lost: false,
            underway: false,
            port_turn: None,
            told: Cell::new(None),
            expectations: Expectations::default(),
            announced: None,
            older: Vec::new(),
            guesses: Vec::new(),
            settled: first.at,
            holed: !whole,
            hidden: false,
            agreed: false,
            offered: false,
            also: Vec::new(),
        };
        control.emit(first, EventKind::Introduced(Box::new(introduction)), out);
        control
    }

    /// What follows from something said, for this connection and for the table of connections; of most nothing does.
    pub(super) fn wishes(&mut self, said: &Said<'_>) -> Option<Wishes> {
        match said {
            Said::Command(Some(command), line) => self.wishes_of_command(command, line.origin),
            Said::Reply(reply, place, _) => self.wishes_of_reply(reply, *place),
            Said::Missing(_, side, _) => {
                self.holed = true;
                if *side == Side::Server {
                    self.lost = true;
                    self.port_turn = None; // its reply may be among them
                }
                None
            }
            Said::Protected(_) => {
                self.hidden = true;
                None
            }
            Said::Unprotected(_) => {
                self.hidden = false;
                Some(Wishes {
                    guess: Some(false),
                    ..Wishes::default()
                })
            }
            _ => None,
        }
    }

    fn wishes_of_command(&mut self, command: &Command<'_>, origin: Origin) -> Option<Wishes> {
        if std::mem::take(&mut self.lost) {
            self.waiting = 0; // clients that do not wait for replies are rare
        }
        let before = self.waiting;
        self.waiting = self.waiting.saturating_add(1);
        let purpose = self.expectations.command(command);
        if let (Some(offer), Some(purpose)) = (&mut self.announced, purpose) {
            offer.purpose = purpose;
        }
        if !replaces(command) {
            return None;
        }
        self.port_turn = command.verb.is_active().then_some(before);
        Some(Wishes {
            settle: self.announced.take(),
            announce: Announcement::of_command(command, self.client.ip(), origin),
            ..Wishes::default()
        })
    }

    fn wishes_of_reply(&mut self, reply: &Reply<'_>, place: Place) -> Option<Wishes> {
        if reply.code.number() == 234 {
            self.agreed = true;
        }
        let purpose = self.expectations.reply(reply);
        if let (Some(offer), Some(purpose)) = (&mut self.announced, purpose) {
            offer.purpose = purpose;
        }
        if self.settles_port(reply) && reply.code.is_negative() {
            // The address is refused: nobody will connect to it.
            return Some(Wishes {
                forget: self.announced.take().map(|offer| offer.announcement),
                ..Wishes::default()
            });
        }
        if let Some(announcement) = Announcement::of_reply(reply, &self.server, place.origin) {
            return Some(Wishes {
                settle: self.announced.take(),
                announce: Some(announcement),
                ..Wishes::default()
            });
        }
        let guess = match reply.code.number() {
            125 | 150 if self.holed && !self.offered => Some(true),
            226 | 250 | 425..=451 => {
                self.offered = false;
                self.holed.then_some(false)
            }
            _ => None,
        };
        guess.map(|begun| Wishes {
            guess: Some(begun),
            ..Wishes::default()
        })
    }

    /// True once after a 234.
    pub(super) fn agrees_on_tls(&mut self) -> bool {
        std::mem::take(&mut self.agreed)
    }

    /// True while TLS hides what is said.
    pub(super) fn is_hidden(&self) -> bool {
        self.hidden
    }

    /// True where long silence tells nothing: a transfer goes on, or TLS hides whether one does.
    pub(super) fn may_be_silent(&self) -> bool {
        self.hidden || self.underway
    }

    /// The hosts of both ends.
    pub(super) fn hosts(&self) -> [IpAddr; 2] {
        [self.client.ip(), self.server.ip()]
    }

    /// The announcement that a connection came for is over.
    pub(super) fn take_offer(&mut self, data: usize) -> Option<Offer> {
        if self
            .announced
            .as_ref()
            .is_some_and(|o| o.data == Some(data))
        {
            return self.announced.take();
        }
        let place = self.older.iter().position(|o| o.data == Some(data))?;
        Some(self.older.remove(place))
    }

    /// Counts commands and replies; true when this reply is the one to the last PORT or EPRT.
    fn settles_port(&mut self, reply: &Reply<'_>) -> bool {
        self.underway = reply.code.class() == ReplyClass::Preliminary;
        if self.underway {
            return false;
        }
        self.waiting = self.waiting.saturating_sub(1);
        match self.port_turn {
            Some(0) => {
                self.port_turn = None;
                true
            }
            turn => {
                self.port_turn = turn.map(|before| before - 1);
                false
            }
        }
    }

    /// Tells what was said.
    pub(super) fn tell(&self, said: Said<'_>, diagnostics: &mut Diagnostics, out: Out<'_>) {
        match said {
            Said::Command(command, line) => {
                let long = line.bytes.len() >= limits::CONTROL_LINE_BYTES;
                self.tell_limits(line.origin, long, false, diagnostics);
                match command {
                    Some(command) => {
                        let Line { at, origin, .. } = line;
                        let command = EventKind::Command(command);
                        self.emit_to(Place { at, origin }, line.ends, command, out);
                    }
                    None if line.bytes.is_empty() => {}
                    None => {
                        let reason = "a client's line that is no command";
                        diagnostics.add(DiagnosticKind::Malformed, line.origin, reason);
                    }
                }
            }
            Said::Reply(reply, place, ends) => {
                let length = reply.text.len() + "220 ".len();
                let long = reply.lines == 1 && length >= limits::CONTROL_LINE_BYTES;
                let many = reply.lines > limits::REPLY_LINES || length >= limits::REPLY_BYTES;
                self.tell_limits(place.origin, long, many, diagnostics);
                self.emit_to(place, ends, EventKind::Reply(reply), out);
            }
            Said::Protected(place) => self.emit(place, EventKind::Protected, out),
            Said::Handshake(place, record) => self.emit(place, EventKind::Tls(record), out),
            Said::Unprotected(place) => self.emit(place, EventKind::Unprotected, out),
            Said::Missing(place, sender, bytes) => {
                let reason =
                    "bytes of a control connection were on the wire and are not in the capture";
                diagnostics.add(DiagnosticKind::Missing, place.origin, reason);
                self.emit(
                    place,
                    EventKind::Missing {
                        bytes: Some(bytes),
                        sender,
                    },
                    out,
                );
            }
            Said::Conflict(place) => {
                let reason = "bytes of a control connection were sent again, but others; the first ones count";
                diagnostics.add(DiagnosticKind::Malformed, place.origin, reason);
            }
            Said::Rest(place) => {
                diagnostics.add(DiagnosticKind::Missing, place.origin, REST);
            }
            Said::Stray(line) if line.bytes.is_empty() => {}
            Said::Stray(line) if line.end == LineEnd::Rest => {
                let sample = Some(Text::cut(line.bytes, 80));
                diagnostics.add_sample(DiagnosticKind::Missing, line.origin, REST, sample);
            }
            Said::Stray(line) => {
                let reason = "a server's line that is no reply and belongs to none";
                let sample = Some(Text::cut(line.bytes, 80));
                diagnostics.add_sample(DiagnosticKind::Malformed, line.origin, reason, sample);
            }
        }
    }

    /// Says where something was cut, or too much waits.
    fn tell_limits(&self, origin: Origin, long: bool, many: bool, diagnostics: &mut Diagnostics) {
        let waiting = self.waiting as usize > limits::PENDING_COMMANDS;
        if !(long || many || waiting) {
            return;
        }
        let told = [
            (
                long,
                "a line of a control connection is longer than is kept; its end was cut",
            ),
            (
                many,
                "a reply is longer than is kept; its last lines were cut",
            ),
            (
                waiting,
                "more commands wait for a reply than are kept; the oldest count as unanswered",
            ),
        ];
        for (_, reason) in told.iter().filter(|(reached, _)| *reached) {
            diagnostics.add(DiagnosticKind::LimitReached, origin, reason);
        }
    }

    /// Tells that another capture holds this connection as well, or another leg of it with other ends.
    pub(super) fn also_heard(
        &mut self,
        place: Place,
        ends: Option<(Socket, Socket)>,
        out: Out<'_>,
    ) {
        let (client, server) = ends.unwrap_or((self.client, self.server));
        let hearing = (place.origin.source, client, server);
        if self.also.contains(&hearing) || self.also.len() >= limits::HEARINGS {
            return;
        }
        self.also.push(hearing);
        let [client, server] = [client, server].map(|end| Endpoint::new(end.ip(), end.port()));
        let hearing = Box::new(Hearing { client, server });
        self.emit(place, EventKind::AlsoHeard(hearing), out);
    }

    /// Tells an event of this session.
    pub(super) fn emit(&self, place: Place, kind: EventKind<'_>, out: Out<'_>) {
        self.emit_to(place, place.origin.record, kind, out);
    }

    fn emit_to(&self, place: Place, ends: u64, kind: EventKind<'_>, out: Out<'_>) {
        let at = place.at.max(self.told.get());
        self.told.set(at);
        out(Event {
            at,
            origin: place.origin,
            ends,
            session: self.key,
            kind,
        });
    }
}
