//! What failures share, what only shows across sessions, and breaches of the protocol, for the page.

use super::{NAME, PROOF, Page};
use crate::report::heard::{CauseRow, Guesser};
use crate::report::layout::Look;
use crate::report::pattern::{
    SharedRow, guessed, shared_about, shared_cells, told_logins, told_pattern,
};
use crate::report::protocol::BreachRow;
use crate::report::words::thousands;
use crate::text::Text;

fn show(text: &Text, most: usize) -> String {
    Look::WHOLE.cut(text.terminal(false), most)
}

impl Page<'_> {
    /// When and where the failures of a cause came.
    pub(super) fn pattern(&self, cause: &CauseRow) -> Vec<(&'static str, String)> {
        let told = told_pattern(self.report, &cause.pattern, cause.count, &show);
        let told = told.into_iter();
        told.map(|(about, words)| (about, words.join("; ")))
            .collect()
    }

    pub(super) fn shared_about(&self) -> String {
        shared_about(self.main)
    }

    pub(super) fn shared_value(&self, row: &SharedRow) -> String {
        show(&row.value, NAME)
    }

    pub(super) fn shared_cells(&self, row: &SharedRow) -> [String; 3] {
        shared_cells(row)
    }

    /// Place and words of the first breach of its kind.
    pub(super) fn breach(&self, row: &BreachRow) -> (String, String) {
        let first = row.first.as_ref();
        let place = first.map(|proof| self.report.sources.place(proof.origin, false));
        let words = first.map(|proof| show(&proof.text, PROOF));
        (place.unwrap_or_default(), words.unwrap_or_default())
    }

    pub(super) fn breach_words(&self, row: &BreachRow) -> String {
        format!("{} {}", thousands(row.count), row.rule.words())
    }

    pub(super) fn outside(&self) -> Vec<String> {
        let told = self.main.protocol.told_outside().into_iter();
        told.map(|(name, words)| format!("{name}: {}", words.join(", ")))
            .collect()
    }

    /// Where a guesser got in.
    pub(super) fn let_in(&self, guesser: &Guesser) -> Option<String> {
        let let_in = guesser.let_in.as_ref();
        guessed(self.report, &guesser.client, let_in, Look::WHOLE)
    }

    pub(super) fn logins(&self) -> Vec<(&'static str, String)> {
        told_logins(self.report, self.main, &show)
    }
}
