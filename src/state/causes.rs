//! The causes that runs found of late. What comes and goes between two runs that follow closely is not new each time.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::limits;
use crate::report::Report;
use crate::time::Timestamp;

/// By name.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Causes(BTreeMap<String, Found>);

/// When it was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Found {
    /// By the last run that had a session.
    by_last: bool,
    /// The last time, in nanoseconds since 1970.
    at: Option<i64>,
}

impl Found {
    fn is_known(self, at: Option<Timestamp>) -> bool {
        let within = i64::try_from(limits::KNOWN_CAUSE_SECONDS).unwrap_or(i64::MAX);
        let within = within.saturating_mul(1_000_000_000);
        let both = self.at.zip(at.map(Timestamp::nanos));
        self.by_last || both.is_some_and(|(found, now)| now.saturating_sub(found) <= within)
    }
}

impl Causes {
    /// Notes what a run with a session found.
    pub(super) fn note(&mut self, report: &Report) {
        for found in self.0.values_mut() {
            found.by_last = false;
        }
        for cause in &report.main.causes {
            let found = Found {
                by_last: true,
                at: cause.span.last().map(Timestamp::nanos),
            };
            self.0.insert(cause.id.name().to_owned(), found);
        }
        let now = report.window.last();
        self.0.retain(|_, found| found.is_known(now));
    }

    /// Those that are no news in a run that begins then.
    pub fn known(&self, first: Option<Timestamp>) -> BTreeSet<String> {
        let known = self.0.iter().filter(|(_, found)| found.is_known(first));
        known.map(|(name, _)| name.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_known_from_the_last_run_or_for_a_day() {
        let found = |name: &str, by_last, second: i64| {
            let at = Some(second * 1_000_000_000);
            (name.to_owned(), Found { by_last, at })
        };
        let causes = [
            found("old", false, 0),
            found("last", true, 0),
            found("late", false, 60),
        ];
        let causes = Causes(causes.into_iter().collect());
        let known = |second: u64| {
            let first = Timestamp::from_seconds(i64::try_from(second).unwrap(), 0);
            causes.known(Some(first)).into_iter().collect::<Vec<_>>()
        };
        assert_eq!(known(limits::KNOWN_CAUSE_SECONDS), ["last", "late", "old"]);
        assert_eq!(known(limits::KNOWN_CAUSE_SECONDS + 1), ["last", "late"]);
        assert_eq!(known(limits::KNOWN_CAUSE_SECONDS + 61), ["last"]);
        assert_eq!(causes.known(None).len(), 1);
    }
}
