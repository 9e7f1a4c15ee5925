//! What a filter took away, so that nobody takes a part for the whole.

use super::Heard;
use super::words::{count, thousands};
use crate::ftp::Vantage;

/// The filter's conditions, and what did not fit them.
#[derive(Debug, Clone, Default)]
pub struct Filtered {
    /// Option and what was asked for; times in UTC.
    pub conditions: Vec<(&'static str, String)>,
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
        conditions: &[(&'static str, String)],
        heard: impl Iterator<Item = &'h Heard>,
    ) -> Option<Self> {
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
            conditions: conditions.to_vec(),
            rows: heard.map(row).filter(|row| row.all > 0).collect(),
        })
    }

    /// The conditions as they could be typed.
    pub fn asked(&self) -> String {
        let option = |(option, words): &(&str, String)| match *option {
            "failed" => "--failed".to_owned(),
            option => format!("--{option} {words}"),
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
