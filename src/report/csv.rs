//! Tables for spreadsheets and scripts: the report as one row a number, and codes, causes and sessions as tables of
//! their own. docs/OUTPUT.md names the columns.
//!
//! Text of the input is written as on a terminal, with everything escaped that could act on one; where a spreadsheet
//! would take it for a formula, an apostrophe stands before it. Nothing is computed here.

mod patterns;

use std::time::Duration;

use csv::Writer;

use super::heard::{CauseRow, Evidence, Heard, WaitRow};
use super::layout::Look;
use super::names::tops;
use super::{Report, Sources, since};
use crate::cause::Failure;
use crate::ftp::{Endpoint, Side, Vantage};
use crate::session::Session;
use crate::tally::Span;
use crate::text::{self, Text};
use crate::time::Timestamp;

/// Rows of cells that go out as CSV.
struct Table(Writer<Vec<u8>>);

impl Table {
    fn new(head: &[&str]) -> Self {
        let mut table = Self(Writer::from_writer(Vec::new()));
        table.row(head);
        table
    }

    fn row<C: AsRef<str>>(&mut self, cells: &[C]) {
        let cells = cells.iter().map(|cell| defused(cell.as_ref()));
        // Writing to a Vec can't fail, and all rows of a table have its columns.
        let _ok = self.0.write_record(cells);
    }

    fn finish(self) -> String {
        let bytes = self.0.into_inner().unwrap_or_default();
        String::from_utf8(bytes).unwrap_or_default()
    }
}

/// What a spreadsheet would calculate, it shows. It looks past blanks and takes the wide forms of the signs as well.
fn defused(cell: &str) -> String {
    let acts = |c: char| {
        matches!(
            c,
            '=' | '+' | '-' | '@' | '\u{ff1d}' | '\u{ff0b}' | '\u{ff0d}' | '\u{ff20}'
        )
    };
    if cell.trim_start().starts_with(acts) {
        format!("'{cell}")
    } else {
        cell.to_owned()
    }
}

fn shown(text: &Text) -> String {
    text.terminal(false)
}

fn path(sources: &Sources, source: crate::diagnostic::SourceId) -> String {
    text::terminal(sources.path(source), false)
}

fn time(at: Option<Timestamp>) -> String {
    at.map_or_else(String::new, |at| at.to_string())
}

/// Seconds with all digits that are known.
fn seconds(time: Duration) -> String {
    let digits = format!("{}.{:09}", time.as_secs(), time.subsec_nanos());
    digits
        .trim_end_matches('0')
        .trim_end_matches('.')
        .to_owned()
}

/// Parts of a thousand as a fraction.
fn share(per_mille: u64) -> String {
    format!("{}.{:03}", per_mille / 1000, per_mille % 1000)
}

fn vantage(vantage: Option<Vantage>) -> &'static str {
    vantage.map_or("", Vantage::id)
}

/// The vantage that leads, then the others.
fn all_heard(report: &Report) -> impl Iterator<Item = &Heard> {
    [&report.main].into_iter().chain(&report.also)
}

/// Reply codes, a row each.
pub fn codes(report: &Report) -> String {
    let mut table = Table::new(&["vantage", "code", "name", "observed", "implied"]);
    for heard in all_heard(report) {
        for row in &heard.codes {
            table.row(&[
                vantage(heard.vantage),
                &row.code.number().to_string(),
                row.name.unwrap_or_default(),
                &row.observed.to_string(),
                &row.implied.to_string(),
            ]);
        }
    }
    table.finish()
}

/// The same numbers for each user, client, path and so on.
pub fn groups(report: &Report) -> String {
    let by = all_heard(report).find_map(|heard| heard.groups.as_ref());
    let mut table = Table::new(&[
        "vantage",
        by.map_or("", |groups| groups.by.id()),
        "sessions",
        "failed",
        "replies",
        "1xx",
        "2xx",
        "3xx",
        "4xx",
        "5xx",
        "6xx",
        "failures",
        "transfers",
        "bytes",
    ]);
    for heard in all_heard(report) {
        let Some(groups) = &heard.groups else {
            continue;
        };
        for row in &groups.rows {
            let numbers = [row.sessions, row.failed.0, row.replies];
            let numbers = numbers.iter().chain(&row.classes);
            let more = [row.failures, row.transfers, row.bytes];
            let name = row.name(groups.by, Look::WHOLE);
            let mut cells = vec![vantage(heard.vantage).to_owned(), name];
            cells.extend(numbers.chain(&more).map(u64::to_string));
            table.row(&cells);
        }
    }
    table.finish()
}

/// How many codes answered each command, a row for each pair.
pub fn matrix(report: &Report) -> String {
    let mut table = Table::new(&["vantage", "command", "code", "count"]);
    for heard in all_heard(report) {
        for row in &heard.commands {
            table.row(&[
                vantage(heard.vantage).to_owned(),
                row.verb.map(|v| v.to_string()).unwrap_or_default(),
                row.code.number().to_string(),
                row.count.to_string(),
            ]);
        }
    }
    table.finish()
}

/// Causes, a row each, with the first that shows them.
pub fn causes(report: &Report) -> String {
    let mut table = Table::new(&[
        "vantage",
        "cause",
        "counted",
        "title",
        "side",
        "confidence",
        "count",
        "share",
        "sessions",
        "clients",
        "users",
        "exact",
        "first",
        "last",
        "source",
        "record",
        "evidence",
    ]);
    for heard in all_heard(report) {
        let mut rows = |causes: &[CauseRow], counted| {
            for cause in causes {
                table.row(&cause_row(heard, cause, counted, &report.sources));
            }
        };
        rows(&heard.causes, "true");
        rows(&heard.not_counted, "false");
    }
    table.finish()
}

fn cause_row(heard: &Heard, cause: &CauseRow, counted: &str, sources: &Sources) -> [String; 17] {
    let first = cause.evidence.first();
    let of = |told: fn(&Evidence, &Sources) -> String| {
        first.map_or_else(String::new, |e| told(e, sources))
    };
    [
        vantage(heard.vantage).to_owned(),
        cause.id.to_string(),
        counted.to_owned(),
        cause.entry.title.clone(),
        cause.side.id().to_owned(),
        cause.confidence.to_owned(),
        cause.count.to_string(),
        share(cause.share),
        cause.sessions.to_string(),
        cause.clients.to_string(),
        cause.users.to_string(),
        cause.exact.to_string(),
        time(cause.span.first()),
        time(cause.span.last()),
        of(|e, sources| path(sources, e.origin.source)),
        of(|e, _| e.origin.record.to_string()),
        of(|e, _| shown(&e.text)),
    ]
}

/// Sessions, a row each.
pub fn sessions<'s>(
    all: impl IntoIterator<Item = &'s (Session, Vec<Failure>)>,
    sources: &Sources,
) -> String {
    let mut table = Table::new(&[
        "session",
        "vantage",
        "client",
        "client_port",
        "server",
        "server_port",
        "user",
        "start",
        "end_at",
        "duration",
        "end",
        "ended_by",
        "tls",
        "commands",
        "replies",
        "transfers",
        "bytes",
        "failures",
        "not_counted",
        "origins",
    ]);
    for (session, failures) in all {
        table.row(&session_row(session, failures, sources));
    }
    table.finish()
}

fn session_row(session: &Session, failures: &[Failure], sources: &Sources) -> [String; 20] {
    let ids = |benign: bool| {
        let of = failures.iter().filter(|f| f.benign == benign);
        of.map(|f| f.cause.name()).collect::<Vec<_>>().join(" ")
    };
    let host = |end: Option<&Endpoint>| end.map_or_else(String::new, |e| e.host.terminal(false));
    let port = |end: Option<&Endpoint>| {
        end.and_then(|e| e.port)
            .map_or_else(String::new, |p| p.to_string())
    };
    let (client, server) = (session.client.as_ref(), session.server.as_ref());
    let origins = session.sources.iter().map(|source| path(sources, *source));
    [
        session.key.to_string(),
        session.vantage.id().to_owned(),
        host(client),
        port(client),
        host(server),
        port(server),
        session.user.as_ref().map(shown).unwrap_or_default(),
        time(session.start),
        time(session.last),
        session.duration().map(seconds).unwrap_or_default(),
        session.end().id().to_owned(),
        session
            .ended_by()
            .map(Side::id)
            .unwrap_or_default()
            .to_owned(),
        session.is_behind_tls().to_string(),
        session.commands.to_string(),
        session.replies.to_string(),
        session.transfer_count().to_string(),
        session.bytes().to_string(),
        ids(false),
        ids(true),
        origins.collect::<Vec<_>>().join(" "),
    ]
}

/// The report, one number or word a row.
pub(super) struct Rows {
    table: Table,
    vantage: &'static str,
}

impl Rows {
    pub(super) fn add(
        &mut self,
        section: &str,
        item: &str,
        detail: &str,
        measure: &str,
        value: &str,
    ) {
        let cells = [self.vantage, section, item, detail, measure, value];
        self.table.row(&cells);
    }

    pub(super) fn numbers(
        &mut self,
        section: &str,
        item: &str,
        detail: &str,
        numbers: &[(&str, u64)],
    ) {
        for (measure, number) in numbers {
            self.add(section, item, detail, measure, &number.to_string());
        }
    }

    pub(super) fn span(&mut self, section: &str, item: &str, span: Span) {
        self.add(section, item, "", "first", &time(span.first()));
        self.add(section, item, "", "last", &time(span.last()));
    }
}

/// The whole report.
pub fn report(report: &Report) -> String {
    let head = ["vantage", "section", "item", "detail", "measure", "value"];
    let mut rows = Rows {
        table: Table::new(&head),
        vantage: "",
    };
    rows.span("window", "", report.window);
    rows.add("verdict", "", "", "mark", report.verdict.mark.sign());
    for line in &report.verdict.lines {
        rows.add("verdict", "", "", "line", &text::terminal_str(line, false));
    }
    filtered(&mut rows, report);
    for heard in all_heard(report) {
        rows.vantage = vantage(heard.vantage);
        replies(&mut rows, heard);
        sessions_told(&mut rows, heard);
        failures(&mut rows, heard, &report.sources);
        work(&mut rows, heard);
    }
    rows.vantage = "";
    if let Some(since) = &report.since {
        rows.vantage = vantage(since.changes.vantage);
        since::csv(&mut rows, since);
        rows.vantage = "";
    }
    coverage(&mut rows, report);
    rows.table.finish()
}

fn filtered(rows: &mut Rows, report: &Report) {
    let Some(filtered) = &report.filtered else {
        return;
    };
    for (option, words) in &filtered.conditions {
        let words = text::terminal_str(words, false);
        rows.add("filter", option, "", "condition", &words);
    }
    for row in &filtered.rows {
        let numbers = [
            ("of", row.all),
            ("sessions", row.sessions),
            ("operations", row.operations),
        ];
        rows.numbers("left-out", vantage(row.vantage), "", &numbers);
    }
}

fn replies(rows: &mut Rows, heard: &Heard) {
    let totals = [("observed", heard.replies), ("implied", heard.implied)];
    rows.numbers("replies", "", "", &totals);
    for (class, count) in &heard.classes {
        rows.numbers("class", &format!("{class}xx"), "", &[("observed", *count)]);
    }
    for row in &heard.codes {
        let numbers = [("observed", row.observed), ("implied", row.implied)];
        let code = row.code.number().to_string();
        rows.numbers("code", &code, row.name.unwrap_or_default(), &numbers);
    }
    for (reply, count) in &heard.candidates {
        let codes: Vec<_> = reply.codes.iter().map(u16::to_string).collect();
        rows.numbers(
            "candidates",
            &reply.by,
            &codes.join(" "),
            &[("count", *count)],
        );
    }
    for row in &heard.commands {
        let verb = row.verb.map(|v| v.to_string()).unwrap_or_default();
        let code = row.code.number().to_string();
        rows.numbers("command", &verb, &code, &[("count", row.count)]);
    }
    for row in &heard.hours.rows {
        let numbers = [
            ("replies", row.bucket.replies),
            ("failures", row.bucket.failures),
        ];
        rows.numbers("time", &row.from.to_string(), "", &numbers);
    }
}

fn sessions_told(rows: &mut Rows, heard: &Heard) {
    let sessions = &heard.sessions;
    let numbers = [
        ("total", sessions.total),
        ("logged_in", sessions.logged_in),
        ("failed", sessions.failed),
        ("clean", sessions.clean),
        ("tls", sessions.protected.0),
        ("joined", sessions.joined),
        ("commands", sessions.commands),
    ];
    rows.numbers("sessions", "", "", &numbers);
    for (end, count) in &sessions.ends {
        rows.numbers("end", end.id(), "", &[("count", *count)]);
    }
    for worst in &sessions.worst {
        let numbers = [("failures", worst.failures.0), ("commands", worst.commands)];
        let session = worst.session.to_string();
        rows.numbers("worst-session", &session, worst.cause.name(), &numbers);
    }
}

fn failures(rows: &mut Rows, heard: &Heard, sources: &Sources) {
    rows.numbers("failures", "", "", &[("count", heard.failures)]);
    for cause in &heard.causes {
        let id = cause.id.name();
        let numbers = [
            ("count", cause.count),
            ("sessions", cause.sessions),
            ("clients", cause.clients),
            ("users", cause.users),
        ];
        rows.numbers("cause", id, "", &numbers);
        rows.add("cause", id, "", "share", &share(cause.share));
        rows.add("cause", id, "", "side", cause.side.id());
        rows.add("cause", id, "", "confidence", cause.confidence);
        rows.span("cause", id, cause.span);
        patterns::of_cause(rows, cause);
        for evidence in &cause.evidence {
            let place = format!(
                "{}:{}",
                path(sources, evidence.origin.source),
                evidence.origin.record
            );
            rows.add("evidence", id, &place, "text", &shown(&evidence.text));
        }
    }
    for cause in &heard.not_counted {
        rows.numbers(
            "not-counted",
            cause.id.name(),
            "",
            &[("count", cause.count)],
        );
    }
    for (kind, name, failures) in tops(heard) {
        rows.numbers("most-failures", kind, &name, &[("failures", failures)]);
    }
    for guesser in &heard.guessers {
        let numbers = [
            ("tries", guesser.tries),
            ("users", guesser.users),
            ("accepted", guesser.accepted),
        ];
        let client = guesser.client.terminal(false);
        rows.numbers("brute-force", &client, "", &numbers);
        if let Some(let_in) = &guesser.let_in {
            let user = let_in.user.as_ref().map(shown).unwrap_or_default();
            for (measure, value) in [
                ("session", let_in.session.to_string()),
                ("at", time(let_in.at)),
                ("user", user),
            ] {
                rows.add("brute-force", &client, "let_in", measure, &value);
            }
        }
    }
    patterns::of_heard(rows, heard, sources);
}

fn work(rows: &mut Rows, heard: &Heard) {
    for row in &heard.latency {
        wait(rows, row);
    }
    for row in &heard.transfers {
        let numbers = [
            ("files", row.tally.files),
            ("bytes", row.tally.bytes),
            ("incomplete", row.tally.incomplete),
        ];
        rows.numbers("transfers", row.direction.id(), "", &numbers);
        for (detail, spread) in [("bytes", row.sizes), ("bytes_per_second", row.rates)] {
            let numbers = spread.map(|s| {
                [
                    ("p10", s.p10),
                    ("p50", s.p50),
                    ("p90", s.p90),
                    ("max", s.max),
                ]
            });
            rows.numbers(
                "transfers",
                row.direction.id(),
                detail,
                numbers.as_ref().map_or(&[], |n| n),
            );
        }
    }
}

fn wait(rows: &mut Rows, row: &WaitRow) {
    let verb = row
        .verb
        .map_or_else(|| "after-last-byte".to_owned(), |v| v.to_string());
    rows.numbers("latency", &verb, "", &[("n", row.count)]);
    for (measure, time) in [
        ("p50", row.p50),
        ("p90", row.p90),
        ("p99", row.p99),
        ("max", row.max),
    ] {
        rows.add("latency", &verb, "", measure, &seconds(time));
    }
}

fn coverage(rows: &mut Rows, report: &Report) {
    for (_, input) in &report.inputs {
        let (item, format) = (shown(&input.path), input.format.unwrap_or_default());
        let numbers = [
            ("bytes", input.bytes),
            ("records", input.records),
            ("taken", input.taken),
            ("ignored", input.ignored),
            ("unrecognised", input.unrecognised),
        ];
        rows.numbers("input", &item, format, &numbers);
    }
    for note in &report.diagnostics {
        let source = path(&report.sources, note.met.first.source);
        let reason = text::terminal_str(&note.reason, false);
        rows.add("diagnostic", note.kind.id(), &source, "text", &reason);
        rows.numbers(
            "diagnostic",
            note.kind.id(),
            &source,
            &[("count", note.met.count)],
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_words() {
        for formula in [
            "=1+1",
            "+1",
            "-1",
            "@SUM(A1)",
            " =cmd|' /C calc'!A0",
            "\u{ff1d}1",
            "\u{a0}=1",
        ] {
            assert_eq!(defused(formula), format!("'{formula}"));
        }
        for harmless in ["", "a=b", "230 in", "/-x", "'=1"] {
            assert_eq!(defused(harmless), harmless);
        }
    }

    #[test]
    fn seconds_have_the_digits_that_are_known() {
        assert_eq!(seconds(Duration::from_millis(1100)), "1.1");
        assert_eq!(seconds(Duration::from_nanos(1)), "0.000000001");
        assert_eq!(seconds(Duration::from_secs(20)), "20");
        assert_eq!(share(1000), "1.000");
        assert_eq!(share(7), "0.007");
    }
}
