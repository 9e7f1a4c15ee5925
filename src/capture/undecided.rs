//! A connection whose bytes have not told what it is.
//!
//! Its streams are put in order from the first segment on and kept, a few
//! kilobytes at most, so that nothing is lost when it turns out to be a control
//! connection. The weighing is the business of [`super::probe`].

use super::connection::Facts;
use super::decode::Segment;
use super::probe::{self, Talk, Verdict};
use super::stream::{Delivery, Piece, Place, Reassembly};
use crate::limits;

/// Bytes, a hole, or an end, kept while it is not known what the connection is.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) direction: usize,
    pub(super) place: Place,
    pub(super) what: HeldKind,
}

#[derive(Debug)]
pub(super) enum HeldKind {
    Bytes(Box<[u8]>),
    Hole(u64),
    Conflict,
}

/// A connection whose bytes have not told what it is.
#[derive(Debug, Default)]
pub(super) struct Undecided {
    pub(super) reassembly: Reassembly,
    pub(super) held: Vec<Held>,
    pub(super) heads: [Vec<u8>; 2],
}

/// Tells a reassembly what a segment says of sequence numbers.
pub(super) fn acknowledge(reassembly: &mut Reassembly, direction: usize, segment: &Segment<'_>) {
    let flags = segment.flags;
    if flags.syn() {
        reassembly.begin_if_fresh(direction, segment.sequence.wrapping_add(1));
        if flags.ack() {
            reassembly.begin_if_fresh(1 - direction, segment.acknowledgment);
        }
    }
    if flags.ack() && !flags.rst() {
        if reassembly.has_begun(direction) && !reassembly.has_begun(1 - direction) && !flags.syn() {
            reassembly.begin(1 - direction, segment.acknowledgment);
        }
        reassembly.acknowledge(1 - direction, segment.acknowledgment);
    }
}

/// Gives a segment to a reassembly.
pub(super) fn feed(
    reassembly: &mut Reassembly,
    direction: usize,
    segment: &Segment<'_>,
    place: Place,
    deliver: &mut dyn FnMut(usize, Place, Delivery<'_>),
) {
    acknowledge(reassembly, direction, segment);
    let flags = segment.flags;
    reassembly.age(place.at, deliver);
    if !segment.payload.is_empty() || segment.missing > 0 || flags.fin() {
        let piece = Piece {
            sequence: segment.sequence.wrapping_add(u32::from(flags.syn())),
            bytes: segment.payload,
            // A length field may lie: no honest segment lacks more than sequence numbers reach.
            missing: segment
                .missing
                .min(limits::SEQUENCE_REACH.unsigned_abs() / 2),
            fin: flags.fin(),
            place,
        };
        reassembly.push(direction, piece, deliver);
    }
}

pub(super) fn hold(
    direction: usize,
    place: Place,
    delivery: &Delivery<'_>,
    held: &mut Vec<Held>,
    heads: &mut [Vec<u8>; 2],
) {
    let what = match delivery {
        Delivery::Bytes(bytes) => {
            if let Some(head) = heads.get_mut(direction) {
                let room = limits::GREETING_BYTES.saturating_sub(head.len());
                head.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
            }
            HeldKind::Bytes((*bytes).into())
        }
        Delivery::Hole(bytes) => {
            if let Some(Held {
                direction: before,
                what: HeldKind::Hole(more),
                ..
            }) = held.last_mut()
                && *before == direction
            {
                *more = more.saturating_add(*bytes);
                return;
            }
            HeldKind::Hole(*bytes)
        }
        Delivery::Conflict if matches!(held.last(), Some(h) if matches!(h.what, HeldKind::Conflict)) =>
        {
            return;
        }
        Delivery::Conflict => HeldKind::Conflict,
        Delivery::Fin => return,
    };
    held.push(Held {
        direction,
        place,
        what,
    });
}

/// Who serves: the one that did not send the SYN; where none was seen, the one whose bytes are replies; else the one on
/// FTP's port.
pub(super) fn server_direction(facts: &Facts, heads: &[Vec<u8>; 2]) -> Option<usize> {
    if !facts.mid_stream {
        return Some(1);
    }
    let by_port = facts
        .ends
        .iter()
        .position(|end| matches!(end.port(), limits::FTP_PORT | limits::FTPS_PORT));
    probe::server_of(&heads[0], &heads[1]).or(by_port)
}

/// True when as much was heard as is waited for: bytes, or pieces where few or no bytes were captured.
pub(super) fn is_enough(held: &[Held], heads: &[Vec<u8>; 2]) -> bool {
    let bound = |head: &Vec<u8>| {
        if probe::is_greeting(head) {
            limits::GREETING_BYTES
        } else {
            limits::PROBE_BYTES
        }
    };
    held.len() >= limits::PROBE_PIECES || heads.iter().any(|head| head.len() >= bound(head))
}

/// Weighs what was said so far; `server` is the direction of the server.
pub(super) fn judge(
    undecided: &Undecided,
    facts: &Facts,
    server: usize,
    known: bool,
    enough: bool,
) -> Verdict {
    let Undecided {
        reassembly, heads, ..
    } = undecided;
    let (client, server_head) = if server == 1 {
        (&heads[0], &heads[1])
    } else {
        (&heads[1], &heads[0])
    };
    let is_silent =
        |direction: usize, head: &[u8]| head.is_empty() && !reassembly.was_spoken(direction);
    probe::decide(&Talk {
        client,
        server: server_head,
        known,
        implicit: facts
            .ends
            .get(server)
            .is_some_and(|end| end.port() == limits::FTPS_PORT),
        whole: !facts.mid_stream,
        silent: [
            is_silent(1 - server, client),
            is_silent(server, server_head),
        ],
        enough,
    })
}
