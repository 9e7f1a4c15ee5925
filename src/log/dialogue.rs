//! Records that name their session become dialogues: logs that keep every command and reply, and the logs of sensors.
//!
//! A session's number tells it apart from the others that are open, not from those before: servers count anew when they
//! start again. So a line that opens a session, or names another client, begins a new one.

use std::borrow::Cow;

use crate::diagnostic::{Diagnostics, Origin};
use crate::ftp::{
    Closing, Command, End, Endpoint, EventKind, Evidence, Found, Host, Introduction, Replies,
    Reply, ReplyClass, ReplyCode, SessionKey, Vantage, Verb,
};
use crate::limits;
use crate::log::sessions::{Handle, Open, Sessions, event, told_reply};
use crate::log::{Fact, Follow, Out, Record};
use crate::lookup::Lookup;
use crate::text::Text;
use crate::time::Timestamp;

/// What a sensor's record tells. Everything but the connection may be missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sensed<'b> {
    /// The sensor's number for the connection.
    pub connection: u64,
    /// The client's end.
    pub client: Option<Endpoint>,
    /// The server's end.
    pub server: Option<Endpoint>,
    /// The user, where the sensor knows one.
    pub user: Option<Cow<'b, [u8]>>,
    command: Option<(Verb, Cow<'b, [u8]>)>,
    /// The replies.
    pub replies: Vec<Reply<'b>>,
}

impl<'b> Sensed<'b> {
    /// Of a connection of which nothing else is known.
    pub fn new(connection: u64, client: Option<Endpoint>, server: Option<Endpoint>) -> Self {
        Self {
            connection,
            client,
            server,
            user: None,
            command: None,
            replies: Vec::new(),
        }
    }

    /// Sets the command. A secret in it is not kept.
    pub fn set_command(&mut self, verb: &[u8], argument: Cow<'b, [u8]>) {
        let verb = Verb::new(verb);
        let is_kept = Command::new(verb, Some(&argument)).argument().is_some();
        let argument = if is_kept { argument } else { Cow::default() };
        self.command = Some((verb, argument));
    }

    /// Adds a reply of one line, or a line to the one before where that has the same code: a command has no two replies of
    /// one code.
    pub fn add_reply(&mut self, code: ReplyCode, text: Cow<'b, [u8]>) {
        match self.replies.last_mut() {
            Some(last) if last.code == code => {
                let before = last.text.to_mut();
                if before.len() + text.len() < limits::REPLY_BYTES {
                    before.push(b'\n');
                    before.extend_from_slice(&text);
                }
                last.lines = last.lines.saturating_add(1);
            }
            _ => self.replies.push(Reply {
                code,
                text,
                lines: 1,
                evidence: Evidence::Observed,
            }),
        }
    }
}

/// What is known of one session.
#[derive(Debug)]
struct Talk {
    number: u64,
    client: Box<[u8]>,
    replies: Replies,
    has_quit: bool,
    is_dismissed: bool,
    /// The code of a sensor's last reply.
    last_code: Option<ReplyCode>,
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
        (is_same && !matches!(record.fact, Fact::Opened { .. })).then_some(handle)
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
        let (client, server, user) = if let Fact::Sensed(sensed) = &record.fact {
            let Sensed { client, server, .. } = &**sensed;
            (client.clone(), server.clone(), sensed.user.as_deref())
        } else {
            let client = Endpoint::host(Host::read(record.client));
            (Some(client), None, record.user)
        };
        let nth = self.sessions.nth_of_second(at);
        let key = SessionKey::new(client.as_ref(), server.as_ref(), at, nth ^ number);
        let introduction = Introduction {
            vantage: self.vantage,
            client,
            server,
            user: user.map(|u| Text::cut(u, limits::ARGUMENT_BYTES)),
            approximate: false,
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
            Fact::Sensed(sensed) => {
                if let Some((verb, argument)) = &sensed.command {
                    self.command(Command::new(*verb, Some(argument)), out);
                }
                self.sensed_replies(&sensed.replies, out);
            }
            Fact::Closed(end) => return Some(*end),
            // No format that names its sessions writes these.
            Fact::Login { .. }
            | Fact::Transfer(_)
            | Fact::Done { .. }
            | Fact::Failed { .. }
            | Fact::Ended => {}
        }
        None
    }

    /// Suricata lays a reply down when its first line has come: the other lines stand in front of the next one's.
    fn sensed_replies(&mut self, replies: &[Reply<'_>], out: &mut Out<'_>) {
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
            Fact::Sensed(sensed) => sensed.connection,
            _ => u64::from(record.number),
        };
        let known = self.find(record, number, at);
        if known.is_none() && matches!(record.fact, Fact::Closed(_)) {
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

    fn finish(&mut self, out: &mut Out<'_>) {
        while let Some(handle) = self.sessions.any() {
            self.end(handle, End::InputEnded, out);
        }
    }

    fn take_diagnostics(&mut self) -> Diagnostics {
        self.sessions.take_diagnostics()
    }
}
