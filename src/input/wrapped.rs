//! Logs in a wrapping that hides their lines become plain lines again: UTF-16, journald's JSON and export forms, Docker's
//! JSON files, and the lines of other container runtimes (CRI), which also cut long lines in pieces.
//!
//! Told by the first bytes, as compression is, so that a plain file costs nothing. What is unwrapped looks as if syslog
//! (journald) or a container runtime (Docker) had written it, one line per entry; a line end inside an entry becomes
//! `#012`, as rsyslog writes it. An entry that makes no sense is handed on as it stands and counted where lines are.
//! The pieces of a line become one line again at the place of the last, and are empty lines before it, so that lines have
//! their numbers. Wrappings that only put something in front of a line are the business of `log::envelope`.

use std::io::{self, BufRead, BufReader, Read};

use serde_json::Value;

use crate::limits;
use crate::time::Timestamp;

/// How a log is wrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wrapping {
    /// UTF-16 with its mark, as `PowerShell` writes it. True where the high byte comes first.
    Utf16 { is_big_endian: bool },
    /// `journalctl -o json`
    JournalJson,
    /// `journalctl -o export` (<https://systemd.io/JOURNAL_EXPORT_FORMATS>).
    JournalExport,
    /// Docker's `json-file`.
    Docker,
    /// What other runtimes write (<https://github.com/kubernetes/design-proposals-archive/blob/main/node/kubelet-cri-logging.md>).
    Cri,
}

impl Wrapping {
    /// Tells it by the first bytes.
    pub(super) fn of(head: &[u8]) -> Option<Self> {
        match head {
            [0xff, 0xfe, ..] => Some(Self::Utf16 {
                is_big_endian: false,
            }),
            [0xfe, 0xff, ..] => Some(Self::Utf16 {
                is_big_endian: true,
            }),
            [b'{', ..] => {
                let line = head.split(|b| *b == b'\n').next().unwrap_or_default();
                let has = |key| memchr::memmem::find(line, key).is_some();
                if has(b"\"__REALTIME_TIMESTAMP\"") {
                    Some(Self::JournalJson)
                } else if line.starts_with(b"{\"log\":\"") && has(b"\"stream\":") {
                    Some(Self::Docker)
                } else {
                    None
                }
            }
            _ if head.starts_with(b"__CURSOR=") => Some(Self::JournalExport),
            _ => {
                let line = head.split(|b| *b == b'\n').next().unwrap_or_default();
                cri(line).map(|_| Self::Cri)
            }
        }
    }
}

/// Unwraps what it reads.
pub(super) struct Unwrapper {
    wrapping: Wrapping,
    source: BufReader<Box<dyn Read + Send>>,
    /// The high half of a character that is two units of UTF-16.
    high: Option<u16>,
    /// The lines of which pieces have come, on standard output and standard error.
    begun: [Option<Begun>; 2],
    /// Unwrapped bytes that were not handed over yet.
    ready: Vec<u8>,
    start: usize,
}

impl Unwrapper {
    pub(super) fn new(wrapping: Wrapping, source: Box<dyn Read + Send>) -> Self {
        Self {
            wrapping,
            source: BufReader::with_capacity(limits::SNIFF_BYTES, source),
            high: None,
            begun: [None, None],
            ready: Vec::new(),
            start: 0,
        }
    }

    /// Unwraps the next piece; false at the end.
    fn more(&mut self) -> io::Result<bool> {
        self.ready.clear();
        self.start = 0;
        match self.wrapping {
            Wrapping::Utf16 { is_big_endian } => self.utf_16(is_big_endian),
            Wrapping::JournalExport => self.exported(),
            Wrapping::JournalJson => self.journal_json(),
            Wrapping::Docker => self.pieces(docker),
            Wrapping::Cri => self.pieces(|line| cri(line).map(Piece::owned)),
        }
    }

    fn utf_16(&mut self, is_big_endian: bool) -> io::Result<bool> {
        let mut units = Vec::with_capacity(2048);
        units.extend(self.high.take());
        let mut pair = Vec::with_capacity(2);
        while units.len() < 2048 {
            pair.clear();
            self.source.by_ref().take(2).read_to_end(&mut pair)?;
            let unit = match *pair {
                [a, b] if is_big_endian => u16::from_be_bytes([a, b]),
                [a, b] => u16::from_le_bytes([a, b]),
                _ => break,
            };
            units.push(unit);
        }
        let is_over = units.len() < 2048;
        if !is_over && matches!(units.last(), Some(0xd800..=0xdbff)) {
            self.high = units.pop();
        }
        let mut letters = String::with_capacity(units.len());
        for letter in char::decode_utf16(units) {
            letters.push(letter.unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        self.ready.extend_from_slice(letters.as_bytes());
        Ok(!self.ready.is_empty())
    }

    /// Reads a line with its end, or as much of it as a line may have.
    fn line(&mut self) -> io::Result<Vec<u8>> {
        let mut line = Vec::new();
        let bound = limits::LOG_ENTRY_BYTES as u64;
        self.source
            .by_ref()
            .take(bound)
            .read_until(b'\n', &mut line)?;
        Ok(line)
    }

    fn journal_json(&mut self) -> io::Result<bool> {
        let line = self.line()?;
        match json(&line).as_ref().and_then(journal) {
            Some(plain) => {
                self.ready = plain;
                self.ready.push(b'\n');
            }
            None => self.ready = line,
        }
        Ok(!self.ready.is_empty())
    }

    /// Reads on until a line is whole.
    fn pieces(&mut self, piece: fn(&[u8]) -> Option<Piece<Vec<u8>>>) -> io::Result<bool> {
        while self.ready.is_empty() {
            let line = self.line()?;
            if line.is_empty() {
                for begun in self.begun.iter_mut().filter_map(Option::take) {
                    begun.end(b'P', &mut self.ready);
                }
                break;
            }
            match piece(line.strip_suffix(b"\n").unwrap_or(&line)) {
                Some(piece) => self.take(piece),
                None => self.ready = line,
            }
        }
        Ok(!self.ready.is_empty())
    }

    fn take(&mut self, piece: Piece<Vec<u8>>) {
        let [output, error] = &mut self.begun;
        let begun = if piece.stream == b"stdout" {
            output
        } else {
            error
        };
        let mut line = begun
            .take()
            .unwrap_or_else(|| Begun::new(piece.time, piece.stream));
        line.pieces += 1;
        line.message.extend_from_slice(&piece.message);
        if piece.is_whole {
            line.end(b'F', &mut self.ready);
        } else if line.message.len() >= limits::LOG_ENTRY_BYTES {
            line.end(b'P', &mut self.ready);
        } else {
            *begun = Some(line);
        }
    }

    /// An entry is lines of `NAME=value`, or of `NAME`, a length and so many bytes; an empty line ends it.
    fn exported(&mut self) -> io::Result<bool> {
        let mut entry = Entry::default();
        let mut is_any = false;
        loop {
            let line = self.line()?;
            let is_last = line.is_empty();
            let line = line.strip_suffix(b"\n").unwrap_or(&line);
            if is_last || (line.is_empty() && is_any) {
                break;
            }
            is_any |= !line.is_empty();
            match memchr::memchr(b'=', line) {
                Some(at) => {
                    let (name, value) = line.split_at(at);
                    entry.set(name, value.get(1..).unwrap_or_default());
                }
                None if line.is_empty() => {}
                None => {
                    let value = self.counted()?;
                    entry.set(line, &value);
                }
            }
        }
        if is_any {
            self.ready = entry.line();
            self.ready.push(b'\n');
        }
        Ok(is_any)
    }

    /// A value with its length in front and a line end behind it. More than an entry may have is passed over.
    fn counted(&mut self) -> io::Result<Vec<u8>> {
        let mut length = Vec::new();
        self.source.by_ref().take(8).read_to_end(&mut length)?;
        let length = <[u8; 8]>::try_from(length).map_or(0, u64::from_le_bytes);
        let kept = length.min(limits::LOG_ENTRY_BYTES as u64);
        let mut value = Vec::new();
        self.source.by_ref().take(kept).read_to_end(&mut value)?;
        let rest = (length - kept).saturating_add(1);
        io::copy(&mut self.source.by_ref().take(rest), &mut io::sink())?;
        Ok(value)
    }
}

impl Read for Unwrapper {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.start >= self.ready.len() {
            if !self.more()? {
                return Ok(0);
            }
        }
        let ready = self.ready.get(self.start..).unwrap_or_default();
        let read = { ready }.read(buffer)?;
        self.start += read;
        Ok(read)
    }
}

/// What is needed of an entry of the journal (systemd.journal-fields(7)).
#[derive(Debug, Default)]
struct Entry {
    micros: Option<i64>,
    host: Vec<u8>,
    identifier: Vec<u8>,
    command: Vec<u8>,
    syslog_pid: Vec<u8>,
    pid: Vec<u8>,
    message: Vec<u8>,
}

impl Entry {
    fn set(&mut self, name: &[u8], value: &[u8]) {
        let field = match name {
            b"__REALTIME_TIMESTAMP" => {
                let text = std::str::from_utf8(value).unwrap_or_default();
                self.micros = text.parse().ok();
                return;
            }
            b"_HOSTNAME" => &mut self.host,
            b"SYSLOG_IDENTIFIER" => &mut self.identifier,
            b"_COMM" => &mut self.command,
            b"SYSLOG_PID" => &mut self.syslog_pid,
            b"_PID" => &mut self.pid,
            b"MESSAGE" => &mut self.message,
            _ => return,
        };
        *field = value.to_vec();
    }

    /// As rsyslog would write it: `2026-11-22T08:16:55.123456Z host vsftpd[7]: message`.
    fn line(&self) -> Vec<u8> {
        let at = Timestamp::from_nanos(self.micros.unwrap_or(0).saturating_mul(1000));
        let or = |first: &[u8], second: &[u8], third: &str| -> Vec<u8> {
            let known = [first, second].into_iter().find(|part| !part.is_empty());
            let part = known.unwrap_or(third.as_bytes());
            part.iter()
                .filter(|b| !b.is_ascii_whitespace())
                .copied()
                .collect()
        };
        let mut line = format!("{at} ").into_bytes();
        line.extend(or(&self.host, b"", "-"));
        line.push(b' ');
        line.extend(or(&self.identifier, &self.command, "-"));
        let pid = or(&self.syslog_pid, &self.pid, "");
        if !pid.is_empty() {
            line.push(b'[');
            line.extend(pid);
            line.push(b']');
        }
        line.extend_from_slice(b": ");
        push_message(&mut line, &self.message);
        line
    }
}

fn push_message(line: &mut Vec<u8>, message: &[u8]) {
    for byte in message {
        match byte {
            b'\n' => line.extend_from_slice(b"#012"),
            b'\r' => line.extend_from_slice(b"#015"),
            byte => line.push(*byte),
        }
    }
}

/// A value is a string, or an array of bytes where it is not UTF-8.
fn bytes_of(value: &Value) -> Option<Vec<u8>> {
    match value {
        Value::String(text) => Some(text.as_bytes().to_vec()),
        Value::Array(bytes) => bytes
            .iter()
            .map(|byte| byte.as_u64().and_then(|byte| u8::try_from(byte).ok()))
            .collect(),
        _ => None,
    }
}

fn journal(value: &Value) -> Option<Vec<u8>> {
    let mut entry = Entry::default();
    for (name, value) in value.as_object()? {
        if let Some(value) = bytes_of(value) {
            entry.set(name.as_bytes(), &value);
        }
    }
    entry.micros.map(|_| entry.line())
}

fn json(line: &[u8]) -> Option<Value> {
    serde_json::from_str(&String::from_utf8_lossy(line)).ok()
}

/// What a container wrote: a line, or a piece of one.
#[derive(Debug, PartialEq, Eq)]
struct Piece<T> {
    time: T,
    stream: T,
    /// The line ends with it.
    is_whole: bool,
    message: T,
}

impl Piece<&[u8]> {
    fn owned(self) -> Piece<Vec<u8>> {
        Piece {
            time: self.time.to_vec(),
            stream: self.stream.to_vec(),
            is_whole: self.is_whole,
            message: self.message.to_vec(),
        }
    }
}

/// `{"log":"message\n","stream":"stdout","time":"2026-11-22T08:16:55.123456789Z"}`
fn docker(line: &[u8]) -> Option<Piece<Vec<u8>>> {
    let value = json(line)?;
    let text = |name| Some(value.get(name)?.as_str()?.as_bytes());
    let message = text("log")?;
    let whole = message.strip_suffix(b"\n");
    let piece = Piece {
        time: text("time")?,
        stream: text("stream")?,
        is_whole: whole.is_some(),
        message: whole.unwrap_or(message),
    };
    Some(piece.owned())
}

/// `2026-11-22T08:16:55.123456789Z stdout F message`; behind `F` or `P` more marks may stand, with colons between.
fn cri(line: &[u8]) -> Option<Piece<&[u8]>> {
    let mut words = line.splitn(4, |b| *b == b' ');
    let (time, stream, marks) = (words.next()?, words.next()?, words.next()?);
    let is_time = time.first()?.is_ascii_digit() && time.get(10) == Some(&b'T');
    let is_stream = matches!(stream, b"stdout" | b"stderr");
    let is_whole = match marks.split(|b| *b == b':').next()? {
        b"F" => true,
        b"P" => false,
        _ => return None,
    };
    (is_time && is_stream).then(|| Piece {
        time,
        stream,
        is_whole,
        message: words.next().unwrap_or_default(),
    })
}

/// A line of which pieces have come.
#[derive(Debug)]
struct Begun {
    time: Vec<u8>,
    stream: Vec<u8>,
    message: Vec<u8>,
    pieces: usize,
}

impl Begun {
    fn new(time: Vec<u8>, stream: Vec<u8>) -> Self {
        Self {
            time,
            stream,
            message: Vec::new(),
            pieces: 0,
        }
    }

    /// The line, behind an empty one for each piece but the last, in which it stands.
    fn end(self, mark: u8, out: &mut Vec<u8>) {
        out.extend(std::iter::repeat_n(b'\n', self.pieces.saturating_sub(1)));
        for part in [&self.time, &self.stream, &vec![mark]] {
            out.extend_from_slice(part);
            out.push(b' ');
        }
        // Its end may have been cut in two.
        let without_end = self.message.strip_suffix(b"\r").filter(|_| mark == b'F');
        push_message(out, without_end.unwrap_or(&self.message));
        out.push(b'\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(wrapped: &[u8], expected: &str) {
        let wrapping = Wrapping::of(wrapped).unwrap();
        let mut unwrapped = Vec::new();
        let source = Box::new(io::Cursor::new(wrapped.to_vec()));
        Unwrapper::new(wrapping, source)
            .read_to_end(&mut unwrapped)
            .unwrap();
        assert_eq!(String::from_utf8_lossy(&unwrapped), expected);
    }

    #[test]
    fn utf_16_in_both_orders_and_across_pieces() {
        let text = format!("\u{feff}{}\u{1f600}é\r\nb\n", "a".repeat(2046));
        let units: Vec<u16> = text.encode_utf16().collect();
        let little: Vec<u8> = units.iter().flat_map(|u| u.to_le_bytes()).collect();
        let big: Vec<u8> = units.iter().flat_map(|u| u.to_be_bytes()).collect();
        check(&little, &text);
        check(&big, &text);
        check(&little[..7], "\u{feff}aa");
        check(b"\xff\xfe\x00\xd8a\0", "\u{feff}\u{fffd}a");
    }

    #[test]
    fn journald_in_json() {
        check(
            br#"{"__REALTIME_TIMESTAMP":"1795335415123456","_HOSTNAME":"ftp1","SYSLOG_IDENTIFIER":"vsftpd","_PID":"7","MESSAGE":"[u] \"a\"\nb"}
{"MESSAGE":[104,105,255],"_COMM":"vsftpd","__REALTIME_TIMESTAMP":"1795335415000000"}
not json
{"MESSAGE":null,"X":1}"#,
            "2026-11-22T08:16:55.123456Z ftp1 vsftpd[7]: [u] \"a\"#012b\n\
             2026-11-22T08:16:55Z - vsftpd: hi\u{fffd}\n\
             not json\n\
             {\"MESSAGE\":null,\"X\":1}",
        );
    }

    #[test]
    fn journald_in_its_export_form() {
        check(
            b"__CURSOR=s=1\n__REALTIME_TIMESTAMP=1795335415000000\n_HOSTNAME=ftp1\nSYSLOG_IDENTIFIER=vsftpd\n_PID=7\n\
              MESSAGE\n\x03\0\0\0\0\0\0\0a\nb\n\n\n__CURSOR=s=2\n__REALTIME_TIMESTAMP=1795335416000000\nMESSAGE=x=y",
            "2026-11-22T08:16:55Z ftp1 vsftpd[7]: a#012b\n2026-11-22T08:16:56Z - -: x=y\n",
        );
        check(
            b"__CURSOR=s=1\nMESSAGE\n\xff\xff\xff\xff\xff\xff\xff\xffab",
            "1970-01-01T00:00:00Z - -: ab\n",
        );
    }

    #[test]
    fn docker_in_json() {
        check(
            br#"{"log":"230 \"hi\"\r\n","stream":"stdout","time":"2026-11-22T08:16:55.123456789Z"}
{"log":"part","stream":"stderr","time":"2026-11-22T08:16:56Z"}"#,
            "2026-11-22T08:16:55.123456789Z stdout F 230 \"hi\"\n2026-11-22T08:16:56Z stderr P part\n",
        );
    }

    /// 16 KiB of a line are in one entry of Docker, as much as fits in a buffer in one of the others.
    #[test]
    fn pieces_of_a_line_are_one_line_and_lines_keep_their_numbers() {
        check(
            br#"{"log":"230 a","stream":"stdout","time":"2026-11-22T08:16:55Z"}
{"log":"other\n","stream":"stderr","time":"2026-11-22T08:16:56Z"}
{"log":"b","stream":"stdout","time":"2026-11-22T08:16:57Z"}
{"log":"c\r\n","stream":"stdout","time":"2026-11-22T08:16:58Z"}
{"log":"next\n","stream":"stdout","time":"2026-11-22T08:16:59Z"}"#,
            "2026-11-22T08:16:56Z stderr F other\n\n\n2026-11-22T08:16:55Z stdout F 230 abc\n\
             2026-11-22T08:16:59Z stdout F next\n",
        );
        check(
            b"2026-11-22T08:16:55.1Z stdout P 230 a\n2026-11-22T08:16:55.2Z stdout P:x b\nno such line\n\
              2026-11-22T08:16:55.3Z stdout F \n2026-11-22T08:16:55.4Z stdout F c d\r\n2026-11-22T08:16:55.5Z stderr P e",
            "no such line\n\n\n2026-11-22T08:16:55.1Z stdout F 230 ab\n\
             2026-11-22T08:16:55.4Z stdout F c d\n2026-11-22T08:16:55.5Z stderr P e\n",
        );
    }

    #[test]
    fn a_line_end_that_is_cut_in_two_is_one() {
        check(
            br#"{"log":"230 a\r","stream":"stdout","time":"2026-11-22T08:16:55Z"}
{"log":"\n","stream":"stdout","time":"2026-11-22T08:16:55Z"}"#,
            "\n2026-11-22T08:16:55Z stdout F 230 a\n",
        );
    }

    #[test]
    fn a_line_that_never_ends_is_handed_on_in_bounded_pieces() {
        let piece = format!("2026-11-22T08:16:55Z stdout P {}\n", "x".repeat(100_000));
        let wrapped = piece.repeat(20).into_bytes();
        let mut unwrapped = Vec::new();
        let source = Box::new(io::Cursor::new(wrapped));
        Unwrapper::new(Wrapping::Cri, source)
            .read_to_end(&mut unwrapped)
            .unwrap();
        let lines: Vec<usize> = unwrapped.split(|b| *b == b'\n').map(<[u8]>::len).collect();
        assert_eq!(lines.len(), 21);
        assert!(
            lines
                .iter()
                .all(|length| *length < limits::LOG_ENTRY_BYTES + 100_100),
            "{lines:?}"
        );
    }

    #[test]
    fn other_files_are_left_alone() {
        for head in [
            &b""[..],
            b"\xd4\xc3\xb2\xa1",
            b"{\"timestamp\":\"2026-11-22T08:16:55Z\",\"event_type\":\"ftp\"}\n{\"__REALTIME_TIMESTAMP\":1}",
            b"{\"log\":\"x\"}",
            b"Sun Nov 22",
        ] {
            assert_eq!(Wrapping::of(head), None);
        }
    }
}
