//! The catalogue's rules about facts, applied to one case.
//!
//! A rule that names more facts is more specific and wins. Two rules of equal
//! rank that hold for one case are a fault of the data, which the samples find;
//! then the order of the causes' names decides.

use std::sync::LazyLock;

use super::facts::{Case, FactSet, Known};
use super::scene;
use super::text::Hit;
use crate::catalogue::{CauseId, Confidence, Moment, When, catalogue};
use crate::ftp::{ReplyCode, Verb};

/// A rule, ready to be applied.
pub(super) struct Rule {
    cause: CauseId,
    pub(super) facts: FactSet,
    over: Vec<CauseId>,
    over_all: bool,
    pub(super) when: &'static When,
}

/// All rules, the most specific first.
pub(super) static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    let mut rules: Vec<Rule> = Vec::new();
    for (cause, entry) in catalogue().causes() {
        rules.extend(entry.when.iter().filter_map(|when| Rule::new(cause, when)));
    }
    // The most specific first; a stable sort keeps the order of names.
    rules.sort_by_key(|rule| std::cmp::Reverse(rule.specificity()));
    rules
});

impl Rule {
    /// `None` where a fact is not known, which a test excludes.
    fn new(cause: CauseId, when: &'static When) -> Option<Self> {
        let facts = FactSet::named(when.facts.iter().map(String::as_str))?;
        let over = when
            .over
            .iter()
            .filter_map(|id| catalogue().cause_by_name(id))
            .collect();
        let over_all = when.over.iter().any(|id| id == "*");
        Some(Self {
            cause,
            facts,
            over,
            over_all,
            when,
        })
    }

    fn specificity(&self) -> (u32, bool, bool) {
        (
            self.facts.len(),
            !self.when.scope.commands.is_empty(),
            !self.when.scope.codes.is_empty(),
        )
    }

    pub(super) fn yields_to(&self, base: Option<Hit>) -> bool {
        match base {
            None => true,
            Some(hit) => {
                self.over_all
                    || self.over.contains(&hit.cause)
                    || hit.cause == self.cause
                    || self.over.is_empty() && hit.confidence == Confidence::Code
            }
        }
    }
}

/// What a rule says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ruling {
    pub(super) cause: CauseId,
    pub(super) confidence: Confidence,
    pub(super) benign: bool,
    /// Commands beside the failed one that show it too.
    pub(super) shows: &'static [Verb],
}

/// The cause of a case: `base` is what its reply's text or code says, `code` is `None` where no reply came.
pub(super) fn rule(
    at: Moment,
    case: &Case<'_>,
    code: Option<ReplyCode>,
    verb: Option<Verb>,
    base: Option<Hit>,
) -> Option<Ruling> {
    let rules = scene::rules(at, case, code, verb, base);
    let mut known = Known::new(case);
    match rules.iter().find(|rule| known.all(rule.facts)) {
        Some(found) => {
            let confidence = found
                .when
                .confidence
                .or(base.map(|b| b.confidence))
                .unwrap_or(Confidence::Possible);
            // What the words say as well is no less sure for it.
            let said = base.filter(|base| base.cause == found.cause);
            let confidence = said.map_or(confidence, |said| confidence.min(said.confidence));
            let benign = found
                .when
                .benign
                .unwrap_or(catalogue().cause(found.cause).benign);
            Some(Ruling {
                cause: found.cause,
                confidence: spoken(confidence),
                benign,
                shows: &found.when.shows,
            })
        }
        None => base.map(|hit| Ruling {
            cause: hit.cause,
            confidence: spoken(hit.confidence),
            benign: catalogue().cause(hit.cause).benign,
            shows: &[],
        }),
    }
}

/// In a report a guess from the code alone is one possibility.
fn spoken(confidence: Confidence) -> Confidence {
    if confidence == Confidence::Code {
        Confidence::Possible
    } else {
        confidence
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_names_known_facts_and_causes() {
        for (_, cause) in catalogue().causes() {
            for when in &cause.when {
                assert!(
                    FactSet::named(when.facts.iter().map(String::as_str)).is_some(),
                    "{}: {:?}",
                    cause.id,
                    when.facts
                );
                for over in when.over.iter().filter(|o| *o != "*") {
                    assert!(
                        catalogue().cause_by_name(over).is_some(),
                        "{}: {over}",
                        cause.id
                    );
                }
            }
        }
    }
}
