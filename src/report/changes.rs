//! What is new, gone, worse or better in one report against an earlier one, and how often chance alone would do that.
//!
//! Causes are compared by the sessions that have them, codes by all replies. Both must have been heard from the same
//! vantage; of several the one that leads in the second is compared.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::chance::{Share, by_chance};
use super::{CauseRow, Filtered, Heard, Report};
use crate::catalogue::CauseId;
use crate::diagnostic::Origin;
use crate::ftp::{ReplyCode, Vantage};
use crate::time::Timestamp;

/// What chance does less often than once in so many is told as a change.
const SELDOM: u64 = 1000;

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// Sessions with any failure that counts.
    Failed,
    /// Sessions with a cause.
    Cause(CauseId),
    /// Replies with a code.
    Code(ReplyCode),
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// It was not there before.
    New,
    /// Its share grew.
    More,
    /// Its share fell.
    Less,
    /// It is not there any more.
    Gone,
    /// Its share is the same.
    Same,
}

impl Change {
    /// The word in machine-readable output.
    pub fn id(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::More => "more",
            Self::Less => "less",
            Self::Gone => "gone",
            Self::Same => "same",
        }
    }
}

/// One line of the comparison.
#[derive(Debug, Clone, Copy)]
pub struct ChangeRow {
    /// What is compared.
    pub what: What,
    /// In the first set.
    pub before: Share,
    /// In the second set.
    pub after: Share,
    /// What became of it.
    pub change: Change,
    /// How probable so much of a difference is by chance alone.
    pub chance: f64,
    /// One in how many that is.
    pub one_in: u64,
    /// True where that is too seldom to be chance.
    pub is_sure: bool,
    /// The first time in the second set, and where.
    pub first: Option<(Timestamp, Origin)>,
}

impl ChangeRow {
    /// What became of it, for people: more of a cause is worse, more of a code need not be.
    pub fn word(&self) -> &'static str {
        match (self.change, self.what) {
            (Change::More, What::Failed | What::Cause(_)) => "worse",
            (Change::Less, What::Failed | What::Cause(_)) => "better",
            (change, _) => change.id(),
        }
    }

    /// The same, in brackets where chance alone may have done it.
    pub fn judged(&self) -> String {
        if self.is_sure {
            self.word().to_owned()
        } else {
            format!("({})", self.word())
        }
    }

    /// What is compared: `sessions with failures`, the id of a cause, a code.
    pub fn name(&self) -> String {
        match self.what {
            What::Failed => "sessions with failures".to_owned(),
            What::Cause(id) => id.to_string(),
            What::Code(code) => code.number().to_string(),
        }
    }
}

/// What changed between two reports.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    /// The vantage that both have; `None` where there is none, and nothing is compared.
    pub vantage: Option<Vantage>,
    /// All sessions with failures.
    pub failed: Option<ChangeRow>,
    /// Causes: those that changed for sure first.
    pub causes: Vec<ChangeRow>,
    /// Codes, in the same order.
    pub codes: Vec<ChangeRow>,
}

impl Changes {
    /// Compares.
    pub fn between(before: &Report, after: &Report) -> Self {
        let common = heard(after).find_map(|after| {
            let same = |before: &&Heard| before.vantage == after.vantage;
            Some((heard(before).find(same)?, after))
        });
        let Some((first, second)) = common else {
            return Self::default();
        };
        Self {
            vantage: second.vantage,
            failed: Some(failed(first, second)),
            causes: causes(first, second),
            codes: codes(first, second),
        }
    }
}

/// What changed since an earlier report.
#[derive(Debug, Clone)]
pub struct Since {
    /// The earlier report.
    pub before: Report,
    /// All that is compared.
    pub changes: Changes,
    /// What is told to people: sessions with failures, causes that became more or less, and codes that did for sure.
    pub told: Vec<ChangeRow>,
    /// Causes of which nothing changed.
    pub as_before: u64,
    /// What the earlier report was filtered by, where that is something else.
    pub filtered: Option<String>,
}

impl Since {
    /// Compares with an earlier report.
    pub fn new(before: Report, after: &Report) -> Self {
        let changes = Changes::between(&before, after);
        let is_same = |row: &&ChangeRow| row.change == Change::Same;
        let causes = changes.causes.iter();
        let (same, other): (Vec<_>, Vec<_>) = causes.partition(is_same);
        let codes = changes.codes.iter().filter(|row| row.is_sure);
        let told = changes.failed.iter().chain(other).chain(codes);
        let asked = |report: &Report| report.filtered.as_ref().map(Filtered::asked);
        let (asked_before, asked_now) = (asked(&before), asked(after));
        let filtered = asked_before.clone().unwrap_or_else(|| "nothing".to_owned());
        Self {
            told: told.copied().collect(),
            as_before: same.len() as u64,
            filtered: (asked_before != asked_now).then_some(filtered),
            changes,
            before,
        }
    }
}

/// The vantages of a report in which there are sessions, the leading one first.
pub(super) fn heard(report: &Report) -> impl Iterator<Item = &Heard> {
    let all = [&report.main].into_iter().chain(&report.also);
    all.filter(|heard| heard.vantage.is_some() && heard.sessions.total > 0)
}

fn change_row(what: What, before: Share, after: Share) -> ChangeRow {
    let what_became = match (before.part, after.part) {
        (0, 1..) => Change::New,
        (1.., 0) => Change::Gone,
        _ if after.exceeds(before) => Change::More,
        _ if before.exceeds(after) => Change::Less,
        _ => Change::Same,
    };
    let probability = by_chance(before, after);
    let one_in = one_in(probability);
    ChangeRow {
        what,
        before,
        after,
        change: what_became,
        chance: probability,
        one_in,
        is_sure: one_in >= SELDOM,
        first: None,
    }
}

/// `0.0004` is once in 2,500.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between one and a billion"
)]
fn one_in(chance: f64) -> u64 {
    (1.0 / chance.max(1e-9)).round().clamp(1.0, 1e9) as u64
}

fn failed(before: &Heard, after: &Heard) -> ChangeRow {
    let share = |heard: &Heard| Share {
        part: heard.sessions.failed,
        whole: heard.sessions.total,
    };
    change_row(What::Failed, share(before), share(after))
}

fn causes(before: &Heard, after: &Heard) -> Vec<ChangeRow> {
    let mut met: BTreeMap<CauseId, [Option<&CauseRow>; 2]> = BTreeMap::new();
    for cause in &before.causes {
        met.entry(cause.id).or_default()[0] = Some(cause);
    }
    for cause in &after.causes {
        met.entry(cause.id).or_default()[1] = Some(cause);
    }
    let share = |cause: Option<&CauseRow>, heard: &Heard| Share {
        part: cause.map_or(0, |cause| cause.sessions.min(heard.sessions.total)),
        whole: heard.sessions.total,
    };
    let row = |(id, [first, second]): (CauseId, [Option<&CauseRow>; 2])| {
        let shares = (share(first, before), share(second, after));
        let mut row = change_row(What::Cause(id), shares.0, shares.1);
        row.first = second.and_then(|cause| {
            let shown = cause.evidence.first()?;
            Some((cause.span.first()?, shown.origin))
        });
        row
    };
    in_order(met.into_iter().map(row).collect())
}

fn codes(before: &Heard, after: &Heard) -> Vec<ChangeRow> {
    let mut met: BTreeMap<ReplyCode, [u64; 2]> = BTreeMap::new();
    for code in &before.codes {
        met.entry(code.code).or_default()[0] = code.observed;
    }
    for code in &after.codes {
        met.entry(code.code).or_default()[1] = code.observed;
    }
    let share = |part: u64, heard: &Heard| Share {
        part,
        whole: heard.replies,
    };
    let rows = met.into_iter().filter(|(_, [a, b])| a + b > 0);
    let row = |(code, [first, second]): (ReplyCode, [u64; 2])| {
        change_row(What::Code(code), share(first, before), share(second, after))
    };
    in_order(rows.map(row).collect())
}

/// What changed for sure first, and of that what is new or grew.
fn in_order(mut rows: Vec<ChangeRow>) -> Vec<ChangeRow> {
    rows.sort_by_key(|row| {
        let change = row.is_sure.then_some(row.change);
        let size = Reverse(row.before.part.max(row.after.part));
        (Reverse(row.is_sure), change, size, row.what)
    });
    rows
}
