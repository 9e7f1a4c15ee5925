//! Parquet files of what a run found: a row for each event, session or failure.

use std::io::{self, Write};

use crate::output::Writing;
use crate::report::json;
use crate::report::parquet::{Rows, Table};
use crate::run::Findings;

/// What is written as it is read.
pub(super) fn streamed<T>(
    out: &mut Writing,
    table: Table,
    read: impl FnOnce(&mut (dyn Write + Send)) -> io::Result<T>,
) -> io::Result<T> {
    let mut rows = Rows::new(out, table)?;
    let found = read(&mut rows)?;
    rows.finish().map(|_| found)
}

/// Sessions.
pub(super) fn sessions(out: &mut Writing, findings: &Findings) -> io::Result<()> {
    let mut rows = Rows::new(out, Table::Sessions)?;
    json::sessions(&mut rows, &findings.sessions, &findings.sources)?;
    rows.finish().map(drop)
}

/// The failures of all sessions.
pub(super) fn failures(out: &mut Writing, findings: &Findings) -> io::Result<()> {
    let mut rows = Rows::new(out, Table::Failures)?;
    let mut row = Vec::new();
    for (session, failures) in &findings.sessions {
        for failure in failures {
            row.clear();
            json::failure(&mut row, session, failure, &findings.sources);
            rows.write_all(&row)?;
        }
    }
    rows.finish().map(drop)
}
