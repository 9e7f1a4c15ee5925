//! The catalogue's rules about facts, applied to one case.
//!
//! A rule that names more facts is more specific and wins. Two rules of equal
//! rank that hold for one case are a fault of the data, which the samples find;
//! then the order of the causes' names decides.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::LazyLock;

use super::facts::{Case, FactSet, Known};
use super::text::Hit;
use crate::catalogue::{CauseId, Confidence, Moment, When, catalogue};
use crate::ftp::{ReplyCode, Verb};
use crate::limits;
use crate::lookup::Lookup;

/// A rule, ready to be applied.
struct Rule {
    cause: CauseId,
    facts: FactSet,
    over: Vec<CauseId>,
    over_all: bool,
    when: &'static When,
}

static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
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

    fn yields_to(&self, base: Option<Hit>) -> bool {
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

/// What decides which rules are held against a case at all: beside the scope, the cause that they would overrule.
type Scene = (
    Moment,
    Option<ReplyCode>,
    Option<Verb>,
    Option<(CauseId, Confidence)>,
);

/// A rule, with its facts beside it: most rules are passed over by those alone.
type InScope = (FactSet, &'static Rule);

thread_local! {
    /// The rules for the scenes met so far; those come again and again.
    static IN_SCOPE: RefCell<Lookup<Scene, Rc<[InScope]>>> = RefCell::default();
}

fn in_scope(
    at: Moment,
    code: Option<ReplyCode>,
    verb: Option<Verb>,
    base: Option<Hit>,
) -> Rc<[InScope]> {
    let scene = (at, code, verb, base.map(|hit| (hit.cause, hit.confidence)));
    let holds = |rule: &&Rule| {
        let scope = &rule.when.scope;
        rule.when.at == at
            && rule.yields_to(base)
            && match code {
                Some(code) => scope.holds(code, verb),
                None => scope.codes.is_empty() && scope.holds_verb(verb),
            }
    };
    IN_SCOPE.with_borrow_mut(|known| {
        if let Some(rules) = known.get(&scene) {
            return Rc::clone(rules);
        }
        let rules = RULES.iter().filter(holds).map(|rule| (rule.facts, rule));
        let rules: Rc<[_]> = rules.collect();
        if known.len() >= limits::KNOWN_TEXTS {
            *known = Lookup::default();
        }
        known.insert(scene, Rc::clone(&rules));
        rules
    })
}

/// The cause of a case: `base` is what its reply's text or code says, `code` is `None` where no reply came.
pub(super) fn rule(
    at: Moment,
    case: &Case<'_>,
    code: Option<ReplyCode>,
    verb: Option<Verb>,
    base: Option<Hit>,
) -> Option<Ruling> {
    let mut known = Known::new(case);
    let rules = in_scope(at, code, verb, base);
    match rules.iter().find(|(facts, _)| known.all(*facts)) {
        Some((_, found)) => {
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
