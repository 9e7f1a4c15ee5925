//! `codes`: how often each occurs, by what, and the exchanges that have them as rows.

use super::asked::Rows;
use super::rules::{Rules, settled};
use super::state::Next;
use super::targets::{Target, targets, write_all};
use super::{
    CAUSED, CODES, CODES_BY, MATRIX, Outcome, PARTS, Trouble, part, read_to, report_of, warn,
};
use crate::cli::{CodeArgs, Form, ReadArgs, Sort};
use crate::output::Writing;
use crate::report::Order;
use crate::report::parquet::Table;
use crate::run::Wanted;

/// Shows codes.
pub(super) fn codes(args: &CodeArgs) -> Outcome {
    let rows = Rows::of(&args.table, Order::Replies, &[Sort::Name, Sort::Count])?;
    let view = match rows.by {
        Some(_) => CODES_BY,
        None if args.matrix => MATRIX,
        None => return codes_alone(&args.table.read, rows),
    };
    part(&args.table.read, rows, &view, PARTS)
}

/// Codes, or the exchanges that have them as rows.
fn codes_alone(args: &ReadArgs, rows: Rows) -> Outcome {
    let asked = targets(args, CAUSED)?;
    let is_table = |target: &Target| target.form == Form::Parquet;
    let (mut tables, targets): (Vec<_>, Vec<_>) = asked.into_iter().partition(is_table);
    let Some(table) = tables.pop() else {
        return part(args, rows, &CODES, PARTS);
    };
    if !tables.is_empty() {
        let words = "codes writes one Parquet file, as it reads";
        return Err(Trouble::Usage(words.to_owned()));
    }
    let rules = Rules::fail_on(args)?;
    let kind = Some(Table::Exchanges);
    let (mut findings, out) = read_to(args, Wanted::Exchanges, None, (&table.place, kind))?;
    let report = report_of(args, &findings, rows)?;
    let (exit, targets) = settled(args, &rules, targets, &report, &findings);
    let next = findings.take_next(&report);
    let next = with_rows(next, out)?;
    write_all(&targets, next, |target| {
        CODES.render(&report, &findings, (target, args))
    })?;
    warn(args, &report);
    Ok(exit)
}

/// Puts the rows in their place, now or with what a later run goes on from.
fn with_rows(next: Option<Next>, rows: Writing) -> Result<Option<Next>, Trouble> {
    let rows = rows.stage()?;
    match next {
        Some(next) => Ok(Some(next.and(rows))),
        None => Ok(rows.finish().map(|()| None)?),
    }
}
