//! Numbers by user, client, hour and so on, for programs.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;

use crate::report::groups::{GroupRow, GroupRows};
use crate::tally::Group;

#[derive(Serialize)]
pub(super) struct Groups<'a> {
    by: &'static str,
    sampled: bool,
    more: u64,
    rows: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Row<'a> {
    name: Option<Name<'a>>,
    sessions: u64,
    failed: u64,
    replies: u64,
    by_code: BTreeMap<u16, u64>,
    failures: u64,
    causes: BTreeMap<&'static str, u64>,
    transfers: u64,
    bytes: u64,
}

/// Hours and days of the week are numbers.
#[derive(Serialize)]
#[serde(untagged)]
enum Name<'a> {
    Text(Cow<'a, str>),
    Number(i8),
}

impl<'a> Groups<'a> {
    pub(super) fn new(groups: &'a GroupRows) -> Self {
        Self {
            by: groups.by.id(),
            sampled: groups.sampled,
            more: groups.more,
            rows: groups.rows.iter().map(Row::new).collect(),
        }
    }
}

impl<'a> Row<'a> {
    fn new(row: &'a GroupRow) -> Self {
        let codes = row.codes.iter().map(|(code, n)| (code.number(), *n));
        let causes = row.causes.iter().map(|(id, n)| (id.name(), *n));
        Self {
            name: name(&row.group),
            sessions: row.sessions,
            failed: row.failed.0,
            replies: row.replies,
            by_code: codes.collect(),
            failures: row.failures,
            causes: causes.collect(),
            transfers: row.transfers,
            bytes: row.bytes,
        }
    }
}

fn name(group: &Group) -> Option<Name<'_>> {
    Some(match group {
        Group::Name(name) => Name::Text(name.json()),
        Group::Host(host) => Name::Text(host.json().into()),
        Group::Command(verb) => Name::Text(verb.to_string().into()),
        Group::Number(number) => Name::Number(*number),
        Group::Day(year, month, day) => Name::Text(format!("{year:04}-{month:02}-{day:02}").into()),
        Group::None => return None,
    })
}
