//! The records of sessions that are open, kept so that a later run can read them again and go on.
//!
//! No format serialises what it knows of its sessions: reading the same records again makes the same of them. A record is
//! kept with its session until that is over. A remark belongs to a process that may have no session yet, and is kept until
//! that process says that it is over. Nothing that is kept holds a password: it is struck out where the record stays the
//! same without it, and where it does not, its session is given up, which is to count it where the input ends.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::diagnostic::Origin;
use crate::ftp::{Event, EventKind, SessionKey, grammar};
use crate::limits;
use crate::log::reader::ask_envelope;
use crate::log::{Aside, Bare, Detected, Fact, Header, Read, Record};
use crate::lookup::Lookup;
use crate::time::Timestamp;

/// Lines of a header, with line ends between them.
pub type HeaderText = Option<Arc<Vec<u8>>>;

/// Bytes that a kept record takes beside its line.
const RECORD_BYTES: usize = 96;

/// Words behind which lines hold secrets (RFC 959, RFC 2228).
const SECRETS: [&[u8]; 4] = [b"pass", b"acct", b"adat", b"pswd"];

/// A record of a session that is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Where it was read.
    pub origin: Origin,
    /// When it was written, as it was understood there.
    pub at: Option<Timestamp>,
    /// The lines of the header in force, in formats that have one.
    pub header: HeaderText,
    /// Where a session begins with it: the second in which one had begun before, and how many had before that.
    pub begun: Option<(i64, u64)>,
    /// How often it is told, where a line says that it was repeated.
    pub again: Option<u32>,
    /// The line, without its end and without secrets.
    pub line: Box<[u8]>,
}

/// What is left of a series at its end.
#[derive(Debug, Default)]
pub struct Carried {
    /// The records of the sessions that are open, in their order.
    pub records: Vec<Kept>,
    /// Open sessions whose records were not kept.
    pub given_up: Vec<(SessionKey, Origin)>,
}

/// A record that is kept for as long as its session is open.
#[derive(Debug, Clone)]
pub(super) enum Entry {
    /// It stands in the window that is being read, at this place among its records. Most sessions are over before the window
    /// is, so that nothing of them is copied.
    Here {
        number: usize,
        at: Option<Timestamp>,
        header: HeaderText,
    },
    /// It was copied as it is. What is left in the end is kept without secrets; to strike them out of all records would be
    /// most of the work of a run.
    Copied(Detected, Box<Kept>),
    /// An earlier run kept it.
    Kept(Box<Kept>),
}

impl Entry {
    /// True where another line says that it was repeated.
    fn is_repeated(&self) -> bool {
        match self {
            Self::Here { .. } => false,
            Self::Copied(_, kept) | Self::Kept(kept) => kept.again.is_some(),
        }
    }
}

/// The same, with its place in the order of all.
#[derive(Debug)]
struct Held {
    turn: u64,
    /// See [`Kept::begun`].
    begun: Option<(i64, u64)>,
    /// See [`Kept::again`].
    again: Option<u32>,
    entry: Entry,
}

impl Held {
    /// The copy of a record that stands in the window.
    fn copy(&mut self, copied: &impl Fn(usize, Option<Timestamp>, HeaderText) -> Entry) -> usize {
        if let Entry::Here { number, at, header } = &mut self.entry {
            self.entry = copied(*number, *at, header.take());
        }
        let line = self.kept().map_or(0, |kept| kept.line.len());
        line + RECORD_BYTES
    }

    fn kept(&self) -> Option<&Kept> {
        match &self.entry {
            Entry::Here { .. } => None,
            Entry::Copied(_, kept) | Entry::Kept(kept) => Some(kept),
        }
    }

    fn origin(&self) -> Origin {
        self.kept().map(|kept| kept.origin).unwrap_or_default()
    }

    /// The record without secrets, or where it stands.
    fn left(self) -> Result<(u64, Kept), Origin> {
        let origin = self.origin();
        let kept = match self.entry {
            Entry::Here { .. } => None,
            Entry::Copied(format, kept) => without_secrets(format, *kept),
            Entry::Kept(kept) => Some(*kept),
        };
        let (begun, again) = (self.begun, self.again);
        let kept = kept.map(|kept| Kept {
            begun,
            again,
            ..kept
        });
        kept.map(|kept| (self.turn, kept)).ok_or(origin)
    }

    /// Counts once more what the last record of a session told again.
    fn is_told_by(&self, last: Option<&mut Self>, is_again: bool) -> bool {
        let last = last.filter(|last| is_again && self.begun.is_none() && last.turn == self.turn);
        let again = last.and_then(|last| last.again.as_mut());
        again
            .map(|again| *again = again.saturating_add(1))
            .is_some()
    }
}

/// What is kept of one session.
#[derive(Debug, Default)]
struct Open {
    records: Vec<Held>,
    /// How many of them are copies, and the bytes that these take.
    copied: usize,
    bytes: usize,
    /// The turn of the last one.
    last: u64,
    /// Where it began, if nothing is kept of it any more.
    given_up: Option<Origin>,
}

/// A remark, and the process that made it.
#[derive(Debug)]
struct Remark {
    format: usize,
    number: u32,
    held: Held,
}

/// Keeps the records of one series.
#[derive(Debug, Default)]
pub(super) struct Carrying {
    sessions: Lookup<SessionKey, Open>,
    /// Each open session, by the turn at which it was looked at last: those that are silent longest are in front.
    silent: VecDeque<(u64, SessionKey)>,
    remarks: VecDeque<Remark>,
    /// Sessions with records that stand in the window that is being read.
    here: Vec<SessionKey>,
    turn: u64,
    bytes: usize,
    header: HeaderLines,
}

/// What became of a record: its session, and the sessions that ended with it.
#[derive(Debug, Default)]
pub(super) struct Turn {
    last: Option<SessionKey>,
    closed: Vec<SessionKey>,
    /// See [`Kept::begun`].
    pub(super) begun: Option<(i64, u64)>,
    /// The record was told before.
    is_again: bool,
}

impl Turn {
    /// Of a record that is told, the first time or again.
    pub(super) fn again(is_again: bool) -> Self {
        Self {
            is_again,
            ..Self::default()
        }
    }

    pub(super) fn note(&mut self, event: &Event<'_>) {
        self.last = Some(event.session);
        if let EventKind::Closed(_) = event.kind {
            self.closed.push(event.session);
        }
    }

    /// The session of the record, unless it is over: the one that is named, or that of its last event.
    fn session(&self, heard: Option<SessionKey>) -> Option<SessionKey> {
        heard.or(self.last).filter(|key| !self.closed.contains(key))
    }
}

impl Carrying {
    /// The lines of the header, as far as they were read.
    pub(super) fn header(&mut self) -> &mut HeaderLines {
        &mut self.header
    }

    /// Keeps a record, and forgets those of the sessions that ended with it. One that is repeated is kept for each session that
    /// it belongs to: each time it may begin one.
    pub(super) fn take(
        &mut self,
        (format, record): (usize, &Record<'_>),
        heard: Option<SessionKey>,
        turn: &Turn,
        entry: Entry,
    ) {
        self.turn += u64::from(!turn.is_again);
        for key in &turn.closed {
            self.forget(*key);
        }
        if !self.remarks.is_empty() && ends_process(record) {
            self.remarks
                .retain(|r| (r.format, r.number) != (format, record.number));
        }
        let is_repeated = record.times != 1 || entry.is_repeated();
        let held = Held {
            turn: self.turn,
            begun: turn.begun,
            again: is_repeated.then_some(1),
            entry,
        };
        if let Some(key) = turn.session(heard) {
            self.keep(key, held, turn.is_again);
        } else if let Fact::Remark(_) = record.fact {
            let last = self.remarks.back_mut().map(|remark| &mut remark.held);
            if held.is_told_by(last, turn.is_again) {
                return;
            }
            self.remarks.push_back(Remark {
                format,
                number: record.number,
                held,
            });
            if self.remarks.len() > limits::CARRIED_REMARKS {
                self.remarks.pop_front();
            }
        }
    }

    fn keep(&mut self, key: SessionKey, held: Held, is_again: bool) {
        let turn = held.turn;
        if let Some(open) = self.sessions.get_mut(&key) {
            let is_told = held.is_told_by(open.records.last_mut(), is_again);
            if open.given_up.is_none() && !is_told {
                if open.copied == open.records.len() {
                    self.here.push(key);
                }
                open.records.push(held);
                open.last = turn;
            }
            return;
        }
        let open = Open {
            records: vec![held],
            last: turn,
            ..Open::default()
        };
        self.sessions.insert(key, open);
        self.silent.push_back((turn, key));
        self.here.push(key);
    }

    /// The window is over: records of sessions that are open by now are copied.
    pub(super) fn end_window(
        &mut self,
        copied: impl Fn(usize, Option<Timestamp>, HeaderText) -> Entry,
    ) {
        for remark in &mut self.remarks {
            remark.held.copy(&copied);
        }
        for key in std::mem::take(&mut self.here) {
            let Some(open) = self.sessions.get_mut(&key) else {
                continue;
            };
            let new = open.records.iter_mut().skip(open.copied);
            let bytes = new.map(|held| held.copy(&copied)).sum::<usize>();
            open.copied = open.records.len();
            open.bytes += bytes;
            self.bytes += bytes;
        }
        while self.bytes > limits::CARRIED_BYTES && self.give_up_one() {}
    }

    /// Gives up the session that is silent longest.
    fn give_up_one(&mut self) -> bool {
        while let Some((turn, key)) = self.silent.pop_front() {
            let Some(open) = self.sessions.get_mut(&key) else {
                continue;
            };
            self.silent.push_back((open.last, key));
            if open.last == turn && open.given_up.is_none() {
                self.bytes -= open.bytes;
                *open = Open {
                    given_up: Some(open.records.first().map(Held::origin).unwrap_or_default()),
                    last: turn,
                    ..Open::default()
                };
                return true;
            }
        }
        false
    }

    fn forget(&mut self, key: SessionKey) {
        if let Some(open) = self.sessions.remove(&key) {
            self.bytes -= open.bytes;
        }
        // Sessions that are over are found out when their turn comes; there are to be no more of them than open ones.
        if self.silent.len() > 64 && self.silent.len() / 2 > self.sessions.len() {
            let sessions = &self.sessions;
            self.silent.retain(|(_, key)| sessions.get(key).is_some());
        }
    }

    /// What is left at the end.
    pub(super) fn left(&mut self) -> Carried {
        let mut carried = Carried::default();
        let mut records = Vec::new();
        for (_, key) in std::mem::take(&mut self.silent) {
            let Some(open) = self.sessions.remove(&key) else {
                continue;
            };
            let kept = open.records.into_iter().map(Held::left);
            let kept = match open.given_up {
                Some(origin) => Err(origin),
                None => kept.collect::<Result<Vec<_>, _>>(),
            };
            match kept {
                Ok(kept) => records.extend(kept),
                Err(origin) => carried.given_up.push((key, origin)),
            }
        }
        let remarks = std::mem::take(&mut self.remarks).into_iter();
        records.extend(remarks.filter_map(|remark| remark.held.left().ok()));
        records.sort_by_key(|(turn, _)| *turn);
        carried.records = records.into_iter().map(|(_, kept)| kept).collect();
        carried
    }
}

/// True where a process begins anew or is over.
fn ends_process(record: &Record<'_>) -> bool {
    match &record.fact {
        Fact::Opened { .. } | Fact::Closed(_) => true,
        Fact::Exchange(exchange) => exchange.end.is_some(),
        _ => false,
    }
}

/// The lines of a header by which lines behind them are read: of each kind the last one.
#[derive(Debug, Default)]
pub(super) struct HeaderLines {
    lines: Vec<Vec<u8>>,
    text: Arc<Vec<u8>>,
}

impl HeaderLines {
    /// Goes on with the lines of an earlier run.
    pub(super) fn begin(&mut self, text: &[u8]) {
        *self = Self::default();
        for line in text.split(|b| *b == b'\n').filter(|line| !line.is_empty()) {
            self.take(line);
        }
    }

    /// Takes the lines of the header that stand in these bytes, which are whole lines.
    pub(super) fn take_all(&mut self, bytes: &[u8]) {
        for line in bytes.split(|b| *b == b'\n') {
            let is_short = line.len() <= limits::LOG_LINE_BYTES;
            if is_short && memchr::memchr(b'#', line).is_some() {
                let message = Bare::read(line).message;
                if message.first() == Some(&b'#') {
                    self.take(message);
                }
            }
        }
    }

    fn take(&mut self, line: &[u8]) {
        let name = |line: &[u8]| {
            let end = line.iter().position(|b| matches!(b, b':' | b' ' | b'\t'));
            line.get(..end.unwrap_or(line.len())).map(<[u8]>::to_vec)
        };
        let own = name(line);
        if own.as_deref() == Some(b"#separator") {
            self.lines.clear();
        }
        self.lines.retain(|known| name(known) != own);
        self.lines.push(line.to_vec());
        if self.lines.len() > limits::HEADER_LINES {
            self.lines.remove(0);
        }
        self.text = Arc::new(self.lines.join(&b'\n'));
    }

    /// The lines, with line ends between them.
    pub(super) fn text(&self) -> &Arc<Vec<u8>> {
        &self.text
    }
}

/// The header that these lines make.
pub(super) fn header_of(text: &[u8]) -> Header {
    let mut header = Header::default();
    for line in text.split(|b| *b == b'\n') {
        header.take(line);
    }
    header
}

/// A record of a source in this format without the secret that it may hold: every word of it that what it tells does not
/// depend on is struck out. `None` where that can't be told by the line alone.
fn without_secrets(format: Detected, kept: Kept) -> Option<Kept> {
    let header = header_of(kept.header.as_deref().map_or(b"", Vec::as_slice));
    let (place, record) = format.read_again(&header, &kept.line)?;
    if let Fact::Piece(_) = record.fact {
        // What follows the word may stand in another line.
        return None;
    }
    let Some(start) = secret(&kept.line, &record) else {
        return Some(kept);
    };
    if let Fact::Client(Aside::Row(_)) = record.fact {
        return None;
    }
    let is_same = |line: &[u8]| {
        // A line that the source's own format takes is asked no other; most lines with a word missing are nobody's, and to
        // ask all formats about each of them would take long.
        let read = if format.index == place {
            format.read_own_again(&header, line)
        } else {
            format.read_again(&header, line)
        };
        read.is_some_and(|(_, read)| is_alike(&read, &record))
    };
    let line = struck_out(&kept.line, start, is_same);
    Some(Kept { line, ..kept })
}

/// A line of a source in this format without the secret that it may hold.
pub(super) fn line_without_secrets(
    format: Detected,
    header: HeaderText,
    line: &[u8],
) -> Option<Box<[u8]>> {
    let kept = Kept {
        origin: Origin::default(),
        at: None,
        header,
        begun: None,
        again: None,
        line: line.into(),
    };
    without_secrets(format, kept).map(|kept| kept.line)
}

impl Detected {
    /// A line that was read before, together with what is in its envelope.
    pub(super) fn read_again<'b>(
        self,
        header: &Header,
        line: &'b [u8],
    ) -> Option<(usize, Record<'b>)> {
        let bare = Bare::read(line);
        taken(self.read(header, &bare), &bare)
    }

    /// The same, where it is of this format.
    fn read_own_again<'b>(self, header: &Header, line: &'b [u8]) -> Option<(usize, Record<'b>)> {
        let bare = Bare::read(line);
        taken(self.read_own(header, &bare), &bare)
    }
}

fn taken<'b>((place, read): (usize, Read<'b>), bare: &Bare<'b>) -> Option<(usize, Record<'b>)> {
    let Read::Taken(mut record) = read else {
        return None;
    };
    record.times = bare.times;
    ask_envelope(&mut record, bare, place);
    Some((place, record))
}

/// A line with every word struck out, from a place on, without which it is the same.
fn struck_out(line: &[u8], start: usize, is_same: impl Fn(&[u8]) -> bool) -> Box<[u8]> {
    let mut line = line.to_vec();
    let mut at = start;
    while at < line.len() {
        let rest = line.get(at..).unwrap_or_default();
        let between = rest.iter().take_while(|b| !is_letter(**b)).count();
        let length = rest
            .iter()
            .skip(between)
            .take_while(|b| is_letter(**b))
            .count();
        let word = at + between..at + between + length;
        at = word.end;
        let known = line
            .get(word.clone())
            .map(<[u8]>::to_vec)
            .unwrap_or_default();
        line.get_mut(word.clone()).unwrap_or_default().fill(b'*');
        if !is_same(&line)
            && let Some(place) = line.get_mut(word)
        {
            place.copy_from_slice(&known);
        }
    }
    line.into_boxed_slice()
}

/// Marks are left as they are: they part what stands in a line.
fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || !byte.is_ascii()
}

/// True for records that tell the same. What a client sent is told as a command, without its secret.
fn is_alike(one: &Record<'_>, other: &Record<'_>) -> bool {
    let (Fact::Client(Aside::Sent(a)), Fact::Client(Aside::Sent(b))) = (&one.fact, &other.fact)
    else {
        return one == other;
    };
    let rest = Record {
        fact: other.fact.clone(),
        ..one.clone()
    };
    rest == *other && grammar::command(a) == grammar::command(b)
}

/// Where a line that may hold a secret is looked through.
fn secret(line: &[u8], record: &Record<'_>) -> Option<usize> {
    let is_secret = match &record.fact {
        Fact::Command(command) => command.is_secret(),
        Fact::Exchange(exchange) => exchange
            .command()
            .is_some_and(|command| command.is_secret()),
        Fact::Client(Aside::Sent(line)) => {
            grammar::command(line).is_some_and(|command| command.is_secret())
        }
        _ => false,
    };
    let begins = |rest: &[u8]| {
        let is = |word: &&[u8]| {
            rest.get(..word.len())
                .is_some_and(|w| w.eq_ignore_ascii_case(word))
        };
        SECRETS.iter().any(is)
    };
    let named = (0..line.len()).find(|at| line.get(*at..).is_some_and(begins));
    if is_secret { Some(0) } else { named }
}

#[cfg(test)]
mod tests;
