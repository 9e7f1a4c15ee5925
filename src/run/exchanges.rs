//! The exchanges of a session that is over as rows: each command with its replies, and why it failed.
//!
//! A session is judged here once more, because rows are written in the order of the input and batches are judged in any.

use std::io::{self, Write};

use super::watcher::Asked;
use crate::cause::{Failure, classify_showing};
use crate::report::{Sources, json};
use crate::session::{Exchange, Session};

/// Writes the rows that were made before of exchanges that the session does not keep, and those of the others, as far as
/// they are asked for.
pub(super) fn write(
    asked: Asked<'_>,
    session: &Session,
    before: &[u8],
    sources: &Sources,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut failures = classify_showing(session, &|_| false);
    let narrowed = match asked.filter {
        None => None,
        Some(filter) => {
            let mut part = session.clone();
            if filter.narrow(&mut part, &mut failures).is_none() {
                return Ok(());
            }
            Some(part)
        }
    };
    out.write_all(before)?;
    let part = narrowed.as_ref().unwrap_or(session);
    let mut rows = Vec::new();
    for (index, exchange) in part.exchanges.iter().enumerate() {
        let failure = failures.iter().find(|f| f.exchange == Some(index));
        row(&mut rows, asked, part, exchange, failure, sources);
    }
    out.write_all(&rows)
}

/// Adds the row of an exchange, with other names where those are asked for.
pub(super) fn row(
    out: &mut Vec<u8>,
    asked: Asked<'_>,
    session: &Session,
    exchange: &Exchange,
    failure: Option<&Failure>,
    sources: &Sources,
) {
    match asked.anonymizer {
        None => json::exchange(out, session, exchange, failure, sources),
        Some(anonymizer) => {
            let speakers = anonymizer.speakers(session);
            let exchange = anonymizer.exchange(session, exchange);
            json::exchange(out, &speakers, &exchange, failure, sources);
        }
    }
}
