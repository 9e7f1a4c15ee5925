//! Records become sessions by the client's address and port. Where a session's replies stand in the log, nothing is implied.

use crate::diagnostic::{Diagnostics, Origin};
use crate::ftp::{Closing, Command, End, Endpoint, EventKind, Found, Host, Introduction, Replies, SessionKey, Side, Vantage, Verb};
use crate::log::sessions::{Handle, Open, Sessions, event, told_reply};
use crate::log::{Fact, Follow, Implied, Marks, Out, Record};
use crate::lookup::Lookup;
use crate::text::StableHash;
use crate::time::Timestamp;

/// What is known of one session.
#[derive(Debug)]
struct Talk {
    client: u64,
    replies: Replies,
    /// The log is one at DEBUG.
    has_replies: bool,
    has_quit: bool,
    last_code: u16,
}

/// The sessions of one log.
#[derive(Default)]
pub(super) struct Following {
    sessions: Sessions<Talk>,
    by_client: Lookup<u64, Handle>,
    has_replies: bool,
}

impl Open<Talk> {
    fn take(&mut self, record: &Record<'_>, out: &mut Out<'_>) {
        match &record.fact {
            Fact::Opened { .. } => out(self.event(EventKind::Opened)),
            Fact::Command(command) => self.command(command.clone(), out),
            Fact::Reply { text, .. } => self.hear(text, out),
            Fact::Login { accepted, .. } if !self.state.has_replies => {
                let user = record.user.unwrap_or_default();
                let accepted = *accepted;
                out(self.event(EventKind::Login { user, accepted }));
                self.imply(record.implied, out);
            }
            Fact::Transfer(transfer) => {
                out(self.event(EventKind::Transfer(transfer.clone())));
                self.imply(record.implied, out);
            }
            Fact::Exchange(exchange) if !self.state.has_replies => {
                if let Some(command) = exchange.command() {
                    out(self.event(EventKind::Command(command)));
                }
                for reply in &exchange.replies {
                    out(self.event(EventKind::Reply(reply.clone())));
                }
            }
            _ => {}
        }
    }

    fn imply(&mut self, implied: Option<Implied>, out: &mut Out<'_>) {
        if let Some(implied) = implied.filter(|_| !self.state.has_replies) {
            out(self.event(implied.told(b"")));
        }
    }

    fn command(&mut self, command: Command<'_>, out: &mut Out<'_>) {
        let (key, last) = (self.key, &mut self.state.last_code);
        self.state.replies.client_spoke(&mut |found| note(key, found, last, out));
        self.state.has_replies = true;
        self.state.has_quit |= command.verb == Verb::QUIT;
        out(self.event(EventKind::Command(command)));
    }

    fn hear(&mut self, text: &[u8], out: &mut Out<'_>) {
        let line = self.line(text);
        let (key, last) = (self.key, &mut self.state.last_code);
        self.state.replies.line(line, &mut |found| note(key, found, last, out));
        // At INFO the replies with which the server closes are written too, and only those.
        self.state.has_replies |= !self.closes();
    }

    /// The last reply is one with which the server closes.
    fn closes(&self) -> bool {
        self.state.last_code == 421
    }
}

fn note(key: SessionKey, found: Found<'_>, last: &mut u16, out: &mut Out<'_>) {
    if let Some(code) = told_reply(key, found, out) {
        *last = code.number();
    }
}

impl Following {
    fn begin(
        &mut self,
        record: &Record<'_>,
        at: Option<Timestamp>,
        origin: Origin,
        out: &mut Out<'_>,
    ) -> Handle {
        let client = match super::split_port(record.client) {
            Some((host, port)) => Endpoint {
                host: Host::read(host),
                port: Some(port),
            },
            None => Endpoint::host(Host::read(record.client)),
        };
        let hash = client_number(record);
        let nth = self.sessions.nth_of_second(at);
        let key = SessionKey::new(Some(&client), None, at, nth);
        let is_login = matches!(record.fact, Fact::Login { .. } | Fact::Command(_));
        let user = record.user.filter(|_| !is_login);
        let introduction = Introduction {
            vantage: Vantage::ServerLog,
            approximate: client.port.is_none(),
            client: Some(client),
            server: None,
            user: user.map(|u| crate::text::Text::cut(u, crate::limits::ARGUMENT_BYTES)),
        };
        let kind = EventKind::Introduced(Box::new(introduction));
        out(event(key, at, origin, kind));
        let talk = Talk {
            client: hash,
            replies: Replies::default(),
            has_replies: self.has_replies,
            has_quit: false,
            last_code: 0,
        };
        let handle = self.sessions.begin(key, at, origin, talk);
        self.by_client.insert(hash, handle);
        handle
    }

    fn end(&mut self, handle: Handle, end: End, out: &mut Out<'_>) {
        let Some(mut open) = self.sessions.end(handle) else {
            return;
        };
        let (key, last) = (open.key, &mut open.state.last_code);
        open.state.replies.finish(&mut |found| note(key, found, last, out));
        let is_goodbye = open.state.has_quit && open.state.last_code == 221;
        let closing = Closing::heard(if is_goodbye { End::Goodbye } else { end });
        let by = (end == End::Fin && open.closes()).then_some(Side::Server);
        out(open.event(EventKind::Closed(Closing { by, ..closing })));
        if self.by_client.get(&open.state.client) == Some(&handle) {
            self.by_client.remove(&open.state.client);
        }
    }
}

fn client_number(record: &Record<'_>) -> u64 {
    StableHash::new().bytes(record.client).finish()
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
            self.end(handle, End::Idle, out);
        }
        let mut known = self.by_client.get(&client_number(record)).copied();
        if let Some(before) = known.filter(|_| matches!(record.fact, Fact::Opened { .. })) {
            self.end(before, End::Idle, out);
            known = None;
        }
        let is_end = matches!(record.fact, Fact::Closed(_));
        if known.is_none() && is_end {
            return; // of a session of which nothing else was heard
        }
        let handle = known.unwrap_or_else(|| self.begin(record, at, origin, out));
        let Some(open) = self.sessions.get_mut(handle) else {
            return;
        };
        (open.last, open.origin) = (at.or(open.last), origin);
        open.take(record, out);
        self.has_replies = open.state.has_replies;
        if is_end {
            self.end(handle, End::Fin, out);
        }
    }

    fn marks(&mut self) -> Option<&mut Marks> {
        Some(self.sessions.marks())
    }

    fn finish(&mut self, out: &mut Out<'_>) {
        while let Some(handle) = self.sessions.any() {
            self.end(handle, End::InputEnded, out);
        }
    }

    fn take_diagnostics(&mut self) -> Diagnostics {
        self.sessions.take_diagnostics()
    }
}
