//! The events of a session as rows, until it shows which of them are asked for.

use std::io::{self, Write};

use crate::cause::classify_showing;
use crate::diagnostic::Origin;
use crate::filter::Filter;
use crate::ftp::{Event, EventKind, ReplyCode, Verb};
use crate::limits;
use crate::session::{Exchange, Session};
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
        let replies = exchange.preliminary.iter().chain(&exchange.last);
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

    /// The session no longer keeps this exchange, and it is asked for.
    pub(super) fn keep(&mut self, exchange: &Exchange) {
        if !self.list.is_empty() {
            self.kept.extend(Told::of_exchange(exchange));
        }
    }

    /// True where there are so many that it has to be decided by what is known of the session so far.
    pub(super) fn is_long(&self) -> bool {
        self.bytes.len() > limits::HELD_ROWS_BYTES
    }

    /// Writes those that are asked for, and forgets all.
    pub(super) fn write(
        &mut self,
        filter: &Filter,
        session: &Session,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let Self { bytes, list, kept } = std::mem::take(self);
        if list.is_empty() {
            return Ok(());
        }
        let mut part = session.clone();
        let mut failures = classify_showing(session, &|_| false);
        if filter.narrow(&mut part, &mut failures).is_none() {
            return Ok(());
        }
        let mut wanted = kept;
        for exchange in &part.exchanges {
            wanted.extend(Told::of_exchange(exchange));
            let data = part.data_of(exchange);
            wanted.extend(data.map(|data| Told::Data(data.announced_by)));
        }
        wanted.extend(part.transfers.iter().map(|t| Told::Transfer(t.origin)));
        wanted.sort_unstable();
        let mut start = 0;
        for row in list {
            let fits = if filter.asks_what() {
                wanted.binary_search(&row.told).is_ok()
            } else {
                filter.is_in_window(row.at)
            };
            if fits {
                out.write_all(bytes.get(start..row.end).unwrap_or_default())?;
            }
            start = row.end;
        }
        Ok(())
    }
}
