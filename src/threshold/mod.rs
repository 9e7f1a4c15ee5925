//! Conditions on a whole report, as typed for `--fail-on` and `check`: `rate(5xx)>2% or cause(storage-full)`.
//!
//! Text becomes a [`Condition`]; a condition holds for what was [`Measured`] or not, and says by which numbers. What is
//! compared are whole numbers and fractions of them, so nothing is rounded on the way. Counts nothing itself.

mod grammar;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::time::Duration;

use crate::catalogue::{CauseId, CodePattern};
use crate::filter::Wrong;
use crate::ftp::{ReplyCode, Verb};
use crate::report::{CauseRow, Heard, Report, words};
use crate::tally::VantageTally;

/// What is measured.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Metric {
    /// Failed operations that count.
    Failures,
    /// Sessions.
    Sessions,
    /// Replies, observed and implied.
    Replies,
    /// Replies with these codes.
    Count(Codes),
    /// Their share of all replies.
    Rate(Codes),
    /// The share of sessions with a failure.
    FailedRate,
    /// Failures with these causes.
    Cause(BTreeSet<CauseId>),
    /// The wait that so many of a thousand replies to a command do not exceed.
    Wait(u64, Verb),
    /// Causes that the report before did not have.
    NewCause,
    /// The share of records that were not understood.
    Unread,
}

/// Codes that are meant, and codes that are not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Codes {
    only: Vec<CodePattern>,
    not: Vec<CodePattern>,
}

impl Codes {
    fn hold(&self, code: ReplyCode) -> bool {
        let fits = |patterns: &[CodePattern]| patterns.iter().any(|p| p.fits(code));
        (self.only.is_empty() || fits(&self.only)) && !fits(&self.not)
    }
}

/// How a value and a bound must stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Relation {
    More,
    AtLeast,
    Less,
    AtMost,
    Equal,
}

/// What kind of number a metric gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Number,
    Share,
    Seconds,
}

/// A metric held against a bound, in millionths of its unit.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Comparison {
    metric: Metric,
    relation: Relation,
    bound: u64,
    /// As it was typed.
    typed: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Node {
    One(Comparison),
    All(Vec<Node>),
    Any(Vec<Node>),
}

/// A condition on a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition(Node);

/// What conditions are held against.
#[derive(Debug, Clone, Copy)]
pub struct Measured<'m> {
    /// The report.
    pub report: &'m Report,
    /// The numbers behind its main part, where something was heard.
    pub tally: Option<&'m VantageTally>,
    /// The causes of the report before, where there is one.
    pub before: Option<&'m BTreeSet<String>>,
}

/// A fraction and what it is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Value {
    part: u128,
    whole: u128,
    unit: Unit,
}

const MILLION: u128 = 1_000_000;

/// New causes that are named.
const NAMED: usize = 3;

impl Condition {
    /// Reads a condition; `option` is named where it is wrong.
    ///
    /// # Errors
    ///
    /// Says where it can't be understood, and why.
    pub fn read(option: &'static str, typed: &str) -> Result<Self, Wrong> {
        grammar::condition(option, typed).map(Self)
    }

    /// True when it asks for causes that an earlier report did not have.
    pub fn needs_before(&self) -> bool {
        self.0.asks(&Metric::NewCause)
    }

    /// What makes it hold, in words with the numbers met; `None` where it does not.
    pub fn holds(&self, measured: &Measured<'_>) -> Option<String> {
        self.0.holds(measured)
    }
}

impl Node {
    fn asks(&self, metric: &Metric) -> bool {
        match self {
            Self::One(one) => one.metric == *metric,
            Self::All(nodes) | Self::Any(nodes) => nodes.iter().any(|node| node.asks(metric)),
        }
    }

    fn holds(&self, measured: &Measured<'_>) -> Option<String> {
        match self {
            Self::One(one) => one.holds(measured),
            Self::Any(nodes) => nodes.iter().find_map(|node| node.holds(measured)),
            Self::All(nodes) => {
                let all: Option<Vec<String>> = nodes.iter().map(|n| n.holds(measured)).collect();
                all.map(|all| all.join(" and "))
            }
        }
    }
}

impl Comparison {
    fn holds(&self, measured: &Measured<'_>) -> Option<String> {
        let value = self.metric.value(measured);
        let met = value.part.saturating_mul(MILLION);
        let bound = value.whole.saturating_mul(u128::from(self.bound));
        let holds = match self.relation {
            Relation::More => met > bound,
            Relation::AtLeast => met >= bound,
            Relation::Less => met < bound,
            Relation::AtMost => met <= bound,
            Relation::Equal => met == bound,
        };
        let told = || match self.metric {
            Metric::NewCause if value.part > 0 => named(&new_causes(measured)),
            _ => value.told(),
        };
        holds.then(|| format!("{} ({})", self.typed, told()))
    }
}

impl Metric {
    fn unit(&self) -> Unit {
        match self {
            Self::Rate(_) | Self::FailedRate | Self::Unread => Unit::Share,
            Self::Wait(..) => Unit::Seconds,
            _ => Unit::Number,
        }
    }

    fn value(&self, measured: &Measured<'_>) -> Value {
        let main = &measured.report.main;
        let (part, whole) = match self {
            Self::Failures => (main.failures, 1),
            Self::Sessions => (main.sessions.total, 1),
            Self::Replies => (main.replies + main.implied, 1),
            Self::Count(codes) => (replies(main, codes), 1),
            Self::Rate(codes) => (replies(main, codes), main.replies + main.implied),
            Self::FailedRate => (main.sessions.failed, main.sessions.total),
            Self::Cause(wanted) => {
                let rows = main.causes.iter().filter(|row| wanted.contains(&row.id));
                (rows.map(|row| row.count).sum(), 1)
            }
            Self::Wait(per_mille, verb) => {
                let wait = wait(measured.tally, *per_mille, *verb);
                let nanos = u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX);
                (nanos, 1_000_000_000)
            }
            Self::NewCause => (new_causes(measured).len() as u64, 1),
            Self::Unread => {
                let inputs = &measured.report.all_inputs;
                (inputs.unrecognised, inputs.records)
            }
        };
        Value {
            part: u128::from(part),
            whole: u128::from(whole.max(1)),
            unit: self.unit(),
        }
    }
}

/// The causes that the report before did not have, most frequent first.
fn new_causes<'m>(measured: &Measured<'m>) -> Vec<&'m CauseRow> {
    let is_new = |id: CauseId| measured.before.is_some_and(|b| !b.contains(id.name()));
    let causes = measured.report.main.causes.iter();
    causes.filter(|row| is_new(row.id)).collect()
}

/// `storage-full 2, path-not-found 1 and 3 more`
fn named(causes: &[&CauseRow]) -> String {
    let shown = causes.iter().take(NAMED);
    let shown: Vec<_> = shown
        .map(|row| format!("{} {}", row.id, words::thousands(row.count)))
        .collect();
    match causes.len().saturating_sub(NAMED) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

fn replies(main: &Heard, codes: &Codes) -> u64 {
    let rows = main.codes.iter().filter(|row| codes.hold(row.code));
    rows.map(|row| row.observed + row.implied).sum()
}

fn wait(tally: Option<&VantageTally>, per_mille: u64, verb: Verb) -> Duration {
    let waits = tally.and_then(|tally| tally.waits.get(&verb));
    waits.map_or(Duration::ZERO, |waits| waits.quantile(per_mille))
}

impl Value {
    /// `612`, `3.1 %`, `0.41 s`
    fn told(self) -> String {
        let part = u64::try_from(self.part).unwrap_or(u64::MAX);
        let whole = u64::try_from(self.whole).unwrap_or(u64::MAX);
        match self.unit {
            Unit::Number => words::thousands(part),
            Unit::Share => words::percent(words::per_mille(part, whole)),
            Unit::Seconds => words::lasting(Duration::from_nanos(part)),
        }
    }
}
