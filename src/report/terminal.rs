//! The whole report as text: verdict first, coverage last, and what to type next.
//!
//! Lays out what [`Report`] holds; adds, sorts and picks nothing.

use super::layout::{Look, Page};
use super::names::{direction_name, wait_name, zone_name};
use super::words::{count, replies, seconds, size, thousands};
use super::{
    Heard, Note, Report, Spread, TransferRow, causes, codes, hours, pattern, protocol, sessions,
    since, vantage_words,
};
use crate::ftp::Vantage;
use crate::tally::InputTally;

/// Causes shown in full.
const CAUSES: usize = 5;
/// Commands whose waits are shown.
const WAITS: usize = 10;
/// From so many columns on, inputs are shown with all that is known.
const WIDE: usize = 110;
/// Files shown one by one.
const FILES: usize = 20;
/// Diagnostics shown.
const NOTES: usize = 12;

/// The report as text that ends in a line end.
pub fn report(report: &Report, look: Look) -> String {
    let mut page = Page::new(look);
    scope(&mut page, report);
    verdict(&mut page, report);
    let main = &report.main;
    if main.sessions.total > 0 || main.replies > 0 {
        causes::section(&mut page, report, main, CAUSES);
        pattern::section(&mut page, main);
        since::section(&mut page, report);
        codes::section(&mut page, main, &main.frequent);
        hours::section(&mut page, report, main);
        sessions::section(&mut page, report, &main.sessions);
        tops(&mut page, main);
        latency(&mut page, main);
        transfers(&mut page, main);
        protocol::section(&mut page, report, main);
        // A log that holds no commands can't tell who used TLS.
        if main.sessions.commands > 0 {
            security(&mut page, report, main);
        }
    }
    also(&mut page, report);
    coverage(&mut page, report);
    if !report.next.is_empty() {
        page.line("");
        for (number, command) in report.next.iter().enumerate() {
            page.line(&format!(
                "{}{command}",
                if number == 0 { "next: " } else { "      " }
            ));
        }
    }
    page.finish()
}

/// How each input was read, as text that ends in a line end.
pub fn inputs(report: &Report, look: Look) -> String {
    let mut page = Page::new(look);
    coverage(&mut page, report);
    page.finish()
}

fn scope(page: &mut Page, report: &Report) {
    let look = page.look;
    let zone = look.say(zone_name(&report.zone));
    let mut words = Vec::new();
    if let (Some(first), Some(last)) = (report.window.first(), report.window.last()) {
        let to = look.pick("to", "\u{2192}");
        let (first, last) = (first.date_time(&report.zone), last.date_time(&report.zone));
        words.push(format!("{first} {to} {last} {zone}"));
    }
    match report.inputs.as_slice() {
        [] => words.push("no input".to_owned()),
        [(one, _)] => words.push(look.cut(report.sources.name(*one, look.ascii), 60)),
        many => words.push(count(many.len() as u64, "file")),
    }
    page.groups("ftpwhy  ", &words);
    let main = &report.main;
    let totals = [
        count(main.sessions.total, "session"),
        count(main.sessions.commands, "command"),
        replies(main.replies),
    ];
    page.groups("        ", &totals);
    if let Some(filtered) = &report.filtered {
        let words = [vec![filtered.asked()], filtered.left_out()].concat();
        let words: Vec<_> = words.iter().map(|words| look.say(words)).collect();
        page.groups("filtered ", &words);
    }
}

fn verdict(page: &mut Page, report: &Report) {
    let look = page.look;
    page.line("");
    for (number, line) in report.verdict.lines.iter().enumerate() {
        let start = match number {
            0 => format!("VERDICT {} ", look.mark(report.verdict.mark)),
            _ => " ".repeat(11),
        };
        page.hang_at(&start, 11, &look.say(line));
    }
}

fn tops(page: &mut Page, main: &Heard) {
    let look = page.look;
    if main.top_clients.is_empty() && main.top_users.is_empty() {
        return;
    }
    page.heading("MOST FAILURES", "");
    let clients = main.top_clients.iter();
    let clients = clients.map(|(host, n)| (look.cut(host.terminal(look.ascii), 40), n));
    let users = main.top_users.iter();
    let users = users.map(|(user, n)| (look.cut(look.show(user), 24), n));
    let mut list = |start: &str, rows: Vec<(String, &u64)>| {
        let rows: Vec<_> = rows
            .iter()
            .map(|(name, n)| format!("{name} {}", thousands(**n)))
            .collect();
        if !rows.is_empty() {
            page.groups(start, &rows);
        }
    };
    list("   clients  ", clients.collect());
    list("   users    ", users.collect());
    if main.servers > 1 {
        let servers = main.top_servers.iter();
        let servers = servers.map(|(host, n)| (look.cut(host.terminal(look.ascii), 40), n));
        list("   servers  ", servers.collect());
    }
    let paths = main.top_paths.iter();
    let paths = paths.map(|(path, n)| (look.cut_start(look.show(path), 40), n));
    list("   paths    ", paths.collect());
    if main.sampled {
        page.hang(
            "   ",
            "There were too many to look at each: these are of a sample.",
        );
    }
}

fn latency(page: &mut Page, main: &Heard) {
    // Logs of whole seconds measure nothing shorter.
    let measured = main.latency.iter().filter(|row| !row.max.is_zero());
    let measured: Vec<_> = measured.take(WAITS).collect();
    if measured.is_empty() {
        return;
    }
    page.heading("LATENCY", "in seconds, from the command to its first reply");
    let head = ["", "n", "p50", "p90", "p99", "max"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for row in measured {
        let name = wait_name(row);
        let times = [row.p50, row.p90, row.p99, row.max].map(seconds);
        let cells = [name, thousands(row.count)].into_iter().chain(times);
        rows.push(cells.collect());
    }
    page.table(3, &[false, true, true, true, true, true], rows);
}

fn transfers(page: &mut Page, main: &Heard) {
    if main.transfers.is_empty() {
        return;
    }
    page.heading("TRANSFERS", "");
    let has_rates = main.transfers.iter().any(|row| row.rates.is_some());
    let mut heads = vec!["", "files", "bytes", "median", "largest"];
    heads.extend(has_rates.then_some("bytes/s"));
    heads.push("");
    let mut rows = vec![heads.iter().map(|head| (*head).to_owned()).collect()];
    rows.extend(main.transfers.iter().map(|row| transfer(row, has_rates)));
    let right: Vec<bool> = (0..heads.len())
        .map(|n| n > 0 && n + 1 < heads.len())
        .collect();
    page.table(3, &right, rows);
    let (files, bytes) = main.elided_transfers;
    if files > 0 {
        let more = format!(
            "and {} more of long sessions, {}",
            thousands(files),
            size(bytes)
        );
        page.hang("   ", &more);
    }
}

fn transfer(row: &TransferRow, has_rates: bool) -> Vec<String> {
    let of = |spread: Option<Spread>, number: fn(Spread) -> u64| {
        spread.map_or_else(String::new, |spread| size(number(spread)))
    };
    let mut cells = vec![
        direction_name(row.direction).to_owned(),
        thousands(row.tally.files),
        size(row.tally.bytes),
        of(row.sizes, |sizes| sizes.p50),
        of(row.sizes, |sizes| sizes.max),
    ];
    cells.extend(has_rates.then(|| of(row.rates, |rates| rates.p50)));
    let notes = [
        (row.tally.incomplete, "incomplete"),
        (row.tally.unmeasured, "of unknown size"),
    ];
    let notes = notes.iter().filter(|(n, _)| *n > 0);
    let notes: Vec<_> = notes
        .map(|(n, what)| format!("{} {what}", thousands(*n)))
        .collect();
    cells.push(notes.join(", "));
    cells
}

fn security(page: &mut Page, report: &Report, main: &Heard) {
    let look = page.look;
    page.heading("SECURITY", &sessions::protection(&main.sessions));
    for guesser in main.guessers.iter().take(CAUSES) {
        let client = look.cut(guesser.client.terminal(look.ascii), 40);
        let about = if guesser.exact { "" } else { "about " };
        let words = format!(
            "{client}: {} refused, {about}{}, {} let in",
            count(guesser.tries, "login"),
            count(guesser.users, "name"),
            thousands(guesser.accepted),
        );
        page.hang("   brute force  ", &words);
        if let Some(words) =
            pattern::guessed(report, &guesser.client, guesser.let_in.as_ref(), look)
        {
            page.hang("                ", &words);
        }
    }
    pattern::logins(page, report, main);
}

fn also(page: &mut Page, report: &Report) {
    for heard in &report.also {
        let vantage = heard.vantage.map_or("", vantage_words);
        page.heading(
            "ALSO HEARD",
            &format!("by the {vantage}; not added to the numbers above"),
        );
        let totals = [
            count(heard.sessions.total, "session"),
            replies(heard.replies),
            count(heard.failures, "failed operation"),
        ];
        let causes = heard.causes.iter().take(CAUSES);
        let causes = causes.map(|c| format!("{} {}", thousands(c.count), c.id));
        let words: Vec<_> = totals.into_iter().chain(causes).collect();
        page.groups("   ", &words);
    }
}

fn coverage(page: &mut Page, report: &Report) {
    let look = page.look;
    page.heading("COVERAGE", "");
    if report.inputs.is_empty() {
        page.line("   nothing was read");
    } else {
        let head = ["file", "format", "records", "taken", "ignored", "unread"];
        let more = if look.width >= WIDE {
            &["size", "heard by"][..]
        } else {
            &[]
        };
        let head = head.iter().chain(more).map(|s| (*s).to_owned());
        let mut rows = vec![head.collect()];
        let shown = report.inputs.iter().take(FILES);
        rows.extend(shown.map(|(source, input)| {
            let name = report.sources.name(*source, look.ascii);
            input_row(input, name, look)
        }));
        if report.inputs.len() > FILES {
            let all = format!("all {} files", thousands(report.inputs.len() as u64));
            rows.push(input_row(&report.all_inputs, all, look));
        }
        let right = [false, false, true, true, true, true, true, false];
        page.table(3, &right, rows);
    }
    for (format, gaps) in report.gaps() {
        page.hang(
            "   ",
            &look.say(&format!("{format} does not tell: {}", gaps.join("; "))),
        );
    }
    for note in report.grouped.iter().take(NOTES) {
        diagnostic(page, report, note);
    }
    if report.grouped.len() > NOTES {
        page.line("   more: ftpwhy report --as json");
    }
}

fn input_row(input: &InputTally, name: String, look: Look) -> Vec<String> {
    let wide = look.width >= WIDE;
    let mut row = vec![
        look.cut_start(name, if wide { 60 } else { 28 }),
        input.format.unwrap_or("-").to_owned(),
        thousands(input.records),
        thousands(input.taken),
        thousands(input.ignored),
        thousands(input.unrecognised),
    ];
    if wide {
        row.push(size(input.bytes));
        row.push(input.vantage.map_or("-", vantage_short).to_owned());
    }
    row
}

fn vantage_short(vantage: Vantage) -> &'static str {
    match vantage {
        Vantage::Wire => "wire",
        Vantage::ServerLog => "server",
        Vantage::ClientLog => "client",
        Vantage::TransferLog => "transfers",
        Vantage::SensorLog => "sensor",
    }
}

fn diagnostic(page: &mut Page, report: &Report, note: &Note) {
    let start = format!("   {} {}  ", note.kind.severity().id(), note.kind.id());
    page.hang(&start, &told(report, note, page.look));
}

/// A diagnostic on one line: its severity and kind, file, offset, reason.
pub fn note(report: &Report, note: &Note, look: Look) -> String {
    let (severity, kind) = (note.kind.severity().id(), note.kind.id());
    format!("{severity}: {kind}: {}", told(report, note, look))
}

/// What a diagnostic tells, behind its severity and kind.
pub(super) fn told(report: &Report, note: &Note, look: Look) -> String {
    let place = report.sources.place(note.met.first, look.ascii);
    let byte = match note.met.first.offset {
        0 => String::new(),
        offset => format!(", byte {}", thousands(offset)),
    };
    let others = match note.others {
        0 => String::new(),
        n => format!(" and {}", count(n, "other file")),
    };
    let times = match note.met.count - note.others.min(note.met.count) {
        0 | 1 => String::new(),
        _ => format!(" ({} times)", thousands(note.met.count)),
    };
    let sample = note.met.sample.as_ref();
    let sample = sample.map(|s| format!(": {}", look.cut(look.show(s), 120)));
    format!(
        "{place}{byte}{others}: {}{times}{}",
        look.say(&note.reason),
        sample.unwrap_or_default(),
    )
}
