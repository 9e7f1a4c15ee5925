//! What failures share, what only shows across sessions, and breaches of the protocol, for a wiki.

use super::page::{Page, code, input, say};
use crate::report::Report;
use crate::report::heard::{CauseRow, Heard};
use crate::report::layout::Look;
use crate::report::pattern::{
    SharedRow, guessed, shared_about, shared_cells, told_logins, told_pattern,
};
use crate::text::Text;

fn show(text: &Text, most: usize) -> String {
    code(&Look::WHOLE.cut(text.terminal(false), most))
}

/// When and where the failures of a cause came, as a list.
pub(super) fn of_cause(page: &mut Page, report: &Report, cause: &CauseRow) {
    let told = told_pattern(report, &cause.pattern, cause.count, &show);
    if !told.is_empty() {
        page.line("");
    }
    for (about, words) in told {
        page.line(&format!("* {about}: {}", words.join("; ")));
    }
}

/// What failed operations have in common.
pub(super) fn shared(page: &mut Page, heard: &Heard) {
    let rows = &heard.patterns.shared;
    if rows.is_empty() {
        return;
    }
    page.heading(2, "What failures share");
    page.line(&format!("{}.\n", shared_about(heard)));
    let row = |row: &SharedRow| {
        let [failed, others, times] = shared_cells(row);
        [
            row.attribute.to_owned(),
            show(&row.value, 80),
            failed,
            others,
            times,
        ]
    };
    page.table(
        ["", "", "failed:", "others:", "times:"],
        rows.iter().map(row),
    );
}

/// What was said against the protocol.
pub(super) fn protocol(page: &mut Page, report: &Report, heard: &Heard) {
    let protocol = &heard.protocol;
    if protocol.is_empty() {
        return;
    }
    page.heading(2, "Protocol");
    page.line(&format!("{}.\n", protocol.told()));
    for row in &protocol.breaches {
        let first = row.first.as_ref().map_or_else(String::new, |proof| {
            let place = report.sources.place(proof.origin, false);
            format!("; {}: {}", code(&place), input(&proof.text))
        });
        page.line(&format!("* {} {}{first}", row.count, say(row.rule.words())));
    }
    for (name, words) in protocol.told_outside() {
        page.line(&format!("* {name}: {}", say(&words.join(", "))));
    }
}

/// Where a guesser got in, and what logins show across sessions.
pub(super) fn logins(page: &mut Page, report: &Report, heard: &Heard) {
    for guesser in &heard.guessers {
        let let_in = guesser.let_in.as_ref();
        if let Some(words) = guessed(report, &guesser.client, let_in, Look::WHOLE) {
            page.line(&format!("\n{}", code(&words)));
        }
    }
    for (about, words) in told_logins(report, heard, &show) {
        page.line(&format!("\n{about}: {words}."));
    }
}
