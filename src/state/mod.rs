//! What a run leaves for the next one: how far each log was read, and the records of the sessions that were open there.
//!
//! Plain data, and a file of it ([`mod@file`]). Which log is which, what is read again and what is new is the business of
//! [`run`](crate::run). Holds no secrets: records are kept without them ([`log::Kept`](crate::log::Kept)).

mod bytes;
mod causes;
mod file;
mod shown;

use serde::{Deserialize, Serialize};

use crate::input::{Place, Print};
use crate::report::Report;
use crate::report::metrics::Counters;
use crate::time::ClockMemory;

pub use bytes::Bytes;
pub use causes::Causes;
pub use file::{VERSION, Wrong};

/// What earlier runs left.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct State {
    /// How many runs there were.
    pub runs: u64,
    /// The number that the next log gets.
    pub next_log: u64,
    /// The logs that were read.
    pub logs: Vec<Log>,
    /// The causes that runs found of late; none before the first run with a session.
    pub causes: Option<Causes>,
    /// The counts of all runs.
    pub counters: Counters,
    /// The outputs of the last run: where they were written, and where they are to be.
    pub outputs: Vec<(Bytes, Bytes)>,
}

/// How far a log was read.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Log {
    /// Its number.
    pub id: u64,
    /// Where it was found last.
    pub path: Bytes,
    /// The name of its format.
    pub format: String,
    /// What it is known by.
    pub print: Print,
    /// Packed files that hold it, and nothing more.
    pub packed: Vec<Print>,
    /// Bytes that were read, decompressed and unwrapped.
    pub bytes: u64,
    /// Lines that were read.
    pub lines: u64,
    /// True where that is inside a line that was counted.
    pub in_line: bool,
    /// The lines of the header in force there.
    pub header: Bytes,
    /// What its clock has learnt.
    pub clock: Option<ClockMemory>,
    /// The latest time in it, in nanoseconds since 1970.
    pub newest: Option<i64>,
    /// The second in which a session began last, and how many had before that one.
    pub begun: Option<(i64, u64)>,
    /// The last line that was read, where the next one may say how often it was repeated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Bytes>,
    /// The run that found it last.
    pub seen: u64,
    /// Sessions that were open behind it.
    pub carried: Carried,
    /// What has to be known where it is read again as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again: Option<Again>,
}

/// What counts by now of an input that is read as a whole: a capture, or what was printed of one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Again {
    /// Records that were counted.
    pub records: u64,
    /// Those that became events, that tell nothing of FTP, and that nobody understood.
    pub taken: u64,
    /// See `taken`.
    pub ignored: u64,
    /// See `taken`.
    pub unrecognised: u64,
    /// True where it is read again with what is new: a session may go on.
    pub waits: bool,
    /// Sessions that may go on.
    pub open: u64,
    /// Sessions that count by now, where it waits.
    pub counted: Vec<Counted>,
}

/// A session that counts by now.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counted {
    /// Its key.
    pub key: u64,
    /// Its ends, where their ports are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends: Option<u64>,
    /// When it began, in nanoseconds since 1970.
    pub start: Option<i64>,
    /// When it was heard last.
    pub last: Option<i64>,
}

impl Log {
    /// Sessions that are open behind it.
    pub fn open_sessions(&self) -> u64 {
        let again = self.again.as_ref().map_or(0, |again| again.open);
        self.carried.sessions.saturating_add(again)
    }

    /// How far it was read.
    pub fn place(&self) -> Place {
        Place {
            bytes: self.bytes,
            lines: self.lines,
        }
    }
}

/// Sessions that are open at the end of a series of logs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Carried {
    /// How many there are.
    pub sessions: u64,
    /// The logs in which their records stand.
    pub logs: Vec<Former>,
    /// The headers under which they stand.
    pub headers: Vec<Bytes>,
    /// Their records, in order.
    pub records: Vec<Record>,
}

/// A log in which records stand that are read again.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Former {
    /// Its number.
    pub id: u64,
    /// Where it was found last.
    pub path: Bytes,
}

/// A record that is read again.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Record {
    /// Its log, a place among those of [`Carried`].
    pub log: usize,
    /// Its header, a place among those of [`Carried`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<usize>,
    /// Its line.
    pub record: u64,
    /// Bytes before it.
    pub offset: u64,
    /// When it was written, in nanoseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<i64>,
    /// Where a session begins with it: the second in which one had begun before, and how many had before that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begun: Option<(i64, u64)>,
    /// How often it is told, where a line says that it was repeated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again: Option<u32>,
    /// The line.
    pub line: Bytes,
}

impl State {
    /// Notes what a later run compares its report to.
    pub fn note(&mut self, report: &Report) {
        self.counters.add(report);
        if report.main.vantage.is_some() {
            self.causes.get_or_insert_default().note(report);
        }
    }

    /// Sessions that are open.
    pub fn open_sessions(&self) -> u64 {
        let sessions = self.logs.iter().map(Log::open_sessions);
        sessions.fold(0, u64::saturating_add)
    }
}
