//! Rows of `-T fields`: by their header, or by what values look like where there is none.

use std::borrow::Cow;

use super::{epoch, when};
use super::packet::Packet;
use crate::ftp::{Host, ReplyCode, Verb};
use crate::log::envelope;

/// A column that means something here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    Other,
    Epoch,
    Stream,
    Source,
    Target,
    SourcePort,
    TargetPort,
    Command,
    Argument,
    Code,
    Text,
    Info,
}

impl Column {
    #[rustfmt::skip]
    pub(super) fn named(name: &[u8]) -> Self {
        match name {
            b"frame.time_epoch" | b"frame.time" => Self::Epoch,
            b"tcp.stream" => Self::Stream,
            b"ip.src" | b"ipv6.src" | b"_ws.col.Source" => Self::Source,
            b"ip.dst" | b"ipv6.dst" | b"_ws.col.Destination" => Self::Target,
            b"tcp.srcport" => Self::SourcePort,
            b"tcp.dstport" => Self::TargetPort,
            b"ftp.request.command" => Self::Command,
            b"ftp.request.arg" => Self::Argument,
            b"ftp.response.code" => Self::Code,
            b"ftp.response.arg" => Self::Text,
            b"_ws.col.Info" | b"_ws.col.info" => Self::Info,
            _ => Self::Other,
        }
    }
}

/// What stands between values: the first of these that a line has.
fn separator(line: &[u8]) -> Option<u8> {
    b"\t;|,".iter().copied().find(|sep| memchr::memchr(*sep, line).is_some())
}

fn values(line: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    line.split(move |b| *b == separator).map(|value| {
        let inner = value.strip_prefix(b"\"").and_then(|v| v.strip_suffix(b"\""));
        inner.unwrap_or(value)
    })
}

/// A line of fields' names, some of them FTP's or the summary's.
pub(super) fn is_header(line: &[u8]) -> bool {
    let Some(separator) = separator(line) else {
        return false;
    };
    let is_name = |name: &[u8]| {
        memchr::memchr(b'.', name).is_some()
            && name.iter().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(b))
            && name.first().is_some_and(|b| b.is_ascii_lowercase() || *b == b'_')
    };
    let is_ftp = |name: &[u8]| name.starts_with(b"ftp.") || Column::named(name) == Column::Info;
    values(line, separator).all(is_name) && values(line, separator).any(is_ftp)
}

/// The columns that a header names, and what separates them.
pub(super) fn columns(line: &[u8]) -> Vec<Column> {
    separator(line).map_or_else(Vec::new, |sep| values(line, sep).map(Column::named).collect())
}

/// A row, without what follows a command whose argument is secret.
pub(super) fn row(line: &[u8]) -> Option<Cow<'_, [u8]>> {
    let separator = separator(line)?;
    let is_number = |v: &[u8]| v.is_empty() || v.iter().all(|b| b.is_ascii_digit() || b".:".contains(b));
    let is_of_packet = |v: &[u8]| Host::read(v).ip().is_some() || epoch(v).is_some();
    if !values(line, separator).any(is_of_packet) || values(line, separator).count() < 3 {
        return None;
    }
    let is_secret = |v: &[u8]| Verb::new(v).is_secret();
    if !values(line, separator).any(is_secret) {
        return Some(Cow::Borrowed(line));
    }
    let mut kept: Vec<&[u8]> = Vec::new();
    let mut was_secret = false;
    for value in values(line, separator) {
        let is_kept = !was_secret && (is_number(value) || is_secret(value) || Host::read(value).ip().is_some());
        kept.push(if is_kept { value } else { b"" });
        was_secret = is_secret(value);
    }
    Some(Cow::Owned(kept.join(&separator)))
}

/// A row's packet, by its columns or, without any, by what the values look like.
pub(super) fn packet(columns: &[Column], line: &[u8]) -> Option<Packet> {
    let values: Vec<&[u8]> = values(line, separator(line)?).collect();
    if columns.is_empty() {
        return Some(guessed(&values)).filter(Packet::speaks);
    }
    let value = |column: Column| {
        let mut found = columns.iter().zip(&values).filter(|(c, v)| **c == column && !v.is_empty());
        found.next().map(|(_, v)| *v).unwrap_or_default()
    };
    let mut packet = Packet::default();
    let mut times = columns.iter().zip(&values).filter(|(c, _)| **c == Column::Epoch);
    packet.at = times.find_map(|(_, v)| when(v));
    packet.stream = envelope::number(value(Column::Stream));
    let host = |value: &[u8]| (!value.is_empty()).then(|| Host::read(value));
    packet.source.host = host(value(Column::Source));
    packet.target.host = host(value(Column::Target));
    packet.source.port = port(value(Column::SourcePort));
    packet.target.port = port(value(Column::TargetPort));
    say(&mut packet, [value(Column::Command), value(Column::Argument), value(Column::Code), value(Column::Text)]);
    if !packet.speaks() {
        let info = value(Column::Info);
        if let Some(line) = info.strip_prefix(b"Response: ") {
            packet.add_first_line(line);
        } else if let Some(line) = info.strip_prefix(b"Request: ") {
            packet.add_command_line(line);
        }
    }
    Some(packet).filter(Packet::speaks)
}

fn say(packet: &mut Packet, [command, argument, code, text]: [&[u8]; 4]) {
    if !command.is_empty() {
        // Pipelined commands stand side by side, and so do their arguments.
        let commands: Vec<&[u8]> = command.split(|b| *b == b',').collect();
        let arguments: Vec<&[u8]> = argument.split(|b| *b == b',').collect();
        if commands.len() == 1 {
            packet.add_command(command, argument);
        } else {
            let is_paired = commands.len() == arguments.len();
            for (index, word) in commands.iter().enumerate() {
                let argument = arguments.get(index).filter(|_| is_paired).copied().unwrap_or_default();
                packet.add_command(word, argument);
            }
        }
    }
    if !code.is_empty() {
        packet.add_codes(code, text);
    }
}

fn port(value: &[u8]) -> Option<u16> {
    crate::log::transcript::number(value)
}

/// Without a header: hosts, the ports behind them, then a verb or a code with what follows it.
fn guessed(values: &[&[u8]]) -> Packet {
    let mut packet = Packet::default();
    packet.at = values.iter().find_map(|value| epoch(value));
    let ip = |value: &[u8]| Host::read(value).ip().map(Host::Ip);
    let mut last = 0;
    for (index, value) in values.iter().enumerate() {
        let Some(host) = ip(value) else {
            continue;
        };
        let half = if packet.source.host.is_none() {
            &mut packet.source
        } else if packet.target.host.is_none() {
            &mut packet.target
        } else {
            continue;
        };
        half.host = Some(host);
        half.port = values.get(index + 1).and_then(|value| port(value));
        last = index + 1 + usize::from(half.port.is_some());
    }
    let rest = values.get(last..).unwrap_or_default();
    let text = |index: usize| rest.get(index + 1).copied().unwrap_or_default();
    let is_verb = |v: &&[u8]| v.iter().all(u8::is_ascii_uppercase) && crate::catalogue::catalogue().command(Verb::new(v)).is_some();
    let is_code = |v: &&[u8]| {
        v.split(|b| *b == b',').all(|c| c.len() == 3 && ReplyCode::from_digits(c).is_some_and(|code| crate::catalogue::catalogue().reply(code).is_some()))
    };
    if let Some(index) = rest.iter().position(is_verb) {
        say(&mut packet, [rest.get(index).copied().unwrap_or_default(), text(index), b"", b""]);
    } else if let Some(index) = rest.iter().position(is_code) {
        say(&mut packet, [b"", b"", rest.get(index).copied().unwrap_or_default(), text(index)]);
    }
    packet
}
