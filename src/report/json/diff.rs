//! A comparison of two sets, for programs.

use serde::Serialize;

use super::{Time, line};
use crate::report::Report;
use crate::report::chance::Share;
use crate::report::changes::{ChangeRow, Changes, Since, What};
use crate::report::diff::Diff;
use crate::text;

/// The name of the shape.
const SCHEMA: &str = "ftpwhy.diff/1";

/// The comparison as one line of JSON, with a line end.
pub fn diff(diff: &Diff) -> String {
    let mut out = Vec::new();
    let object = Object {
        schema: SCHEMA,
        vantage: diff.changes.vantage.map(crate::ftp::Vantage::id),
        before: Set::new(&diff.before),
        after: Set::new(&diff.after),
        rows: Rows::new(&diff.changes, &diff.after),
    };
    line(&mut out, &object);
    String::from_utf8(out).unwrap_or_default()
}

#[derive(Serialize)]
struct Object {
    schema: &'static str,
    vantage: Option<&'static str>,
    before: Set,
    after: Set,
    #[serde(flatten)]
    rows: Rows,
}

/// What changed since an earlier report, as a part of a later one.
#[derive(Serialize)]
pub(super) struct ChangesObject {
    vantage: Option<&'static str>,
    before: Set,
    #[serde(flatten)]
    rows: Rows,
}

impl ChangesObject {
    pub(super) fn new(since: &Since, after: &Report) -> Self {
        Self {
            vantage: since.changes.vantage.map(crate::ftp::Vantage::id),
            before: Set::new(&since.before),
            rows: Rows::new(&since.changes, after),
        }
    }
}

#[derive(Serialize)]
struct Rows {
    failed_sessions: Option<Row>,
    causes: Vec<Row>,
    codes: Vec<Row>,
}

impl Rows {
    fn new(changes: &Changes, after: &Report) -> Self {
        let row = |row: &ChangeRow| Row::new(row, after);
        Self {
            failed_sessions: changes.failed.as_ref().map(row),
            causes: changes.causes.iter().map(row).collect(),
            codes: changes.codes.iter().map(row).collect(),
        }
    }
}

#[derive(Serialize)]
struct Set {
    inputs: Vec<String>,
    first: Option<Time>,
    last: Option<Time>,
}

impl Set {
    fn new(report: &Report) -> Self {
        let paths = report.inputs.iter();
        Self {
            inputs: paths
                .map(|(_, input)| input.path.json().into_owned())
                .collect(),
            first: report.window.first().map(Time),
            last: report.window.last().map(Time),
        }
    }
}

#[derive(Serialize)]
struct Part {
    count: u64,
    of: u64,
}

impl Part {
    fn new(share: Share) -> Self {
        Self {
            count: share.part,
            of: share.whole,
        }
    }
}

#[derive(Serialize)]
struct Row {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<u16>,
    before: Part,
    after: Part,
    change: &'static str,
    p: f64,
    significant: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    first: Option<First>,
}

#[derive(Serialize)]
struct First {
    at: Time,
    source: String,
    record: u64,
}

impl Row {
    fn new(row: &ChangeRow, after: &Report) -> Self {
        let (id, code) = match row.what {
            What::Failed => (None, None),
            What::Cause(id) => (Some(id.name()), None),
            What::Code(code) => (None, Some(code.number())),
        };
        Self {
            id,
            code,
            before: Part::new(row.before),
            after: Part::new(row.after),
            change: row.change.id(),
            p: row.chance,
            significant: row.is_sure,
            first: row.first.map(|(at, origin)| First {
                at: Time(at),
                source: text::json(after.sources.path(origin.source)).into_owned(),
                record: origin.record,
            }),
        }
    }
}
