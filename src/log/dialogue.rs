//! Records that name their session become dialogues: logs that keep every command and reply, and the logs of sensors.
//!
//! A session's number tells it apart from the others that are open, not from those before: servers count anew when they
//! start again. So a line that opens a session, or names another client, begins a new one.

use crate::diagnostic::{Diagnostics, Origin};
use crate::ftp::{
    Closing, Command, End, Endpoint, EventKind, Found, Host, Introduction, Replies, Reply,
    ReplyClass, ReplyCode, SessionKey, TransferRecord, Vantage, Verb,
};
use crate::limits;
use crate::log::sessions::{Handle, Open, Sessions, event, told_reply};
use crate::log::{Exchange, Fact, Follow, Marks, Moved, Out, Record};
use crate::lookup::Lookup;
use crate::text::Text;
use crate::time::{Stamp, Timestamp};

/// What is known of one session.
#[derive(Debug)]
struct Talk {
    number: u64,
    client: Box<[u8]>,
    replies: Replies,
    has_quit: bool,
    is_dismissed: bool,
    /// The code of the last reply, where they come with their command.
    last_code: Option<ReplyCode>,
    /// What moved, where that is told before its command.
    moved: Option<Moved>,
    is_logged_in: bool,
}

/// The sessions of one log by their number.
pub(super) struct Following {
    vantage: Vantage,
    sessions: Sessions<Talk>,
    by_number: Lookup<u64, Handle>,
}

impl Following {
    /// For a log that hears from there.
    pub(super) fn new(vantage: Vantage) -> Self {
        Self {
            vantage,
            sessions: Sessions::default(),
            by_number: Lookup::default(),
        }
    }

    /// The open session of a record.
    fn find(&self, record: &Record<'_>, number: u64, at: Option<Timestamp>) -> Option<Handle> {
        let handle = *self.by_number.get(&number)?;
        let open = self.sessions.live(handle, at)?;
        // The line that ends a session may name none.
        let is_same = record.client.is_empty() || *open.state.client == *record.client;
        (is_same && !begins(&record.fact, &open.state)).then_some(handle)
    }

    /// A nameless client's session goes on under the name of its user.
    fn admit(&mut self, exchange: &Exchange<'_>, number: u64) {
        let before = exchange.number_before_login();
        let Some(handle) = before.and_then(|before| self.by_number.remove(&before)) else {
            return;
        };
        if let Some(open) = self.sessions.get_mut(handle) {
            open.state.number = number;
            self.by_number.insert(number, handle);
        }
    }

    /// Begins a session whose ends are known before the first line of it is told, unless it is open.
    pub(super) fn introduce(
        &mut self,
        ends: &Exchange<'_>,
        at: Option<Timestamp>,
        origin: Origin,
        out: &mut Out<'_>,
    ) {
        let record = ends.clone().record(Stamp::None);
        let number = ends.session_number();
        if self.find(&record, number, at).is_none() {
            self.begin(&record, number, at, origin, out);
        }
    }

    fn begin(
        &mut self,
        record: &Record<'_>,
        number: u64,
        at: Option<Timestamp>,
        origin: Origin,
        out: &mut Out<'_>,
    ) -> Handle {
        if let Some(before) = self.by_number.get(&number).copied() {
            self.end(before, End::Idle, out);
        }
        let (client, server, user, is_named) = if let Fact::Exchange(exchange) = &record.fact {
            let Exchange { client, server, .. } = &**exchange;
            let is_named = exchange.session.is_some();
            let user = exchange.user.as_deref();
            (client.clone(), server.clone(), user, is_named)
        } else {
            let client = Endpoint::host(Host::read(record.client));
            (Some(client), None, record.user, true)
        };
        let nth = self.sessions.nth_of_second(at);
        let key = SessionKey::new(client.as_ref(), server.as_ref(), at, nth ^ number);
        let introduction = Introduction {
            vantage: self.vantage,
            client,
            server,
            user: user.map(|u| Text::cut(u, limits::ARGUMENT_BYTES)),
            approximate: !is_named,
        };
        let kind = EventKind::Introduced(Box::new(introduction));
        out(event(key, at, origin, kind));
        let talk = Talk {
            number,
            client: record.client.into(),
            replies: Replies::default(),
            has_quit: false,
            is_dismissed: false,
            last_code: None,
            moved: None,
            is_logged_in: false,
        };
        let handle = self.sessions.begin(key, at, origin, talk);
        self.by_number.insert(number, handle);
        handle
    }

    fn end(&mut self, handle: Handle, end: End, out: &mut Out<'_>) {
        let Some(mut open) = self.sessions.end(handle) else {
            return;
        };
        open.settle(true, out);
        let is_goodbye = open.state.has_quit && open.state.is_dismissed;
        let end = if is_goodbye { End::Goodbye } else { end };
        out(open.event(EventKind::Closed(Closing::heard(end))));
        if self.by_number.get(&open.state.number) == Some(&handle) {
            self.by_number.remove(&open.state.number);
        }
    }
}

impl Open<Talk> {
    /// Tells a record's events. Answers how the session ends with it, if it does.
    fn take(&mut self, record: &Record<'_>, out: &mut Out<'_>) -> Option<End> {
        match &record.fact {
            Fact::Opened { .. } => out(self.event(EventKind::Opened)),
            Fact::Command(command) => self.command(command.clone(), out),
            Fact::Reply { text, .. } => self.hear(text, out),
            Fact::Exchange(exchange) => return self.exchange(exchange, out),
            Fact::Closed(end) => return Some(*end),
            // No format that names its sessions writes these.
            Fact::Login { .. }
            | Fact::Transfer(_)
            | Fact::Done { .. }
            | Fact::Failed { .. }
            | Fact::Remark(_)
            | Fact::Client(_)
            | Fact::Piece(_) => {}
        }
        None
    }

    fn exchange(&mut self, exchange: &Exchange<'_>, out: &mut Out<'_>) -> Option<End> {
        if exchange.opens {
            out(self.event(EventKind::Opened));
        }
        if let Some(command) = exchange.command() {
            let (verb, path) = (command.verb, command.argument());
            let written = self.last;
            let sent = written
                .zip(exchange.waited)
                .map(|(at, waited)| at.before(waited));
            self.last = sent.or(written);
            self.command(command, out);
            self.last = written;
            let before = self.state.moved.take_if(|_| verb.is_transfer());
            let last = exchange.replies.last();
            let is_refused = last.is_some_and(|reply| reply.code.is_negative());
            let has_moved =
                |moved: &Moved| verb.is_transfer() && !(is_refused && moved.bytes == Some(0));
            if let Some(moved) = exchange.moved.or(before).filter(has_moved) {
                let record = TransferRecord {
                    verb,
                    path: path.unwrap_or_default(),
                    bytes: moved.bytes,
                    complete: moved.complete,
                };
                out(self.event(EventKind::Transfer(record)));
            }
        } else {
            self.state.moved = exchange.moved.or(self.state.moved);
        }
        self.state.is_logged_in |= exchange.lets_in();
        if let Some(accepted) = exchange.accepted {
            let user = exchange.user.as_deref().unwrap_or_default();
            out(self.event(EventKind::Login { user, accepted }));
        }
        self.replies_of_exchange(&exchange.replies, out);
        if let Some(reply) = exchange.uncounted {
            out(self.event(EventKind::Uncounted(reply)));
        }
        exchange.end
    }

    /// Suricata lays a reply down when its first line has come: the other lines stand in front of the next one's.
    fn replies_of_exchange(&mut self, replies: &[Reply<'_>], out: &mut Out<'_>) {
        let is_rest = |first: &Reply<'_>| {
            Some(first.code) == self.state.last_code
                && first.code.class() != ReplyClass::Preliminary
                && replies.len() > 1
        };
        let skipped = usize::from(replies.first().is_some_and(is_rest));
        for reply in replies.iter().skip(skipped) {
            self.state.is_dismissed |= is_dismissal(Some(reply.code));
            self.state.last_code = Some(reply.code);
            out(self.event(EventKind::Reply(reply.clone())));
        }
    }

    fn command(&mut self, command: Command<'_>, out: &mut Out<'_>) {
        self.settle(false, out);
        self.state.has_quit |= command.verb == Verb::QUIT;
        out(self.event(EventKind::Command(command)));
    }

    fn hear(&mut self, bytes: &[u8], out: &mut Out<'_>) {
        let line = self.line(bytes);
        let (key, dismissed) = (self.key, &mut self.state.is_dismissed);
        let mut each = |found: Found<'_>| *dismissed |= is_dismissal(told_reply(key, found, out));
        self.state.replies.line(line, &mut each);
    }

    /// The client speaks or, where `is_over` is set, no more lines of a reply come.
    fn settle(&mut self, is_over: bool, out: &mut Out<'_>) {
        let (key, dismissed) = (self.key, &mut self.state.is_dismissed);
        let mut each = |found: Found<'_>| *dismissed |= is_dismissal(told_reply(key, found, out));
        if is_over {
            self.state.replies.finish(&mut each);
        } else {
            self.state.replies.client_spoke(&mut each);
        }
    }
}

/// True where the session known by that number can't be the one that the line belongs to.
fn begins(fact: &Fact<'_>, known: &Talk) -> bool {
    match fact {
        Fact::Opened { .. } => true,
        Fact::Exchange(exchange) => {
            let is_in_again = known.is_logged_in && exchange.begins_login();
            exchange.opens || exchange.is_numbered_anew && is_in_again
        }
        _ => false,
    }
}

fn needs_a_session(fact: &Fact<'_>) -> bool {
    match fact {
        Fact::Closed(_) => true,
        Fact::Exchange(exchange) => exchange.needs_a_session(),
        _ => false,
    }
}

/// 221: the server takes its leave.
fn is_dismissal(code: Option<ReplyCode>) -> bool {
    code.is_some_and(|code| code.number() == 221)
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
        let number = match &record.fact {
            Fact::Exchange(exchange) => exchange.session_number(),
            _ => u64::from(record.number),
        };
        let mut known = self.find(record, number, at);
        if let (None, Fact::Exchange(exchange)) = (known, &record.fact) {
            self.admit(exchange, number);
            known = self.find(record, number, at);
        }
        if known.is_none() && needs_a_session(&record.fact) {
            // Of a session of which nothing else was heard.
            return;
        }
        let handle = known.unwrap_or_else(|| self.begin(record, number, at, origin, out));
        let Some(open) = self.sessions.get_mut(handle) else {
            return;
        };
        (open.last, open.origin) = (at.or(open.last), origin);
        if let Some(end) = open.take(record, out) {
            self.end(handle, end, out);
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
