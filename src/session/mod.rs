//! Events become sessions: what was asked, what was answered, what moved, how it ended.
//!
//! A session is a fold over the events of one control connection. Nothing here
//! knows whether they came from a capture or a log, and nothing here judges:
//! why something failed is the next layer's question.

mod builder;
mod compact;
mod operation;
mod pair;
#[cfg(test)]
mod tests;
mod transfer;

use std::time::Duration;

pub use builder::{Builder, Observer};
pub use pair::Pairing;

use crate::diagnostic::{Origin, SourceId};
use crate::ftp::{
    Closing, Command, DataMode, DataRecord, Direction, End, Endpoint, Evidence, Fate, Hearing,
    Introduction, Reply, ReplyClass, ReplyCode, SessionKey, Side, TlsRecord, Uncounted, Vantage,
    Verb,
};
use crate::limits;
use crate::text::Text;
use crate::time::Timestamp;

/// A command that a session keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptCommand {
    /// The verb.
    pub verb: Verb,
    /// The argument, at most [`limits::ARGUMENT_BYTES`]; `None` when there is none or it is a secret.
    pub argument: Option<Text>,
    /// True when the argument was dropped because it is a secret.
    pub secret: bool,
    /// True when the source does not hold the command itself (a log's `FAIL LOGIN` stands for PASS).
    pub assumed: bool,
}

impl KeptCommand {
    fn new(command: &Command<'_>) -> Self {
        let argument = command
            .argument()
            .map(|a| Text::cut(a, limits::ARGUMENT_BYTES));
        Self {
            verb: command.verb,
            argument,
            secret: command.is_secret(),
            assumed: false,
        }
    }
}

/// A reply that a session keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptReply {
    /// The code.
    pub code: ReplyCode,
    /// All lines' text, at most [`limits::REPLY_TEXT_BYTES`].
    pub text: Text,
    /// How it is known.
    pub evidence: Evidence,
    /// When its last byte was heard.
    pub at: Option<Timestamp>,
    /// The record that holds its first byte.
    pub origin: Origin,
}

impl KeptReply {
    /// What a log's line implies that has the transfer and no reply.
    const TRANSFER: Evidence = Evidence::Implied {
        by: "the same transfer",
    };

    /// The reply that ended a transfer, as a log of transfers has it: a line stands for it, and no code or word.
    pub(crate) fn of_logged_transfer(&self, line: Origin) -> Self {
        Self {
            text: Text::default(),
            evidence: Self::TRANSFER,
            origin: line,
            ..self.clone()
        }
    }

    /// True where only the transfer was logged.
    pub(crate) fn is_of_logged_transfer(&self) -> bool {
        self.evidence == Self::TRANSFER
    }

    fn new(reply: &Reply<'_>, at: Option<Timestamp>, origin: Origin, with_text: bool) -> Self {
        let text = if with_text { &*reply.text } else { &[] };
        let text = Text::cut(text, limits::REPLY_TEXT_BYTES);
        Self {
            code: reply.code,
            text,
            evidence: reply.evidence,
            at,
            origin,
        }
    }
}

/// How an exchange came out (RFC 959 section 6: success, failure, error).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// 2yz, or 3yz where the command asks for one.
    Success,
    /// 4yz or 5yz.
    Failure,
    /// No settling reply was heard.
    Unanswered,
}

/// What was in force when a command was sent or an unasked reply came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "five independent settings")]
pub struct State {
    /// A login had been accepted.
    pub logged_in: bool,
    /// TLS had been agreed upon on the control connection.
    pub protected: bool,
    /// Logins that had failed so far.
    pub failed_logins: u32,
    /// TYPE A had been asked for and granted.
    pub ascii: bool,
    /// A transfer mode other than stream had been granted: what moves is not the file's bytes.
    pub coded: bool,
    /// The last change of directory had failed: the client may not be where it thinks.
    pub astray: bool,
}

/// A command and every reply up to the one that settles it (RFC 959 section 5.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// The command; `None` for the greeting and for a reply that nobody asked for (421).
    pub command: Option<KeptCommand>,
    /// When the command was sent.
    pub sent: Option<Timestamp>,
    /// Where the command was read; for a reply without command, where that was.
    pub origin: Origin,
    /// The first 1yz reply. Few exchanges have one, so none has room for it.
    pub preliminary: Option<Box<KeptReply>>,
    /// The reply that settled it.
    pub last: Option<KeptReply>,
    /// How it came out.
    pub outcome: Outcome,
    /// How sure it is that the replies belong to the command.
    pub paired: Pairing,
    /// What was in force.
    pub state: State,
    /// Silence on the control connection before the settling reply.
    pub quiet: Duration,
    /// True when ABOR was sent before it was settled.
    pub aborted: bool,
    /// The data connection it uses: an index into [`Session::data`].
    pub data: Option<usize>,
    /// The same reply as another source tells it.
    pub also: Option<Box<KeptReply>>,
    /// True where TLS hid it from the capture and a log tells of it.
    pub hidden: bool,
}

impl Exchange {
    /// Its replies, in the order in which they came.
    pub fn replies(&self) -> impl DoubleEndedIterator<Item = &KeptReply> {
        self.preliminary.as_deref().into_iter().chain(&self.last)
    }

    /// The same, to be changed.
    pub(crate) fn replies_mut(&mut self) -> impl Iterator<Item = &mut KeptReply> {
        let begun = self.preliminary.as_deref_mut();
        begun.into_iter().chain(&mut self.last)
    }

    /// The verb; [`Verb::CONNECT`] for the greeting.
    pub fn verb(&self) -> Option<Verb> {
        self.command.as_ref().map(|c| c.verb)
    }

    /// The code that settled it.
    pub fn code(&self) -> Option<ReplyCode> {
        self.last.as_ref().map(|r| r.code)
    }

    /// When it was settled, or else begun.
    pub fn at(&self) -> Option<Timestamp> {
        self.last.as_ref().and_then(|r| r.at).or(self.sent)
    }

    /// No answer came, as far as packets and clients can tell: a server's log may just not hold it.
    pub fn is_unanswered(&self) -> bool {
        self.outcome == Outcome::Unanswered && !self.hidden
    }

    /// True when the command's argument begins with this letter, in either case.
    fn argument_begins_with(&self, letter: u8) -> bool {
        let argument = self.command.as_ref().and_then(|c| c.argument.as_ref());
        argument.is_some_and(|a| {
            a.bytes()
                .first()
                .is_some_and(|b| b.eq_ignore_ascii_case(&letter))
        })
    }

    /// From the command to its first reply.
    pub fn waited(&self) -> Option<Duration> {
        let first = self.replies().next()?;
        Some(first.at?.since(self.sent?))
    }

    /// The same where both times are those of the session's own source. What another log adds has its stamps, which may be
    /// whole seconds, and what a message stands for has only one.
    pub fn measured_wait(&self) -> Option<Duration> {
        let is_assumed = self.command.as_ref().is_some_and(|c| c.assumed);
        (!self.hidden && !is_assumed)
            .then(|| self.waited())
            .flatten()
    }
}

/// A data connection: as announced on the control connection, and as seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataConnection {
    /// How it was agreed upon.
    pub mode: DataMode,
    /// The address that was announced; `None` for EPSV's host when the server's is unknown.
    pub announced: Option<Endpoint>,
    /// The record that announced it.
    pub announced_by: Origin,
    /// What was seen of it, where packets are at hand.
    pub seen: Option<Box<DataRecord>>,
}

/// A file or listing moved, or meant to be moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// The command.
    pub verb: Verb,
    /// The path, as sent or logged.
    pub path: Option<Text>,
    /// Which way.
    pub direction: Direction,
    /// Bytes moved, where known.
    pub bytes: Option<u64>,
    /// Whether all of it was moved; `None` when nobody says so.
    pub complete: Option<bool>,
    /// The exchange: an index into [`Session::exchanges`]; `None` where a log tells only of the transfer.
    pub exchange: Option<usize>,
    /// When it ended.
    pub at: Option<Timestamp>,
    /// Where it was read.
    pub origin: Origin,
}

/// One control connection from open to close, as far as it was heard.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "five independent observations"
)]
pub struct Session {
    /// Its name.
    pub key: SessionKey,
    /// From where it was heard.
    pub vantage: Vantage,
    /// The client's end.
    pub client: Option<Endpoint>,
    /// The server's end.
    pub server: Option<Endpoint>,
    /// The user last named.
    pub user: Option<Text>,
    /// True where the source can't tell for certain which events belong together.
    pub approximate: bool,
    /// True when its opening was heard.
    pub opened: bool,
    /// True when a login was accepted.
    pub logged_in: bool,
    /// The first event's time.
    pub start: Option<Timestamp>,
    /// The last event's time.
    pub last: Option<Timestamp>,
    /// Where it was first heard.
    pub origin: Origin,
    /// How it ended; `None` while it is open.
    pub closing: Option<Closing>,
    /// True once TLS was agreed upon: what follows is hidden.
    pub protected: bool,
    /// AUTH was accepted: what follows is behind TLS, also where a log shows it in clear.
    pub agreed_on_tls: bool,
    /// What was seen of its handshake.
    pub tls: Option<Box<TlsRecord>>,
    /// Commands heard.
    pub commands: u64,
    /// Replies observed.
    pub replies: u64,
    /// Exchanges in order of their commands, at most [`limits::KEPT_EXCHANGES`].
    pub exchanges: Vec<Exchange>,
    /// Exchanges that were counted but not kept.
    pub elided: u64,
    /// Failed exchanges among them: nobody can judge them any more.
    pub elided_failures: u64,
    /// Transfers that were counted but not kept.
    pub elided_transfers: u64,
    /// Bytes of the transfers that were not kept.
    pub elided_bytes: u64,
    /// Data connections in the order of their announcements, at most [`limits::KEPT_EXCHANGES`].
    pub data: Vec<DataConnection>,
    /// Transfers in the order of their ends, at most [`limits::KEPT_EXCHANGES`].
    pub transfers: Vec<Transfer>,
    /// Replies of which only candidates are known, and how often each set of them.
    pub candidates: Vec<(&'static Uncounted, u64)>,
    /// Bytes that were on the wire and are not in the capture; how often bytes were missing.
    pub missing: (u64, u64),
    /// The sources it was read from.
    pub sources: Vec<SourceId>,
    /// Its ends on the other side of an address translation, where that was heard as well.
    pub also: Vec<Hearing>,
    /// True where it was put together of what a capture and a log hold of it.
    pub joined: bool,
}

impl Session {
    fn new(key: SessionKey, origin: Origin, introduction: &Introduction) -> Self {
        let Introduction {
            vantage,
            client,
            server,
            user,
            approximate,
        } = introduction.clone();
        Self {
            key,
            vantage,
            client,
            server,
            user,
            approximate,
            opened: false,
            logged_in: false,
            start: None,
            last: None,
            origin,
            closing: None,
            protected: false,
            agreed_on_tls: false,
            tls: None,
            commands: 0,
            replies: 0,
            exchanges: Vec::new(),
            elided: 0,
            elided_failures: 0,
            elided_transfers: 0,
            elided_bytes: 0,
            data: Vec::new(),
            transfers: Vec::new(),
            candidates: Vec::new(),
            missing: (0, 0),
            sources: vec![origin.source],
            also: Vec::new(),
            joined: false,
        }
    }

    /// It was heard in another place too; other ends are kept.
    fn hear_also(&mut self, hearing: &Hearing) {
        let own = self.client.as_ref() == Some(&hearing.client)
            && self.server.as_ref() == Some(&hearing.server);
        if !own && !self.also.contains(hearing) {
            self.also.push(hearing.clone());
        }
    }

    /// A reply whose code is one of several. What stands for it is a message that some format knows, so there are few.
    fn add_candidates(&mut self, reply: &'static Uncounted) {
        match self.candidates.iter_mut().find(|known| known.0 == reply) {
            Some(known) => known.1 += 1,
            None => self.candidates.push((reply, 1)),
        }
    }

    /// From the first event to the last.
    pub fn duration(&self) -> Option<Duration> {
        Some(self.last?.since(self.start?))
    }

    /// Transfers begun.
    pub fn transfer_count(&self) -> u64 {
        self.elided_transfers + self.transfers.len() as u64
    }

    /// Bytes moved by its transfers.
    pub fn bytes(&self) -> u64 {
        let moved = self.transfers.iter().filter_map(|t| t.bytes);
        moved.fold(self.elided_bytes, u64::saturating_add)
    }

    /// How it ended.
    pub fn end(&self) -> End {
        self.closing.as_ref().map_or(End::InputEnded, |c| c.end)
    }

    /// What became of the attempt to open the control connection.
    pub fn fate(&self) -> Fate {
        self.closing.as_ref().map_or(Fate::Opened, |c| c.fate)
    }

    /// True when it was behind TLS, or was to be and a log does not show that this failed.
    pub fn is_behind_tls(&self) -> bool {
        let came_to_terms = self.tls.as_ref().and_then(|tls| tls.completed);
        let is_told = came_to_terms.unwrap_or(self.agreed_on_tls) && self.vantage != Vantage::Wire;
        self.protected || is_told
    }

    /// Who ended it.
    pub fn ended_by(&self) -> Option<Side> {
        self.closing.as_ref().and_then(|c| c.by)
    }

    /// The data connection that an exchange uses.
    pub fn data_of(&self, exchange: &Exchange) -> Option<&DataConnection> {
        self.data.get(exchange.data?)
    }

    /// The TLS handshakes seen on its data connections.
    pub fn data_handshakes(&self) -> impl Iterator<Item = &TlsRecord> {
        let seen = self.data.iter().filter_map(|d| d.seen.as_deref());
        seen.filter_map(|seen| seen.tls.as_deref())
    }

    /// True when the user is an anonymous one (RFC 1635).
    pub fn is_anonymous(&self) -> bool {
        let user = self.user.as_ref().map(Text::bytes).unwrap_or_default();
        user.eq_ignore_ascii_case(b"anonymous") || user.eq_ignore_ascii_case(b"ftp")
    }
}

/// True when a reply of this class settles an exchange.
fn settles(code: ReplyCode) -> bool {
    code.class() != ReplyClass::Preliminary
}
