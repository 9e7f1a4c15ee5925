//! The events of a session as rows, until it shows which of them are asked for, and whether a log tells more of it.

use std::borrow::Cow;
use std::io::{self, Write};

use super::watcher::Asked;
use crate::cause::classify_showing;
use crate::diagnostic::Origin;
use crate::filter::Filter;
use crate::ftp::{Command, Event, EventKind, Reply, ReplyCode, TransferRecord, Vantage, Verb};
use crate::limits;
use crate::report::{Sources, json};
use crate::session::{Exchange, Session};
use crate::text::Text;
use crate::time::Timestamp;

/// Rows of one session, bounded by [`limits::HELD_ROWS_BYTES`].
#[derive(Debug, Default)]
pub(super) struct Rows {
    bytes: Vec<u8>,
    list: Vec<Row>,
    /// What exchanges that the session no longer keeps hold of it.
    kept: Vec<Told>,
}

/// A row: where it ends among the bytes, and what it tells.
#[derive(Debug)]
struct Row {
    end: usize,
    at: Option<Timestamp>,
    told: Told,
}

/// What tells an event from others of its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Told {
    Command(Origin, Verb),
    Reply(Origin, ReplyCode),
    Transfer(Origin),
    /// Where it was announced.
    Data(Origin),
    Other,
}

impl Told {
    fn of(event: &Event<'_>) -> Self {
        match &event.kind {
            EventKind::Command(command) => Self::Command(event.origin, command.verb),
            EventKind::Reply(reply) => Self::Reply(event.origin, reply.code),
            EventKind::Transfer(_) => Self::Transfer(event.origin),
            EventKind::Data(record) => Self::Data(record.announced_by),
            _ => Self::Other,
        }
    }

    /// All that an exchange was told by.
    fn of_exchange(exchange: &Exchange) -> impl Iterator<Item = Self> {
        let replies = exchange.replies();
        let replies = replies.map(|reply| Self::Reply(reply.origin, reply.code));
        let command = exchange.command.as_ref();
        let command = command.map(|command| Self::Command(exchange.origin, command.verb));
        command.into_iter().chain(replies)
    }
}

impl Rows {
    /// Adds the row of an event.
    pub(super) fn add(&mut self, event: &Event<'_>, row: &[u8]) {
        self.bytes.extend_from_slice(row);
        self.list.push(Row {
            end: self.bytes.len(),
            at: event.at,
            told: Told::of(event),
        });
    }

    /// Adds rows of which the order alone is kept.
    pub(super) fn hold(&mut self, rows: &[u8]) {
        self.bytes.extend_from_slice(rows);
    }

    /// Gives these back.
    pub(super) fn take_held(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }

    /// The session no longer keeps this exchange, and it is asked for.
    pub(super) fn keep(&mut self, exchange: &Exchange) {
        if !self.list.is_empty() {
            self.kept.extend(Told::of_exchange(exchange));
        }
    }

    /// Takes out those of these transfers, which are in their order.
    pub(super) fn forget_transfers(&mut self, origins: &[Origin]) {
        let mut left = Self {
            kept: std::mem::take(&mut self.kept),
            ..Self::default()
        };
        let is_known =
            |told| matches!(told, Told::Transfer(at) if origins.binary_search(&at).is_ok());
        let mut start = 0;
        for row in self.list.drain(..) {
            let text = self.bytes.get(start..row.end).unwrap_or_default();
            start = row.end;
            if !is_known(row.told) {
                left.bytes.extend_from_slice(text);
                left.list.push(Row {
                    end: left.bytes.len(),
                    ..row
                });
            }
        }
        *self = left;
    }

    /// True where there are so many that it has to be decided by what is known of the session so far.
    pub(super) fn is_long(&self) -> bool {
        self.bytes.len() > limits::HELD_ROWS_BYTES
    }

    /// Writes those that are asked for, and forgets all. Of a session that was put together of two, both are told.
    pub(super) fn write(
        &mut self,
        asked: Asked<'_>,
        session: &Session,
        sources: &Sources,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let Self { bytes, list, kept } = std::mem::take(self);
        if list.is_empty() {
            return Ok(());
        }
        let Some(wanted) = Wanted::new(asked, session, kept) else {
            return Ok(());
        };
        let places = also_told(session);
        let mut shown: Vec<(Option<Timestamp>, Cow<'_, [u8]>)> = Vec::with_capacity(list.len());
        let mut start = 0;
        for row in list {
            let text = bytes.get(start..row.end).unwrap_or_default();
            start = row.end;
            if wanted.holds(row.at, row.told) {
                let also = places.binary_search_by_key(&row.told, |place| place.0).ok();
                let also = also.and_then(|place| places.get(place));
                shown.push((row.at, with_place(text, also.map(|place| place.1), sources)));
            }
        }
        for (at, told, row) in hidden(asked, session, sources) {
            if wanted.holds(at, told) {
                shown.push((at, Cow::Owned(row)));
            }
        }
        let mut known = None;
        for (at, _) in &mut shown {
            known = known.max(*at);
            *at = at.or(known);
        }
        if session.joined {
            shown.sort_by_key(|(at, _)| *at);
        }
        shown.iter().try_for_each(|(_, row)| out.write_all(row))
    }
}

/// What of a session's events is asked for.
struct Wanted<'f> {
    filter: Option<&'f Filter>,
    told: Vec<Told>,
}

impl<'f> Wanted<'f> {
    /// `kept` is wanted as well; `None` where nothing of the session is.
    fn new(asked: Asked<'f>, session: &Session, kept: Vec<Told>) -> Option<Self> {
        let filter = asked.filter;
        let mut told = kept;
        if let Some(filter) = filter {
            let mut part = session.clone();
            let mut failures = classify_showing(session, &|_| false);
            filter.narrow(&mut part, &mut failures)?;
            for exchange in &part.exchanges {
                told.extend(Told::of_exchange(exchange));
                let data = part.data_of(exchange);
                told.extend(data.map(|data| Told::Data(data.announced_by)));
            }
            told.extend(part.transfers.iter().map(|t| Told::Transfer(t.origin)));
            told.sort_unstable();
        }
        Some(Self { filter, told })
    }

    fn holds(&self, at: Option<Timestamp>, told: Told) -> bool {
        self.filter.is_none_or(|filter| {
            if filter.asks_what() {
                self.told.binary_search(&told).is_ok()
            } else {
                filter.is_in_window(at)
            }
        })
    }
}

/// The replies of a session that a log tells too, and where, in order.
fn also_told(session: &Session) -> Vec<(Told, Origin)> {
    let place = |exchange: &Exchange| {
        let also = exchange.also.as_deref().filter(|_| !exchange.hidden)?;
        let replies = exchange.replies();
        let same = replies.rev().find(|reply| reply.code == also.code)?;
        Some((Told::Reply(same.origin, same.code), also.origin))
    };
    let mut places: Vec<_> = session.exchanges.iter().filter_map(place).collect();
    places.sort_unstable();
    places
}

/// A row with the other place at its end.
fn with_place<'r>(row: &'r [u8], place: Option<Origin>, sources: &Sources) -> Cow<'r, [u8]> {
    match (place, row.strip_suffix(b"}\n")) {
        (Some(place), Some(row)) => {
            let mut row = row.to_vec();
            row.extend_from_slice(b",\"also\":");
            json::place(&mut row, place, sources);
            row.extend_from_slice(b"}\n");
            Cow::Owned(row)
        }
        _ => Cow::Borrowed(row),
    }
}

/// What TLS hid from the capture and a log tells, at the capture's time, as rows of the same session.
fn hidden(
    asked: Asked<'_>,
    session: &Session,
    sources: &Sources,
) -> Vec<(Option<Timestamp>, Told, Vec<u8>)> {
    let mut rows = Vec::new();
    if !session.joined {
        return rows;
    }
    let mut speakers = session.without_content();
    speakers.vantage = Vantage::ServerLog;
    let mut tell = |at: Option<Timestamp>, origin: Origin, kind: EventKind<'_>| {
        let event = Event {
            at,
            origin,
            ends: origin.record,
            session: session.key,
            kind,
        };
        let mut row = Vec::new();
        asked.render(&mut row, &speakers, &event, sources);
        rows.push((at, Told::of(&event), row));
    };
    for exchange in session.exchanges.iter().filter(|e| e.hidden) {
        if let Some(command) = exchange.command.as_ref().filter(|c| !c.assumed) {
            let argument = command.argument.as_ref().map(Text::bytes);
            let command = Command::new(command.verb, argument);
            tell(exchange.sent, exchange.origin, EventKind::Command(command));
        }
        for reply in exchange.replies() {
            let text = reply.text.bytes();
            let ends = memchr::memchr_iter(b'\n', text).count();
            let kind = EventKind::Reply(Reply {
                code: reply.code,
                text: Cow::Borrowed(text),
                lines: u32::try_from(ends + 1).unwrap_or(u32::MAX),
                evidence: reply.evidence,
            });
            tell(reply.at, reply.origin, kind);
        }
    }
    for transfer in &session.transfers {
        let exchange = transfer.exchange.and_then(|e| session.exchanges.get(e));
        let is_told = transfer.bytes.is_some() && exchange.is_none_or(|exchange| exchange.hidden);
        if is_told {
            let kind = EventKind::Transfer(TransferRecord {
                verb: transfer.verb,
                path: transfer.path.as_ref().map_or(&[], Text::bytes),
                bytes: transfer.bytes,
                complete: transfer.complete,
            });
            tell(transfer.at, transfer.origin, kind);
        }
    }
    rows
}
