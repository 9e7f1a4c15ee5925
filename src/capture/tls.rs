//! One TLS connection, watched without its keys: records become facts, and the place where it ends is found.
//!
//! Each side's bytes are walked record by record (RFC 8446 section 5); those of
//! the handshake that are sent in clear are read, all others skipped by their
//! length. What follows a record and is none is clear text again: after CCC
//! (RFC 4217 section 12.3), or when the handshake failed and the server says so.
//! Nothing is decrypted, no key is looked for.

mod data;
mod message;

pub(super) use self::data::DataTls;

use super::stream::{Delivery, Place};
use crate::ftp::{Alert, Side, TlsRecord, TlsVersion};
use crate::limits;

const HEADER: usize = 5;
/// No type of a record.
const OLD_HELLO: u8 = 0;
const CHANGE_CIPHER: u8 = 20;
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const CONTENT: u8 = 23;

/// The shortest protected end of a TLS 1.3 handshake: 4 bytes of header, 32 of hash, a type, a tag of 8. An alert has 19.
const SHORTEST_FINISHED: usize = 45;

/// One side.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent observations")]
struct Half {
    /// The start of a record's header.
    header: Vec<u8>,
    /// The type of the record that is being read, and how much of it is still to come.
    kind: u8,
    left: usize,
    /// Bytes of the handshake, or of an alert, that are not read yet.
    message: Vec<u8>,
    /// Bytes of the handshake read so far.
    read: usize,
    /// The rest of this record can't be read: its start was lost.
    broken: bool,
    /// Records of the handshake in clear.
    clear_records: u32,
    /// What this side sends is protected.
    protected: bool,
    /// It sent a record that only who came to terms sends: the protected end of the handshake, or content.
    closed: bool,
    /// Bytes were lost and the next record's start is not known.
    lost: bool,
    /// Whole records may have been lost.
    gaps: bool,
    /// Clear text again.
    clear: bool,
}

/// A TLS connection that is being watched.
#[derive(Debug, Default)]
pub(super) struct Watch {
    halves: [Half; 2],
    facts: TlsRecord,
    /// The session that the client named.
    session: [u8; 32],
    /// Bytes of the handshake were lost.
    gaps: bool,
    told: bool,
}

fn slot(side: Side) -> usize {
    usize::from(side == Side::Server)
}

/// The type and length of a record that may begin here, or `None`; fewer than five bytes may be the start of one.
fn header(bytes: &[u8]) -> Option<(u8, usize)> {
    if let &[high @ 0x80..=0xff, low, 1, 3, _, ..] = bytes {
        // The hello of SSL 2, in which old clients offer SSL 3 (RFC 5246 appendix E.2).
        let length = usize::from(u16::from_be_bytes([high & 0x7f, low]));
        return Some((OLD_HELLO, (length + 2).saturating_sub(HEADER)));
    }
    let kind = *bytes.first()?;
    let version = bytes.get(1).is_none_or(|major| *major == 3)
        && bytes.get(2).is_none_or(|minor| *minor <= 4);
    let length = match bytes.get(3..HEADER) {
        Some(&[high, low]) => usize::from(u16::from_be_bytes([high, low])),
        _ => 0,
    };
    let fits =
        (CHANGE_CIPHER..=CONTENT).contains(&kind) && version && length <= limits::TLS_RECORD_BYTES;
    fits.then_some((kind, length))
}

/// True where a TLS record begins, for certain: its whole header and, of a handshake, the kind of message are there.
pub(super) fn begins(side: Side, bytes: &[u8]) -> bool {
    let hello = if side == Side::Client { 1 } else { 2 };
    match (header(bytes), bytes.get(HEADER)) {
        (Some((HANDSHAKE, _)), Some(kind)) => *kind == hello,
        _ => false,
    }
}

/// True where TLS may begin that was agreed upon.
pub(super) fn may_begin(bytes: &[u8]) -> bool {
    header(bytes).is_some()
}

/// True when all of the first record is there.
pub(super) fn is_whole(bytes: &[u8]) -> bool {
    header(bytes).is_some_and(|(_, length)| bytes.len() >= HEADER + length)
}

/// True where a record of a connection that began earlier may begin.
pub(super) fn goes_on(bytes: &[u8]) -> bool {
    bytes.len() > HEADER && header(bytes).is_some_and(|(_, length)| length > 0)
}

/// Which protocol a client's hello asks for (RFC 7301).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Offer {
    Ftp,
    Others,
    /// It names none.
    Nothing,
    /// It is no hello, or not all of it is there.
    Cut,
}

/// Which protocol these bytes ask for, if they are a client's hello.
pub(super) fn offer(bytes: &[u8]) -> Offer {
    let record = header(bytes).and_then(|(_, length)| bytes.get(HEADER..HEADER + length));
    let Some(body) = record
        .and_then(|record| record.get(4..))
        .filter(|_| begins(Side::Client, bytes))
    else {
        return Offer::Cut;
    };
    let mut facts = TlsRecord::default();
    message::client_hello(body, &mut facts);
    if facts.protocols.iter().any(|name| name.bytes() == b"ftp") {
        Offer::Ftp
    } else if facts.protocols.is_empty() {
        Offer::Nothing
    } else {
        Offer::Others
    }
}

impl Watch {
    /// Takes what a side sends; gives back how many of its bytes were TLS. The rest is clear text.
    pub(super) fn take(&mut self, side: Side, place: Place, delivery: &Delivery<'_>) -> usize {
        match delivery {
            Delivery::Bytes(bytes) => self.bytes(side, place, bytes),
            Delivery::Hole(bytes) => {
                self.hole(side, place, *bytes);
                0
            }
            Delivery::Fin | Delivery::Conflict => 0,
        }
    }

    /// True when what this side sends is clear text again.
    pub(super) fn is_clear(&self, side: Side) -> bool {
        self.halves.get(slot(side)).is_some_and(|half| half.clear)
    }

    /// True once nothing more is to be learned of the handshake.
    pub(super) fn is_settled(&self) -> bool {
        self.facts.completed.is_some()
    }

    /// The same, and it is known whether anything was moved, where that can be known.
    fn is_done(&self) -> bool {
        let modern = self.facts.version == Some(TlsVersion::TLS13);
        self.is_settled() && (modern || self.facts.content)
    }

    /// What is known, once: when the handshake is over, or at the latest.
    pub(super) fn tell(&mut self, at_the_latest: bool) -> Option<Box<TlsRecord>> {
        let due = !self.told && (at_the_latest || self.is_settled());
        self.told |= due;
        due.then(|| Box::new(self.facts.clone()))
    }

    /// What is known so far; `ended` says that the connection is over.
    fn so_far(&self, ended: bool) -> TlsRecord {
        let mut facts = self.facts.clone();
        if facts.completed.is_none() && ended && !self.gaps {
            facts.completed = Some(false);
        }
        facts
    }

    /// No more bytes will come.
    pub(super) fn finish(&mut self, ended: bool) {
        self.facts = self.so_far(ended);
    }

    fn bytes(&mut self, side: Side, place: Place, bytes: &[u8]) -> usize {
        self.facts.last = place.at.max(self.facts.last);
        let mut taken = 0;
        while let Some(rest) = bytes.get(taken..).filter(|rest| !rest.is_empty()) {
            let Some(half) = self.halves.get_mut(slot(side)) else {
                return taken;
            };
            if half.clear {
                return taken;
            }
            if half.left > 0 {
                let length = half.left.min(rest.len());
                let part = rest.get(..length).unwrap_or(rest);
                taken += part.len();
                self.content(side, place, part);
                continue;
            }
            if half.lost && taken == 0 && !goes_on(rest) && !is_text(rest) {
                return bytes.len(); // the middle of a record
            }
            half.lost = false;
            let missing = HEADER.saturating_sub(half.header.len()).min(rest.len());
            let begun = [&half.header[..], rest.get(..missing).unwrap_or(rest)].concat();
            let Some((kind, length)) = header(&begun) else {
                half.header.clear();
                if !rest.first().is_some_and(u8::is_ascii_graphic) {
                    half.lost = true;
                    return bytes.len();
                }
                half.clear = true;
                self.break_off();
                return taken;
            };
            taken += missing;
            if begun.len() < HEADER {
                half.header = begun;
                continue;
            }
            half.header.clear();
            (half.kind, half.left) = (kind, length);
            self.record(side, place, kind, length);
        }
        taken
    }

    fn hole(&mut self, side: Side, place: Place, bytes: u64) {
        self.facts.last = place.at.max(self.facts.last);
        let settled = self.is_settled();
        let Some(half) = self.halves.get_mut(slot(side)) else {
            return;
        };
        if half.clear {
            return;
        }
        let kept = std::mem::take(&mut half.message);
        half.broken = true;
        let inside =
            usize::try_from(bytes).is_ok_and(|bytes| bytes <= half.left) && half.header.is_empty();
        let reads = half.kind == HANDSHAKE && half.left > 0;
        if inside {
            half.left -= usize::try_from(bytes).unwrap_or(half.left);
        } else {
            (half.left, half.lost, half.gaps) = (0, true, true);
            half.header.clear();
        }
        self.gaps |= !settled && (!inside || reads && !kept.is_empty());
        if let Some((&kind, body)) = kept.split_first() {
            self.message(side, place, kind, body.get(3..).unwrap_or_default());
        }
    }

    /// A record begins.
    fn record(&mut self, side: Side, place: Place, kind: u8, length: usize) {
        let modern = self.facts.version == Some(TlsVersion::TLS13);
        let open = self.facts.completed.is_none();
        let Some(half) = self.halves.get_mut(slot(side)) else {
            return;
        };
        half.broken = false;
        if kind != HANDSHAKE {
            half.message.clear();
        }
        match kind {
            // In TLS 1.3 it means nothing (RFC 8446 section 5).
            CHANGE_CIPHER => half.protected |= !modern,
            HANDSHAKE if half.protected => {
                // Who takes an older session up again sends no keys (RFC 5246 section 7.3).
                if side == Side::Client && !half.closed && !half.gaps {
                    self.facts.resumed = self.facts.resumed.or(Some(half.clear_records < 2));
                }
                half.closed = true;
            }
            HANDSHAKE => half.clear_records += 1,
            CONTENT if modern && open && side == Side::Client && length < SHORTEST_FINISHED => {
                half.protected = true;
                self.alert(side, place, None);
            }
            CONTENT => {
                (half.protected, half.closed) = (true, true);
                self.facts.content |= !modern && length > 0;
            }
            _ if half.protected || length != 2 => self.alert(side, place, None),
            _ => {}
        }
        if self.facts.completed.is_none() && self.halves.iter().all(|half| half.closed) {
            self.facts.completed = Some(true);
        }
    }

    /// Bytes of a record.
    fn content(&mut self, side: Side, place: Place, bytes: &[u8]) {
        let Some(half) = self.halves.get_mut(slot(side)) else {
            return;
        };
        half.left -= bytes.len();
        if half.protected || half.broken {
            return;
        }
        match half.kind {
            ALERT => {
                half.message.extend_from_slice(bytes);
                if let [level, description] = *half.message.as_slice() {
                    self.alert(side, place, Some((level, description)));
                }
            }
            HANDSHAKE if half.read < limits::TLS_HANDSHAKE_BYTES => {
                half.read += bytes.len();
                half.message.extend_from_slice(bytes);
                self.messages(side, place);
            }
            _ => {}
        }
    }

    /// Reads the messages of a handshake that are whole. One may lie in several records.
    fn messages(&mut self, side: Side, place: Place) {
        loop {
            let Some(half) = self.halves.get_mut(slot(side)) else {
                return;
            };
            let &[kind, a, b, c, ..] = half.message.as_slice() else {
                return;
            };
            let length = 4 + u32::from_be_bytes([0, a, b, c]) as usize;
            if half.message.len() < length {
                return;
            }
            let rest = half.message.split_off(length);
            let whole = std::mem::replace(&mut half.message, rest);
            self.message(side, place, kind, whole.get(4..).unwrap_or_default());
        }
    }

    /// A message of the handshake, whole or as far as it was captured.
    fn message(&mut self, side: Side, place: Place, kind: u8, body: &[u8]) {
        match (side, kind) {
            (Side::Client, 1) => {
                self.facts.hello.get_or_insert(place.origin);
                self.session = message::client_hello(body, &mut self.facts);
            }
            (Side::Server, 2) => {
                let Some(session) = message::server_hello(body, &mut self.facts) else {
                    return;
                };
                // The client's own number comes back only from a session that is taken up (RFC 5246 section 7.4.1.3).
                if session != message::NO_SESSION && session == self.session {
                    self.facts.resumed = Some(true);
                }
                if self.facts.version == Some(TlsVersion::TLS13)
                    && let Some(half) = self.halves.get_mut(slot(Side::Server))
                {
                    half.protected = true;
                }
            }
            (Side::Server, 11) => {
                self.facts.resumed = Some(false);
                message::server_certificates(body, &mut self.facts);
            }
            (Side::Server, 13) => self.facts.wants_certificate = true,
            (Side::Client, 11 | 16) => {
                // Certificates and keys are sent for a new session only.
                self.facts.resumed = self.facts.resumed.or(Some(false));
                if kind == 11 {
                    message::client_certificates(body, &mut self.facts);
                }
            }
            _ => {}
        }
    }

    fn alert(&mut self, side: Side, place: Place, read: Option<(u8, u8)>) {
        let alert = Alert {
            sender: side,
            read,
            origin: place.origin,
        };
        if self.facts.alerts.len() < limits::TLS_ALERTS {
            self.facts.alerts.push(alert);
        }
        if alert.is_fatal() && self.facts.completed.is_none() {
            self.facts.completed = Some(false);
        }
    }

    /// Clear text before the handshake was over: it failed.
    fn break_off(&mut self) {
        if self.facts.completed.is_none() && !self.gaps {
            self.facts.completed = Some(false);
        }
    }
}

/// A line of text, at the start of what one segment holds.
fn is_text(bytes: &[u8]) -> bool {
    let line = bytes.split(|b| *b == b'\n').next().unwrap_or_default();
    line.len() >= 4
        && line.ends_with(b"\r")
        && line
            .iter()
            .all(|b| matches!(b, b' '..=b'~' | b'\r' | b'\t'))
}

#[cfg(test)]
mod tests;
