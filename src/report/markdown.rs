//! The report for a wiki: the order and the words of the text report, as headings, lists and tables of Markdown.
//!
//! Text of the input stands in code spans, in which Markdown gives no character a meaning but the backtick (and a table
//! the bar); those two stand between spans, as numbers. Our own words have their punctuation escaped. Nothing is computed.

mod diff;
pub(super) mod page;
mod patterns;

pub use diff::diff;
use page::{Page, code, input, say};

use super::causes::shown_evidence;
use super::heard::{CauseRow, Heard};
use super::layout::Look;
use super::names::{
    direction_name, end_words, tops, transfer_cells, verb_name, wait_name, zone_name,
};
use super::words::{count, lasting, percent, replies, seconds, size, thousands};
use super::{Report, sessions, since, terminal, vantage_words};
use crate::cause::Failure;
use crate::session::Session;
use crate::tally::Worst;
use crate::text;
use crate::time::Timestamp;

/// Files that are listed one by one.
const FILES: usize = 50;

fn time(report: &Report, at: Option<Timestamp>) -> String {
    at.map_or_else(String::new, |at| at.date_time(&report.zone))
}

/// The whole report.
pub fn report(report: &Report) -> String {
    let mut page = Page::default();
    head(&mut page, report);
    let main = &report.main;
    if main.sessions.total > 0 || main.replies > 0 {
        causes_section(&mut page, report, main, "Causes");
        patterns::shared(&mut page, main);
        since::markdown(&mut page, report);
        codes_section(&mut page, main, "Reply codes");
        commands(&mut page, main);
        hours(&mut page, report, main);
        sessions_section(&mut page, report, main);
        most_failures(&mut page, main);
        latency(&mut page, main);
        transfers(&mut page, main);
        patterns::protocol(&mut page, report, main);
        security(&mut page, report, main);
    }
    for heard in &report.also {
        let vantage = heard.vantage.map_or("", vantage_words);
        page.heading(2, &format!("Also heard: the {vantage}"));
        let totals = [
            count(heard.sessions.total, "session"),
            replies(heard.replies),
            count(heard.failures, "failed operation"),
        ];
        page.line(&format!(
            "{}; not added to the numbers above.",
            totals.join(", ")
        ));
        named(&mut page, "Causes", &heard.causes);
    }
    coverage(&mut page, report);
    if !report.next.is_empty() {
        page.heading(2, "Next");
        for command in &report.next {
            page.line(&format!("* {}", code(command)));
        }
    }
    page.finish()
}

/// Causes alone.
pub fn causes(report: &Report) -> String {
    parts(report, |page, heard, title| {
        causes_section(page, report, heard, &format!("Causes{title}"));
    })
}

/// Reply codes alone.
pub fn codes(report: &Report) -> String {
    parts(report, |page, heard, title| {
        codes_section(page, heard, &format!("Reply codes{title}"));
        commands(page, heard);
    })
}

fn parts(report: &Report, part: impl Fn(&mut Page, &Heard, &str)) -> String {
    let mut page = Page::default();
    part(&mut page, &report.main, "");
    since::markdown(&mut page, report);
    for heard in &report.also {
        let vantage = heard.vantage.map_or("", vantage_words);
        part(&mut page, heard, &format!(" heard by the {vantage}"));
    }
    page.finish()
}

/// The same numbers for each user, client, path and so on.
pub fn groups(report: &Report) -> String {
    parts(report, |page, heard, title| {
        let Some(groups) = &heard.groups else { return };
        let by = groups.by.id();
        page.heading(2, &format!("By {by}{title}"));
        let columns = [
            by,
            "sessions:",
            "failed:",
            "replies:",
            "1xx:",
            "2xx:",
            "3xx:",
            "4xx:",
            "5xx:",
            "failures:",
            "transfers:",
            "bytes:",
        ];
        let row = |row: &super::GroupRow| {
            let [first, second, third, fourth, fifth, _] = row.classes.map(thousands);
            [
                code(&row.name(groups.by, Look::WHOLE)),
                thousands(row.sessions),
                thousands(row.failed.0),
                thousands(row.replies),
                first,
                second,
                third,
                fourth,
                fifth,
                thousands(row.failures),
                thousands(row.transfers),
                size(row.bytes),
            ]
        };
        page.table(columns, groups.rows.iter().map(row));
        if groups.more > 0 {
            page.line(&format!(
                "\nAnd {} more: -n 0 for all.",
                thousands(groups.more)
            ));
        }
    })
}

/// How many codes answered each command: commands down, codes across.
pub fn matrix(report: &Report) -> String {
    parts(report, |page, heard, title| {
        page.heading(2, &format!("Codes by command{title}"));
        let codes = heard
            .matrix
            .codes
            .iter()
            .map(|code| format!("{}:", code.number()));
        let head: Vec<_> = ["command".to_owned(), "all:".to_owned()]
            .into_iter()
            .chain(codes)
            .collect();
        let row = |row: &super::groups::MatrixRow| {
            let cells = row.cells.iter().map(|n| match n {
                0 => String::new(),
                n => thousands(*n),
            });
            let first = [code(&verb_name(row.verb)), thousands(row.total)];
            first.into_iter().chain(cells).collect::<Vec<_>>()
        };
        page.wide_table(&head, heard.matrix.rows.iter().map(row));
    })
}

/// Sessions, a row each.
pub fn sessions<'s>(
    all: impl IntoIterator<Item = &'s (Session, Vec<Failure>)>,
    report: &Report,
) -> String {
    let mut page = Page::default();
    let columns = [
        "session",
        "start",
        "lasted:",
        "user",
        "client",
        "server",
        "TLS",
        "commands:",
        "failures:",
        "end",
        "first failure",
    ];
    page.table(
        columns,
        all.into_iter().map(|(s, f)| session_row(report, s, f)),
    );
    page.finish()
}

fn session_row(report: &Report, session: &Session, failures: &[Failure]) -> [String; 11] {
    let mut counted = failures.iter().filter(|f| !f.benign);
    let fails = counted.clone().count() as u64;
    let first = counted.next().map(|f| sessions::told(f.code, f.cause));
    let end = |end: Option<&crate::ftp::Endpoint>| end.map(|e| code(&e.terminal(false)));
    [
        session.key.to_string().chars().take(8).collect(),
        time(report, session.start),
        session.duration().map(lasting).unwrap_or_default(),
        session.user.as_ref().map(input).unwrap_or_default(),
        end(session.client.as_ref()).unwrap_or_default(),
        end(session.server.as_ref()).unwrap_or_default(),
        if session.is_behind_tls() { "yes" } else { "no" }.to_owned(),
        thousands(session.commands),
        thousands(fails),
        end_words(session.end()).to_owned(),
        first.unwrap_or_default(),
    ]
}

fn head(page: &mut Page, report: &Report) {
    let main = &report.main;
    page.heading(1, "FTP report");
    if report.window.first().is_some() {
        let zone = say(zone_name(&report.zone));
        let (first, last) = (
            time(report, report.window.first()),
            time(report, report.window.last()),
        );
        page.line(&format!("{first} to {last} {zone}  "));
    }
    let totals = [
        count(main.sessions.total, "session"),
        count(main.sessions.commands, "command"),
        replies(main.replies),
        count(report.inputs.len() as u64, "file"),
    ];
    page.line(&totals.join(", "));
    if let Some(filtered) = &report.filtered {
        let left_out = filtered.left_out().join("; ");
        page.line("");
        page.line(&format!(
            "Filtered by {}: {}",
            code(&text::terminal_str(&filtered.asked(), false)),
            say(&left_out)
        ));
    }
    page.heading(2, "Verdict");
    for (number, line) in report.verdict.lines.iter().enumerate() {
        let line = say(line);
        match number {
            0 => page.line(&format!("**{} {line}**", report.verdict.mark.sign())),
            _ => page.line(&format!("\n{line}")),
        }
    }
}

fn causes_section(page: &mut Page, report: &Report, heard: &Heard, title: &str) {
    page.heading(2, title);
    if heard.causes.is_empty() {
        page.line("No failed operation.");
    } else {
        let columns = [
            "",
            "cause",
            "side",
            "confidence",
            "fails:",
            "share:",
            "sessions:",
            "clients:",
            "users:",
            "since",
        ];
        page.table(
            columns,
            heard.causes.iter().map(|cause| cause_row(report, cause)),
        );
    }
    for cause in &heard.causes {
        block(page, report, cause);
    }
    page.line("");
    named(
        page,
        "Not counted, because it harms nobody",
        &heard.not_counted,
    );
}

fn cause_row(report: &Report, cause: &CauseRow) -> [String; 10] {
    let about = if cause.exact { "" } else { "~" };
    [
        cause.mark.sign().to_owned(),
        cause.id.to_string(),
        cause.side.id().to_owned(),
        cause.confidence.to_owned(),
        thousands(cause.count),
        percent(cause.share),
        thousands(cause.sessions),
        format!("{about}{}", thousands(cause.clients)),
        format!("{about}{}", thousands(cause.users)),
        time(report, cause.span.first()),
    ]
}

fn block(page: &mut Page, report: &Report, cause: &CauseRow) {
    page.heading(3, &format!("{}: {}", cause.id, say(&cause.entry.title)));
    page.line(&say(&cause.entry.meaning));
    patterns::of_cause(page, report, cause);
    let told = shown_evidence(cause);
    if !told.is_empty() {
        page.line("\nSeen:\n");
    }
    for evidence in told {
        let place = code(&report.sources.place(evidence.origin, false));
        page.line(&format!("* {place}: {}", input(&evidence.text)));
    }
    if !cause.entry.advice.is_empty() {
        page.line("\nTo do:\n");
    }
    for advice in &cause.entry.advice {
        page.line(&format!("* {}", say(advice)));
    }
}

/// Causes by their names alone.
fn named(page: &mut Page, title: &str, causes: &[CauseRow]) {
    if !causes.is_empty() {
        let names = causes
            .iter()
            .map(|c| format!("{} {}", thousands(c.count), c.id));
        let names: Vec<_> = names.collect();
        page.line(&format!("{title}: {}.", names.join(", ")));
    }
}

fn codes_section(page: &mut Page, heard: &Heard, title: &str) {
    page.heading(2, title);
    let implied = match heard.implied {
        0 => String::new(),
        n => format!(", {} implied by messages", thousands(n)),
    };
    let classes = heard
        .classes
        .iter()
        .map(|(class, n)| format!("{class}xx {}", thousands(*n)));
    let classes: Vec<_> = classes.collect();
    page.line(&format!(
        "{} observed{implied}. {}\n",
        thousands(heard.replies),
        classes.join(", ")
    ));
    let row = |row: &super::CodeRow| {
        [
            row.code.number().to_string(),
            row.name.unwrap_or("not in the catalogue").replace('-', " "),
            thousands(row.observed),
            thousands(row.implied),
        ]
    };
    page.table(
        ["code", "name", "observed:", "implied:"],
        heard.codes.iter().map(row),
    );
    for (reply, count) in &heard.candidates {
        let codes: Vec<_> = reply.codes.iter().map(u16::to_string).collect();
        let (times, codes) = (thousands(*count), codes.join(", "));
        page.line(&format!("\n{times} by {}: one of {codes}", say(&reply.by)));
    }
}

fn commands(page: &mut Page, heard: &Heard) {
    if heard.commands.is_empty() {
        return;
    }
    page.heading(2, "Commands by what settled them");
    let row = |row: &super::CommandRow| {
        [
            code(&verb_name(row.verb)),
            row.code.number().to_string(),
            thousands(row.count),
        ]
    };
    page.table(
        ["command", "code", "times:"],
        heard.commands.iter().map(row),
    );
}

fn hours(page: &mut Page, report: &Report, heard: &Heard) {
    if heard.hours.rows.len() < 2 {
        return;
    }
    page.heading(2, "Over time");
    let row = |row: &super::HourRow| {
        [
            time(report, Some(row.from)),
            thousands(row.bucket.replies),
            thousands(row.bucket.failures),
        ]
    };
    page.table(
        ["from", "replies:", "failures:"],
        heard.hours.rows.iter().map(row),
    );
}

fn sessions_section(page: &mut Page, report: &Report, heard: &Heard) {
    let rows = &heard.sessions;
    page.heading(2, "Sessions");
    let totals = format!(
        "Clean {}, with failures {}, logged in {}.",
        thousands(rows.clean),
        thousands(rows.failed),
        thousands(rows.logged_in),
    );
    page.line(&totals);
    let ends = rows.ends.iter();
    let ends: Vec<_> = ends
        .map(|(end, n)| format!("{} {}", end_words(*end), thousands(*n)))
        .collect();
    page.line(&format!("Ended: {}.", ends.join(", ")));
    for note in sessions::notes(report, rows) {
        page.line(&format!("{}.", say(&note)));
    }
    if !rows.worst.is_empty() {
        page.line("");
        let columns = [
            "session",
            "start",
            "user",
            "client",
            "failures:",
            "mostly",
            "end",
        ];
        page.table(
            columns,
            rows.worst.iter().map(|worst| worst_row(report, worst)),
        );
    }
}

fn worst_row(report: &Report, worst: &Worst) -> [String; 7] {
    let client = worst.client.as_ref().map(|c| code(&c.host.terminal(false)));
    [
        worst.session.to_string().chars().take(8).collect(),
        time(report, worst.start),
        worst.user.as_ref().map(input).unwrap_or_default(),
        client.unwrap_or_default(),
        thousands(worst.failures.0),
        sessions::told(worst.code, worst.cause),
        end_words(worst.end).to_owned(),
    ]
}

fn most_failures(page: &mut Page, main: &Heard) {
    let tops = tops(main);
    if tops.is_empty() {
        return;
    }
    page.heading(2, "Most failures");
    let row = |(kind, name, failures): &(&str, String, u64)| {
        [(*kind).to_owned(), code(name), thousands(*failures)]
    };
    page.table(["", "name", "failures:"], tops.iter().map(row));
    if main.sampled {
        page.line("\nThere were too many to look at each: these are of a sample.");
    }
}

fn latency(page: &mut Page, main: &Heard) {
    // Logs of whole seconds measure nothing shorter.
    let mut measured = main
        .latency
        .iter()
        .filter(|row| !row.max.is_zero())
        .peekable();
    if measured.peek().is_none() {
        return;
    }
    page.heading(2, "Latency");
    page.line("In seconds, from the command to its first reply.\n");
    let row = |row: &super::WaitRow| {
        let [p50, p90, p99, max] = [row.p50, row.p90, row.p99, row.max].map(seconds);
        [
            code(&wait_name(row)),
            thousands(row.count),
            p50,
            p90,
            p99,
            max,
        ]
    };
    page.table(
        ["", "n:", "p50:", "p90:", "p99:", "max:"],
        measured.map(row),
    );
}

fn transfers(page: &mut Page, main: &Heard) {
    if main.transfers.is_empty() {
        return;
    }
    page.heading(2, "Transfers");
    let row = |row: &super::TransferRow| {
        let [number, size, median, largest, rate, incomplete, unknown] = transfer_cells(row);
        let direction = direction_name(row.direction).to_owned();
        [
            direction, number, size, median, largest, rate, incomplete, unknown,
        ]
    };
    let columns = [
        "",
        "number:",
        "size:",
        "median:",
        "largest:",
        "median per second:",
        "incomplete:",
        "of unknown size:",
    ];
    page.table(columns, main.transfers.iter().map(row));
    let (files, bytes) = main.elided_transfers;
    if files > 0 {
        page.line(&format!(
            "\nAnd {} more of long sessions, {}.",
            thousands(files),
            size(bytes)
        ));
    }
}

fn security(page: &mut Page, report: &Report, main: &Heard) {
    // A log that holds no commands can't tell who used TLS.
    if main.sessions.commands == 0 {
        return;
    }
    page.heading(2, "Security");
    page.line(&format!("{}.", sessions::protection(&main.sessions)));
    for guesser in &main.guessers {
        let about = if guesser.exact { "" } else { "about " };
        page.line(&format!(
            "\nBrute force from {}: {} refused, {about}{}, {} let in.",
            code(&guesser.client.terminal(false)),
            count(guesser.tries, "login"),
            count(guesser.users, "name"),
            thousands(guesser.accepted),
        ));
    }
    patterns::logins(page, report, main);
}

fn coverage(page: &mut Page, report: &Report) {
    page.heading(2, "Coverage");
    let row = |name: String, input: &crate::tally::InputTally| {
        [
            name,
            input.format.unwrap_or("-").to_owned(),
            thousands(input.records),
            thousands(input.taken),
            thousands(input.ignored),
            thousands(input.unrecognised),
            size(input.bytes),
        ]
    };
    let files = report.inputs.iter().take(FILES);
    let files = files.map(|(source, input)| row(code(&report.sources.name(*source, false)), input));
    let all = format!("all {}", count(report.inputs.len() as u64, "file"));
    let all = [row(all, &report.all_inputs)];
    let columns = [
        "file", "format", "records:", "taken:", "ignored:", "unread:", "size:",
    ];
    page.table(columns, files.chain(all));
    page.line("");
    for (format, gaps) in report.gaps() {
        page.line(&format!(
            "* {format} does not tell: {}",
            say(&gaps.join("; "))
        ));
    }
    for note in &report.grouped {
        let (severity, kind) = (note.kind.severity().id(), note.kind.id());
        page.line(&format!(
            "* {severity}, {kind}: {}",
            code(&terminal::told(report, note, Look::WHOLE))
        ));
    }
}
