//! What is read, by itself or as what is new since the last run.

use std::io::Write;

use super::state::Next;
use super::{Trouble, settings, tables};
use crate::cli::ReadArgs;
use crate::output::{Place, Writing};
use crate::report::metrics::Counters;
use crate::report::parquet::Table;
use crate::report::{self, Report};
use crate::run::{Findings, Wanted, run, run_on};
use crate::tally::By;

/// What a run found, and what it leaves where a later one goes on.
pub(super) struct Found {
    pub(super) findings: Findings,
    next: Option<Next>,
    /// The counts of all runs up to this one, once its report is known.
    counters: Option<Counters>,
}

impl Found {
    /// What it leaves, with what a later run compares its report to.
    pub(super) fn take_next(&mut self, report: &Report) -> Option<Next> {
        let next = self.next.take()?.noting(report);
        self.counters = Some(next.state().counters.clone());
        Some(next)
    }

    /// Its report as metrics.
    pub(super) fn metrics(&self, report: &Report) -> String {
        match &self.counters {
            Some(counters) => report::metrics::report_after(report, counters),
            None => report::metrics::report(report),
        }
    }
}

/// What was found in other runs.
impl From<Findings> for Found {
    fn from(findings: Findings) -> Self {
        Self {
            findings,
            next: None,
            counters: None,
        }
    }
}

impl std::ops::Deref for Found {
    type Target = Findings;

    fn deref(&self) -> &Findings {
        &self.findings
    }
}

/// Reads everything with the number of threads that is asked for. What is written as it comes goes to a place, in columns
/// or not.
pub(super) fn read_to(
    args: &ReadArgs,
    wanted: Wanted,
    by: Option<By>,
    (place, table): (&Place, Option<Table>),
) -> Result<(Found, Writing), Trouble> {
    let settings = settings(args, wanted, by)?;
    let earlier = Next::begin(args)?;
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(args.threads.unwrap_or(0))
        .build();
    let mut out = place.begin()?;
    let rows = |out: &mut (dyn Write + Send)| match &earlier {
        None => run(&settings, out).map(|findings| (findings, None)),
        Some(next) => {
            let read = run_on(&settings, next.state(), args.close, out);
            read.map(|(findings, state)| (findings, Some(state)))
        }
    };
    let mut read = || match table {
        Some(table) => tables::streamed(&mut out, table, rows),
        None => rows(&mut out),
    };
    let found = match pool {
        Ok(pool) => pool.install(read),
        Err(_) => read(), // no thread can be had: the global pool does it
    };
    let (findings, state) = found.map_err(|error| place.failed(error))?;
    let next = earlier.zip(state).map(|(next, state)| next.with(state));
    let found = Found {
        findings,
        next,
        counters: None,
    };
    Ok((found, out))
}

/// The same, where nothing is written as it comes.
pub(super) fn read(args: &ReadArgs, wanted: Wanted, by: Option<By>) -> Result<Found, Trouble> {
    let (found, out) = read_to(args, wanted, by, (&Place::Stdout, None))?;
    out.finish()?;
    Ok(found)
}
