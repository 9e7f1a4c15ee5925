//! One control connection: both directions' bytes become events.
//!
//! Keeps what is needed to read on: lines that are not whole, a reply that is
//! open, how far TLS has got, and the data connections that were announced.
//! Sessions are built elsewhere.

use std::borrow::Cow;
use std::cell::Cell;
use std::net::{IpAddr, SocketAddr};

use super::data::{Announcement, Offer, replaces};
use super::expect::Expectations;
use super::secure::{Secure, Step};
use super::stream::{Delivery, Place};
use crate::diagnostic::{DiagnosticKind, Diagnostics, SourceId};
use crate::ftp::{
    Endpoint, Event, EventKind, Found, Hearing, Introduction, Line, LineEnd, Lines, Replies, Reply,
    ReplyClass, SessionKey, Side, TlsRecord, Vantage, grammar,
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
    pub(super) client: SocketAddr,
    pub(super) server: SocketAddr,
    client_lines: Lines,
    server_lines: Lines,
    replies: Replies,
    secure: Secure,
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
    /// The announcement for the transfer that goes on, or comes next, was heard.
    pub(super) offered: bool,
    /// Where else it was heard: the capture, the client's end and the server's.
    also: Vec<(SourceId, SocketAddr, SocketAddr)>,
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
        client: SocketAddr,
        server: SocketAddr,
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
        let lines = if whole { Lines::new } else { Lines::mid_stream };
        let control = Self {
            key,
            client,
            server,
            client_lines: lines(Side::Client),
            server_lines: lines(Side::Server),
            replies: Replies::default(),
            secure: Secure::new(!whole),
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
            offered: false,
            also: Vec::new(),
        };
        control.emit(first, EventKind::Introduced(Box::new(introduction)), out);
        control
    }

    /// Takes the next bytes of a side, and puts what was said in them into `said`.
    pub(super) fn take(
        &mut self,
        side: Side,
        place: Place,
        delivery: &Delivery<'_>,
        said: &mut Vec<Said>,
    ) {
        let fresh = match side {
            Side::Client => self.client_lines.is_between_lines(),
            Side::Server => self.server_lines.is_between_lines() && !self.replies.is_open(),
        };
        let mut steps = Vec::new();
        let taken = self.secure.take(side, place, delivery, fresh, &mut steps);
        said.extend(steps.into_iter().map(Said::of_step));
        match (delivery, taken) {
            (Delivery::Fin, _) | (Delivery::Bytes(_), None) => {}
            (Delivery::Conflict, _) => said.push(Said::Conflict(place)),
            (Delivery::Hole(bytes), _) => {
                if taken.is_some() {
                    self.lose(side, said);
                }
                said.push(Said::Missing(place, side, *bytes));
            }
            (Delivery::Bytes(bytes), Some(taken)) => {
                let words = bytes.get(taken..).unwrap_or_default();
                self.listen(side, place, words, said);
            }
        }
    }

    fn listen(&mut self, side: Side, place: Place, bytes: &[u8], said: &mut Vec<Said>) {
        match side {
            Side::Client => {
                self.replies
                    .client_spoke(&mut |found| said.push(Said::found(found)));
                let each = &mut |line: Line<'_>| said.push(Said::of_client(line));
                self.client_lines.push(bytes, place.at, place.origin, each);
            }
            Side::Server => {
                self.client_lines
                    .answered(&mut |line| said.push(Said::of_client(line)));
                let replies = &mut self.replies;
                let each = &mut |line: Line<'_>| {
                    replies.line(line, &mut |found| said.push(Said::found(found)));
                };
                self.server_lines.push(bytes, place.at, place.origin, each);
            }
        }
    }

    fn lose(&mut self, side: Side, said: &mut Vec<Said>) {
        match side {
            Side::Client => self
                .client_lines
                .lose(&mut |line| said.push(Said::of_client(line))),
            Side::Server => {
                let replies = &mut self.replies;
                let each = &mut |line: Line<'_>| {
                    replies.line(line, &mut |found| said.push(Said::found(found)));
                };
                self.server_lines.lose(each);
                self.replies
                    .lose(&mut |found| said.push(Said::found(found)));
            }
        }
    }

    /// The connection is over: gives back what was still open. `ended` says that the end was seen.
    pub(super) fn finish(&mut self, place: Place, ended: bool) -> Vec<Said> {
        let mut said = Vec::new();
        let replies = &mut self.replies;
        let each =
            &mut |line: Line<'_>| replies.line(line, &mut |found| said.push(Said::found(found)));
        self.server_lines.finish(each);
        self.replies
            .finish(&mut |found| said.push(Said::found(found)));
        self.client_lines
            .finish(&mut |line| said.push(Said::of_client(line)));
        let mut steps = Vec::new();
        self.secure.finish(place, ended, &mut steps);
        said.extend(steps.into_iter().map(Said::of_step));
        said
    }

    /// What follows from something said, for this connection and for the table of connections.
    pub(super) fn wishes(&mut self, said: &Said) -> Wishes {
        match said {
            Said::Command(line) => self.wishes_of_command(line),
            Said::Reply(reply, line) => self.wishes_of_reply(reply, line.place),
            Said::Missing(_, side, _) => {
                self.holed = true;
                if *side == Side::Server {
                    self.lost = true;
                    self.port_turn = None; // its reply may be among them
                }
                Wishes::default()
            }
            Said::Protected(_) => {
                self.hidden = true;
                Wishes::default()
            }
            Said::Unprotected(_) => {
                self.hidden = false;
                Wishes {
                    guess: Some(false),
                    ..Wishes::default()
                }
            }
            _ => Wishes::default(),
        }
    }

    fn wishes_of_command(&mut self, line: &Kept) -> Wishes {
        let Some(command) = grammar::command(&line.bytes) else {
            return Wishes::default();
        };
        if std::mem::take(&mut self.lost) {
            self.waiting = 0; // clients that do not wait for replies are rare
        }
        let before = self.waiting;
        self.waiting = self.waiting.saturating_add(1);
        let purpose = self.expectations.command(&command);
        if let (Some(offer), Some(purpose)) = (&mut self.announced, purpose) {
            offer.purpose = purpose;
        }
        if !replaces(&command) {
            return Wishes::default();
        }
        self.port_turn = command.verb.is_active().then_some(before);
        Wishes {
            settle: self.announced.take(),
            announce: Announcement::of_command(&command, self.client.ip(), line.place.origin),
            ..Wishes::default()
        }
    }

    fn wishes_of_reply(&mut self, reply: &Reply<'_>, place: Place) -> Wishes {
        if reply.code.number() == 234 {
            self.secure.agree();
        }
        let purpose = self.expectations.reply(reply);
        if let (Some(offer), Some(purpose)) = (&mut self.announced, purpose) {
            offer.purpose = purpose;
        }
        if self.settles_port(reply) && reply.code.is_negative() {
            // The address is refused: nobody will connect to it.
            return Wishes {
                forget: self.announced.take().map(|offer| offer.announcement),
                ..Wishes::default()
            };
        }
        if let Some(announcement) = Announcement::of_reply(reply, self.server.ip(), place.origin) {
            return Wishes {
                settle: self.announced.take(),
                announce: Some(announcement),
                ..Wishes::default()
            };
        }
        let guess = match reply.code.number() {
            125 | 150 if self.holed && !self.offered => Some(true),
            226 | 250 | 425..=451 => {
                self.offered = false;
                self.holed.then_some(false)
            }
            _ => None,
        };
        Wishes {
            guess,
            ..Wishes::default()
        }
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
    pub(super) fn tell(&self, said: Said, diagnostics: &mut Diagnostics, out: Out<'_>) {
        match said {
            Said::Command(line) => {
                let long = line.bytes.len() >= limits::CONTROL_LINE_BYTES;
                self.tell_limits(line.place, long, false, diagnostics);
                match grammar::command(&line.bytes) {
                    Some(command) => {
                        self.emit_to(line.place, line.ends, EventKind::Command(command), out);
                    }
                    None if line.bytes.is_empty() => {}
                    None => {
                        let reason = "a client's line that is no command";
                        diagnostics.add(DiagnosticKind::Malformed, line.place.origin, reason);
                    }
                }
            }
            Said::Reply(reply, line) => {
                let length = reply.text.len() + "220 ".len();
                let long = reply.lines == 1 && length >= limits::CONTROL_LINE_BYTES;
                let many = reply.lines > limits::REPLY_LINES || length >= limits::REPLY_BYTES;
                self.tell_limits(line.place, long, many, diagnostics);
                self.emit_to(line.place, line.ends, EventKind::Reply(reply), out);
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
                let sample = Some(Text::cut(&line.bytes, 80));
                diagnostics.add_sample(DiagnosticKind::Missing, line.place.origin, REST, sample);
            }
            Said::Stray(line) => {
                let reason = "a server's line that is no reply and belongs to none";
                let sample = Some(Text::cut(&line.bytes, 80));
                diagnostics.add_sample(
                    DiagnosticKind::Malformed,
                    line.place.origin,
                    reason,
                    sample,
                );
            }
        }
    }

    /// Says where something was cut, or too much waits.
    fn tell_limits(&self, place: Place, long: bool, many: bool, diagnostics: &mut Diagnostics) {
        let waiting = self.waiting as usize > limits::PENDING_COMMANDS;
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
            diagnostics.add(DiagnosticKind::LimitReached, place.origin, reason);
        }
    }

    /// Tells that another capture holds this connection as well, or another leg of it with other ends.
    pub(super) fn also_heard(
        &mut self,
        place: Place,
        ends: Option<(SocketAddr, SocketAddr)>,
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

/// A line kept for a moment, because the assemblers are busy while they hand it over.
#[derive(Debug)]
pub(super) struct Kept {
    bytes: Vec<u8>,
    place: Place,
    ends: u64,
    end: LineEnd,
}

impl Kept {
    fn of(line: Line<'_>) -> Self {
        let Line {
            bytes,
            at,
            origin,
            ends,
            end,
        } = line;
        Self {
            bytes: bytes.to_vec(),
            place: Place { at, origin },
            ends,
            end,
        }
    }
}

/// Something that was said or happened on the control connection.
#[derive(Debug)]
pub(super) enum Said {
    Command(Kept),
    Reply(Reply<'static>, Kept),
    Stray(Kept),
    /// The rest of a client's line; it may hold a secret.
    Rest(Place),
    Protected(Place),
    Handshake(Place, Box<TlsRecord>),
    Unprotected(Place),
    Missing(Place, Side, u64),
    /// Bytes were sent again, but others.
    Conflict(Place),
}

impl Said {
    fn of_step(step: Step) -> Self {
        match step {
            Step::Begins(place) => Self::Protected(place),
            Step::Handshake(place, record) => Self::Handshake(place, record),
            Step::Ends(place) => Self::Unprotected(place),
            // Stands for what is no word.
            Step::Noise(place, ends) => Self::Command(Kept {
                bytes: b"?".to_vec(),
                place,
                ends,
                end: LineEnd::Whole,
            }),
        }
    }

    fn of_client(line: Line<'_>) -> Self {
        let Line { at, origin, .. } = line;
        match line.end {
            LineEnd::Rest => Self::Rest(Place { at, origin }),
            LineEnd::Whole | LineEnd::Cut => Self::Command(Kept::of(line)),
        }
    }

    fn found(found: Found<'_>) -> Self {
        match found {
            Found::Reply {
                reply,
                at,
                origin,
                ends,
                ..
            } => {
                let text = Cow::Owned(reply.text.into_owned());
                let kept = Kept {
                    bytes: Vec::new(),
                    place: Place { at, origin },
                    ends,
                    end: LineEnd::Whole,
                };
                Self::Reply(Reply { text, ..reply }, kept)
            }
            Found::Stray(line) => Self::Stray(Kept::of(line)),
        }
    }

    /// When and where.
    pub(super) fn place(&self) -> Place {
        match self {
            Self::Command(line) | Self::Reply(_, line) | Self::Stray(line) => line.place,
            Self::Rest(place)
            | Self::Protected(place)
            | Self::Handshake(place, _)
            | Self::Unprotected(place)
            | Self::Missing(place, ..)
            | Self::Conflict(place) => *place,
        }
    }
}
