//! What shippers and stores of logs put around a line: a JSON object a line, or a CSV file, with the line in one field.
//!
//! Known by the names that they give to that field (Filebeat, Fluentd and Fluent Bit, Vector, rsyslog, NXLog, GELF, Loki,
//! Splunk, CloudWatch). A time, a host and a program beside it go in front of the line as syslog or a container runtime
//! would have put them. An object of a log that is JSON itself is none of theirs: it is left as it is.

use serde_json::{Map, Value};

use super::{json, push_message};
use crate::limits;
use crate::time::Timestamp;

/// The names of the field that holds the line.
const LINES: [&str; 9] = [
    "message",
    "Message",
    "msg",
    "log",
    "line",
    "_raw",
    "@message",
    "full_message",
    "short_message",
];
const TIMES: [&str; 6] = [
    "@timestamp",
    "timestamp",
    "_time",
    "time",
    "date",
    "EventTime",
];
const HOSTS: [&str; 4] = ["host", "hostname", "Hostname", "source"];
const PROGRAMS: [&str; 7] = [
    "program",
    "programname",
    "appname",
    "application_name",
    "ident",
    "SourceName",
    "process",
];
const PIDS: [&str; 4] = ["pid", "procid", "process_id", "ProcessID"];

/// Fields that logs have which are JSON themselves: Suricata, Zeek, SFTPGo, AWS Transfer Family.
const OWN: [&str; 4] = ["event_type", "uid", "sender", "activity-type"];

/// The parts of an entry.
#[derive(Debug, Default)]
struct Entry {
    time: Option<String>,
    host: Option<String>,
    program: Option<String>,
    pid: Option<String>,
    message: String,
}

impl Entry {
    /// `time host program[pid]: message`, or what is known of that.
    fn line(&self) -> Vec<u8> {
        let word = |text: &Option<String>| {
            let text = text.as_deref().unwrap_or("-");
            text.split_whitespace().next().unwrap_or("-").to_owned()
        };
        let mut line = match (&self.time, &self.program) {
            (Some(time), Some(_)) => {
                let pid = self
                    .pid
                    .as_ref()
                    .map_or_else(String::new, |pid| format!("[{pid}]"));
                format!("{time} {} {}{pid}: ", word(&self.host), word(&self.program))
            }
            (Some(time), None) if has_tag(&self.message) => format!("{time} {} ", word(&self.host)),
            (Some(time), None) => format!("{time} stdout F "),
            _ => String::new(),
        }
        .into_bytes();
        push_message(
            &mut line,
            self.message.trim_end_matches(['\r', '\n']).as_bytes(),
        );
        line
    }
}

/// True for `vsftpd[7]: text`: what is left of syslog's line where a store took off its date and host.
fn has_tag(message: &str) -> bool {
    let Some((label, _)) = message.split_once("]: ") else {
        return false;
    };
    let is_name = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    label.split_once('[').is_some_and(|(name, pid)| {
        let is_pid = !pid.is_empty() && pid.bytes().all(|b| b.is_ascii_digit());
        !name.is_empty() && name.chars().all(is_name) && is_pid
    })
}

/// True where a file that begins with this line is of such objects.
pub(super) fn is_object(line: &[u8]) -> bool {
    object(line).is_some()
}

/// The line in an object.
pub(super) fn object(line: &[u8]) -> Option<Vec<u8>> {
    let value = json(line)?;
    let mut fields = value.as_object()?;
    // Splunk and Elasticsearch hand out what they keep in an object of their own.
    for inner in ["result", "_source"] {
        fields = fields
            .get(inner)
            .and_then(Value::as_object)
            .unwrap_or(fields);
    }
    if OWN.iter().any(|name| fields.contains_key(*name)) {
        return None;
    }
    let message = LINES.iter().find_map(|name| fields.get(*name)?.as_str())?;
    let entry = Entry {
        time: TIMES.iter().find_map(|name| time(fields.get(*name)?)),
        host: word(fields, &HOSTS, "name"),
        program: word(fields, &PROGRAMS, "name"),
        pid: word(fields, &PIDS, "pid").or_else(|| word(fields, &["process"], "pid")),
        message: message.to_owned(),
    };
    Some(entry.line())
}

/// A field of one of these names, or a field inside it.
fn word(fields: &Map<String, Value>, names: &[&str], inner: &str) -> Option<String> {
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let found = names.iter().find_map(|name| {
        let value = fields.get(*name)?;
        text(value).or_else(|| text(value.get(inner)?))
    });
    found.filter(|text| !text.trim().is_empty())
}

/// RFC 3339, or seconds since 1970 as a number.
fn time(value: &Value) -> Option<String> {
    if let Some(text) = value.as_str() {
        return dated(text, "");
    }
    let digits = value.as_number()?.to_string();
    let (seconds, fraction) = digits.split_once('.').unwrap_or((&digits, ""));
    let seconds: i64 = seconds
        .parse()
        .ok()
        .filter(|seconds| *seconds < 100_000_000_000)?;
    let nanos: i64 = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
    let at = Timestamp::from_nanos(seconds.checked_mul(1_000_000_000)?.checked_add(nanos)?);
    Some(at.to_string())
}

/// A date and a time of day with `T` between them; where that says no zone, in this one.
fn dated(text: &str, zone: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let is_date =
        bytes.get(4) == Some(&b'-') && bytes.get(7) == Some(&b'-') && bytes.get(13) == Some(&b':');
    if !is_date || !matches!(bytes.get(10)?, b'T' | b' ') || !bytes.first()?.is_ascii_digit() {
        return None;
    }
    let (day, clock) = (text.get(..10)?, text.get(11..)?.trim());
    let has_zone = clock.ends_with('Z') || clock.contains(['+', '-']);
    (!clock.contains(' ')).then(|| format!("{day}T{clock}{}", if has_zone { "" } else { zone }))
}

/// The columns of a CSV file that matter.
#[derive(Debug, Clone, Copy)]
pub(super) struct Columns {
    line: usize,
    time: Option<usize>,
    host: Option<usize>,
    program: Option<usize>,
    /// CloudWatch's times are in UTC and do not say so.
    is_utc: bool,
}

impl Columns {
    /// Reads the first line of a file; `None` where it is no header, or has no column for lines.
    pub(super) fn of(header: &[u8]) -> Option<Self> {
        let header = header.strip_prefix(b"\xef\xbb\xbf").unwrap_or(header);
        let names = fields(header)?;
        let is_name = |name: &String| {
            !name.is_empty()
                && name
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || "_@.- ".contains(c))
        };
        if names.len() < 2 || !names.iter().all(is_name) {
            return None;
        }
        let of = |known: &[&str]| {
            known
                .iter()
                .find_map(|known| names.iter().position(|name| name == known))
        };
        let time = of(&TIMES);
        Some(Self {
            line: of(&LINES)?,
            time,
            host: of(&HOSTS),
            program: of(&PROGRAMS),
            is_utc: time
                .and_then(|at| names.get(at))
                .is_some_and(|name| name.starts_with('@')),
        })
    }

    /// The line in a row.
    pub(super) fn line(self, row: &[u8]) -> Option<Vec<u8>> {
        let mut values = fields(row)?;
        let mut take = |column: Option<usize>| {
            let value = values.get_mut(column?).map(std::mem::take);
            value.filter(|value| !value.trim().is_empty())
        };
        let time = take(self.time);
        let entry = Entry {
            time: time.and_then(|time| dated(time.trim(), if self.is_utc { "Z" } else { "" })),
            host: take(self.host),
            program: take(self.program),
            pid: None,
            message: take(Some(self.line))?,
        };
        Some(entry.line())
    }
}

/// The values of a row: in quotes where they hold commas, quotes (then two) or line ends (RFC 4180).
fn fields(row: &[u8]) -> Option<Vec<String>> {
    let text = String::from_utf8_lossy(row);
    let mut values = vec![String::new()];
    let mut is_quoted = false;
    let mut letters = text.trim_end_matches(['\r', '\n']).chars().peekable();
    while let Some(letter) = letters.next() {
        let value = values.last_mut()?;
        match letter {
            '"' if is_quoted && letters.peek() == Some(&'"') => {
                letters.next();
                value.push('"');
            }
            '"' if is_quoted => is_quoted = false,
            '"' if value.is_empty() => is_quoted = true,
            ',' if !is_quoted => {
                if values.len() >= limits::LOG_COLUMNS {
                    return None;
                }
                values.push(String::new());
            }
            letter => value.push(letter),
        }
    }
    (!is_quoted).then_some(values)
}

/// True where a row goes on in the next line.
pub(super) fn is_open(row: &[u8]) -> bool {
    memchr::memchr_iter(b'"', row).count() % 2 == 1
}
