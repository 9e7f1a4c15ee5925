//! Two sets beside one another, for a wiki.

use super::page::{Page, code, say};
use crate::report::changes::ChangeRow;
use crate::report::diff::{CHANCE, Diff, NOTHING, told_set, verdict};
use crate::report::layout::Look;

/// The comparison.
pub fn diff(diff: &Diff) -> String {
    let mut page = Page::default();
    page.heading(1, "What changed");
    for (title, report) in [("Before", &diff.before), ("After", &diff.after)] {
        let words = told_set(report, diff.changes.vantage, Look::WHOLE);
        let words: Vec<_> = words.iter().map(|words| code(words)).collect();
        page.line(&format!("* {title}: {}", words.join(", ")));
    }
    let Some(failed) = &diff.changes.failed else {
        page.line(&format!("\n{NOTHING}"));
        return page.finish();
    };
    let (mark, words, lines) = verdict(diff, failed);
    page.heading(2, "Verdict");
    page.line(&format!("**{} {}**", mark.sign(), say(&words)));
    for line in lines {
        page.line(&format!("\n{}", say(&line)));
    }
    section(&mut page, diff, "Causes, by sessions", &diff.changes.causes);
    section(
        &mut page,
        diff,
        "Reply codes, by replies",
        &diff.changes.codes,
    );
    page.line(&format!("\n{}", say(CHANCE)));
    page.finish()
}

fn section(page: &mut Page, diff: &Diff, title: &str, rows: &[ChangeRow]) {
    page.heading(2, title);
    let head = [
        "", "", "before:", "share:", "after:", "share:", "once in:", "first",
    ];
    let row = |row: &ChangeRow| {
        let [word, name, before, share_before, after, share_after, once] = row.cells();
        let first = diff.first_of(row, false);
        let first = first.map(|(at, place)| format!("{at} {}", code(&place)));
        let once = say(&once);
        [
            word,
            name,
            before,
            share_before,
            after,
            share_after,
            once,
            first.unwrap_or_default(),
        ]
    };
    page.table(head, rows.iter().map(row));
}
