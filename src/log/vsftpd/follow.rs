//! Records of vsftpd's three processes become sessions.
//!
//! A session has a *parent* P, which writes the login's outcome, a *child* C
//! until the login (CONNECT, mostly pid P + 1), and a *worker* D after it
//! (mostly P + 2; twoprocess.c). So a process that was not heard before is
//! joined to a session of the same address by what it says, and by how near
//! its pid is. Inside pid namespaces all sessions have the pids 2, 1 and 3:
//! there only address, user and order tell, and the session is approximate.
//!
//! A message stands for a reply only where the replies themselves are not in
//! the log. `OK …` is written before its reply, so the implied one waits for
//! the session's next record.

mod join;

use std::collections::VecDeque;

use crate::diagnostic::{Diagnostics, Origin};
use crate::ftp::{Closing, Command, End, Endpoint, EventKind, Host, Introduction, Replies, ReplyCode, SessionKey, Side, Vantage, Verb};
use crate::limits;
use crate::log::sessions::{Handle, Open, Sessions, event, told_reply};
use crate::log::{Fact, Follow, Implied, Marks, Out, Record};
use crate::lookup::Lookup;
use crate::text::Text;
use crate::time::Timestamp;

/// The highest pid in a namespace of vsftpd's own (`isolate=YES`); 0 stands for a syslog without pids.
const SHARED_PIDS: u32 = 3;

/// The sessions of one log.
#[derive(Default)]
pub(super) struct Following {
    sessions: Sessions<Talk>,
    by_pid: Lookup<u32, Handle>,
    by_host: Lookup<Host, VecDeque<Handle>>,
    /// Counts records: says which of two things came first.
    turn: u64,
}

/// What is known of one session.
#[derive(Debug)]
struct Talk {
    /// The client's address as logged.
    address: Box<[u8]>,
    host: Host,
    /// The three processes; 0 where not heard yet.
    child: u32,
    parent: u32,
    worker: u32,
    /// True where the pids say nothing.
    is_shared: bool,
    user: Vec<u8>,
    /// The record in which PASS came that was not answered yet; 0 for none.
    asked: u64,
    /// The record in which the user was let in.
    admitted: Option<(u64, Option<Timestamp>)>,
    /// True once a command or reply was seen.
    has_protocol: bool,
    has_quit: bool,
    replies: Replies,
    /// The beginning of a line of a multi-line reply.
    piece: Vec<u8>,
    waiting: Option<Box<Waiting>>,
}

/// What a message stands for, until it is clear that the log does not hold that itself.
#[derive(Debug)]
struct Waiting {
    at: Option<Timestamp>,
    origin: Origin,
    command: Option<(Verb, Box<[u8]>)>,
    implied: Implied,
    /// The server closes the connection with this reply.
    closes: bool,
}

impl Talk {
    fn is_refused(&self) -> bool {
        self.waiting.as_ref().is_some_and(|w| w.closes)
    }
}

impl Open<Talk> {
    /// Tells what a message stood for.
    fn tell_waiting(&mut self, out: &mut Out<'_>) {
        let Some(waiting) = self.state.waiting.take() else {
            return;
        };
        let Waiting {
            at,
            origin,
            command,
            implied,
            ..
        } = *waiting;
        if let Some((verb, argument)) = &command {
            let kind = EventKind::Command(Command::new(*verb, Some(argument)));
            out(event(self.key, at, origin, kind));
        }
        out(event(self.key, at, origin, implied.told(b"")));
    }

    /// Takes a piece of what the server says, and tells the code of the reply it completes.
    fn hear(&mut self, text: &[u8], ends_line: bool, out: &mut Out<'_>) -> Option<ReplyCode> {
        let has_code = ends_line && ReplyCode::from_digits(text).is_some();
        if !self.state.replies.is_open() {
            // Outside of a multi-line reply, only a code makes a reply.
            return if has_code { self.hear_line(text, out) } else { None };
        }
        if self.state.piece.is_empty() && ends_line {
            return self.hear_line(text, out);
        }
        let mut piece = std::mem::take(&mut self.state.piece);
        if has_code {
            self.hear_line(&piece, out);
            return self.hear_line(text, out);
        }
        if piece.len() + text.len() <= limits::CONTROL_LINE_BYTES {
            piece.extend_from_slice(text);
        }
        if ends_line {
            return self.hear_line(&piece, out);
        }
        self.state.piece = piece;
        None
    }

    fn hear_line(&mut self, bytes: &[u8], out: &mut Out<'_>) -> Option<ReplyCode> {
        if let Some(code) = self.tell_single(&self.state.replies, bytes, out) {
            return Some(code);
        }
        let line = self.line(bytes);
        let mut code = None;
        let key = self.key;
        self.state.replies.line(line, &mut |found| {
            code = told_reply(key, found, out).or(code);
        });
        code
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
            self.end(handle, End::Idle, out);
        }
        self.turn += 1;
        let turn = self.turn;
        let handle = match record.fact {
            Fact::Opened { .. } => None,
            _ => self.find(record, at),
        };
        let handle = handle.unwrap_or_else(|| self.begin(record, at, origin, out));
        let Some(open) = self.sessions.get_mut(handle) else {
            return;
        };
        let is_protocol = matches!(record.fact, Fact::Command(_) | Fact::Reply { .. });
        if is_protocol {
            open.state.waiting = None;
            open.state.has_protocol = true;
            open.state.learn_user(record);
        } else {
            open.tell_waiting(out);
        }
        open.last = at.or(open.last);
        open.origin = origin;
        if let Some(end) = open.take(record, turn, out) {
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

impl Talk {
    /// The user's name stands on the lines of a session before the login's outcome does.
    fn learn_user(&mut self, record: &Record<'_>) {
        if let Some(user) = record.user
            && self.admitted.is_none()
            && !self.is_user(user)
        {
            self.user.clear();
            self.user.extend_from_slice(user);
        }
    }
}

impl Open<Talk> {
    /// Tells a record's events. Answers how the session ends with it, if it does.
    fn take(&mut self, record: &Record<'_>, turn: u64, out: &mut Out<'_>) -> Option<End> {
        match &record.fact {
            Fact::Opened { refused } => {
                out(self.event(EventKind::Opened));
                self.wait(record.implied, None, *refused);
            }
            Fact::Command(command) => self.command(command, turn, out),
            Fact::Reply { text, ends_line } => {
                let code = self.hear(text, *ends_line, out)?;
                return match code.number() {
                    221 if self.state.has_quit => Some(End::Goodbye),
                    // vsftpd exits after every 421: time-out, data time-out, too many sessions.
                    421 => Some(End::Fin),
                    230 | 530 => {
                        self.state.asked = 0;
                        None
                    }
                    _ => None,
                };
            }
            Fact::Login { accepted, .. } => {
                self.state.learn_user(record);
                out(self.event(EventKind::Login {
                    user: &self.state.user,
                    accepted: *accepted,
                }));
                self.state.admitted = accepted.then_some((turn, self.last));
                self.wait(record.implied, None, false);
            }
            Fact::Transfer(transfer) => {
                out(self.event(EventKind::Transfer(transfer.clone())));
                self.wait(record.implied, None, false);
            }
            Fact::Done { verb, argument } => {
                self.wait(record.implied, Some((*verb, argument)), false);
            }
            // Not written by vsftpd.
            Fact::Failed { .. } | Fact::Exchange(_) | Fact::Closed(_) | Fact::Remark(_) | Fact::Client(_) | Fact::Piece(_) => {}
        }
        None
    }

    fn command(&mut self, command: &Command<'_>, turn: u64, out: &mut Out<'_>) {
        let key = self.key;
        self.state.replies.client_spoke(&mut |found| {
            told_reply(key, found, out);
        });
        match command.verb {
            Verb::PASS => self.state.asked = turn,
            Verb::USER if self.state.admitted.is_none() => {
                self.state.asked = 0;
                self.state.user.clear();
                let user = command.argument().unwrap_or_default();
                self.state.user.extend_from_slice(user);
            }
            Verb::QUIT => self.state.has_quit = true,
            _ => {}
        }
        out(self.event(EventKind::Command(command.clone())));
    }

    fn wait(&mut self, implied: Option<Implied>, command: Option<(Verb, &[u8])>, closes: bool) {
        if let Some(implied) = implied.filter(|_| !self.state.has_protocol) {
            self.state.waiting = Some(Box::new(Waiting {
                at: self.last,
                origin: self.origin,
                command: command.map(|(verb, argument)| (verb, argument.into())),
                implied,
                closes,
            }));
        }
    }
}

impl Following {
    /// A new session, with the process that speaks in the part that fits what it says. One line in thirty begins one, so the
    /// room that it needs is not made for each.
    #[inline(never)]
    fn begin(
        &mut self,
        record: &Record<'_>,
        at: Option<Timestamp>,
        origin: Origin,
        out: &mut Out<'_>,
    ) -> Handle {
        let host = Host::read(record.client);
        let client = Some(Endpoint::host(host.clone()));
        let pid = record.number;
        let number = self.sessions.nth_of_second(at) | u64::from(pid);
        let key = SessionKey::new(client.as_ref(), None, at, number);
        let is_shared = pid <= SHARED_PIDS;
        let mut talk = Talk {
            address: record.client.into(),
            host: host.clone(),
            child: 0,
            parent: 0,
            worker: 0,
            is_shared,
            user: record.user.unwrap_or_default().to_vec(),
            asked: 0,
            admitted: None,
            has_protocol: false,
            has_quit: false,
            replies: Replies::default(),
            piece: Vec::new(),
            waiting: None,
        };
        let introduction = Introduction {
            vantage: Vantage::ServerLog,
            client,
            server: None,
            user: record.user.map(|u| Text::cut(u, limits::ARGUMENT_BYTES)),
            approximate: is_shared,
        };
        let kind = EventKind::Introduced(Box::new(introduction));
        match &record.fact {
            Fact::Login { .. } => talk.parent = pid,
            fact if record.user.is_none() || join::is_before_login(fact) => talk.child = pid,
            _ => {
                talk.worker = pid;
                talk.admitted = Some((self.turn, at));
            }
        }
        out(event(key, at, origin, kind));
        let handle = self.sessions.begin(key, at, origin, talk);
        if !is_shared {
            self.by_pid.insert(pid, handle);
        }
        self.remember(host, handle);
        handle
    }

    fn end(&mut self, handle: Handle, end: End, out: &mut Out<'_>) {
        let Some(mut open) = self.sessions.end(handle) else {
            return;
        };
        let is_refused = open.state.is_refused();
        open.tell_waiting(out);
        let key = open.key;
        let piece = std::mem::take(&mut open.state.piece);
        if !piece.is_empty() {
            open.hear_line(&piece, out);
        }
        open.state.replies.finish(&mut |found| {
            told_reply(key, found, out);
        });
        let end = if is_refused { End::Fin } else { end };
        out(open.event(EventKind::Closed(Closing {
            by: (end == End::Fin).then_some(Side::Server),
            ..Closing::heard(end)
        })));
        let Talk {
            child,
            parent,
            worker,
            host,
            ..
        } = open.state;
        for pid in [child, parent, worker] {
            if self.by_pid.get(&pid) == Some(&handle) {
                self.by_pid.remove(&pid);
            }
        }
        self.forget(&host);
    }

    fn remember(&mut self, host: Host, handle: Handle) {
        match self.by_host.get_mut(&host) {
            Some(known) => known.push_back(handle),
            None => {
                self.by_host.insert(host, VecDeque::from([handle]));
            }
        }
    }

    /// Drops a host's ended sessions from both ends of its list; one in the middle goes when it has become an end.
    fn forget(&mut self, host: &Host) {
        let Some(known) = self.by_host.get_mut(host) else {
            return;
        };
        while let Some(first) = known.front()
            && self.sessions.get(*first).is_none()
        {
            known.pop_front();
        }
        while let Some(last) = known.back()
            && self.sessions.get(*last).is_none()
        {
            known.pop_back();
        }
        if known.is_empty() {
            self.by_host.remove(host);
        }
    }
}
