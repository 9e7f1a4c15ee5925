//! The report as it fits into a mail: no script, no chart, nothing to unfold, style only on the elements themselves, and
//! small, because mail programs drop style sheets and cut what is longer than some 100 kB.
//!
//! What there may be many of is cut here to the first few; `ftpwhy report -o FILE.html` has the rest.

use askama::Template;

use super::Page;
use crate::report::causes::shown_evidence;
use crate::report::heard::{CauseRow, CodeRow};
use crate::report::layout::Look;
use crate::report::pattern::SharedRow;
use crate::report::words::{count, percent, thousands};
use crate::report::{Report, sessions};
use crate::tally::Worst;

/// Causes told in full.
const CAUSES: usize = 8;
/// Reply codes.
const CODES: usize = 20;
/// Sessions, and names of those that failed most.
const ROWS: usize = 10;
/// Files.
const FILES: usize = 20;
/// Diagnostics.
const NOTES: usize = 10;
/// Characters of a line that may hold text of the input.
const LINE: usize = 200;

/// The part of a mail that is HTML.
pub(in crate::report) fn letter(report: &Report) -> String {
    let letter = Letter {
        page: Page::new(report),
    };
    // Writing to a String can't fail.
    letter.render().unwrap_or_default()
}

#[derive(Template)]
#[template(path = "letter.html")]
struct Letter<'r> {
    page: Page<'r>,
}

impl Letter<'_> {
    fn line(&self, words: impl AsRef<str>) -> String {
        Look::WHOLE.cut(self.page.say(words.as_ref()), LINE)
    }

    /// The colour of the edge of the verdict.
    fn colour(&self) -> &'static str {
        match self.page.mark_class(&self.page.report.verdict.mark) {
            "severe" => "#b3261e",
            "failure" => "#b26a00",
            _ => "#2e7d32",
        }
    }

    fn causes(&self) -> &[CauseRow] {
        let causes = &self.page.main.causes;
        causes.get(..CAUSES).unwrap_or(causes)
    }

    /// Numbers of a cause in one line.
    fn numbers(&self, cause: &CauseRow) -> String {
        let first = cause.span.first();
        let first = first.map(|at| self.page.report.short_time(at));
        let since = first.map_or_else(String::new, |at| format!(", since {at}"));
        let about = if cause.exact { "" } else { "~" };
        format!(
            "{} ({}) in {}, {about}{}{since}; {}; side: {}",
            thousands(cause.count),
            percent(cause.share),
            count(cause.sessions, "session"),
            count(cause.clients, "client"),
            cause.confidence,
            cause.side.id(),
        )
    }

    /// What shows a cause first, each with its place.
    fn proofs(&self, cause: &CauseRow) -> Vec<(String, String)> {
        let proofs = shown_evidence(cause).into_iter();
        proofs
            .map(|proof| {
                let place = self.page.cut(self.page.place(proof));
                (place, Look::WHOLE.cut(proof.text.terminal(false), LINE))
            })
            .collect()
    }

    fn more_causes(&self) -> Option<String> {
        let more = self.page.main.causes.get(CAUSES..)?;
        (!more.is_empty()).then(|| self.page.named(more))
    }

    /// What failures share, as far as there is room.
    fn shared(&self) -> &[SharedRow] {
        let shared = &self.page.main.patterns.shared;
        shared.get(..ROWS).unwrap_or(shared)
    }

    fn codes(&self) -> &[CodeRow] {
        let codes = &self.page.main.frequent;
        codes.get(..CODES).unwrap_or(codes)
    }

    fn worst(&self) -> &[Worst] {
        let worst = &self.page.main.sessions.worst;
        worst.get(..ROWS).unwrap_or(worst)
    }

    /// Id, start, user, client, failures, what failed mostly.
    fn session(&self, worst: &Worst) -> [String; 6] {
        let page = &self.page;
        [
            page.short(&worst.session),
            page.time(worst.start),
            page.user(&worst.user),
            page.client(&worst.client),
            thousands(worst.failures.0),
            sessions::told(worst.code, worst.cause),
        ]
    }

    fn most(&self) -> Vec<(&'static str, String, u64)> {
        let mut most = self.page.tops();
        most.truncate(ROWS);
        most
    }

    /// Name, format, records, unread.
    fn files(&self) -> Vec<[String; 4]> {
        let rows = self.page.inputs();
        let hidden = rows.len().saturating_sub(FILES);
        // The last row is that of all files together.
        let skipped = |place: usize| place + 1 < rows.len() && place + 1 >= FILES && hidden > 0;
        let shown = rows
            .iter()
            .enumerate()
            .filter(|(place, _)| !skipped(*place));
        shown
            .map(|(_, row)| {
                let [_, records, _, _, unread] = row.numbers.clone();
                [row.name.clone(), row.format.to_owned(), records, unread]
            })
            .collect()
    }

    fn notes(&self) -> Vec<(String, String)> {
        let notes = self.page.notes().into_iter().take(NOTES);
        notes
            .map(|(kind, words)| (kind, Look::WHOLE.cut(words, LINE)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_letter_has_nothing_that_acts_and_loads_nothing() {
        let template = include_str!("../../../templates/letter.html");
        for bad in [
            "|safe", "<script", "<style", "<link", "<img", "<svg", " class=", " src=", " on",
            "url(", "http:", "https:",
        ] {
            assert!(!template.contains(bad), "{bad}");
        }
    }
}
