//! Causes as blocks: how often, whom it hits, why, where to see it, what to do.

use super::heard::Evidence;
use super::layout::{Look, Page};
use super::words::{count, percent, thousands};
use super::{CauseRow, Heard, Patterns, Report, pattern, since};
use crate::diagnostic::Origin;

/// Proofs of the first failure that are shown with their words.
const PROOFS: usize = 3;
/// Places shown beside them.
const PLACES: usize = 5;

/// All causes, as their own page.
pub fn causes(report: &Report, look: Look) -> String {
    let mut page = Page::new(look);
    section(&mut page, report, &report.main, usize::MAX);
    since::section(&mut page, report);
    for heard in &report.also {
        let vantage = heard.vantage.map_or("", super::vantage_words);
        page.heading("ALSO HEARD", &format!("by the {vantage}"));
        section(&mut page, report, heard, usize::MAX);
    }
    page.finish()
}

/// The first few causes, and what is not counted.
pub(super) fn section(page: &mut Page, report: &Report, heard: &Heard, limit: usize) {
    if heard.causes.is_empty() {
        page.heading("CAUSES", "no failed operation");
    } else {
        page.line("");
        let titles = row("CAUSES", "", "fails", "share", "clients", "since");
        page.line(&titles.replacen("CAUSES", "CAUSES   ", 1));
    }
    for cause in heard.causes.iter().take(limit) {
        block(page, report, &heard.patterns, cause);
    }
    if let Some(more) = heard.causes.get(limit..).filter(|m| !m.is_empty()) {
        let names: Vec<_> = more.iter().map(named).collect();
        page.groups("   more: ", &names);
    }
    if !heard.not_counted.is_empty() {
        let names: Vec<_> = heard.not_counted.iter().map(named).collect();
        page.groups("   not counted: ", &names);
    }
}

fn named(cause: &CauseRow) -> String {
    format!("{} {}", thousands(cause.count), cause.id)
}

/// What stands behind the mark of a cause.
fn row(id: &str, side: &str, fails: &str, share: &str, clients: &str, since: &str) -> String {
    format!("{id:<29}{side:<7}{fails:>9}{share:>9}{clients:>8}  {since}")
}

fn block(page: &mut Page, report: &Report, patterns: &Patterns, cause: &CauseRow) {
    let look = page.look;
    let since = cause.span.first().map(|at| report.short_time(at));
    let clients = about(cause.clients, cause.exact);
    let line = row(
        cause.id.name(),
        cause.side.id(),
        &thousands(cause.count),
        &percent(cause.share),
        &clients,
        &since.unwrap_or_default(),
    );
    page.line(&format!("{} {}", look.mark(cause.mark), line));
    let bar = look.bar(cause.bar, 30);
    let whom = [
        format!("{bar}  {}", cause.confidence),
        count(cause.sessions, "session"),
        pattern::of_all(cause.clients, patterns.clients, "client"),
        pattern::of_all(cause.users, patterns.users, "user"),
    ];
    page.groups("     ", &whom);
    pattern::lines(page, report, &cause.pattern, cause.count);
    let entry = cause.entry;
    let why = format!("{}. {}", entry.title, entry.meaning);
    page.hang("     why   ", &look.say(&why));
    evidence(page, report, cause);
    for (number, advice) in entry.advice.iter().enumerate() {
        let start = if number == 0 {
            "     do    "
        } else {
            "           "
        };
        page.hang(start, &look.say(advice));
    }
}

/// `214`, `~5,120` where it is an estimate.
fn about(number: u64, exact: bool) -> String {
    format!("{}{}", if exact { "" } else { "~" }, thousands(number))
}

/// What shows the first failure, as far as it is shown with its words.
pub(super) fn shown_evidence(cause: &CauseRow) -> Vec<&Evidence> {
    let first = cause.evidence.first().map(|e| e.session);
    let of_first = cause.evidence.iter();
    let of_first = of_first.take_while(|e| Some(e.session) == first);
    of_first.take(PROOFS).collect()
}

fn evidence(page: &mut Page, report: &Report, cause: &CauseRow) {
    let look = page.look;
    let Some(first) = cause.evidence.first() else {
        return;
    };
    let told = shown_evidence(cause);
    for (number, proof) in told.iter().enumerate() {
        let place = report.sources.place(proof.origin, look.ascii);
        let text = look.cut(look.show(&proof.text), 240);
        let start = if number == 0 {
            "     see   "
        } else {
            "           "
        };
        page.hang(start, &format!("{place}: {text}"));
    }
    let session: String = first.session.to_string().chars().take(8).collect();
    let mut places = other_places(report, cause, told.len(), look);
    places.push(format!("session {session}"));
    page.groups("           ", &places);
}

/// Where else it can be seen; further records of one file without its name.
fn other_places(report: &Report, cause: &CauseRow, told: usize, look: Look) -> Vec<String> {
    let mut places = Vec::new();
    let mut shown: Vec<Origin> = Vec::new();
    for (number, evidence) in cause.evidence.iter().enumerate() {
        let origin = evidence.origin;
        let same_file = shown
            .last()
            .is_some_and(|before| before.source == origin.source);
        if !shown.contains(&origin) && number >= told && places.len() < PLACES {
            places.push(if same_file && origin.record > 0 {
                let record = report.sources.record(origin.source, origin.record);
                record.trim_start().to_owned()
            } else {
                report.sources.place(origin, look.ascii)
            });
        }
        shown.push(origin);
    }
    places
}
