//! A state for people.

use std::fmt::Write as _;

use super::{Log, State};
use crate::text;
use crate::time::Timestamp;

impl State {
    /// A line for each log: how far it was read, and what is open behind it.
    pub fn shown(&self) -> String {
        let mut out = format!("{} run", self.runs);
        if self.runs != 1 {
            out.push('s');
        }
        let open = self.open_sessions();
        // Writing to a text does not fail.
        let _ = writeln!(out, ", {} logs, {open} open sessions", self.logs.len());
        for log in &self.logs {
            out.push_str(&self.row(log));
        }
        out
    }

    fn row(&self, log: &Log) -> String {
        let path = text::terminal(&log.path.0, true);
        let format = text::terminal_str(&log.format, true);
        let newest = log
            .newest
            .map(|nanos| format!(", up to {}", Timestamp::from_nanos(nanos)));
        let mut row = format!(
            "{path}: {format}, {} lines, {} bytes{}",
            log.lines,
            log.bytes,
            newest.unwrap_or_default()
        );
        if log.carried.sessions > 0 || !log.carried.records.is_empty() {
            let (sessions, records) = (log.carried.sessions, log.carried.records.len());
            let _ = write!(row, ", {sessions} open sessions with {records} lines");
        }
        if log.seen < self.runs {
            row.push_str(", not found by the last run");
        }
        row.push('\n');
        row
    }
}
