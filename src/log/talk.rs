//! Records of servers that name the session in every line become sessions.
//!
//! A session is found by its process id, or, where a log has none, by user and
//! host; then two sessions of one user from one host can't be told apart, and
//! all are approximate. What a message stands for is told only where the log
//! does not hold the replies themselves: it waits for the session's next record.

use std::collections::VecDeque;

use crate::diagnostic::{Diagnostics, Origin};
use crate::ftp::{
    Closing, Command, End, Endpoint, EventKind, Host, Introduction, Replies, ReplyCode, SessionKey,
    Side, Vantage, Verb,
};
use crate::limits;
use crate::log::sessions::{Handle, Open, Sessions, event, told_reply};
use crate::log::{Fact, Follow, Implied, Marks, Out, Record};
use crate::lookup::Lookup;
use crate::text::Text;
use crate::time::Timestamp;

/// What tells the lines of one session from those of another.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Owner {
    /// The process id; 0 where the log has none.
    number: u32,
    /// Empty where there is a process id, as is the host.
    user: Vec<u8>,
    host: Vec<u8>,
}

impl Owner {
    fn of(record: &Record<'_>) -> Self {
        let name = |bytes: &[u8]| match record.number {
            0 => bytes.to_vec(),
            _ => Vec::new(),
        };
        Self {
            number: record.number,
            user: name(record.user.unwrap_or_default()),
            host: name(record.client),
        }
    }
}

/// The sessions of one log.
#[derive(Default)]
pub(super) struct Following {
    sessions: Sessions<Talk>,
    /// The open sessions of an owner; the last one speaks.
    by_owner: Lookup<Owner, VecDeque<Handle>>,
    /// The server writes its replies into the log.
    has_replies: bool,
    last: LastReply,
}

/// Whether the reply with which the server closes the connection is among those it writes into the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum LastReply {
    #[default]
    Unwritten,
    Written,
}

/// Who has said that the session is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leaving {
    Nobody,
    Client,
    Server,
}

/// What is known of one session.
#[derive(Debug)]
struct Talk {
    owner: Owner,
    has_commands: bool,
    has_replies: bool,
    leaving: Leaving,
    last: LastReply,
    replies: Replies,
    /// The beginning of a line, where the rest is a message of its own.
    piece: Vec<u8>,
    waiting: Option<Box<Waiting>>,
}

/// What a message stands for, until it is clear that the log does not hold that itself.
#[derive(Debug)]
struct Waiting {
    at: Option<Timestamp>,
    origin: Origin,
    command: Option<(Verb, Option<Box<[u8]>>)>,
    implied: Implied,
    text: Box<[u8]>,
}

/// How a session ends, and who ends it.
type Ending = (End, Option<Side>);

impl Open<Talk> {
    fn tell_waiting(&mut self, out: &mut Out<'_>) {
        let Some(waiting) = self.state.waiting.take() else {
            return;
        };
        let waiting = *waiting;
        if let Some((verb, argument)) = &waiting.command {
            let command = Command::new(*verb, argument.as_deref());
            let kind = EventKind::Command(command);
            out(event(self.key, waiting.at, waiting.origin, kind));
        }
        let kind = waiting.implied.told(&waiting.text);
        out(event(self.key, waiting.at, waiting.origin, kind));
    }

    fn wait(&mut self, implied: Implied, command: Option<(Verb, Option<&[u8]>)>, text: &[u8]) {
        let command = command.filter(|_| !self.state.has_commands);
        self.state.waiting = Some(Box::new(Waiting {
            at: self.last,
            origin: self.origin,
            command: command.map(|(verb, argument)| (verb, argument.map(Into::into))),
            implied,
            text: text.into(),
        }));
    }

    /// Takes what the server said, one or more lines with what syslog makes of a line's end between them.
    fn hear(&mut self, text: &[u8], out: &mut Out<'_>) -> Option<ReplyCode> {
        let mut heard = None;
        let mut rest = text;
        while !rest.is_empty() {
            let end = memchr::memmem::find(rest, b"#012");
            let (bytes, after) = rest.split_at(end.unwrap_or(rest.len()));
            rest = after.get(4..).unwrap_or_default();
            if rest.trim_ascii().is_empty() {
                rest = b"";
            }
            let line = self.line(bytes.strip_suffix(b"#015").unwrap_or(bytes));
            let key = self.key;
            self.state.replies.line(line, &mut |found| {
                heard = told_reply(key, found, out).or(heard);
            });
        }
        heard
    }

    fn command(&mut self, command: &Command<'_>, out: &mut Out<'_>) {
        let key = self.key;
        self.state.replies.client_spoke(&mut |found| {
            told_reply(key, found, out);
        });
        self.state.has_commands = true;
        if command.verb == Verb::QUIT {
            self.state.leaving = Leaving::Client;
        }
        out(self.event(EventKind::Command(command.clone())));
    }

    /// Tells a record's events. Answers how the session ends with it, if it does.
    fn take(&mut self, record: &Record<'_>, out: &mut Out<'_>) -> Option<Ending> {
        if let Fact::Reply { text, ends_line } = record.fact {
            return self.reply(text, ends_line, out);
        }
        self.state.piece.clear();
        self.tell_waiting(out);
        let implied = record.implied.filter(|_| !self.state.has_replies);
        match &record.fact {
            Fact::Opened { refused } => {
                out(self.event(EventKind::Opened));
                if *refused {
                    self.imply_now(record, b"", out);
                    return Some((End::Fin, Some(Side::Server)));
                }
            }
            Fact::Command(command) => self.command(command, out),
            // The first is told above, the others by other formats.
            Fact::Reply { .. }
            | Fact::Exchange(_)
            | Fact::Remark(_)
            | Fact::Client(_)
            | Fact::Piece(_) => {}
            Fact::Login { accepted, reason } => {
                // Where it is written after its reply, that has told it.
                let is_before = *accepted && self.state.last == LastReply::Unwritten;
                if is_before || !self.state.has_replies {
                    let user = record.user.unwrap_or_default();
                    let accepted = *accepted;
                    out(self.event(EventKind::Login { user, accepted }));
                }
                if let Some(implied) = implied {
                    self.wait(implied, None, reason);
                }
            }
            Fact::Transfer(transfer) => {
                out(self.event(EventKind::Transfer(transfer.clone())));
                if let Some(implied) = implied {
                    self.wait(implied, None, b"");
                }
            }
            Fact::Done { verb, argument } => {
                if let Some(implied) = implied {
                    self.wait(implied, Some((*verb, Some(argument))), b"");
                }
            }
            Fact::Failed {
                verb,
                argument,
                text,
                closes,
            } => {
                if *closes && record.implied.is_none() && self.tells_last() {
                    // What it says last may follow.
                    self.state.leaving = Leaving::Server;
                    return None;
                }
                if *closes {
                    if let Some(verb) = verb.filter(|_| !self.state.has_commands) {
                        self.command(&Command::new(verb, *argument), out);
                    }
                    self.imply_now(record, text, out);
                    return Some((End::Fin, Some(Side::Server)));
                }
                if let Some(implied) = implied {
                    self.wait(implied, verb.map(|verb| (verb, *argument)), text);
                }
            }
            Fact::Closed(_) => return self.ended(record, out),
        }
        None
    }

    fn tells_last(&self) -> bool {
        self.state.has_replies && self.state.last == LastReply::Written
    }

    /// The reply with which the server closes the connection: not in the log, unless that is a whole one.
    fn imply_now(&mut self, record: &Record<'_>, text: &[u8], out: &mut Out<'_>) {
        let is_told = self.tells_last();
        if let Some(implied) = record.implied.filter(|_| !is_told) {
            self.wait(implied, None, text);
            self.tell_waiting(out);
        }
    }

    fn reply(&mut self, text: &[u8], ends_line: bool, out: &mut Out<'_>) -> Option<Ending> {
        let mut line = std::mem::take(&mut self.state.piece);
        if line.is_empty() && ReplyCode::from_digits(text).is_none() {
            // A message that says nothing by itself, and follows no code.
            return None;
        }
        self.state.waiting = None;
        self.state.has_replies = true;
        if !ends_line {
            self.state.piece = text.to_vec();
            return None;
        }
        let text = if line.is_empty() {
            text
        } else {
            // `530` or `220-`, and the text.
            if line.len() == 3 {
                line.push(b' ');
            }
            line.extend_from_slice(text);
            &line
        };
        match self.hear(text, out)?.number() {
            221 if self.state.leaving == Leaving::Client => Some((End::Goodbye, None)),
            // What it says that it does. Or instead of the greeting: too many clients.
            421 if self.state.leaving == Leaving::Server
                || !self.state.has_commands && self.state.last == LastReply::Unwritten =>
            {
                Some((End::Fin, Some(Side::Server)))
            }
            _ => None,
        }
    }

    /// The server writes that the session is over, before it says goodbye, or because the client is gone.
    fn ended(&mut self, record: &Record<'_>, out: &mut Out<'_>) -> Option<Ending> {
        let has_quit = self.state.leaving == Leaving::Client;
        match (has_quit, self.state.has_replies) {
            // 221 follows.
            (true, true) => None,
            (true, false) => {
                self.imply_now(record, b"", out);
                Some((End::Goodbye, None))
            }
            (false, _) if self.state.has_commands || self.state.last == LastReply::Written => {
                Some((End::Fin, Some(Side::Client)))
            }
            (false, _) => Some((End::Fin, None)),
        }
    }
}

impl Following {
    /// For a server whose log also holds the reply with which it closes the connection.
    pub(super) fn whole() -> Self {
        Self {
            last: LastReply::Written,
            ..Self::default()
        }
    }

    fn begin(
        &mut self,
        record: &Record<'_>,
        at: Option<Timestamp>,
        origin: Origin,
        out: &mut Out<'_>,
    ) -> Handle {
        let has_host = !record.client.is_empty() && record.client != b"?";
        let client = has_host.then(|| Endpoint::host(Host::read(record.client)));
        let number = self.sessions.nth_of_second(at) | u64::from(record.number);
        let key = SessionKey::new(client.as_ref(), None, at, number);
        let is_login = matches!(record.fact, Fact::Login { .. });
        let user = record.user.filter(|_| !is_login);
        let introduction = Introduction {
            vantage: Vantage::ServerLog,
            client,
            server: None,
            user: user.map(|user| Text::cut(user, limits::ARGUMENT_BYTES)),
            approximate: record.number == 0,
        };
        let kind = EventKind::Introduced(Box::new(introduction));
        out(event(key, at, origin, kind));
        let mut owner = Owner::of(record);
        if is_login {
            owner.user.clear();
        }
        let talk = Talk {
            owner: owner.clone(),
            has_commands: false,
            has_replies: self.has_replies,
            leaving: Leaving::Nobody,
            last: self.last,
            replies: Replies::default(),
            piece: Vec::new(),
            waiting: None,
        };
        let handle = self.sessions.begin(key, at, origin, talk);
        self.register(owner, handle);
        handle
    }

    /// The session that speaks in a record.
    fn find(&self, record: &Record<'_>, at: Option<Timestamp>) -> Option<Handle> {
        let mut owner = Owner::of(record);
        if matches!(record.fact, Fact::Login { .. }) {
            // Written before the user is one.
            owner.user.clear();
        }
        let known = self.by_owner.get(&owner)?.iter().rev();
        known.copied().find(|handle| {
            let live = self.sessions.live(*handle, at);
            live.is_some_and(|open| open.state.owner == owner)
        })
    }

    fn register(&mut self, owner: Owner, handle: Handle) {
        match self.by_owner.get_mut(&owner) {
            Some(known) => known.push_back(handle),
            None => {
                self.by_owner.insert(owner, VecDeque::from([handle]));
            }
        }
    }

    /// Drops those at both ends of an owner's list that are its sessions no more; one in the middle goes when it has
    /// become an end. To look for one would take as long as the list is, and a client opens thousands.
    fn forget(&mut self, owner: &Owner) {
        let sessions = &self.sessions;
        let is_gone = |handle: &Handle| {
            let open = sessions.get(*handle);
            open.is_none_or(|open| open.state.owner != *owner)
        };
        let Some(known) = self.by_owner.get_mut(owner) else {
            return;
        };
        while known.front().is_some_and(is_gone) {
            known.pop_front();
        }
        while known.back().is_some_and(is_gone) {
            known.pop_back();
        }
        if known.is_empty() {
            self.by_owner.remove(owner);
        }
    }

    /// From here on the session's lines are written under the user's name.
    fn admit(&mut self, handle: Handle, record: &Record<'_>) {
        if record.number != 0 {
            return;
        }
        let Some(open) = self.sessions.get_mut(handle) else {
            return;
        };
        let owner = Owner::of(record);
        if open.state.owner == owner {
            return;
        }
        let before = std::mem::replace(&mut open.state.owner, owner.clone());
        self.forget(&before);
        self.register(owner, handle);
    }

    fn end(&mut self, handle: Handle, (end, by): Ending, out: &mut Out<'_>) {
        let Some(mut open) = self.sessions.end(handle) else {
            return;
        };
        open.tell_waiting(out);
        let key = open.key;
        open.state.replies.finish(&mut |found| {
            told_reply(key, found, out);
        });
        let (end, by) = match open.state.leaving {
            Leaving::Server => (End::Fin, Some(Side::Server)),
            _ => (end, by),
        };
        let closing = Closing::heard(end);
        out(open.event(EventKind::Closed(Closing { by, ..closing })));
        self.forget(&open.state.owner);
    }

    /// A new session of a process ends what that process did before.
    fn end_former(&mut self, record: &Record<'_>, out: &mut Out<'_>) {
        if record.number == 0 {
            return;
        }
        let owner = Owner::of(record);
        while let Some(handle) = self.by_owner.get(&owner).and_then(|h| h.back().copied()) {
            self.end(handle, (End::Idle, None), out);
            self.forget(&owner);
        }
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
            self.end(handle, (End::Idle, None), out);
        }
        let found = match record.fact {
            Fact::Opened { .. } => {
                self.end_former(record, out);
                None
            }
            _ => self.find(record, at),
        };
        let says_nothing = match record.fact {
            Fact::Closed(_) => true,
            Fact::Reply { text, .. } => ReplyCode::from_digits(text).is_none(),
            _ => false,
        };
        if found.is_none() && says_nothing {
            return;
        }
        let handle = found.unwrap_or_else(|| self.begin(record, at, origin, out));
        let Some(open) = self.sessions.get_mut(handle) else {
            return;
        };
        (open.last, open.origin) = (at.or(open.last), origin);
        let ending = open.take(record, out);
        self.has_replies = open.state.has_replies;
        if let Some(ending) = ending {
            self.end(handle, ending, out);
        } else if let Fact::Login { accepted: true, .. } = record.fact {
            self.admit(handle, record);
        }
    }

    fn marks(&mut self) -> Option<&mut Marks> {
        Some(self.sessions.marks())
    }

    fn finish(&mut self, out: &mut Out<'_>) {
        while let Some(handle) = self.sessions.any() {
            self.end(handle, (End::InputEnded, None), out);
        }
    }

    fn take_diagnostics(&mut self) -> Diagnostics {
        self.sessions.take_diagnostics()
    }
}
