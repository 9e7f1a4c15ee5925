//! Sessions, one line each.

use std::cmp::Reverse;

use jiff::tz::TimeZone;

use super::heard::SessionRows;
use super::layout::{Look, Page};
use super::names::end_words;
use super::words::{lasting, percent, thousands};
use super::{Order, Report, words};
use crate::catalogue::CauseId;
use crate::cause::Failure;
use crate::ftp::{Endpoint, ReplyCode};
use crate::session::Session;
use crate::tally::Worst;
use crate::text::Text;
use crate::time::Timestamp;

/// From so many columns on, the worst sessions are shown with all that is known.
const WIDE: usize = 110;

/// The columns of [`session`].
pub fn header(look: Look) -> String {
    row(
        look,
        &[
            "id",
            "start",
            "lasted",
            "user",
            "client",
            "cmds",
            "fails",
            "end",
            "first failure",
        ],
    )
}

/// A session that is over, as one line without its end. Where the line is narrow, only what tells sessions apart.
pub fn session(session: &Session, failures: &[Failure], zone: &TimeZone, look: Look) -> String {
    let mut counted = failures.iter().filter(|f| !f.benign);
    let fails = counted.clone().count() as u64;
    let first = counted.next().map(|f| told(f.code, f.cause));
    let start = session.start.map(|at| at.date_time(zone));
    let lasted = session.duration().map(lasting);
    row(
        look,
        &[
            session.key.to_string().get(..8).unwrap_or_default(),
            &start.unwrap_or_default(),
            &lasted.unwrap_or_default(),
            &user(session.user.as_ref(), look),
            &client(session.client.as_ref(), look),
            &thousands(session.commands),
            &thousands(fails),
            end_words(session.end()),
            &first.unwrap_or_default(),
        ],
    )
}

fn row(look: Look, cells: &[&str; 9]) -> String {
    let [id, start, lasted, user, client, commands, fails, end, first] = cells;
    let line = if look.width >= WIDE {
        format!(
            "{id:<8}  {start:<19}  {lasted:>8}  {user:<12}  {client:<21}  {commands:>5}  {fails:>5}  {end:<10}  {first}"
        )
    } else {
        let start = start.strip_prefix(year(start)).unwrap_or(start);
        format!("{id:<8} {start:<14} {client:<15} {fails:>5}  {first}")
    };
    look.cut(line.trim_end().to_owned(), look.width)
}

/// `2026-` of a start that is a date.
fn year(start: &str) -> &str {
    let digits = start.starts_with(|c: char| c.is_ascii_digit());
    start.get(..5).filter(|_| digits).unwrap_or_default()
}

/// A failure by its code and cause.
pub(super) fn told(code: Option<ReplyCode>, cause: CauseId) -> String {
    match code {
        Some(code) => format!("{} {cause}", code.number()),
        None => cause.to_string(),
    }
}

fn user(user: Option<&Text>, look: Look) -> String {
    user.map_or_else(|| "-".to_owned(), |u| look.cut(look.show(u), 12))
}

/// With its port where there is room for it.
fn client(client: Option<&Endpoint>, look: Look) -> String {
    let Some(client) = client else {
        return "-".to_owned();
    };
    if look.width >= WIDE {
        look.cut(client.terminal(look.ascii), 21)
    } else {
        look.cut(client.host.terminal(look.ascii), 15)
    }
}

/// Puts sessions in order and keeps the first; equal ones stay by start. Text sorts upwards, what is more comes first.
pub fn choose(
    sessions: &mut Vec<(Session, Vec<Failure>)>,
    order: Option<Order>,
    most: Option<usize>,
) {
    let fails = |failures: &[Failure]| failures.iter().filter(|f| !f.benign).count();
    match order {
        Some(Order::Name) => sessions.sort_by(|(a, _), (b, _)| a.user.cmp(&b.user)),
        Some(Order::Duration) => sessions.sort_by_key(|(s, _)| Reverse(s.duration())),
        Some(Order::Failures) => sessions.sort_by_key(|(_, failures)| Reverse(fails(failures))),
        Some(Order::Commands) => sessions.sort_by_key(|(s, _)| Reverse(s.commands)),
        Some(Order::Replies) => sessions.sort_by_key(|(s, _)| Reverse(s.replies)),
        Some(Order::Bytes) => sessions.sort_by_key(|(s, _)| Reverse(s.bytes())),
        _ => {}
    }
    sessions.truncate(most.unwrap_or(usize::MAX));
}

/// What became of the sessions, and the worst of them.
pub(super) fn section(page: &mut Page, report: &Report, rows: &SessionRows) {
    let ends = rows.ends.iter();
    let ends = ends.map(|(end, n)| format!("{} {}", end_words(*end), thousands(*n)));
    let ends: Vec<_> = ends.collect();
    let totals = format!(
        "clean {}   with failures {}   logged in {}",
        thousands(rows.clean),
        thousands(rows.failed),
        thousands(rows.logged_in),
    );
    page.heading("SESSIONS", &totals);
    page.groups("   ended: ", &ends);
    for note in notes(report, rows) {
        page.hang("   ", &note);
    }
    if rows.worst.is_empty() {
        return;
    }
    let wide = page.look.width >= WIDE;
    let head = ["id", "start", "client", "fails", "mostly"];
    let more = ["lasted", "user", "cmds", "end"];
    let more = if wide { &more[..] } else { &[] };
    let head = head.iter().chain(more).map(|s| (*s).to_owned());
    let mut table = vec![head.collect()];
    for worst in &rows.worst {
        table.push(worst_row(report, worst, page.look, wide));
    }
    let right = [false, false, false, true, false, true, false, true, false];
    page.table(3, &right, table);
}

/// What is missing where reports were added up.
pub(super) const OF_SUMS: &str = "These are the sums of other reports, which hold no session step by step; ftpwhy timeline shows one from its input";

/// What else is to be known of all sessions.
pub(super) fn notes(report: &Report, rows: &SessionRows) -> Vec<String> {
    let notes = [
        (rows.joined, "joined with what a server log holds of them"),
        (rows.hidden, "replies that TLS hides are from that log"),
        (rows.joined_late, "began before the input does"),
        (
            rows.approximate,
            "put together by guess: the log does not tell sessions apart",
        ),
    ];
    let told = notes.iter().filter(|(number, _)| *number > 0);
    let mut told: Vec<_> = told
        .map(|(number, note)| format!("{} {note}", thousands(*number)))
        .collect();
    if rows.elided > 0 {
        let exchanges = words::count(rows.elided, "exchange");
        told.push(format!("{exchanges} of long sessions were only counted"));
    }
    if report.is_sum() && rows.total > 0 {
        told.push(OF_SUMS.to_owned());
    }
    told
}

fn worst_row(report: &Report, worst: &Worst, look: Look, wide: bool) -> Vec<String> {
    let time = |at: Timestamp| report.short_time(at);
    let lasted = worst.nanos.map(std::time::Duration::from_nanos);
    let host = worst.client.as_ref().map(|c| c.host.terminal(look.ascii));
    let host = look.cut(
        host.unwrap_or_else(|| "-".to_owned()),
        if wide { 39 } else { 15 },
    );
    let mut row = vec![
        worst.session.to_string().chars().take(8).collect(),
        worst.start.map(time).unwrap_or_default(),
        host,
        thousands(worst.failures.0),
        worst.cause.to_string(),
    ];
    if wide {
        row.extend([
            lasted.map(lasting).unwrap_or_default(),
            user(worst.user.as_ref(), look),
            thousands(worst.commands),
            end_words(worst.end).to_owned(),
        ]);
    }
    row
}

/// How much of it was under TLS.
pub(super) fn protection(rows: &SessionRows) -> String {
    let (protected, share) = rows.protected;
    let sessions = thousands(rows.total);
    format!(
        "TLS in {} of {sessions} sessions ({})",
        thousands(protected),
        percent(share)
    )
}
