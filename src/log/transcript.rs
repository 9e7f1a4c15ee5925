//! What clients write down of their sessions becomes events: commands and replies, and what a client notes beside them.
//!
//! Most transcripts name no session. There one session ends where the next begins: with the client's word that it
//! connects, or with a second greeting. Many have no time either; then none is told. A client that fails to connect, for
//! the control connection or for data, knows whether it was refused or not answered: that is told as what became of the
//! attempt. What a client *says about* a failure is not told where a reply says it already.

mod agreed;
mod follow;
mod handshake;
pub(super) mod python;
mod rows;

use std::borrow::Cow;

use crate::ftp::{End, Endpoint, Fate, Host, Side, TlsVersion, Verb, grammar};
use crate::log::{Bare, Fact, Format, Read, Record};
use crate::time::Stamp;

pub(super) use follow::Following;
pub(super) use rows::Row;

/// What a client notes beside what is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Aside<'b> {
    /// It connects: to the server or, where a data connection was just agreed upon, for that.
    Connecting(Option<Endpoint>),
    /// It is connected.
    Connected(Option<Endpoint>),
    /// It could not connect; to where, if it says that.
    Failed(Fate, Option<Endpoint>),
    /// The data connection could not be opened.
    DataFailed(Fate),
    /// It gives up what a data connection is for: it connects, or nothing comes any more.
    DataTimedOut,
    /// TLS could not be agreed upon.
    TlsFailed,
    /// TLS was agreed upon, in this version where the client says it.
    Secured(Option<TlsVersion>),
    /// A handshake of TLS is under way. What the server says behind it shows that it came to its end.
    Securing,
    /// The client gives up waiting: for the connection, or for what the server says next.
    GivenUp,
    /// Something took too long, and the client does not say what: it connects for data, it waits for an answer, or (where
    /// it never says that it is connected) it connects to the server.
    TimedOut,
    /// Nothing is under way any more.
    AtRest,
    /// The control connection is over, and who ended it.
    Closed(End, Option<Side>),
    /// What the server said, in lines with LF between them, where it does not stand in the log as it was.
    Said(Cow<'b, [u8]>),
    /// The same of the client; no secret.
    Sent(Cow<'b, [u8]>),
    /// Whose bytes the next rows hold; `None` where they are not of the control connection.
    Sender(Option<Side>),
    /// Bytes of the control connection.
    Row(Row<'b>),
}

/// The number of a record that goes on where the one before it stopped.
pub(super) const SAME_SESSION: u32 = u32::MAX;

/// A record with nothing but a fact.
pub(super) fn record(fact: Fact<'_>) -> Record<'_> {
    Record {
        stamp: Stamp::None,
        number: 0,
        client: b"",
        user: None,
        times: 1,
        fact,
        implied: None,
    }
}

/// What the server said: a line, or a part of a reply of several lines.
pub(super) fn said(text: &[u8]) -> Fact<'_> {
    Fact::Reply {
        text,
        ends_line: true,
    }
}

/// `192.0.2.10`, `ftp.example.com` or `[2001:db8::1]`, with or without `:21`.
pub(super) fn endpoint(text: &[u8]) -> Option<Endpoint> {
    let text = text.trim_ascii();
    let (host, port) = match memchr::memrchr(b':', text) {
        Some(colon) => {
            let (host, port) = (text.get(..colon)?, text.get(colon + 1..)?);
            let is_inside = Host::read(text).ip().is_some();
            match number(port).filter(|_| !is_inside) {
                Some(port) => (host, Some(port)),
                None => (text, None),
            }
        }
        None => (text, None),
    };
    let bare = host.strip_prefix(b"[").and_then(|h| h.strip_suffix(b"]"));
    let host = bare.unwrap_or(host);
    let is_name = |b: &u8| b.is_ascii_alphanumeric() || b"-._:%".contains(b) || *b >= 0x80;
    (!host.is_empty() && host.len() <= 255 && host.iter().all(is_name)).then(|| Endpoint {
        host: Host::read(host),
        port,
    })
}

/// A port.
pub(super) fn number(digits: &[u8]) -> Option<u16> {
    let number = crate::log::envelope::number(digits)?;
    u16::try_from(number).ok().filter(|port| *port != 0)
}

/// What an operating system's or a client's words say about an attempt to connect.
pub(super) fn fate(words: &[u8]) -> Option<Fate> {
    const REFUSED: [&str; 12] = [
        "refused",
        "unreachable",
        "ECONNREFUSED",
        "ENETUNREACH",
        "EHOSTUNREACH",
        "No route to host",
        "no route to host",
        "10061",
        "10065",
        "10051",
        "actively refused",
        "is not reachable",
    ];
    const UNANSWERED: [&str; 7] = [
        "timed out",
        "Timed out",
        "time out",
        "timeout",
        "ETIMEDOUT",
        "10060",
        "did not properly respond",
    ];
    let has = |word: &&str| memchr::memmem::find(words, word.as_bytes()).is_some();
    if REFUSED.iter().any(&has) {
        return Some(Fate::Refused);
    }
    UNANSWERED.iter().any(has).then_some(Fate::Unanswered)
}

/// A line of a terminal's window around a client: what it is.
pub(super) fn of_terminal(line: &[u8]) -> Option<&'static str> {
    let is_mode = |mode: &[u8]| mode.iter().all(|b| b"rwxsStTlL-".contains(b));
    let first = line.first();
    if first.is_some_and(|b| b"-dlbcps".contains(b)) && line.get(1..10).is_some_and(is_mode) {
        return Some("a line of a listing");
    }
    let has = |part: &[u8]| memchr::memmem::find(line, part).is_some();
    let is_total = line
        .strip_prefix(b"total ")
        .is_some_and(|n| n.iter().all(u8::is_ascii_digit));
    if is_total || first.is_some_and(u8::is_ascii_digit) && has(b"<DIR>") {
        return Some("a line of a listing");
    }
    if line.starts_with(b"$ ") || line.starts_with(b"(exit ") {
        return Some("a line of a shell");
    }
    None
}

/// Whether lines at the head of a file tell of a session in this format.
pub(super) fn is_spoken(format: &dyn Format, head: &[u8]) -> bool {
    let mut records =
        super::first_lines(head).filter_map(|line| match format.read(&Bare::read(line)) {
            Read::Taken(record) => Some(record.fact),
            _ => None,
        });
    records.any(|fact| match fact {
        Fact::Command(command) => command.verb != Verb::ODD,
        Fact::Reply { text, .. } => grammar::reply_line(text).is_some(),
        Fact::Client(aside) => {
            !matches!(aside, Aside::Row(_) | Aside::AtRest | Aside::Sender(None))
        }
        _ => true,
    })
}

#[cfg(test)]
mod tests;
