//! Two sets of inputs beside one another, as text. What is compared and how is told by [`super::changes`].

use super::chance::Share;
use super::changes::{Change, ChangeRow, Changes, heard};
use super::layout::{Look, Page};
use super::words::{count, per_mille, percent, replies, thousands};
use super::{Mark, Report, vantage_words};
use crate::ftp::Vantage;

/// Two sets, compared.
#[derive(Debug, Clone)]
pub struct Diff {
    /// The first set.
    pub before: Report,
    /// The second set.
    pub after: Report,
    /// What changed.
    pub changes: Changes,
}

impl Diff {
    /// Compares.
    pub fn new(before: Report, after: Report) -> Self {
        Self {
            changes: Changes::between(&before, &after),
            before,
            after,
        }
    }

    /// When and where a change was met first in the second set, if it is one for sure and was not there before.
    pub(super) fn first_of(&self, row: &ChangeRow, ascii: bool) -> Option<(String, String)> {
        let (at, origin) = row.first.filter(|_| row.is_sure && row.before.part == 0)?;
        let place = self.after.sources.place(origin, ascii);
        Some((self.after.short_time(at), place))
    }
}

/// What is said where no vantage is common.
pub(super) const NOTHING: &str =
    "There is nothing to compare: the two have no sessions that were heard from the same vantage.";
/// What the last column is.
pub(super) const CHANCE: &str = "once in: how often chance alone, with nothing changed, would make a difference this large or larger (Fisher's exact test, two-sided). What chance would do more often than once in 1,000 is not called a change.";

/// The comparison as text that ends in a line end.
pub fn diff(diff: &Diff, look: Look) -> String {
    let mut page = Page::new(look);
    set(&mut page, "before  ", &diff.before, diff.changes.vantage);
    set(&mut page, "after   ", &diff.after, diff.changes.vantage);
    let Some(failed) = &diff.changes.failed else {
        page.hang("", NOTHING);
        return page.finish();
    };
    let (mark, words, lines) = verdict(diff, failed);
    page.line("");
    page.hang_at(&format!("VERDICT {} ", look.mark(mark)), 11, &words);
    for line in lines {
        page.hang_at(&" ".repeat(11), 11, &line);
    }
    section(&mut page, diff, "CAUSES  by sessions", &diff.changes.causes);
    section(
        &mut page,
        diff,
        "REPLY CODES  by replies",
        &diff.changes.codes,
    );
    page.line("");
    page.hang("", CHANCE);
    page.finish()
}

pub(super) fn set(page: &mut Page, title: &str, report: &Report, vantage: Option<Vantage>) {
    let look = page.look;
    page.groups(title, &told_set(report, vantage, look));
}

/// What a set is: its time, its files, what was heard.
pub(super) fn told_set(report: &Report, vantage: Option<Vantage>, look: Look) -> Vec<String> {
    let mut words = Vec::new();
    if let (Some(first), Some(last)) = (report.window.first(), report.window.last()) {
        let to = look.pick("to", "\u{2192}");
        let (first, last) = (first.date_time(&report.zone), last.date_time(&report.zone));
        words.push(format!("{first} {to} {last}"));
    }
    match report.inputs.as_slice() {
        [(one, _)] => words.push(look.cut(report.sources.name(*one, look.ascii), 40)),
        many => words.push(count(many.len() as u64, "file")),
    }
    if let Some(heard) = heard(report).find(|heard| heard.vantage == vantage) {
        words.push(vantage.map_or("", vantage_words).to_owned());
        words.push(count(heard.sessions.total, "session"));
        words.push(replies(heard.replies));
    }
    words
}

/// What it comes to: how bad that is, what became of failed sessions, and which causes changed for sure.
pub(super) fn verdict(diff: &Diff, failed: &ChangeRow) -> (Mark, String, Vec<String>) {
    let (mark, words) = match (failed.is_sure, failed.change) {
        (true, Change::New | Change::More) => (Mark::Severe, "More sessions fail than before"),
        (true, _) => (Mark::Note, "Fewer sessions fail than before"),
        (false, _) => (
            Mark::Note,
            "The share of sessions that fail has not changed for sure",
        ),
    };
    let shares = format!("{} -> {}", told(failed.before), told(failed.after));
    let words = format!("{words}: {shares}, once in {}.", seldom(failed.one_in));
    let of = |wanted: &dyn Fn(Change) -> bool, words: &str| {
        let rows = diff
            .changes
            .causes
            .iter()
            .filter(|row| row.is_sure && wanted(row.change));
        let names: Vec<_> = rows.map(ChangeRow::name).collect();
        (!names.is_empty()).then(|| format!("{words}: {}.", names.join(", ")))
    };
    let lines = [
        of(&|change| change == Change::New, "New"),
        of(&|change| change == Change::More, "More often"),
        of(&|change| change == Change::Less, "Less often"),
        of(&|change| change == Change::Gone, "Gone"),
    ];
    (mark, words, lines.into_iter().flatten().collect())
}

/// `12 of 140 (8.6 %)`
fn told(share: Share) -> String {
    let (part, whole) = (thousands(share.part), thousands(share.whole));
    format!(
        "{part} of {whole} ({})",
        percent(per_mille(share.part, share.whole))
    )
}

/// How often chance does it: once in so many.
pub(super) fn seldom(one_in: u64) -> String {
    match one_in {
        1_000_000.. => ">1,000,000".to_owned(),
        n => thousands(n),
    }
}

fn section(page: &mut Page, diff: &Diff, title: &str, rows: &[ChangeRow]) {
    let (title, rest) = title.split_once("  ").unwrap_or((title, ""));
    page.heading(title, rest);
    page.line(&line(
        ["", "", "before", "", "after", "", "once in"].map(str::to_owned),
    ));
    for row in rows {
        page.line(&line(row.cells()));
        if let Some((first, place)) = diff.first_of(row, page.look.ascii) {
            page.hang("        ", &format!("first {first}  {place}"));
        }
    }
}

impl ChangeRow {
    /// What became of it where that is sure, its name, number and share before and after, and once in how many.
    pub(super) fn cells(&self) -> [String; 7] {
        let word = match (self.is_sure, self.change) {
            (true, Change::New) => "NEW",
            (true, Change::More) => "MORE",
            (true, Change::Less) => "less",
            (true, Change::Gone) => "gone",
            (true, Change::Same) | (false, _) => "",
        };
        let share = |share: Share| match share.part {
            0 => String::new(),
            part => percent(per_mille(part, share.whole)),
        };
        [
            word.to_owned(),
            self.name(),
            thousands(self.before.part),
            share(self.before),
            thousands(self.after.part),
            share(self.after),
            seldom(self.one_in),
        ]
    }
}

fn line([word, name, before, share_before, after, share_after, once]: [String; 7]) -> String {
    format!(
        "   {word:<5}{name:<29}{before:>7}{share_before:>8}{after:>7}{share_after:>8}{once:>11}"
    )
}
