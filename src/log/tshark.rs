//! What tshark and Wireshark print of a capture: `-T fields`, `-T json`, `-T ek`, the summary, and `-z follow,tcp,ascii`.
//!
//! In JSON and in what is followed stand the lines as they were sent, and they are put together to replies over packets.
//! Fields and summaries hold a packet's first line only, and fields tell a code where a line merely begins with digits:
//! codes that FTP does not have are no replies there. Times are told where they have a date.

mod fields;
mod follow;
mod json;
mod packet;
mod tcpdump;

use crate::ftp::{Endpoint, Vantage, Verb, grammar};
use crate::log::transcript;
use crate::log::{Bare, Description, Fact, Follow, Format, Read, Record, Sample, envelope};
use crate::time::{Stamp, Timestamp};

pub use json::Field;
pub use packet::Packet;

/// The format.
pub static FORMAT: Tshark = Tshark;

/// tshark's output.
#[derive(Debug)]
pub struct Tshark;

static DESCRIPTION: Description = Description {
    name: "tshark",
    title: "tshark and Wireshark",
    source: "tshark 3.6 and 4.0 with -T fields, json and ek, without -T, and with -z follow",
    vantage: Vantage::SensorLog,
    gaps: &[
        "all lines of a packet but the first, in fields and summaries: replies are counted per packet there",
        "the text of the second of two replies in one packet, in fields",
        "ports, in summaries",
        "the time, in summaries and in what is followed",
        "how connections open and end",
        "what TLS hides",
        "FTP on ports that tshark does not know",
    ],
    samples: &[
        Sample {
            lines: "frame.time_epoch\ttcp.stream\tip.src\ttcp.srcport\tip.dst\ttcp.dstport\tftp.request.command\tftp.request.arg\tftp.response.code\tftp.response.arg\n\
                    1795335415.100000000\t0\t192.0.2.10\t21\t192.0.2.7\t40000\t\t\t220\tReady\n\
                    1795335415.200000000\t0\t192.0.2.7\t40000\t192.0.2.10\t21\tPASS\thunter2\t\t\n\
                    1795335415.300000000\t0\t192.0.2.10\t21\t192.0.2.7\t40000\t\t\t530,127\tNo,x",
            events: "introduced 192.0.2.7; 220 Ready; PASS secret; 530 No; closed input-ended",
        },
        Sample {
            lines: r#"{"index":{"_index":"packets-2026-11-22","_type":"doc"}}
{"timestamp":"1795335415100","layers":{"frame":{"frame_frame_time_epoch":"1795335415.1"},"ip":{"ip_ip_src":"192.0.2.10","ip_ip_dst":"192.0.2.7"},"tcp":{"tcp_tcp_srcport":"21","tcp_tcp_dstport":"40000","tcp_tcp_stream":"3"},"ftp":{"ftp_ftp_request":false,"text":["220-Hello\\r\\n","220 Ready\\r\\n"],"ftp_ftp_response_code":"220"}}}"#,
            events: "introduced 192.0.2.7; 220 Hello\nReady; closed input-ended",
        },
        Sample {
            lines: "    4   0.013380   192.0.2.10 → 192.0.2.7    FTP 88 Response: 220 Ready\n\
                    \x20   6   0.013490    192.0.2.7 → 192.0.2.10   FTP 78 Request: USER alice\n\
                    \x20   7   0.013500    192.0.2.7 → 192.0.2.10   TCP 66 40000 → 21 [ACK] Seq=1",
            events: "introduced 192.0.2.7; 220 Ready; USER alice; closed input-ended",
        },
        Sample {
            lines: "===================================================================\n\
                    Follow: tcp,ascii\n\
                    Filter: tcp.stream eq 0\n\
                    Node 0: 192.0.2.7:40000\n\
                    Node 1: 192.0.2.10:21\n\
                    \t11\n\
                    220 Ready\n\
                    \n\
                    14\n\
                    PASS hunter2\n\
                    \n\
                    \t9\n\
                    530 No.\n\
                    \n\
                    ===================================================================",
            events: "introduced 192.0.2.7; 220 Ready; PASS secret; 530 No.; closed input-ended",
        },
    ],
};

/// A piece of what tshark prints, read by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece<'b> {
    /// The names of columns.
    Names(&'b [u8]),
    /// The values of a packet, in columns. What follows a PASS is blanked.
    Values(std::borrow::Cow<'b, [u8]>),
    /// A packet.
    Packet(Box<Packet>),
    /// A field of a packet of which every field has a line, or a value of the field before.
    Field(Field<'b>),
    /// Another packet begins.
    NextPacket,
    /// An end of the connection that is followed: the first or the second.
    Node(u8, Option<Endpoint>),
    /// So many bytes of that end follow. It may also be a line of text.
    Turn(u8, u64, &'b [u8]),
    /// A line of what is followed.
    Said(&'b [u8]),
    /// The same, of a client.
    Sent(crate::ftp::Command<'b>),
}

impl Format for Tshark {
    fn describe(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn read<'b>(&self, line: &Bare<'b>) -> Read<'b> {
        let text = line.message;
        if text.first() == Some(&b'{') && json::is_packet(text) {
            return json::packet(text).map_or(
                Read::Ignored("a packet of another protocol"),
                |packet| taken(Piece::Packet(Box::new(packet))),
            );
        }
        if text.starts_with(b"{\"index\":") {
            return Read::Ignored("where a packet is to be stored");
        }
        if fields::is_header(text) {
            return taken(Piece::Names(text));
        }
        if let Some(read) = summary(text).or_else(|| tcpdump::packet(text))
            .or_else(|| json::line(text))
            .or_else(|| followed(text)) {
            return read;
        }
        match fields::row(text) {
            Some(values) => taken(Piece::Values(values)),
            None => Read::Unrecognised,
        }
    }

    fn knows(&self, head: &[u8]) -> bool {
        let has = |part: &str| memchr::memmem::find(head, part.as_bytes()).is_some();
        if has("\"ftp.re") || has("\"ftp_ftp_re") || has("\"ftp_re") || has("Follow: tcp,ascii") {
            return true;
        }
        if head.first() == Some(&b'#') {
            return false;
        }
        if super::first_lines(head).next().is_some_and(is_of_zeek) {
            return false;
        }
        super::first_lines(head).any(|line| {
            let text = Bare::read(line).message;
            let is_summary = || matches!(summary(text).or_else(|| tcpdump::packet(text)), Some(Read::Taken(_)));
            fields::is_header(text) || is_summary() || fields::packet(&[], text).is_some_and(|p| p.is_certain())
        })
    }

    fn is_for_whole_files(&self) -> bool {
        true
    }

    fn is_in_pieces(&self) -> bool {
        true
    }

    fn follow(&self) -> Box<dyn Follow + Send + Sync> {
        Box::new(follow::Following::new())
    }
}

/// A time, and then what Zeek calls a connection: `CyDhNW3nq05SPkOhR7`.
fn is_of_zeek(line: &[u8]) -> bool {
    let mut values = line.split(|b| *b == b'\t');
    let is_time = values.next().is_some_and(|value| epoch(value).is_some());
    let is_name = |name: &[u8]| name.len() > 12 && name.first() == Some(&b'C') && name.iter().all(u8::is_ascii_alphanumeric);
    is_time && values.next().is_some_and(is_name)
}

fn taken(piece: Piece<'_>) -> Read<'_> {
    Read::Taken(transcript::record(Fact::Piece(piece)))
}

/// `4 0.013380 192.0.2.10 → 192.0.2.7 FTP 88 Response: 220 Ready`, or without the arrow, as Wireshark exports it.
fn summary(text: &[u8]) -> Option<Read<'_>> {
    let head = text.get(..200).unwrap_or(text);
    let is_blank = |b: &u8| matches!(b, b' ' | b'\t');
    let number = text.trim_ascii_start().split(is_blank).next()?;
    envelope::number(number)?;
    let marks = |word: &&[u8]| *word != "→".as_bytes() && *word != b"->" && *word != "\u{2192}".as_bytes();
    let words: Vec<&[u8]> = head.split(is_blank).filter(|w| !w.is_empty()).filter(marks).collect();
    let host = |word: &[u8]| crate::ftp::Host::read(word).ip().map(crate::ftp::Host::Ip);
    let (at, target) = words.iter().enumerate().take(8).rev().find_map(|(i, w)| Some((i, host(w)?)))?;
    let source = host(words.get(at.checked_sub(1)?)?)?;
    if words.get(at + 1) != Some(&&b"FTP"[..]) {
        // With tabs it may be a row of fields.
        return memchr::memchr(b'\t', text).is_none().then_some(Read::Ignored("a packet of another protocol"));
    }
    let stamp = words.get(1..at - 1).map_or(Stamp::None, date);
    let found = |mark: &[u8]| {
        let at = memchr::memmem::find(text, mark)?;
        text.get(..at)?.last().filter(|b| is_blank(b))?;
        text.get(at + mark.len()..)
    };
    let mut packet = Packet::between(source, target);
    if let Some(line) = found(b"Response: ") {
        packet.add_first_line(line);
    } else {
        packet.add_command_line(found(b"Request: ")?);
    }
    Some(Read::Taken(Record {
        stamp,
        ..transcript::record(Fact::Piece(Piece::Packet(Box::new(packet))))
    }))
}

/// A date, or seconds since 1970. Seconds since the first packet are no time.
fn date(words: &[&[u8]]) -> Stamp {
    if let Some(epoch) = words.first().and_then(|word| epoch(word)) {
        return Stamp::Utc(epoch);
    }
    let text = words.join(&b' ');
    envelope::blank_date(&text).map_or(Stamp::None, |(stamp, _)| stamp)
}

/// `frame.time_epoch`, or `frame.time` where it says that it is in UTC: `Nov 22, 2026 08:16:55.100000000 UTC`, and since
/// 4.2 as RFC 3339 has it.
fn when(text: &[u8]) -> Option<Timestamp> {
    if let Some(Stamp::Utc(at)) = envelope::iso_date(text) {
        return Some(at);
    }
    let Some(text) = text.strip_suffix(b" UTC") else {
        return epoch(text);
    };
    let words: Vec<&[u8]> = text.split(|b| *b == b' ').filter(|w| !w.is_empty()).collect();
    let &[month, day, year, time] = words.as_slice() else {
        return None;
    };
    let (time, fraction) = time.split_at_checked(memchr::memchr(b'.', time)?)?;
    let day = day.strip_suffix(b",")?;
    let pad: &[u8] = if day.len() == 1 { b" " } else { b"" };
    // The weekday is not looked at.
    let line = [b"Mon ", month, b" ", pad, day, b" ", time, b" ", year].concat();
    let (Stamp::Local(seconds, _), _) = envelope::ctime(&line)? else {
        return None;
    };
    let fraction = fraction.get(1..10)?;
    Some(Timestamp::from_seconds(seconds, u32::try_from(envelope::number(fraction)?).ok()?))
}

/// Seconds since 1970 with a fraction.
fn epoch(text: &[u8]) -> Option<Timestamp> {
    let (seconds, fraction) = text.split_at_checked(memchr::memchr(b'.', text)?)?;
    let seconds = i64::try_from(envelope::number(seconds)?).ok()?;
    let fraction = fraction.get(1..)?;
    let scale = 10_u64.checked_pow(9_u32.checked_sub(u32::try_from(fraction.len()).ok()?)?)?;
    let nanos = u32::try_from(envelope::number(fraction)? * scale).ok()?;
    (seconds > 100_000_000).then(|| Timestamp::from_seconds(seconds, nanos))
}

/// A line of `-z follow,tcp,ascii`.
fn followed(text: &[u8]) -> Option<Read<'_>> {
    if text.starts_with(b"=====") || text.starts_with(b"Follow: ") || text.starts_with(b"Filter: ") {
        return Some(Read::Ignored("a heading"));
    }
    for (number, start) in [(0, b"Node 0: "), (1, b"Node 1: ")] {
        if let Some(place) = text.strip_prefix(start) {
            // The port of an IPv6 address stands behind its last colon, without brackets.
            let colon = memchr::memrchr(b':', place)?;
            let (host, port) = (place.get(..colon)?, place.get(colon + 1..)?);
            let end = Endpoint {
                host: crate::ftp::Host::read(host),
                port: transcript::number(port),
            };
            return Some(taken(Piece::Node(number, Some(end))));
        }
    }
    let (node, digits) = match text.strip_prefix(b"\t") {
        Some(digits) => (1, digits),
        None => (0, text),
    };
    if let Some(bytes) = envelope::number(digits) {
        return Some(taken(Piece::Turn(node, bytes, text)));
    }
    if grammar::reply_line(text).is_some() || text.first() == Some(&b' ') && !text.trim_ascii_start().starts_with(b"\"") {
        return Some(taken(Piece::Said(text)));
    }
    let word = text.split(|b| *b == b' ').next().unwrap_or_default();
    let is_known = crate::catalogue::catalogue().command(Verb::new(word)).is_some();
    let command = grammar::command(text).filter(|_| is_known && !word.is_empty())?;
    Some(taken(Piece::Sent(command)))
}

#[cfg(test)]
mod tests;
