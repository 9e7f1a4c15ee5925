//! Two sets of inputs beside one another: what is new, gone, worse or better, and how often chance alone would do that.
//!
//! Causes are compared by the sessions that have them, codes by all replies. Both sets must have been heard from the same
//! vantage; of several the one that leads in the second set is compared.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::chance::{Share, by_chance};
use super::layout::{Look, Page};
use super::words::{count, per_mille, percent, replies, thousands};
use super::{CauseRow, Heard, Mark, Report, vantage_words};
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
#[derive(Debug, Clone)]
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

/// Two sets, compared.
#[derive(Debug, Clone)]
pub struct Diff {
    /// The first set.
    pub before: Report,
    /// The second set.
    pub after: Report,
    /// The vantage that both have; `None` where there is none.
    pub vantage: Option<Vantage>,
    /// All sessions with failures.
    pub failed: Option<ChangeRow>,
    /// Causes: those that changed for sure first.
    pub causes: Vec<ChangeRow>,
    /// Codes, in the same order.
    pub codes: Vec<ChangeRow>,
}

impl Diff {
    /// Compares.
    pub fn new(before: Report, after: Report) -> Self {
        let common = heard(&after).find_map(|after| {
            let same = |before: &&Heard| before.vantage == after.vantage;
            Some((heard(&before).find(same)?, after))
        });
        let Some((first, second)) = common else {
            return Self {
                vantage: None,
                failed: None,
                causes: Vec::new(),
                codes: Vec::new(),
                before,
                after,
            };
        };
        Self {
            vantage: second.vantage,
            failed: Some(failed(first, second)),
            causes: causes(first, second),
            codes: codes(first, second),
            before,
            after,
        }
    }
}

/// The vantages of a report in which there are sessions, the leading one first.
fn heard(report: &Report) -> impl Iterator<Item = &Heard> {
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

/// What is said where no vantage is common.
pub(super) const NOTHING: &str =
    "There is nothing to compare: the two have no sessions that were heard from the same vantage.";
/// What the last column is.
pub(super) const CHANCE: &str = "once in: how often chance alone, with nothing changed, would make a difference this large or larger (Fisher's exact test, two-sided). What chance would do more often than once in 1,000 is not called a change.";

/// The comparison as text that ends in a line end.
pub fn diff(diff: &Diff, look: Look) -> String {
    let mut page = Page::new(look);
    set(&mut page, "before  ", &diff.before, diff.vantage);
    set(&mut page, "after   ", &diff.after, diff.vantage);
    let Some(failed) = &diff.failed else {
        page.hang("", NOTHING);
        return page.finish();
    };
    let (mark, words, lines) = verdict(diff, failed);
    page.line("");
    page.hang_at(&format!("VERDICT {} ", look.mark(mark)), 11, &words);
    for line in lines {
        page.hang_at(&" ".repeat(11), 11, &line);
    }
    section(&mut page, diff, "CAUSES  by sessions", &diff.causes);
    section(&mut page, diff, "REPLY CODES  by replies", &diff.codes);
    page.line("");
    page.hang("", CHANCE);
    page.finish()
}

fn set(page: &mut Page, title: &str, report: &Report, vantage: Option<Vantage>) {
    let look = page.look;
    page.groups(title, &told_set(report, vantage, look));
}

/// What a set is: its time, its files, what was heard.
pub(super) fn told_set(report: &Report, vantage: Option<Vantage>, look: Look) -> Vec<String> {
    let mut words = Vec::new();
    if let (Some(first), Some(last)) = (report.window.first(), report.window.last()) {
        let to = look.pick("to", "\u{2192}");
        let (first, last) = (first.date_time(&report.zone), last.date_time(&report.zone));
        words.push(format!("{first} {to} {last}"));
    }
    match report.inputs.as_slice() {
        [(one, _)] => words.push(look.cut(report.sources.name(*one, look.ascii), 40)),
        many => words.push(count(many.len() as u64, "file")),
    }
    if let Some(heard) = heard(report).find(|heard| heard.vantage == vantage) {
        words.push(vantage.map_or("", vantage_words).to_owned());
        words.push(count(heard.sessions.total, "session"));
        words.push(replies(heard.replies));
    }
    words
}

/// What it comes to: how bad that is, what became of failed sessions, and which causes changed for sure.
pub(super) fn verdict(diff: &Diff, failed: &ChangeRow) -> (Mark, String, Vec<String>) {
    let (mark, words) = match (failed.is_sure, failed.change) {
        (true, Change::New | Change::More) => (Mark::Severe, "More sessions fail than before"),
        (true, _) => (Mark::Note, "Fewer sessions fail than before"),
        (false, _) => (
            Mark::Note,
            "The share of sessions that fail has not changed for sure",
        ),
    };
    let shares = format!("{} -> {}", told(failed.before), told(failed.after));
    let words = format!("{words}: {shares}, once in {}.", seldom(failed.one_in));
    let of = |wanted: &dyn Fn(Change) -> bool, words: &str| {
        let rows = diff
            .causes
            .iter()
            .filter(|row| row.is_sure && wanted(row.change));
        let names: Vec<_> = rows.map(|row| name(row.what)).collect();
        (!names.is_empty()).then(|| format!("{words}: {}.", names.join(", ")))
    };
    let lines = [
        of(&|change| change == Change::New, "New"),
        of(&|change| change == Change::More, "More often"),
        of(&|change| change == Change::Less, "Less often"),
        of(&|change| change == Change::Gone, "Gone"),
    ];
    (mark, words, lines.into_iter().flatten().collect())
}

/// `12 of 140 (8.6 %)`
fn told(share: Share) -> String {
    let (part, whole) = (thousands(share.part), thousands(share.whole));
    format!(
        "{part} of {whole} ({})",
        percent(per_mille(share.part, share.whole))
    )
}

fn seldom(one_in: u64) -> String {
    match one_in {
        1_000_000.. => ">1,000,000".to_owned(),
        n => thousands(n),
    }
}

fn name(what: What) -> String {
    match what {
        What::Failed => "sessions with failures".to_owned(),
        What::Cause(id) => id.to_string(),
        What::Code(code) => code.number().to_string(),
    }
}

fn section(page: &mut Page, diff: &Diff, title: &str, rows: &[ChangeRow]) {
    let (title, rest) = title.split_once("  ").unwrap_or((title, ""));
    page.heading(title, rest);
    page.line(&line(
        ["", "", "before", "", "after", "", "once in"].map(str::to_owned),
    ));
    for row in rows {
        page.line(&line(row.cells()));
        if let Some((at, origin)) = row.first.filter(|_| row.is_sure && row.before.part == 0) {
            let place = diff.after.sources.place(origin, page.look.ascii);
            let first = diff.after.short_time(at);
            page.hang("        ", &format!("first {first}  {place}"));
        }
    }
}

impl ChangeRow {
    /// What became of it where that is sure, its name, number and share before and after, and once in how many.
    pub(super) fn cells(&self) -> [String; 7] {
        let word = match (self.is_sure, self.change) {
            (true, Change::New) => "NEW",
            (true, Change::More) => "MORE",
            (true, Change::Less) => "less",
            (true, Change::Gone) => "gone",
            (true, Change::Same) | (false, _) => "",
        };
        let share = |share: Share| match share.part {
            0 => String::new(),
            part => percent(per_mille(part, share.whole)),
        };
        [
            word.to_owned(),
            name(self.what),
            thousands(self.before.part),
            share(self.before),
            thousands(self.after.part),
            share(self.after),
            seldom(self.one_in),
        ]
    }
}

fn line([word, name, before, share_before, after, share_after, once]: [String; 7]) -> String {
    format!(
        "   {word:<5}{name:<29}{before:>7}{share_before:>8}{after:>7}{share_after:>8}{once:>11}"
    )
}
