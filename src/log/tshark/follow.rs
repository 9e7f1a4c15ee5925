//! Pieces become packets, and packets sessions: by tshark's number of the stream, or else by the ends.

use std::borrow::Cow;

use super::fields::{self, Column};
use super::json::{self, Field};
use super::packet::Packet;
use super::Piece;
use crate::diagnostic::{Diagnostics, Origin};
use crate::ftp::{Endpoint, Host, Vantage, grammar};
use crate::limits;
use crate::log::{Exchange, Fact, Follow, Marks, Out, Record, dialogue, envelope, transcript};
use crate::lookup::Lookup;
use crate::time::Timestamp;

/// The sessions of one output.
pub(super) struct Following {
    inner: dialogue::Following,
    columns: Vec<Column>,
    /// The packet whose fields are being read, and where it began.
    packet: Packet,
    shown: Shown,
    /// The field that has its values in lines of their own.
    field: Vec<u8>,
    followed: Followed,
    /// Connections without a number, and whether the client has spoken since the greeting.
    spoken: Lookup<u32, bool>,
}

/// The fields of FTP of a packet.
#[derive(Default)]
struct Shown {
    commands: Vec<String>,
    arguments: Vec<String>,
    codes: Vec<String>,
    texts: Vec<String>,
    lines: Vec<Vec<u8>>,
    /// Where the first of them stands.
    origin: Option<Origin>,
}

/// The connection that is followed.
#[derive(Default)]
struct Followed {
    count: u64,
    nodes: [Option<Endpoint>; 2],
    node: u8,
    server: Option<u8>,
    /// Bytes that are to come of this turn.
    left: u64,
}

impl Following {
    pub(super) fn new() -> Self {
        Self {
            inner: dialogue::Following::new(Vantage::SensorLog),
            columns: Vec::new(),
            packet: Packet::default(),
            shown: Shown::default(),
            field: Vec::new(),
            followed: Followed::default(),
            spoken: Lookup::default(),
        }
    }

    /// Tells what was said in a packet.
    fn tell(&mut self, packet: &Packet, at: Option<Timestamp>, origin: Origin, out: &mut Out<'_>) {
        if !packet.speaks() {
            return;
        }
        let at = packet.at.or(at);
        let number = packet.connection();
        let (client, server) = packet.ends();
        let mut ends = Exchange::of_session(u64::from(number));
        (ends.client, ends.server) = (client, server);
        ends.opens = packet.stream.is_none() && self.is_next(number, packet);
        self.inner.introduce(&ends, at, origin, out);
        for fact in packet.facts() {
            let record = Record {
                number,
                ..transcript::record(fact)
            };
            self.inner.record(&record, at, origin, out);
        }
    }

    /// A greeting to a client that has spoken before: another connection between the same ends.
    fn is_next(&mut self, number: u32, packet: &Packet) -> bool {
        if self.spoken.len() >= limits::OPEN_SESSIONS {
            self.spoken = Lookup::default();
        }
        let has_spoken = self.spoken.get(&number).copied() == Some(true);
        let is_next = has_spoken && packet.greets();
        self.spoken.insert(number, packet.is_request() || has_spoken && !is_next);
        is_next
    }

    /// The fields of a packet are complete.
    fn flush(&mut self, out: &mut Out<'_>) {
        let mut packet = std::mem::take(&mut self.packet);
        let shown = std::mem::take(&mut self.shown);
        self.field.clear();
        let Some(origin) = shown.origin else {
            return;
        };
        let is_request = !shown.commands.is_empty();
        for line in &shown.lines {
            packet.add_line(line, is_request);
        }
        if !packet.speaks() {
            for (index, command) in shown.commands.iter().enumerate() {
                let argument = shown.arguments.get(index).map(String::as_bytes);
                packet.add_command(command.as_bytes(), argument.unwrap_or_default());
            }
            packet.add_codes(shown.codes.join(",").as_bytes(), shown.texts.join(",").as_bytes());
        }
        self.tell(&packet, None, origin, out);
    }

    fn field(&mut self, field: &Field<'_>, origin: Origin) {
        if self.shown.lines.len() >= limits::REPLY_LINES as usize {
            return;
        }
        if field.name.ends_with(b"\\n") {
            let line = json::sent(&field.name).into_owned();
            self.shown.origin.get_or_insert(origin);
            return self.shown.lines.push(line);
        }
        let name: Cow<'_, [u8]> = if field.name.is_empty() {
            Cow::Owned(self.field.clone())
        } else {
            field.name.clone()
        };
        let Some(value) = &field.value else {
            self.field = name.get(..64).unwrap_or(&name).to_vec();
            return;
        };
        if name.starts_with(b"ftp.") {
            self.shown.origin.get_or_insert(origin);
        }
        let text = || String::from_utf8_lossy(value).into_owned();
        let packet = &mut self.packet;
        match Column::named(&name) {
            Column::Epoch => packet.at = super::when(value).or(packet.at),
            Column::Stream => packet.stream = envelope::number(value),
            Column::Source => packet.source.host = Some(Host::read(value)),
            Column::Target => packet.target.host = Some(Host::read(value)),
            Column::SourcePort => packet.source.port = transcript::number(value),
            Column::TargetPort => packet.target.port = transcript::number(value),
            Column::Command => self.shown.commands.push(text()),
            Column::Argument => self.shown.arguments.push(text()),
            Column::Code => self.shown.codes.push(text()),
            Column::Text => self.shown.texts.push(text()),
            Column::Info | Column::Other => {}
        }
    }

    /// A line of what is followed. A line of the server is one that looks so, and those that its end sends.
    fn line(&mut self, fact: Fact<'_>, text: &[u8], origin: Origin, out: &mut Out<'_>) {
        let followed = &mut self.followed;
        followed.left = followed.left.saturating_sub(text.len() as u64 + 2);
        let is_reply = grammar::reply_line(text).is_some();
        let server = *followed.server.get_or_insert(if is_reply { followed.node } else { 1 - followed.node.min(1) });
        let is_servers = followed.node == server;
        let [first, second] = followed.nodes.clone();
        let (client, server) = if server == 1 { (first, second) } else { (second, first) };
        let number = u32::try_from(followed.count).unwrap_or(u32::MAX);
        let mut ends = Exchange::of_session(u64::from(number));
        (ends.client, ends.server) = (client, server);
        self.inner.introduce(&ends, None, origin, out);
        let fact = if is_servers {
            transcript::said(text)
        } else if let Fact::Reply { text, .. } = fact {
            match grammar::command(text) {
                Some(command) => Fact::Command(command),
                None => return,
            }
        } else {
            fact
        };
        let record = Record {
            number,
            ..transcript::record(fact)
        };
        self.inner.record(&record, None, origin, out);
    }

    fn piece(&mut self, piece: &Piece<'_>, at: Option<Timestamp>, origin: Origin, out: &mut Out<'_>) {
        match piece {
            Piece::Names(line) => self.columns = fields::columns(line),
            Piece::Values(line) => {
                if let Some(packet) = fields::packet(&self.columns, line) {
                    self.tell(&packet, at, origin, out);
                }
            }
            Piece::Packet(packet) => self.tell(packet, at, origin, out),
            Piece::Field(field) => self.field(field, origin),
            Piece::NextPacket => self.flush(out),
            Piece::Node(0, end) => {
                self.followed = Followed {
                    count: self.followed.count + 1,
                    nodes: [end.clone(), None],
                    ..Followed::default()
                };
            }
            Piece::Node(_, end) => self.followed.nodes = [self.followed.nodes[0].take(), end.clone()],
            Piece::Turn(_, _, text) if self.followed.left > text.len() as u64 + 2 => {
                self.line(transcript::said(text), text, origin, out);
            }
            Piece::Turn(node, bytes, _) => (self.followed.node, self.followed.left) = (*node, *bytes),
            Piece::Said(text) => self.line(transcript::said(text), text, origin, out),
            Piece::Sent(command) => {
                let text = command.verb.as_str().to_owned();
                self.line(Fact::Command(command.clone()), text.as_bytes(), origin, out);
                // How long it was is not known; a client's turn has one, mostly.
                self.followed.left = 0;
            }
        }
    }
}

impl Follow for Following {
    fn record(&mut self, record: &Record<'_>, at: Option<Timestamp>, origin: Origin, out: &mut Out<'_>) {
        if let Fact::Piece(piece) = &record.fact {
            self.piece(piece, at, origin, out);
        }
    }

    fn marks(&mut self) -> Option<&mut Marks> {
        self.inner.marks()
    }

    fn finish(&mut self, out: &mut Out<'_>) {
        self.flush(out);
        self.inner.finish(out);
    }

    fn take_diagnostics(&mut self) -> Diagnostics {
        self.inner.take_diagnostics()
    }
}
