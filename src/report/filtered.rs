//! What a filter took away, so that nobody takes a part for the whole.

use std::collections::BTreeSet;

use super::Heard;
use super::words::{count, thousands};
use crate::ftp::Vantage;
use crate::tally::Asked;

/// The filter's conditions, and what did not fit them.
#[derive(Debug, Clone, Default)]
pub struct Filtered {
    /// Option and what was asked for, each option once; times in UTC.
    pub conditions: Vec<(String, String)>,
    /// What each vantage lacks.
    pub rows: Vec<FilteredRow>,
}

/// What one vantage lacks.
#[derive(Debug, Clone, Copy)]
pub struct FilteredRow {
    /// Which.
    pub vantage: Option<Vantage>,
    /// Sessions read.
    pub all: u64,
    /// Sessions left out.
    pub sessions: u64,
    /// Exchanges and transfers left out of the other sessions.
    pub operations: u64,
}

impl Filtered {
    pub(super) fn new<'h>(
        asked: &BTreeSet<Asked>,
        heard: impl Iterator<Item = &'h Heard>,
    ) -> Option<Self> {
        let conditions = conditions(asked);
        if conditions.is_empty() {
            return None;
        }
        let row = |heard: &Heard| FilteredRow {
            vantage: heard.vantage,
            all: heard.sessions.total + heard.left_out.sessions,
            sessions: heard.left_out.sessions,
            operations: heard.left_out.operations,
        };
        Some(Self {
            conditions,
            rows: heard.map(row).filter(|row| row.all > 0).collect(),
        })
    }

    /// The conditions as they could be typed.
    pub fn asked(&self) -> String {
        let option = |(option, words): &(String, String)| match (option.as_str(), words.as_str()) {
            ("failed", "yes") => "--failed".to_owned(),
            (option, words) => format!("--{option} {words}"),
        };
        let options: Vec<_> = self.conditions.iter().map(option).collect();
        options.join(" ")
    }

    /// What was left out, a sentence for each vantage.
    pub fn left_out(&self) -> Vec<String> {
        let several = self.rows.len() > 1;
        let row = |row: &FilteredRow| {
            let vantage = row.vantage.filter(|_| several).map(super::vantage_words);
            let of = vantage.map(|v| format!(" of the {v}")).unwrap_or_default();
            let (out, all) = (thousands(row.sessions), count(row.all, "session"));
            let rest = match row.operations {
                0 => String::new(),
                n => format!(", and {} of the others", count(n, "operation")),
            };
            format!("{out} of {all}{of} left out{rest}")
        };
        self.rows.iter().map(row).collect()
    }

    /// All of it on one line.
    pub fn told(&self) -> String {
        format!(
            "filtered by {}: {}",
            self.asked(),
            self.left_out().join("; ")
        )
    }
}

/// The conditions of one run, or those of several put together: `alice or bob` where they asked for different things, `alice
/// or all` where one asked for nothing.
fn conditions(asked: &BTreeSet<Asked>) -> Vec<(String, String)> {
    let mut options: Vec<(&str, BTreeSet<&str>, usize)> = Vec::new();
    for (option, words) in asked.iter().flat_map(|asked| &asked.conditions) {
        match options.iter_mut().find(|known| known.0 == option) {
            Some(known) => {
                known.1.insert(words);
                known.2 += 1;
            }
            None => options.push((option, BTreeSet::from([words.as_str()]), 1)),
        }
    }
    let in_words = |(option, words, runs): (&str, BTreeSet<&str>, usize)| {
        let all = (runs < asked.len()).then_some("all");
        let words: Vec<_> = words.into_iter().chain(all).collect();
        (option.to_owned(), words.join(" or "))
    };
    options.into_iter().map(in_words).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(conditions: &[(&str, &str)]) -> Asked {
        let owned = |(option, words): &(&str, &str)| ((*option).to_owned(), (*words).to_owned());
        Asked {
            conditions: conditions.iter().map(owned).collect(),
            anonymized: false,
        }
    }

    #[test]
    fn conditions_of_several_runs_are_told_once_each() {
        let told = |all: &[&[(&str, &str)]]| {
            let asked = all.iter().map(|conditions| asked(conditions)).collect();
            let filtered = Filtered::new(&asked, std::iter::empty());
            filtered.map(|filtered| filtered.asked())
        };
        let alice = [("user", "alice"), ("failed", "yes")];
        assert_eq!(told(&[]), None);
        assert_eq!(told(&[&[], &[]]), None);
        assert_eq!(told(&[&alice, &alice]).unwrap(), "--user alice --failed");
        let bob = [("user", "bob")];
        assert_eq!(told(&[&bob, &alice[..1]]).unwrap(), "--user alice or bob");
        assert_eq!(told(&[&bob, &[]]).unwrap(), "--user bob or all");
    }
}
