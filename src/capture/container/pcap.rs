//! A pcap file's header and records, in all their forms. Does not search for damage, only tells it.
//!
//! pcap-parser reads the header and the records. What it doesn't know is here: the magic numbers of two rare forms
//! ([`known`]), and records that it would read wrongly ([`Form::rare_record`]).

use pcap_parser::nom::{IResult, Needed};
use pcap_parser::{
    LegacyPcapBlock, PcapError, PcapHeader, parse_pcap_frame, parse_pcap_frame_be,
    parse_pcap_frame_modified, parse_pcap_header,
};

use super::{Frame, Soundness, Step, number};
use crate::limits;
use crate::time::Timestamp;

const FILE_HEADER: usize = 24;
const RECORD_HEADER: usize = 16;
/// With interface number, protocol and packet type behind (Linux, 1999).
const MODIFIED_RECORD_HEADER: usize = 24;
/// Ixia's analyzers write the number of all bytes that follow behind the file header.
const IXIA_FILE_HEADER: usize = 28;

const MICROS: u32 = 1_000_000;
const NANOS: u32 = 1_000_000_000;

const MAGIC_BIG: [u8; 4] = [0xa1, 0xb2, 0xc3, 0xd4];
const MAGIC_BIG_MODIFIED: [u8; 4] = [0xa1, 0xb2, 0xcd, 0x34];
const MAGIC_BIG_NANOS: [u8; 4] = [0xa1, 0xb2, 0x3c, 0x4d];
const MAGIC_LITTLE_NANOS: [u8; 4] = [0x4d, 0x3c, 0xb2, 0xa1];

/// One of pcap-parser's functions that read a record.
type Parse = fn(&[u8]) -> IResult<&[u8], LegacyPcapBlock<'_>, PcapError<&[u8]>>;

/// The magic number that pcap-parser knows for the same fields in the file header. It knows neither Ixia's numbers nor
/// the modified form in big-endian order.
fn known(magic: [u8; 4]) -> [u8; 4] {
    match magic {
        MAGIC_BIG_MODIFIED => MAGIC_BIG,
        magic if is_ixia(magic) && magic.starts_with(&[0x1c]) => MAGIC_BIG_NANOS,
        magic if is_ixia(magic) => MAGIC_LITTLE_NANOS,
        magic => magic,
    }
}

/// Written by Ixia's analyzers, for hardware and for software, in either byte order (Wireshark, libpcap.h).
fn is_ixia(magic: [u8; 4]) -> bool {
    matches!(magic, [0x1c, 0, 1, 0xab | 0xac] | [0xab | 0xac, 1, 0, 0x1c])
}

fn header(mut head: [u8; FILE_HEADER]) -> Option<PcapHeader> {
    let magic = head.first_chunk_mut()?;
    *magic = known(*magic);
    parse_pcap_header(&head).ok().map(|(_, header)| header)
}

/// True when the bytes begin with one of pcap's magic numbers, in either byte order.
pub(super) fn is_magic(head: &[u8]) -> bool {
    let mut padded = [0; FILE_HEADER];
    match (head.first_chunk::<4>(), padded.first_chunk_mut()) {
        (Some(magic), Some(first)) => *first = *magic,
        _ => return false,
    }
    header(padded).is_some()
}

/// In which order a record names its captured length and that on the wire. It was the other way round before version
/// 2.3, and writers of 2.3 disagree (libpcap, sf-pcap.c).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lengths {
    CapturedFirst,
    WireFirst,
    SmallerIsCaptured,
}

/// What the file header says of all records.
#[derive(Debug, Clone, Copy)]
struct Form {
    /// `None` for those that are read here.
    parse: Option<Parse>,
    /// The commonest forms, in either byte order.
    is_plain: bool,
    big: bool,
    file_header: usize,
    header: usize,
    link: i32,
    /// 0: not known.
    snap_length: u32,
    /// Time units per second, and nanoseconds of one.
    units: u32,
    nanos: u32,
    lengths: Lengths,
}

impl Form {
    /// A version that can't be is no reason not to try.
    fn read(bytes: &[u8]) -> Option<Self> {
        let head = *bytes.first_chunk::<FILE_HEADER>()?;
        let magic = *head.first_chunk()?;
        let file = header(head)?;
        let big = file.is_bigendian();
        let is_modified = magic == MAGIC_BIG_MODIFIED || file.is_modified_format();
        let lengths = match (file.version_major, file.version_minor) {
            (2, 0..=2) => Lengths::WireFirst,
            (2, 3) => Lengths::SmallerIsCaptured,
            _ => Lengths::CapturedFirst,
        };
        let parse: Option<Parse> = match (lengths, big, is_modified) {
            (Lengths::CapturedFirst, false, false) => Some(parse_pcap_frame),
            (Lengths::CapturedFirst, true, false) => Some(parse_pcap_frame_be),
            (Lengths::CapturedFirst, false, true) => Some(parse_pcap_frame_modified),
            _ => None,
        };
        let units = if file.is_nanosecond_precision() {
            NANOS
        } else {
            MICROS
        };
        Some(Self {
            parse,
            is_plain: lengths == Lengths::CapturedFirst && !is_modified,
            big,
            file_header: if is_ixia(magic) {
                IXIA_FILE_HEADER
            } else {
                FILE_HEADER
            },
            header: if is_modified {
                MODIFIED_RECORD_HEADER
            } else {
                RECORD_HEADER
            },
            link: file.network.0 & 0x03ff_ffff, // above: how long the frame check sequence is
            snap_length: file.snaplen,
            units,
            nanos: NANOS / units,
            lengths,
        })
    }

    fn record(&self, bytes: &[u8]) -> Record {
        let Some(parse) = self.parse else {
            return self.rare_record(bytes);
        };
        match parse(bytes) {
            Ok((_, block)) => Record::Whole(Fields {
                size: self.header + block.caplen as usize,
                seconds: block.ts_sec,
                fraction: block.ts_usec,
                captured: block.caplen,
                wire: block.origlen,
            }),
            Err(nom::Err::Incomplete(Needed::Size(more))) => {
                Record::Short(bytes.len().saturating_add(more.get()))
            }
            Err(_) => Record::Short(usize::MAX),
        }
    }

    /// A record that pcap-parser would read wrongly: it takes the first length for the captured one whatever the
    /// version, and has the modified form in little-endian order only.
    fn rare_record(&self, bytes: &[u8]) -> Record {
        match self.rare_fields(bytes) {
            None => Record::Short(self.header),
            Some(fields) if fields.size > bytes.len() => Record::Short(fields.size),
            Some(fields) => Record::Whole(fields),
        }
    }

    fn rare_fields(&self, bytes: &[u8]) -> Option<Fields> {
        let header = bytes.get(..self.header)?;
        let word = |at: usize| number(header, at, self.big);
        let (first, second) = (word(8)?, word(12)?);
        let (captured, wire) = match self.lengths {
            Lengths::CapturedFirst => (first, second),
            Lengths::WireFirst => (second, first),
            Lengths::SmallerIsCaptured => (first.min(second), first.max(second)),
        };
        Some(Fields {
            size: self.header + captured as usize,
            seconds: word(0)?,
            fraction: word(4)?,
            captured,
            wire,
        })
    }

    fn at(&self, fields: &Fields) -> Timestamp {
        let nanos = fields.fraction.saturating_mul(self.nanos);
        Timestamp::from_seconds(i64::from(fields.seconds), nanos)
    }

    /// What is odd about a record header, given the times of packets before. Each oddity alone is met in files that are
    /// otherwise sound.
    fn oddities(&self, fields: &Fields, before: [Option<Timestamp>; 2]) -> Oddities {
        let at = self.at(fields);
        let is_near = |t: Timestamp| at.nanos_apart(t) <= limits::PACKET_GAP_NANOS;
        let [first, second] = before;
        let far = match (first.map(is_near), second) {
            (Some(true), _) | (None, None) => false,
            (_, second) => !second.is_some_and(is_near),
        };
        let odd = [
            fields.captured > fields.wire,
            fields.wire as usize > limits::PACKET_BYTES,
            self.snap_length != 0 && fields.captured > self.snap_length,
            fields.fraction >= self.units,
            far,
        ];
        Oddities(odd.into_iter().fold(0, |all, odd| all << 1 | u8::from(odd)))
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
                let next_odd = self.oddities(&next, [Some(at), None]);
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
struct Oddities(u8);

impl Oddities {
    fn count(self) -> u32 {
        self.0.count_ones()
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
    /// Reads the file header.
    fn begin(&mut self, bytes: &[u8]) -> Step {
        let Some(form) = Form::read(bytes) else {
            return match bytes.len() {
                0..FILE_HEADER => Step::Short,
                _ => Step::Damaged("no pcap header"),
            };
        };
        if bytes.len() < form.file_header {
            return Step::Short;
        }
        self.form = Some(form);
        Step::Other(form.file_header)
    }

    /// Takes the records at the start of the bytes that have nothing odd, in the fewest steps; gives the number of their
    /// bytes. What the next one is, [`Records::step`] finds out.
    pub(super) fn run(&mut self, bytes: &[u8], each: impl FnMut(usize, Frame)) -> usize {
        match self.form {
            Some(form) if form.is_plain && form.big => {
                self.run_of(form, parse_pcap_frame_be, bytes, each)
            }
            Some(form) if form.is_plain => self.run_of(form, parse_pcap_frame, bytes, each),
            _ => 0,
        }
    }

    fn run_of(
        &mut self,
        form: Form,
        parse: impl Fn(&[u8]) -> IResult<&[u8], LegacyPcapBlock<'_>, PcapError<&[u8]>>,
        bytes: &[u8],
        mut each: impl FnMut(usize, Frame),
    ) -> usize {
        // A search goes by the last record without oddities: here they are the same.
        let Some(mut before) = self.last.filter(|_| self.good == self.last) else {
            return 0;
        };
        let most = match form.snap_length {
            0 => u32::MAX,
            length => length,
        };
        let mut rest = bytes;
        while let Ok((behind, block)) = parse(rest) {
            let nanos = block.ts_usec.wrapping_mul(form.nanos);
            let at = Timestamp::from_seconds(i64::from(block.ts_sec), nanos);
            let is_even = block.caplen > 0
                && block.caplen <= block.origlen.min(most)
                && block.origlen as usize <= limits::PACKET_BYTES
                && block.ts_usec < form.units
                && at.nanos_apart(before) <= limits::PACKET_GAP_NANOS;
            if !is_even {
                break;
            }
            before = at;
            let size = RECORD_HEADER + block.data.len();
            each(
                size,
                Frame {
                    at: Some(at),
                    link: form.link,
                    data: RECORD_HEADER..size,
                    wire_length: block.origlen,
                },
            );
            rest = behind;
        }
        (self.last, self.good) = (Some(before), Some(before));
        bytes.len() - rest.len()
    }

    pub(super) fn step(&mut self, bytes: &[u8], last: bool) -> Step {
        let Some(form) = &self.form else {
            return self.begin(bytes);
        };
        let fields = match form.record(bytes) {
            Record::Whole(fields) if !form.is_too_long(fields.size) => fields,
            Record::Short(size) if !form.is_too_long(size) => return Step::Short,
            _ => return Step::Damaged("a packet longer than packets can be"),
        };
        let at = form.at(&fields);
        let odd = form.oddities(&fields, [self.last, self.good]);
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
            || form.oddities(&first, [self.good, None]).count() > 0
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
                    && form
                        .oddities(&second, [Some(form.at(&first)), None])
                        .count()
                        == 0 =>
            {
                Soundness::Sound
            }
            _ => Soundness::Unsound,
        }
    }
}
