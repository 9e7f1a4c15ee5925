//! Records of a client's log become sessions.
//!
//! A session ends where the next one begins: where the client connects again, or is greeted again though nothing waits for
//! an answer. While a data connection is agreed upon, an attempt to connect is for that.

use crate::diagnostic::{Diagnostics, Origin};
use crate::ftp::{
    Closing, Command, DataMode, DataRecord, End, Endpoint, EventKind, Fate, Found, Host,
    Introduction, Replies, Reply, ReplyClass, SessionKey, Side, Vantage, Verb, grammar,
};
use crate::limits;
use crate::log::sessions::{Handle, Open, Sessions, event};
use crate::log::{Fact, Follow, Marks, Out, Record};
use crate::lookup::Lookup;
use crate::text::StableHash;
use crate::time::Timestamp;

use super::agreed::Agreed;
use super::handshake::Handshake;
use super::rows::Rows;
use super::{Aside, SAME_SESSION};

/// What is known of a session's beginning.
#[derive(Debug, Default)]
struct Opening {
    /// The client said that it connects.
    is_announced: bool,
    /// The session was told.
    is_introduced: bool,
    /// The control connection is known to be open.
    is_open: bool,
}

/// What is known of one session.
#[derive(Debug)]
struct Talk {
    vantage: Vantage,
    number: u32,
    /// The client, where a server writes.
    client: Option<Endpoint>,
    server: Option<Endpoint>,
    begun: (Option<Timestamp>, Origin),
    opening: Opening,
    replies: Replies,
    /// The server's last line, where it is one that some clients print twice.
    last_line: Vec<u8>,
    has_greeting: bool,
    has_quit: bool,
    /// The server said 221.
    is_dismissed: bool,
    /// Commands that wait for their reply.
    waiting: u32,
    /// The last command of those is one that uses a data connection.
    transfer: Option<Verb>,
    last_code: u16,
    agreed: Option<Agreed>,
    tls: Handshake,
    rows: Rows,
}

impl Talk {
    /// What a reply changes.
    fn note(&mut self, reply: &Reply<'_>, origin: Origin) {
        if reply.code.class() == ReplyClass::Preliminary {
            if let Some(agreed) = &mut self.agreed {
                agreed.is_moving = true;
            }
            return;
        }
        self.waiting = self.waiting.saturating_sub(1);
        self.has_greeting = true;
        self.last_code = reply.code.number();
        self.is_dismissed |= self.last_code == 221;
        let at_server = |port| {
            self.server.as_ref().map(|server| Endpoint {
                host: server.host.clone(),
                port: Some(port),
            })
        };
        let announced = match reply.code.number() {
            227 => grammar::passive(&reply.text).map(|(ip, port)| Endpoint::new(ip, port)),
            228 => grammar::long_passive(&reply.text).map(|(ip, port)| Endpoint::new(ip, port)),
            229 => grammar::extended_passive(&reply.text).and_then(|(ip, port)| match ip {
                Some(ip) => Some(Endpoint::new(ip, port)),
                None => at_server(port),
            }),
            _ => {
                if self.transfer.take().is_some() {
                    self.agreed = None;
                }
                return;
            }
        };
        let mode = match reply.code.number() {
            227 => DataMode::Pasv,
            228 => DataMode::Lpsv,
            _ => DataMode::Epsv,
        };
        self.agree(mode, announced, origin);
    }

    fn agree(&mut self, mode: DataMode, announced: Option<Endpoint>, by: Origin) {
        self.agreed = Some(Agreed::new(mode, announced, by));
    }
}

impl Open<Talk> {
    /// Tells an event, behind the introduction.
    fn tell(&mut self, kind: EventKind<'_>, out: &mut Out<'_>) {
        self.introduce(out);
        out(self.event(kind));
    }

    fn introduce(&mut self, out: &mut Out<'_>) {
        if std::mem::replace(&mut self.state.opening.is_introduced, true) {
            return;
        }
        let (at, origin) = self.state.begun;
        let client = self.state.client.clone();
        let introduction = Introduction {
            vantage: self.state.vantage,
            client,
            server: self.state.server.clone(),
            user: None,
            // A server's log in this form does not name its sessions.
            approximate: self.state.vantage == Vantage::ServerLog,
        };
        let kind = EventKind::Introduced(Box::new(introduction));
        out(event(self.key, at, origin, kind));
    }

    /// The server or the client speaks: the connection is open.
    fn opened(&mut self, out: &mut Out<'_>) {
        if !std::mem::replace(&mut self.state.opening.is_open, true)
            && self.state.opening.is_announced
        {
            self.tell(EventKind::Opened, out);
        }
    }

    fn command(&mut self, command: Command<'_>, out: &mut Out<'_>) {
        self.settle(false, out);
        self.opened(out);
        let state = &mut self.state;
        state.has_quit |= command.verb == Verb::QUIT;
        state.waiting = state.waiting.saturating_add(1);
        if command.verb.is_transfer() {
            state.transfer = Some(command.verb);
        }
        let argument = command.argument().unwrap_or_default();
        let at = |found: Option<(std::net::IpAddr, u16)>| {
            found.map(|(ip, port)| Endpoint::new(ip, port))
        };
        match command.verb {
            Verb::PORT => state.agree(
                DataMode::Port,
                at(grammar::host_port(argument)),
                self.origin,
            ),
            Verb::EPRT => state.agree(
                DataMode::Eprt,
                at(grammar::extended_port(argument)),
                self.origin,
            ),
            _ => {}
        }
        self.tell(EventKind::Command(command), out);
    }

    /// Takes lines of the server.
    fn hear(&mut self, lines: &[u8], out: &mut Out<'_>) {
        for bytes in lines.split(|b| *b == b'\n') {
            let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
            if self.is_repeated(bytes) {
                continue;
            }
            let mut replies = std::mem::take(&mut self.state.replies);
            let line = self.line(bytes);
            replies.line(line, &mut |found| self.told(found, out));
            self.state.replies = replies;
        }
    }

    /// tnftp prints the answers to PASV, EPSV and EPRT twice.
    fn is_repeated(&mut self, line: &[u8]) -> bool {
        let shape = grammar::reply_line(line);
        let is_printed_twice =
            shape.is_some_and(|s| s.is_last && matches!(s.code.number(), 227..=229));
        let is_active = self
            .state
            .agreed
            .as_ref()
            .is_some_and(|agreed| !agreed.mode.is_passive());
        let is_printed_twice = is_printed_twice
            || is_active && shape.is_some_and(|s| s.is_last && s.code.number() == 200);
        let is_repeated =
            is_printed_twice && self.state.waiting == 0 && self.state.last_line == line;
        let kept = if is_printed_twice { line } else { b"" };
        self.state.last_line.clear();
        self.state
            .last_line
            .extend_from_slice(kept.get(..limits::ARGUMENT_BYTES).unwrap_or(kept));
        is_repeated
    }

    /// The client speaks or, where `is_over` is set, no more lines of a reply come.
    fn settle(&mut self, is_over: bool, out: &mut Out<'_>) {
        let mut replies = std::mem::take(&mut self.state.replies);
        let mut each = |found: Found<'_>| self.told(found, out);
        if is_over {
            replies.finish(&mut each);
        } else {
            replies.client_spoke(&mut each);
        }
        self.state.replies = replies;
    }

    fn told(&mut self, found: Found<'_>, out: &mut Out<'_>) {
        let Found::Reply {
            reply,
            at,
            origin,
            ends,
            ..
        } = found
        else {
            return;
        };
        self.opened(out);
        self.introduce(out);
        if let Some(secured) = self.state.tls.answered() {
            self.tell(secured, out);
        }
        self.state.note(&reply, origin);
        let mut told = event(self.key, at, origin, EventKind::Reply(reply));
        told.ends = ends;
        out(told);
    }

    fn data_failed(&mut self, fate: Fate, out: &mut Out<'_>) {
        let Some(agreed) = self.state.agreed.as_mut().filter(|agreed| !agreed.is_told) else {
            return;
        };
        agreed.is_told = true;
        let (mode, by) = (agreed.mode, agreed.by);
        let Some(announced) = agreed.announced.clone() else {
            return;
        };
        let record = DataRecord {
            first: Some(self.origin),
            fate,
            ..DataRecord::never_tried(mode, announced, by)
        };
        self.tell(EventKind::Data(Box::new(record)), out);
    }

    /// Tells a record's events. Answers how the session ends with it, if it does.
    fn take(&mut self, record: &Record<'_>, out: &mut Out<'_>) -> Option<Closing> {
        match &record.fact {
            Fact::Command(command) if self.state.rows.pass_over() => {
                self.command(command.clone(), out);
            }
            Fact::Reply { text, .. } => self.hear(text, out),
            Fact::Client(aside) => return self.aside(aside, out),
            Fact::Closed(end) => return Some(Closing::heard(*end)),
            Fact::Login { accepted, .. } => self.login(*accepted, record, out),
            Fact::Transfer(transfer) => self.tell(EventKind::Transfer(transfer.clone()), out),
            // No client writes these.
            _ => {}
        }
        None
    }

    fn aside(&mut self, aside: &Aside<'_>, out: &mut Out<'_>) -> Option<Closing> {
        match aside {
            Aside::Connecting(server) if !self.state.opening.is_open => {
                self.state.opening.is_announced = true;
                let server = server.clone().filter(|_| !self.state.opening.is_introduced);
                self.state.server = server.or(self.state.server.take());
            }
            Aside::Connected(server) if !self.state.opening.is_open => {
                self.state.opening.is_announced = true;
                let server = server.clone().filter(|_| !self.state.opening.is_introduced);
                self.state.server = server.or(self.state.server.take());
                self.opened(out);
            }
            Aside::Failed(fate, server) if !self.state.opening.is_open => {
                let server = server.clone().filter(|_| !self.state.opening.is_introduced);
                self.state.server = server.or(self.state.server.take());
                self.introduce(out);
                return Some(failed(*fate));
            }
            Aside::Failed(fate, _) | Aside::DataFailed(fate) => self.data_failed(*fate, out),
            Aside::DataTimedOut
                if self
                    .state
                    .agreed
                    .as_ref()
                    .is_some_and(|agreed| !agreed.is_moving) =>
            {
                self.data_failed(Fate::Unanswered, out);
            }
            Aside::TlsFailed if matches!(self.state.last_code, 0 | 234) => {
                if let Some(failed) = self.state.tls.end(self.origin, false, None) {
                    self.tell(failed, out);
                }
            }
            Aside::Secured(version) => {
                if let Some(secured) = self.state.tls.end(self.origin, true, *version) {
                    self.opened(out);
                    self.tell(secured, out);
                }
            }
            Aside::Securing => self.state.tls.begin(self.origin),
            Aside::GivenUp if !self.state.opening.is_open => {
                return Some(failed(Fate::Unanswered));
            }
            Aside::GivenUp => {
                return Some(Closing {
                    by: Some(Side::Client),
                    ..Closing::heard(End::Idle)
                });
            }
            Aside::TimedOut => return self.timed_out(out),
            Aside::AtRest => self.state.agreed = None,
            Aside::Closed(end, by) => {
                return Some(Closing {
                    by: *by,
                    ..Closing::heard(*end)
                });
            }
            Aside::Said(lines) => self.hear(lines, out),
            Aside::Sent(line) => self.sent(line, out),
            Aside::Sender(side) => self.rows_end(*side, out),
            Aside::Row(row) => self.state.rows.take(row),
            Aside::Connecting(_) | Aside::Connected(_) | Aside::TlsFailed | Aside::DataTimedOut => {
            }
        }
        None
    }

    /// Told where the log holds no replies.
    fn login(&mut self, accepted: bool, record: &Record<'_>, out: &mut Out<'_>) {
        if self.state.has_greeting {
            return;
        }
        self.opened(out);
        let user = record.user.unwrap_or_default();
        self.tell(EventKind::Login { user, accepted }, out);
        if let Some(implied) = record.implied {
            self.tell(implied.told(b""), out);
        }
    }

    fn timed_out(&mut self, out: &mut Out<'_>) -> Option<Closing> {
        // Behind the answer to PASV and before the command that needs it a client only connects.
        let connects = |agreed: &Agreed| agreed.mode.is_passive() && !agreed.is_told;
        if self.state.transfer.is_none() && self.state.agreed.as_ref().is_some_and(connects) {
            self.data_failed(Fate::Unanswered, out);
            return None;
        }
        Some(Closing {
            by: Some(Side::Client),
            ..Closing::heard(End::Idle)
        })
    }

    fn sent(&mut self, line: &[u8], out: &mut Out<'_>) {
        if let Some(command) = grammar::command(line) {
            self.command(command, out);
        }
    }

    /// The rows so far are whole; others come from `next`.
    fn rows_end(&mut self, next: Option<Side>, out: &mut Out<'_>) {
        let (sender, bytes) = self.state.rows.turn(next);
        let bytes = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
        match sender {
            Some(Side::Server) if !bytes.is_empty() => self.hear(bytes, out),
            Some(Side::Client) => {
                for line in bytes.split(|b| *b == b'\n') {
                    self.sent(line, out);
                }
            }
            _ => {}
        }
    }
}

/// The sessions of one client's log.
pub(in crate::log) struct Following {
    vantage: Vantage,
    sessions: Sessions<Talk>,
    by_number: Lookup<u32, Handle>,
    /// The number of the last record that had one.
    last: u32,
}

impl Default for Following {
    fn default() -> Self {
        Self {
            vantage: Vantage::ClientLog,
            sessions: Sessions::default(),
            by_number: Lookup::default(),
            last: 0,
        }
    }
}

impl Following {
    /// For a server's log in which sessions are known by the client at best.
    pub(in crate::log) fn of_server() -> Self {
        Self {
            vantage: Vantage::ServerLog,
            ..Self::default()
        }
    }

    fn number(&self, record: &Record<'_>) -> u32 {
        if record.number == SAME_SESSION {
            self.last
        } else {
            record.number
        }
    }

    fn begin(
        &mut self,
        record: &Record<'_>,
        at: Option<Timestamp>,
        origin: Origin,
        server: Option<Endpoint>,
    ) -> Handle {
        let number = self.number(record);
        let client = (!record.client.is_empty()).then(|| Endpoint::host(Host::read(record.client)));
        let nth = self.sessions.nth_of_second(at);
        // Without a time only the place tells the sessions of two files apart.
        let place = StableHash::new()
            .number(nth)
            .number(u64::from(number))
            .number(origin.offset);
        let key = SessionKey::new(client.as_ref(), server.as_ref(), at, place.finish());
        let talk = Talk {
            vantage: self.vantage,
            number,
            client,
            server,
            begun: (at, origin),
            opening: Opening::default(),
            replies: Replies::default(),
            last_line: Vec::new(),
            has_greeting: false,
            has_quit: false,
            is_dismissed: false,
            waiting: 0,
            transfer: None,
            last_code: 0,
            agreed: None,
            tls: Handshake::None,
            rows: Rows::default(),
        };
        let handle = self.sessions.begin(key, at, origin, talk);
        self.by_number.insert(number, handle);
        handle
    }

    /// Where a record belongs to no session that is open.
    fn begin_for(
        &mut self,
        record: &Record<'_>,
        at: Option<Timestamp>,
        origin: Origin,
    ) -> Option<Handle> {
        let server = match &record.fact {
            Fact::Reply { text, .. } => grammar::reply_line(text).map(|_| None)?,
            Fact::Client(Aside::Connecting(server) | Aside::Connected(server)) => server.clone(),
            Fact::Client(Aside::Failed(_, Some(server))) => Some(server.clone()),
            Fact::Command(_)
            | Fact::Client(Aside::Said(_) | Aside::Sent(_) | Aside::Sender(Some(_))) => None,
            _ => return None,
        };
        Some(self.begin(record, at, origin, server))
    }

    fn end(&mut self, handle: Handle, closing: Closing, out: &mut Out<'_>) {
        let Some(open) = self.sessions.get_mut(handle) else {
            return;
        };
        open.rows_end(None, out);
        open.settle(true, out);
        let Some(mut open) = self.sessions.end(handle) else {
            return;
        };
        let is_goodbye = open.state.has_quit && open.state.is_dismissed;
        let closing = if is_goodbye {
            Closing::heard(End::Goodbye)
        } else {
            closing
        };
        open.tell(EventKind::Closed(closing), out);
        if self.by_number.get(&open.state.number) == Some(&handle) {
            self.by_number.remove(&open.state.number);
        }
    }
}

/// How a connection ends that never opened.
fn failed(fate: Fate) -> Closing {
    let end = if fate == Fate::Refused {
        End::Reset
    } else {
        End::Idle
    };
    Closing {
        fate,
        ..Closing::heard(end)
    }
}

/// Whether a record begins another session.
fn begins_anew(open: &Open<Talk>, fact: &Fact<'_>) -> bool {
    let state = &open.state;
    let greets = |text: &[u8]| {
        text.starts_with(b"220")
            && grammar::reply_line(text).is_some()
            && state.has_greeting
            && !state.replies.is_open()
            && (state.waiting == 0 || state.has_quit)
    };
    match fact {
        Fact::Client(Aside::Connecting(_)) => state.opening.is_open && state.agreed.is_none(),
        Fact::Client(Aside::Connected(_)) => state.has_greeting && state.agreed.is_none(),
        Fact::Reply { text, .. } => greets(text),
        Fact::Client(Aside::Said(text)) => greets(text),
        _ => false,
    }
}

impl Follow for Following {
    fn record(
        &mut self,
        record: &Record<'_>,
        at: Option<Timestamp>,
        origin: Origin,
        out: &mut Out<'_>,
    ) {
        while let Some(handle) = self.sessions.overdue(at) {
            self.end(handle, Closing::heard(End::Idle), out);
        }
        let number = self.number(record);
        self.last = number;
        let mut handle = self.by_number.get(&number).copied();
        if let (Some(known), Fact::Client(aside)) = (handle, &record.fact)
            && !matches!(aside, Aside::Row(_) | Aside::Sender(_))
            && let Some(open) = self.sessions.get_mut(known)
        {
            // The last row may have been the server's answer.
            open.rows_end(None, out);
        }
        if let Some(known) = handle {
            let is_over = self
                .sessions
                .get(known)
                .is_none_or(|open| begins_anew(open, &record.fact));
            if is_over {
                self.end(known, Closing::heard(End::Idle), out);
                handle = None;
            }
        }
        let Some(handle) = handle.or_else(|| self.begin_for(record, at, origin)) else {
            return;
        };
        let Some(open) = self.sessions.get_mut(handle) else {
            return;
        };
        (open.last, open.origin) = (at.or(open.last), origin);
        let closing = open.take(record, out);
        let is_goodbye = open.state.has_quit && open.state.is_dismissed;
        if let Some(closing) = closing.or_else(|| is_goodbye.then(|| Closing::heard(End::Goodbye)))
        {
            self.end(handle, closing, out);
        }
    }

    fn marks(&mut self) -> Option<&mut Marks> {
        Some(self.sessions.marks())
    }

    fn finish(&mut self, out: &mut Out<'_>) {
        while let Some(handle) = self.sessions.any() {
            self.end(handle, Closing::heard(End::InputEnded), out);
        }
    }

    fn take_diagnostics(&mut self) -> Diagnostics {
        self.sessions.take_diagnostics()
    }
}
