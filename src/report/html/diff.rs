//! Two sets beside one another, as a page: the numbers and words of the text, in tables. It has no script.

use askama::Template;

use super::{POLICY, STYLE, mark_class};
use crate::report::Mark;
use crate::report::changes::ChangeRow;
use crate::report::diff::{CHANCE, Diff, NOTHING, told_set, verdict};
use crate::report::layout::Look;
use crate::text;

/// The whole page.
pub fn diff(diff: &Diff) -> String {
    let failed = diff.changes.failed.as_ref();
    let page = Compared {
        diff,
        verdict: failed.map(|failed| verdict(diff, failed)),
        style: STYLE,
        policy: POLICY,
    };
    // Writing to a String can't fail.
    page.render().unwrap_or_default()
}

#[derive(Template)]
#[template(path = "diff.html")]
struct Compared<'d> {
    diff: &'d Diff,
    verdict: Option<(Mark, String, Vec<String>)>,
    style: &'static str,
    policy: &'static str,
}

impl<'d> Compared<'d> {
    /// Which set, and what it is.
    fn sets(&self) -> [(&'static str, String); 2] {
        let Diff { before, after, .. } = self.diff;
        [("Before", before), ("After", after)].map(|(which, report)| {
            let words = told_set(report, self.diff.changes.vantage, Look::WHOLE);
            (which, self.say(&words.join(", ")))
        })
    }

    /// The tables: id, title, rows.
    fn tables(&self) -> [(&'static str, &'static str, &'d [ChangeRow]); 2] {
        let changes = &self.diff.changes;
        [
            ("causes", "Causes, by sessions", &changes.causes),
            ("codes", "Reply codes, by replies", &changes.codes),
        ]
    }

    /// When it was met first, and where, if it is new.
    fn first(&self, row: &ChangeRow) -> String {
        let first = self.diff.first_of(row, false);
        first.map_or_else(String::new, |(at, place)| {
            self.say(&format!("{at}  {place}"))
        })
    }

    fn mark_class(&self, mark: &Mark) -> &'static str {
        mark_class(*mark)
    }

    /// Our own words, in which names may be quoted.
    fn say(&self, words: &str) -> String {
        text::terminal_str(words, false)
    }

    fn chance(&self) -> &'static str {
        CHANCE
    }

    fn nothing(&self) -> &'static str {
        NOTHING
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_page_has_nothing_that_acts_and_loads_nothing() {
        let template = include_str!("../../../templates/diff.html");
        assert_eq!(template.matches("|safe").count(), 1, "the style alone");
        for bad in [
            "<script", "<img", "<svg", " src=", " on", "url(", "http:", "https:",
        ] {
            assert!(!template.contains(bad), "{bad}");
        }
    }
}
