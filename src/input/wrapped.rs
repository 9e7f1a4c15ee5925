//! Logs in a wrapping that hides their lines become plain lines again: UTF-16, journald's JSON and export forms, Docker's
//! JSON files, the lines of other container runtimes (CRI), which also cut long lines in pieces, and what shippers and
//! stores of logs hand out as JSON or CSV.
//!
//! Told by the first bytes, as compression is, so that a plain file costs nothing. What is unwrapped looks as if syslog
//! (journald) or a container runtime (Docker) had written it, one line per entry; a line end inside an entry becomes
//! `#012`, as rsyslog writes it. An entry that makes no sense is handed on as it stands and counted where lines are.
//! The pieces of a line become one line again at the place of the last, and are empty lines before it, so that lines have
//! their numbers. Wrappings that only put something in front of a line are the business of `log::envelope`.

mod shipped;
#[cfg(test)]
mod tests;

use std::io::{self, BufRead, BufReader, Read};

use serde_json::Value;

use self::shipped::Columns;
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
    /// An object a line with the log's line in one field.
    Json,
    /// Rows with the log's line in one column.
    Csv,
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
                    shipped::is_object(line).then_some(Self::Json)
                }
            }
            _ if head.starts_with(b"__CURSOR=") => Some(Self::JournalExport),
            _ => {
                let line = head.split(|b| *b == b'\n').next().unwrap_or_default();
                let is_csv = || Columns::of(line).map(|_| Self::Csv);
                cri(line).map(|_| Self::Cri).or_else(is_csv)
            }
        }
    }
}

impl Wrapping {
    /// True where each line of the file is unwrapped by itself, so that reading can begin behind any of them.
    pub(super) fn is_by_line(self) -> bool {
        matches!(
            self,
            Self::JournalJson | Self::Docker | Self::Cri | Self::Json
        )
    }

    /// True for a line that is a piece of a longer one.
    pub(super) fn is_piece(self, line: &[u8]) -> bool {
        match self {
            Self::Docker => docker(line).is_some_and(|piece| !piece.is_whole),
            Self::Cri => cri(line).is_some_and(|piece| !piece.is_whole),
            _ => false,
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
    /// The columns of a CSV file, once its header was read.
    columns: Option<Columns>,
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
            columns: None,
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
            Wrapping::JournalJson => self.each_line(|line| json(line).as_ref().and_then(journal)),
            Wrapping::Json => self.each_line(shipped::object),
            Wrapping::Csv => self.csv(),
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

    fn each_line(&mut self, unwrap: fn(&[u8]) -> Option<Vec<u8>>) -> io::Result<bool> {
        let line = self.line()?;
        match unwrap(&line) {
            Some(plain) => {
                self.ready = plain;
                self.ready.push(b'\n');
            }
            None => self.ready = line,
        }
        Ok(!self.ready.is_empty())
    }

    /// A row has more than one line where a value in quotes has; all but the last become empty ones.
    fn csv(&mut self) -> io::Result<bool> {
        let mut row = self.line()?;
        let mut lines = usize::from(!row.is_empty());
        while shipped::is_open(&row) && lines < limits::CSV_ROW_LINES {
            let more = self.line()?;
            if more.is_empty() {
                break;
            }
            row.extend_from_slice(&more);
            lines += 1;
        }
        let Some(columns) = self.columns else {
            self.columns = Columns::of(&row);
            self.ready = if self.columns.is_some() {
                b"\n".to_vec()
            } else {
                row
            };
            return Ok(!self.ready.is_empty());
        };
        match columns.line(&row) {
            Some(plain) => {
                self.ready
                    .extend(std::iter::repeat_n(b'\n', lines.saturating_sub(1)));
                self.ready.extend_from_slice(&plain);
                self.ready.push(b'\n');
            }
            None => self.ready = row,
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
