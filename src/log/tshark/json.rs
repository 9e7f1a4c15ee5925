//! Packets in JSON: `-T ek` with one in a line, and `-T json` with one field in a line.
//!
//! Both print the lines of FTP as they were sent, in tshark's escapes, beside the fields that were found in them. Where
//! only some fields were asked for (`-e`) there are no lines, and the fields are taken.

use std::borrow::Cow;

use serde_json::Value;

use super::fields::Column;
use super::packet::Packet;
use super::{Piece, epoch, taken};
use crate::ftp::Host;
use crate::log::transcript::python::unescaped;
use crate::log::{Read, envelope};

/// A field of a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field<'b> {
    /// Its name; empty where the line holds but a value. A line of FTP is a name too.
    pub(super) name: Cow<'b, [u8]>,
    /// Its value, if it stands in the same line.
    pub(super) value: Option<Cow<'b, [u8]>>,
}

/// True for a packet of `-T ek`.
pub(super) fn is_packet(line: &[u8]) -> bool {
    memchr::memmem::find(line, b"\"layers\"").is_some() && memchr::memmem::find(line, b"\"timestamp\"").is_some()
}

/// A packet of `-T ek`; `None` where nobody speaks FTP in it.
pub(super) fn packet(line: &[u8]) -> Option<Packet> {
    memchr::memmem::find(line, b"ftp_re").or_else(|| memchr::memmem::find(line, b"ftp_ftp"))?;
    let text = String::from_utf8_lossy(line);
    let value: Value = serde_json::from_str(&text).ok()?;
    let layers = value.get("layers")?;
    let mut packet = Packet::default();
    let field = |layer: &str, name: &str| {
        // `ip_ip_src` in its layer; `ip_src` where it was asked for.
        let full = layers.get(layer).and_then(|l| l.get(format!("{layer}_{name}")));
        full.or_else(|| layers.get(name)).map(strings).unwrap_or_default()
    };
    let first = |layer: &str, name: &str| field(layer, name).into_iter().next().unwrap_or_default();
    packet.at = epoch(first("frame", "frame_time_epoch").as_bytes()).or_else(|| {
        let millis = value.get("timestamp").map(strings)?.into_iter().next()?;
        let millis = envelope::number(millis.as_bytes()).and_then(|n| i64::try_from(n).ok())?;
        Some(crate::time::Timestamp::from_nanos(millis.checked_mul(1_000_000)?))
    });
    packet.stream = envelope::number(first("tcp", "tcp_stream").as_bytes());
    let host = |four: String, six: String| [four, six].into_iter().find(|h| !h.is_empty()).map(|h| Host::read(h.as_bytes()));
    packet.source.host = host(first("ip", "ip_src"), first("ipv6", "ipv6_src"));
    packet.target.host = host(first("ip", "ip_dst"), first("ipv6", "ipv6_dst"));
    packet.source.port = crate::log::transcript::number(first("tcp", "tcp_srcport").as_bytes());
    packet.target.port = crate::log::transcript::number(first("tcp", "tcp_dstport").as_bytes());
    let lines = layers.get("ftp").and_then(|ftp| ftp.get("text")).map(strings).unwrap_or_default();
    let commands = field("ftp", "ftp_request_command");
    let is_request = !commands.is_empty() || layers.get("ftp").and_then(|ftp| ftp.get("ftp_ftp_request")) == Some(&Value::Bool(true));
    for line in &lines {
        packet.add_line(sent(line.as_bytes()).as_ref(), is_request);
    }
    if !packet.speaks() {
        add_fields(&mut packet, &commands, &field("ftp", "ftp_request_arg"));
        packet.add_codes(field("ftp", "ftp_response_code").join(",").as_bytes(), field("ftp", "ftp_response_arg").join(",").as_bytes());
    }
    Some(packet).filter(Packet::speaks)
}

fn add_fields(packet: &mut Packet, commands: &[String], arguments: &[String]) {
    let is_paired = commands.len() == arguments.len();
    for (index, command) in commands.iter().enumerate() {
        let argument = arguments.get(index).filter(|_| is_paired || commands.len() == 1);
        packet.add_command(command.as_bytes(), argument.map(String::as_bytes).unwrap_or_default());
    }
}

fn strings(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Number(number) => vec![number.to_string()],
        Value::Array(values) => values.iter().flat_map(strings).collect(),
        _ => Vec::new(),
    }
}

/// A line as it was sent: tshark writes CR LF and other bytes as escapes.
pub(super) fn sent(shown: &[u8]) -> Cow<'_, [u8]> {
    let line = shown.strip_suffix(b"\\n").unwrap_or(shown);
    unescaped(line.strip_suffix(b"\\r").unwrap_or(line))
}

/// A line of `-T json`: a field, a value, or a bracket.
pub(super) fn line(text: &[u8]) -> Option<Read<'_>> {
    const OTHER: &str = "a field that says nothing about a session";
    let text = text.trim_ascii();
    if matches!(text, b"{" | b"}" | b"}," | b"[" | b"]" | b"]," | b"\"\"" | b"\"\",") {
        return Some(Read::Ignored("a bracket"));
    }
    let (name, rest) = string(text)?;
    let rest = rest.trim_ascii_start();
    let Some(rest) = rest.strip_prefix(b":") else {
        let is_value = matches!(rest, b"" | b",");
        return is_value.then(|| {
            taken(Piece::Field(Field {
                name: Cow::default(),
                value: Some(name),
            }))
        });
    };
    if *name == *b"_index" {
        return Some(taken(Piece::NextPacket));
    }
    let is_said = name.ends_with(b"\\r\\n") || name.ends_with(b"\\n") && !name.starts_with(b"\\");
    let is_known = !matches!(Column::named(&name), Column::Other | Column::Info);
    if !is_said && !is_known {
        return Some(Read::Ignored(OTHER));
    }
    let value = string(rest.trim_ascii_start()).map(|(value, _)| value);
    Some(taken(Piece::Field(Field { name, value })))
}

/// A string of JSON at the start, and what follows.
fn string(text: &[u8]) -> Option<(Cow<'_, [u8]>, &[u8])> {
    let inner = text.strip_prefix(b"\"")?;
    let mut at = 0;
    loop {
        let step = memchr::memchr2(b'"', b'\\', inner.get(at..)?)?;
        at += step;
        if inner.get(at) == Some(&b'"') {
            break;
        }
        at += 2;
    }
    let (value, rest) = (inner.get(..at)?, inner.get(at + 1..)?);
    if memchr::memchr(b'\\', value).is_none() {
        return Some((Cow::Borrowed(value), rest));
    }
    let quoted = text.get(..at + 2)?;
    let read: String = serde_json::from_slice(quoted).ok()?;
    Some((Cow::Owned(read.into_bytes()), rest))
}
