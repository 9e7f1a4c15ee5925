//! What changed since an earlier report, as a section of this one: text, Markdown and rows of CSV.

use super::Report;
use super::chance::Share;
use super::changes::{ChangeRow, Since};
use super::csv::Rows;
use super::diff::{seldom, set};
use super::layout;
use super::markdown::page;
use super::words::{count, per_mille, percent, thousands};

/// Rows shown to people.
const ROWS: usize = 20;
/// What the cells of a row are.
pub(super) const HEAD: [&str; 5] = ["change", "of", "before", "after", "once in"];
/// What brackets and the last column mean.
pub(super) const LEGEND: &str = "Causes are compared by sessions, codes by replies. In brackets: chance alone would make so much of a difference more often than once in 1,000 (Fisher's exact test, two-sided).";

impl Since {
    /// The rows that people see, each with its cells.
    pub(super) fn rows(&self) -> Vec<[String; 5]> {
        self.told.iter().take(ROWS).map(cells).collect()
    }

    /// What is not in the rows.
    pub(super) fn rest(&self) -> Vec<String> {
        let more = self.told.len().saturating_sub(ROWS) as u64;
        let words = [
            (more > 0).then(|| format!("{} more", thousands(more))),
            (self.as_before > 0).then(|| count(self.as_before, "cause") + " as before"),
            self.filtered
                .as_ref()
                .map(|asked| format!("before it was filtered by {asked}")),
        ];
        words.into_iter().flatten().collect()
    }
}

fn cells(row: &ChangeRow) -> [String; 5] {
    [
        row.judged(),
        row.name(),
        share(row.before),
        share(row.after),
        seldom(row.one_in),
    ]
}

/// `12 (8.6 %)`
fn share(share: Share) -> String {
    let percent = percent(per_mille(share.part, share.whole));
    format!("{} ({percent})", thousands(share.part))
}

/// The section in a text.
pub(super) fn section(page: &mut layout::Page, report: &Report) {
    let Some(since) = &report.since else {
        return;
    };
    page.heading("CHANGES", "since an earlier report");
    set(page, "   before  ", &since.before, since.changes.vantage);
    if since.changes.failed.is_none() {
        return page.hang("   ", NOTHING);
    }
    let line = |[change, name, before, after, once]: [String; 5]| {
        format!("   {change:<9}{name:<28}{before:>13}{after:>14}{once:>11}")
    };
    page.line(&line(
        ["", "", "before", "after", "once in"].map(str::to_owned),
    ));
    for row in since.rows() {
        page.line(&line(row));
    }
    let rest: Vec<_> = since
        .rest()
        .iter()
        .map(|words| page.look.say(words))
        .collect();
    if !rest.is_empty() {
        page.groups("   ", &rest);
    }
    page.hang("   ", LEGEND);
}

/// Where nothing can be compared.
pub(super) const NOTHING: &str = "There is nothing to compare: the earlier report has no sessions that were heard from the same vantage.";

/// The section in Markdown.
pub(super) fn markdown(page: &mut page::Page, report: &Report) {
    let Some(since) = &report.since else {
        return;
    };
    page.heading(2, "Changes since an earlier report");
    page.line(&scope(since));
    page.line("");
    if since.changes.failed.is_none() {
        return page.line(NOTHING);
    }
    let rows = since.rows().into_iter();
    page.table(HEAD, rows.map(|row| row.map(|cell| page::say(&cell))));
    for words in since.rest() {
        page.line(&format!("\n{}", page::say(&words)));
    }
    page.line(&format!("\n{}", page::say(LEGEND)));
}

/// From when to when the earlier report is, and about how much.
pub(super) fn scope(since: &Since) -> String {
    let before = &since.before;
    let ends = before.window.first().zip(before.window.last());
    let ends = ends.map(|(first, last)| {
        let zone = &before.zone;
        format!(
            "{} \u{2192} {}",
            first.date_time(zone),
            last.date_time(zone)
        )
    });
    let files = count(before.inputs.len() as u64, "file");
    let sessions = count(before.main.sessions.total, "session");
    let words: Vec<_> = ends.into_iter().chain([files, sessions]).collect();
    words.join(", ")
}

/// The rows of all that is compared.
pub(super) fn csv(rows: &mut Rows, since: &Since) {
    rows.span("before", "", since.before.window);
    let changes = &since.changes;
    for row in changes
        .failed
        .iter()
        .chain(&changes.causes)
        .chain(&changes.codes)
    {
        let name = row.name();
        let numbers = [
            ("before", row.before.part),
            ("before_of", row.before.whole),
            ("after", row.after.part),
            ("after_of", row.after.whole),
        ];
        rows.numbers("change", &name, row.change.id(), &numbers);
        rows.add(
            "change",
            &name,
            row.change.id(),
            "p",
            &format!("{:e}", row.chance),
        );
        rows.add(
            "change",
            &name,
            row.change.id(),
            "significant",
            if row.is_sure { "true" } else { "false" },
        );
    }
}
