//! Which captures belong together: a first look at their TCP connections.
//!
//! Captures are one series where they share a connection, proven by sequence numbers: it goes on in another file, or
//! two places heard the same. So do captures of two sides of an address translation, whose connections have other
//! addresses and the same pair of initial sequence numbers. And captures of the same hosts, one soon after the other,
//! where the earlier one left a connection open: the later one tells what became of it. Names count for nothing here.
//! Looks at no payload.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::decode::{Decoded, Segment};
use super::ends::Socket;
use super::{Frame, Frames};
use crate::limits;
use crate::lookup::Lookup;
use crate::text::StableHash;
use crate::time::Timestamp;

/// Smaller initial sequence numbers are chosen by programs that make captures up, and prove nothing.
const CHOSEN_SEQUENCES: u32 = 1 << 16;

/// What is noted of one connection in one capture. Directions: 0 is sent by the smaller end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub struct Track {
    /// Both ends, hashed.
    ends: u64,
    /// Both addresses, hashed.
    hosts: u64,
    first: Timestamp,
    last: Timestamp,
    /// Sequence numbers sent in each direction: the first and the one after the last.
    sent: [Option<(u32, u32)>; 2],
    /// The initial sequence number of the opener.
    opening: Option<u32>,
    /// When it was sent last before its answer.
    asked: Option<Timestamp>,
    /// Both initial sequence numbers, and when the second was sent.
    opened: Option<(u32, u32, Timestamp)>,
    fins: [bool; 2],
    over: bool,
}

/// A [`Track`] where it is written down, in its order.
type Written = (
    [u64; 2],
    [Timestamp; 2],
    [Option<(u32, u32)>; 2],
    (
        Option<u32>,
        Option<Timestamp>,
        Option<(u32, u32, Timestamp)>,
    ),
    [bool; 3],
);

impl From<Track> for Written {
    fn from(track: Track) -> Self {
        let [fin, other_fin] = track.fins;
        (
            [track.ends, track.hosts],
            [track.first, track.last],
            track.sent,
            (track.opening, track.asked, track.opened),
            [fin, other_fin, track.over],
        )
    }
}

impl From<Written> for Track {
    fn from(written: Written) -> Self {
        let ([ends, hosts], [first, last], sent, (opening, asked, opened), flags) = written;
        let [fin, other_fin, over] = flags;
        Self {
            ends,
            hosts,
            first,
            last,
            sent,
            opening,
            asked,
            opened,
            fins: [fin, other_fin],
            over,
        }
    }
}

/// What a look at one capture has shown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Surveyed {
    /// The time of the first packet.
    pub first: Option<Timestamp>,
    /// True when there were more connections than are noted.
    pub is_full: bool,
    /// The connections.
    pub tracks: Vec<Track>,
}

/// Looks at one capture.
#[derive(Debug, Default)]
pub struct Survey {
    places: Lookup<(Socket, Socket), usize>,
    tracks: Vec<Track>,
    free: Vec<usize>,
    /// Connections that are over, the oldest first; their last packets may still come.
    closing: VecDeque<((Socket, Socket), usize)>,
    /// Connections that were heard from their beginning to their end.
    whole: Vec<Track>,
    /// Of those, the ones with smaller hashes are kept.
    most: Option<u64>,
    first: Option<Timestamp>,
    full: bool,
}

impl Survey {
    /// Takes the next window's packets.
    pub fn merge(&mut self, frames: &Frames<'_>) {
        frames.each(|Frame { place, decoded }| {
            self.first = self.first.or(place.at);
            if let Decoded::Tcp(segment) = decoded {
                let at = place.at.unwrap_or_default();
                self.take(segment, at);
            }
        });
    }

    /// What was noted.
    pub fn finish(self) -> Surveyed {
        let Self {
            mut tracks,
            free,
            whole,
            first,
            full,
            ..
        } = self;
        let mut unused = vec![false; tracks.len()];
        for place in free {
            if let Some(unused) = unused.get_mut(place) {
                *unused = true;
            }
        }
        let mut unused = unused.into_iter();
        tracks.retain(|_| !unused.next().unwrap_or(false));
        tracks.extend(whole);
        Surveyed {
            first,
            is_full: full,
            tracks,
        }
    }

    fn take(&mut self, segment: &Segment<'_>, at: Timestamp) {
        let (a, b) = (segment.source, segment.destination);
        let (direction, ends) = if a <= b { (0, (a, b)) } else { (1, (b, a)) };
        let opening = segment.flags.syn() && !segment.flags.ack();
        let known = self.places.get(&ends).copied();
        let known = known.and_then(|place| Some((place, self.tracks.get_mut(place)?)));
        let was_over = known.as_ref().is_some_and(|(_, track)| track.over);
        let place = match known {
            Some((place, track)) if !(opening && track.is_succeeded_by(segment)) => {
                track.take(direction, segment, at);
                place
            }
            Some((place, track)) => {
                let before = std::mem::replace(track, Track::new(ends, at));
                track.take(direction, segment, at);
                self.keep_whole(before);
                place
            }
            None => {
                let Some(place) = self.insert(ends, at) else {
                    return;
                };
                if let Some(track) = self.tracks.get_mut(place) {
                    track.take(direction, segment, at);
                }
                place
            }
        };
        let over = self.tracks.get(place).is_some_and(|track| track.over);
        if over && !was_over {
            self.closing.push_back((ends, place));
            self.let_go();
        }
    }

    /// Frees the place of the connection that is over for longest. Its last packets have come by then.
    fn let_go(&mut self) {
        if self.closing.len() <= limits::SURVEYED_CLOSING {
            return;
        }
        let Some((ends, place)) = self.closing.pop_front() else {
            return;
        };
        let over = self.tracks.get(place).filter(|track| track.over).copied();
        if let Some(track) = over
            && self.places.get(&ends) == Some(&place)
        {
            self.places.remove(&ends);
            self.free.push(place);
            self.keep_whole(track);
        }
    }

    fn insert(&mut self, ends: (Socket, Socket), at: Timestamp) -> Option<usize> {
        let track = Track::new(ends, at);
        let place = match self.free.pop() {
            Some(place) => {
                *self.tracks.get_mut(place)? = track;
                place
            }
            None if self.tracks.len() >= limits::SURVEYED_CONNECTIONS => {
                self.full = true;
                return None;
            }
            None => {
                self.tracks.push(track);
                self.tracks.len() - 1
            }
        };
        self.places.insert(ends, place);
        Some(place)
    }

    /// Keeps a connection that is over, or a fixed choice where there are many: in another capture of the same traffic
    /// the same ones.
    fn keep_whole(&mut self, track: Track) {
        let most = self.most.unwrap_or(u64::MAX);
        if track.choice() <= most {
            self.whole.push(track);
        }
        if self.whole.len() > 2 * limits::SURVEYED_WHOLE {
            let most = most / 2;
            self.whole.retain(|track| track.choice() <= most);
            self.most = Some(most);
        }
    }
}

impl Track {
    fn new((a, b): (Socket, Socket), at: Timestamp) -> Self {
        let host = |hash: StableHash, end: Socket| {
            let [high, low] = end.halves();
            hash.number(high).number(low)
        };
        let hosts = host(host(StableHash::new(), a), b).finish();
        let ports = u64::from(a.port()) << 16 | u64::from(b.port());
        Self {
            ends: StableHash::new().number(hosts).number(ports).finish(),
            hosts,
            first: at,
            last: at,
            sent: [None; 2],
            opening: None,
            asked: None,
            opened: None,
            fins: [false; 2],
            over: false,
        }
    }

    /// By what a fixed part of all connections is chosen.
    fn choice(&self) -> u64 {
        let opening = u64::from(self.opening.unwrap_or(0));
        StableHash::new().number(self.ends).number(opening).finish()
    }

    fn is_succeeded_by(&self, segment: &Segment<'_>) -> bool {
        self.opening != Some(segment.sequence)
    }

    fn take(&mut self, direction: usize, segment: &Segment<'_>, at: Timestamp) {
        self.last = self.last.max(at);
        let flags = segment.flags;
        if flags.syn() && flags.ack() {
            let isn = segment.acknowledgment.wrapping_sub(1);
            self.opening.get_or_insert(isn);
            self.opened.get_or_insert((isn, segment.sequence, at));
        } else if flags.syn() {
            self.opening.get_or_insert(segment.sequence);
            if self.opened.is_none() {
                self.asked = Some(at);
            }
        }
        let length = u32::try_from(segment.payload.len()).unwrap_or(u32::MAX);
        let begin = segment.sequence.wrapping_add(u32::from(flags.syn()));
        let end = begin.wrapping_add(length);
        match self.sent.get_mut(direction) {
            Some(Some((_, last))) if end.wrapping_sub(*last).cast_signed() > 0 => *last = end,
            Some(sent @ None) => *sent = Some((begin, end)),
            _ => {}
        }
        if let Some(fin) = self.fins.get_mut(direction) {
            *fin |= flags.fin();
        }
        self.over |= flags.rst() || self.fins == [true; 2];
    }

    /// True when both may be the same connection, heard in two captures.
    fn agrees_with(&self, other: &Self) -> bool {
        if let (Some(a), Some(b)) = (self.opening, other.opening) {
            return a == b;
        }
        self.sent.iter().zip(other.sent).all(|(a, b)| match (a, b) {
            (Some((begin, end)), Some((other_begin, other_end))) => {
                is_near(*end, other_begin) || is_near(other_end, *begin)
            }
            _ => true,
        })
    }

    /// When the SYN and its answer passed.
    pub(super) fn handshake(&self) -> Option<[Timestamp; 2]> {
        let (_, _, answered) = self.opened?;
        Some([self.asked?, answered])
    }

    /// The pair of initial sequence numbers, where it proves something.
    pub(super) fn proof(&self) -> Option<(u32, u32)> {
        let (client, server, _) = self.opened?;
        (client >= CHOSEN_SEQUENCES && server >= CHOSEN_SEQUENCES).then_some((client, server))
    }
}

fn is_near(a: u32, b: u32) -> bool {
    let distance = a.wrapping_sub(b).cast_signed();
    (-limits::SEQUENCE_REACH..=limits::SEQUENCE_REACH).contains(&distance)
}

/// Which units are one series. `tracks` have the unit of their capture with them; the answer gives for each unit the
/// smallest one it belongs to.
pub fn together(mut tracks: Vec<(usize, Track)>, units: usize) -> Vec<usize> {
    let mut groups = Groups((0..units).collect());
    let mut link_neighbours = |tracks: &[(usize, Track)], same: fn(&Track, &Track) -> bool| {
        for pair in tracks.windows(2) {
            if let [(a, one), (b, two)] = pair
                && a != b
                && same(one, two)
            {
                groups.link(*a, *b);
            }
        }
    };
    tracks.sort_by_key(|(unit, t)| (t.ends, t.opening, t.first, *unit));
    link_neighbours(&tracks, |a, b| a.ends == b.ends && a.agrees_with(b));
    tracks.sort_by_key(|(unit, t)| (t.ends, t.first, *unit));
    link_neighbours(&tracks, |a, b| a.ends == b.ends && a.agrees_with(b));
    tracks.sort_by_key(|(unit, t)| (t.proof(), *unit));
    link_neighbours(&tracks, |a, b| {
        a.proof().is_some() && a.proof() == b.proof()
    });
    tracks.sort_by_key(|(unit, t)| (t.hosts, t.first, *unit));
    link_left_open(&tracks, &mut groups);
    (0..units).map(|unit| groups.root(unit)).collect()
}

/// Links captures of the same hosts where the earlier one left a connection open shortly before the later one begins.
fn link_left_open(tracks: &[(usize, Track)], groups: &mut Groups) {
    for same_hosts in tracks.chunk_by(|(_, a), (_, b)| a.hosts == b.hosts) {
        let mut left: Option<(usize, Timestamp)> = None;
        for (unit, track) in same_hosts {
            if let Some((before, last)) = left
                && before != *unit
                && track.first.since(last).as_secs() <= limits::CAPTURE_GAP_SECONDS
            {
                groups.link(before, *unit);
            }
            if !track.over && left.is_none_or(|(_, last)| track.last >= last) {
                left = Some((*unit, track.last));
            }
        }
    }
}

/// Union and find.
struct Groups(Vec<usize>);

impl Groups {
    fn root(&mut self, unit: usize) -> usize {
        let mut root = unit;
        while let Some(up) = self.0.get(root).copied().filter(|up| *up != root) {
            root = up;
        }
        if let Some(up) = self.0.get_mut(unit) {
            *up = root;
        }
        root
    }

    fn link(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        if let Some(up) = self.0.get_mut(a.max(b)) {
            *up = a.min(b);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::decode::Flags;

    const FIN: u8 = 1;
    const SYN: u8 = 2;
    const ACK: u8 = 16;

    /// Shows a survey the beginnings of so many connections, and their ends where `whole`.
    fn surveyed(connections: usize, whole: bool) -> Survey {
        let mut survey = Survey::default();
        let server = Socket::new([192, 0, 2, 10].into(), 21);
        for number in 0..u32::try_from(connections).unwrap() {
            let [_, a, b, c] = number.to_be_bytes();
            let client = Socket::new([10, a, b, c].into(), 1024);
            let sent = |source, destination, flags, acknowledgment| Segment {
                source,
                destination,
                sequence: (number + 1) << 8 | u32::from(flags & SYN == 0),
                acknowledgment,
                flags: Flags(flags),
                id: 0,
                window: 1000,
                payload: b"",
                missing: 0,
            };
            let next = ((number + 1) << 8) + 1;
            let all = [
                sent(client, server, SYN, 0),
                sent(server, client, SYN | ACK, next),
                sent(client, server, FIN | ACK, next),
                sent(server, client, FIN | ACK, next + 1),
                sent(client, server, ACK, next + 1),
            ];
            let at = Timestamp::from_seconds(1_000_000, number);
            for segment in all.iter().take(if whole { 5 } else { 1 }) {
                survey.take(segment, at);
            }
        }
        survey
    }

    #[test]
    fn open_connections_are_noted_up_to_a_bound_and_that_is_told() {
        let survey = surveyed(limits::SURVEYED_CONNECTIONS, false);
        assert!(!survey.full);
        let survey = surveyed(limits::SURVEYED_CONNECTIONS + 1, false).finish();
        assert!(survey.is_full);
        assert_eq!(survey.tracks.len(), limits::SURVEYED_CONNECTIONS);
        // It comes back from where it was written down.
        let written = serde_json::to_string(&survey).unwrap();
        assert_eq!(serde_json::from_str::<Surveyed>(&written).unwrap(), survey);
    }

    #[test]
    fn of_connections_that_are_over_some_wait_and_a_fixed_part_is_kept() {
        let few = surveyed(limits::SURVEYED_CLOSING + 100, true);
        assert_eq!(few.closing.len(), limits::SURVEYED_CLOSING);
        assert_eq!(few.whole.len(), 100);
        let many = surveyed(6 * limits::SURVEYED_WHOLE, true);
        assert!(!many.full);
        assert!(many.tracks.len() <= limits::SURVEYED_CLOSING + 1);
        let kept = many.whole.len();
        assert!((1..=2 * limits::SURVEYED_WHOLE).contains(&kept), "{kept}");
        // The same part, whatever else was seen.
        let most = many.most.unwrap();
        assert!(many.whole.iter().all(|track| track.choice() <= most));
    }
}
