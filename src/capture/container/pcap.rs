//! A pcap file's header and records. Does not search for damage, only tells it.

use pcap_parser::nom::{IResult, Needed};
use pcap_parser::{
    LegacyPcapBlock, PcapError, parse_pcap_frame, parse_pcap_frame_be, parse_pcap_frame_modified,
    parse_pcap_header,
};

use super::{Frame, Soundness, Step};
use crate::limits;
use crate::time::Timestamp;

const FILE_HEADER: usize = 24;
const RECORD_HEADER: usize = 16;
/// With interface number, protocol and packet type behind (Linux, 1999).
const MODIFIED_RECORD_HEADER: usize = 24;

/// Magic of the modified form in big-endian order, and what it stands for in plain big-endian order.
const BIG_MODIFIED: [u8; 4] = [0xa1, 0xb2, 0xcd, 0x34];
const BIG: [u8; 4] = [0xa1, 0xb2, 0xc3, 0xd4];

type Parse = fn(&[u8]) -> IResult<&[u8], LegacyPcapBlock<'_>, PcapError<&[u8]>>;

/// True when the bytes begin with one of pcap's magic numbers: microseconds, nanoseconds, modified, in either order.
pub(super) fn is_magic(head: &[u8]) -> bool {
    let Some(mut magic) = head.first_chunk::<4>().copied() else {
        return false;
    };
    if matches!(magic, [_, _, _, 0xa1]) {
        magic.reverse();
    }
    matches!(magic, BIG | BIG_MODIFIED | [0xa1, 0xb2, 0x3c, 0x4d])
}

/// What the file header says of all records.
#[derive(Debug, Clone, Copy)]
struct Form {
    parse: Parse,
    header: usize,
    link: i32,
    /// 0: not known.
    snap_length: u32,
    /// Time units per second.
    units: u32,
}

impl Form {
    /// A wrong version is no reason not to try.
    fn read(bytes: &[u8]) -> Option<Self> {
        let mut head = *bytes.first_chunk::<FILE_HEADER>()?;
        let big_modified = head.starts_with(&BIG_MODIFIED);
        if big_modified && let Some(magic) = head.first_chunk_mut() {
            *magic = BIG; // pcap-parser knows the modified form in little-endian order only
        }
        let (_, header) = parse_pcap_header(&head).ok()?;
        let modified = big_modified || header.is_modified_format();
        Some(Self {
            parse: match (header.is_bigendian(), modified) {
                (true, _) => parse_pcap_frame_be,
                (false, true) => parse_pcap_frame_modified,
                (false, false) => parse_pcap_frame,
            },
            header: if modified {
                MODIFIED_RECORD_HEADER
            } else {
                RECORD_HEADER
            },
            link: header.network.0 & 0x03ff_ffff, // above: how long the frame check sequence is
            snap_length: header.snaplen,
            units: if header.is_nanosecond_precision() {
                1_000_000_000
            } else {
                1_000_000
            },
        })
    }

    fn record(&self, bytes: &[u8]) -> Record {
        match (self.parse)(bytes) {
            Ok((_, block)) => {
                let size = self.header + block.caplen as usize;
                if size > bytes.len() {
                    return Record::Short(size);
                }
                Record::Whole(Fields {
                    size,
                    seconds: block.ts_sec,
                    fraction: block.ts_usec,
                    captured: block.caplen,
                    wire: block.origlen,
                })
            }
            Err(nom::Err::Incomplete(Needed::Size(more))) => {
                Record::Short(bytes.len().saturating_add(more.get()))
            }
            Err(_) => Record::Short(usize::MAX),
        }
    }

    fn at(&self, fields: &Fields) -> Timestamp {
        let nanos = fields
            .fraction
            .saturating_mul(1_000_000_000 / self.units.max(1));
        Timestamp::from_seconds(i64::from(fields.seconds), nanos)
    }

    /// What is odd about a record header, given the times of packets before. Each oddity alone is met in files that are
    /// otherwise sound.
    fn oddities(&self, fields: &Fields, before: &[Option<Timestamp>]) -> Oddities {
        let gap = |t: &Timestamp| (t.seconds() - i64::from(fields.seconds)).saturating_abs();
        let gap = before.iter().flatten().map(gap).min().unwrap_or(0);
        Oddities([
            fields.captured > fields.wire,
            fields.wire as usize > limits::PACKET_BYTES,
            self.snap_length != 0 && fields.captured > self.snap_length,
            fields.fraction >= self.units,
            gap > limits::PACKET_GAP_SECONDS,
        ])
    }

    fn is_too_long(&self, size: usize) -> bool {
        size.saturating_sub(self.header) > limits::PACKET_BYTES
    }

    /// Whether what follows an odd record bears it out: the end of the file, a record that is hardly odd, or one that
    /// is odd in the same way, as some writers make every record.
    fn bears_out(&self, rest: &[u8], odd: Oddities, at: Timestamp, last: bool) -> Soundness {
        if rest.is_empty() && last {
            return Soundness::Sound;
        }
        let is_sound = match self.record(rest) {
            Record::Short(size) if self.is_too_long(size) => false,
            Record::Short(_) if last => odd.count() < 2,
            Record::Short(_) => return Soundness::Short,
            Record::Whole(next) => {
                let next_odd = self.oddities(&next, &[Some(at)]);
                !self.is_too_long(next.size)
                    && !next.is_blank()
                    && (next_odd.count() < 2 || next_odd == odd)
            }
        };
        if is_sound {
            Soundness::Sound
        } else {
            Soundness::Unsound
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Oddities([bool; 5]);

impl Oddities {
    fn count(self) -> usize {
        self.0.into_iter().filter(|odd| *odd).count()
    }
}

enum Record {
    Whole(Fields),
    /// The bytes that would be needed.
    Short(usize),
}

struct Fields {
    size: usize,
    seconds: u32,
    fraction: u32,
    captured: u32,
    wire: u32,
}

impl Fields {
    /// Zeros: space in the file that was set aside and never written.
    fn is_blank(&self) -> bool {
        self.seconds == 0 && self.captured == 0 && self.wire == 0
    }
}

/// The state of a pcap file that is being read.
#[derive(Debug, Default)]
pub(super) struct Records {
    form: Option<Form>,
    /// The time of the last record.
    last: Option<Timestamp>,
    /// The time of the last record that had nothing odd: what a search goes by.
    good: Option<Timestamp>,
}

impl Records {
    pub(super) fn step(&mut self, bytes: &[u8], last: bool) -> Step {
        let Some(form) = self.form else {
            if bytes.len() < FILE_HEADER {
                return Step::Short;
            }
            self.form = Form::read(bytes);
            return match self.form {
                Some(_) => Step::Other(FILE_HEADER),
                None => Step::Damaged("no pcap header"),
            };
        };
        let fields = match form.record(bytes) {
            Record::Whole(fields) if !form.is_too_long(fields.size) => fields,
            Record::Short(size) if !form.is_too_long(size) => return Step::Short,
            _ => return Step::Damaged("a packet longer than packets can be"),
        };
        let at = form.at(&fields);
        let odd = form.oddities(&fields, &[self.last, self.good]);
        let rest = bytes.get(fields.size..).unwrap_or_default();
        let soundness = match odd.count() {
            _ if fields.is_blank() => Soundness::Unsound,
            0 => Soundness::Sound,
            _ => form.bears_out(rest, odd, at, last),
        };
        match soundness {
            Soundness::Sound => {}
            Soundness::Short => return Step::Short,
            Soundness::Unsound => return Step::Damaged("a record header that can't be true"),
        }
        self.last = Some(at);
        if odd.count() == 0 {
            self.good = Some(at);
        }
        let frame = Frame {
            at: Some(at),
            link: form.link,
            data: form.header..fields.size,
            wire_length: fields.wire,
        };
        Step::Packet(fields.size, frame)
    }

    /// Two headers in a row that are beyond doubt, or one whose packet is the last of the file.
    pub(super) fn soundness(&self, bytes: &[u8], last: bool) -> Soundness {
        let Some(form) = self.form else {
            return Soundness::Unsound;
        };
        let first = match form.record(bytes) {
            Record::Whole(first) => first,
            Record::Short(size) if form.is_too_long(size) => return Soundness::Unsound,
            Record::Short(_) => return Soundness::Short,
        };
        if first.captured == 0
            || form.is_too_long(first.size)
            || form.oddities(&first, &[self.good]).count() > 0
        {
            return Soundness::Unsound;
        }
        let rest = bytes.get(first.size..).unwrap_or_default();
        if rest.is_empty() && last {
            return Soundness::Sound;
        }
        match form.record(rest) {
            Record::Short(size) if !form.is_too_long(size) => Soundness::Short,
            Record::Whole(second)
                if !form.is_too_long(second.size)
                    && form.oddities(&second, &[Some(form.at(&first))]).count() == 0 =>
            {
                Soundness::Sound
            }
            _ => Soundness::Unsound,
        }
    }
}
